"""Selecting the files of a release; `test_packaging.py` tests links and odd files."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.plugins.folder import IgnoredPaths, list_files


def write(folder: Path, *names: str) -> None:
    """Write empty files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_caches_and_ignored_files_are_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        "b.py",
        "a/c.py",
        "a/__pycache__/c.pyc",
        ".git/HEAD",
        "data/big.bin",
        "env/pyvenv.cfg",
    )
    (tmp_path / ".gitignore").write_text("data/\n")
    ignored = IgnoredPaths()

    names = [file.name for file in list_files(tmp_path, ignored)]

    assert names == [".gitignore", "a/c.py", "b.py"]
    assert ignored.has_path("data/big.bin")
    assert not ignored.has_path("database")


def test_the_nearest_rule_decides(tmp_path: Path) -> None:
    write(tmp_path, "a.log", "kept/a.log")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "kept" / ".gitignore").write_text("!a.log\n")

    names = [file.name for file in list_files(tmp_path)]

    assert "kept/a.log" in names
    assert "a.log" not in names


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.py")

    with pytest.raises(UsageError, match="is not a folder"):
        list_files(tmp_path / "a.py")


def test_refused_entries_are_collected_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a/b.py", "c.py")
    (tmp_path / "out").symlink_to("/etc/hosts")
    (tmp_path / "a" / "gone").symlink_to("nowhere")
    (tmp_path / "a" / "up").symlink_to("..")
    refusals: list[str] = []

    names = [file.name for file in list_files(tmp_path, refusals=refusals)]

    assert names == ["a/b.py", "c.py"]
    assert len(refusals) == 3
    with pytest.raises(UsageError, match="leads nowhere"):
        list_files(tmp_path)
