"""Files that only their owner can read."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse._internal.private_files import (
    make_file_private,
    make_folder_private,
    open_database,
    open_private,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights")


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", ["x", "xb", "w", "wb", "a+"])
def test_created_files_are_private(tmp_path: Path, mode: str) -> None:
    with open_private(tmp_path / "file", mode) as stream:
        stream.write(b"x" if "b" in mode else "ü")

    assert rights(tmp_path / "file") == 0o600
    assert (tmp_path / "file").read_bytes() == (b"x" if "b" in mode else "ü".encode())


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o777, 0o700), (0o400, 0o400)])
def test_existing_files_lose_the_rights_of_others_alone(
    tmp_path: Path, before: int, after: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"kept")
    path.chmod(before)

    make_file_private(path)

    assert rights(path) == after
    assert path.read_bytes() == b"kept"


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    for name in ("open", "new"):
        make_folder_private(tmp_path / name)
        assert rights(tmp_path / name) == 0o700


@pytest.mark.parametrize("is_new", [True, False])
def test_a_database_is_private_with_its_journals(tmp_path: Path, is_new: bool) -> None:
    path = tmp_path / "db"
    if not is_new:
        other = sqlite3.connect(path)  # stays open, so that the journals stay
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE t (x)")
    database = open_database(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS t (x)")

    files = {item.name: rights(item) for item in tmp_path.iterdir()}
    database.close()
    if not is_new:
        other.close()

    assert files == dict.fromkeys(["db", "db-wal", "db-shm"], 0o600)


def test_a_temporary_database_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_database("").close()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        open_database(tmp_path)
