"""Folders that jobs share: read-only to them, and checked before the next job uses them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["compute_fingerprint", "protect", "remove", "unprotect"]

_WRITABLE = 0o222
_CACHE = "__pycache__"


def protect(folder: Path) -> None:
    """Make a folder read-only; the superuser can write all the same."""
    for path, state in _walk(folder):
        mode = stat.S_IMODE(state.st_mode)
        if mode & _WRITABLE and not stat.S_ISLNK(state.st_mode):
            os.chmod(path, mode & ~_WRITABLE)  # noqa: PTH101 # of thousands of paths


def unprotect(folder: Path) -> None:
    """Let the content of a folder be deleted; the files stay read-only."""
    for path, state in _walk(folder, is_top_down=True):
        if stat.S_ISDIR(state.st_mode):
            with contextlib.suppress(OSError):
                os.chmod(path, 0o700)  # noqa: PTH101 # of thousands of paths


def remove(folder: Path) -> None:
    """Delete a folder with protected content, as far as possible."""
    unprotect(folder)
    shutil.rmtree(folder, ignore_errors=True)


def compute_fingerprint(folder: Path, *, has_caches: bool = True) -> str:
    """Return a digest of the files' names, modes, sizes and times of change.

    A program can't set the time of change. The folders themselves don't count.

    Args:
        folder: The folder.
        has_caches: Whether Python may write its caches there, which don't count then.

    Raises:
        OSError: A file was removed meanwhile.
    """
    lines = [
        f"{path}\0{state.st_mode}\0{state.st_size}\0{state.st_ino}\0{state.st_ctime_ns}"
        for path, state in _walk(folder)
        if not stat.S_ISDIR(state.st_mode)
        and not (has_caches and f"{os.sep}{_CACHE}{os.sep}" in path)
    ]
    text = "\n".join(sorted(lines))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _walk(folder: Path, *, is_top_down: bool = False) -> Iterator[tuple[str, os.stat_result]]:
    """Yield paths below a folder and the folder itself, without following links."""
    if is_top_down and folder.is_dir():
        yield str(folder), folder.lstat()
    for path, folders, files in os.walk(folder, topdown=is_top_down):
        for name in (*files, *folders):
            inner = os.path.join(path, name)  # noqa: PTH118 # of thousands of paths
            yield inner, os.lstat(inner)
    if not is_top_down and folder.is_dir():
        yield str(folder), folder.lstat()
