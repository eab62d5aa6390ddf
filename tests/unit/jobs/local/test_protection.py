"""Folders that jobs share: read-only, and known again unless a file was changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from synapse.jobs.local.protection import compute_fingerprint, protect, remove, unprotect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "a" / "__pycache__").mkdir(parents=True)
    (folder / "a" / "module.py").write_text("one")
    (folder / "a" / "__pycache__" / "module.pyc").write_text("cached")
    (folder / "bin").mkdir()
    (folder / "bin" / "program").write_text("program")
    (folder / "bin" / "program").chmod(0o755)
    (folder / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_text("outside")
    return folder


def test_protection_is_of_everything_but_the_targets_of_links(folder: Path, tmp_path: Path) -> None:
    protect(folder)

    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert [name for name, mode in modes.items() if mode & 0o222] == ["link"]
    assert modes["program"] == 0o555
    assert folder.stat().st_mode & 0o222 == 0
    assert (tmp_path / "outside").stat().st_mode & 0o200


def test_unprotected_folder_can_be_deleted(folder: Path) -> None:
    protect(folder)
    assert os.getuid() == 0 or not os.access(folder / "a", os.W_OK)

    unprotect(folder)

    assert folder.stat().st_mode & 0o700 == 0o700
    assert (folder / "a").stat().st_mode & 0o700 == 0o700
    assert (folder / "a" / "module.py").stat().st_mode & 0o222 == 0
    shutil.rmtree(folder)


def test_remove_deletes_what_is_protected(folder: Path, tmp_path: Path) -> None:
    protect(folder)

    remove(folder)

    assert not folder.exists()
    assert (tmp_path / "outside").exists()
    remove(folder)  # again


def replace(path: Path, text: str) -> None:
    """Replace a file by another one of the same size and time."""
    state = path.stat()
    path.unlink()
    path.write_text(text)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda folder: (folder / "a" / "module.py").write_text("two"),
    "content of the same size and time": lambda folder: replace(folder / "a" / "module.py", "two"),
    "new file": lambda folder: (folder / "more").touch(),
    "new folder with a file": lambda folder: shutil.copytree(folder / "a", folder / "b"),
    "removed file": lambda folder: (folder / "bin" / "program").unlink(),
    "renamed file": lambda folder: (folder / "bin" / "program").rename(folder / "bin" / "other"),
    "mode": lambda folder: (folder / "bin" / "program").chmod(0o4755),
    "link": lambda folder: replace(folder / "link", "a file"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_changes_the_fingerprint(folder: Path, change: str) -> None:
    before = compute_fingerprint(folder)

    CHANGES[change](folder)

    assert compute_fingerprint(folder) != before


def test_caches_can_count(folder: Path) -> None:
    before = compute_fingerprint(folder, has_caches=False)

    (folder / "a" / "__pycache__" / "other.pyc").write_text("cached")

    assert compute_fingerprint(folder, has_caches=False) != before


def test_use_protection_and_caches_change_nothing(folder: Path) -> None:
    protect(folder)
    before = compute_fingerprint(folder)

    unprotect(folder)
    (folder / "a" / "__pycache__" / "other.pyc").write_text("cached")
    (folder / "empty").mkdir()
    (folder / "a" / "module.py").read_text()
    protect(folder)

    assert compute_fingerprint(folder) == before
