"""Incomplete files beside their final place, locked while a call fills them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from synapse._internal.file_lock import LocksUnsupported, acquire_lock

__all__ = ["LONGEST_NAME", "find_part_path", "open_part"]

LONGEST_NAME = 255
"""Longest name that common file systems accept, in bytes of UTF-8."""


def find_part_path(path: Path) -> Path:
    """Return the path of an incomplete file, the same for every call."""
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        name = f".{digest}.part"
    return path.with_name(name)


def open_part(path: Path, *, mode: int = 0o666) -> tuple[Path, int]:
    """Open and lock the part file of a path.

    Args:
        path: The complete file's path.
        mode: Permissions of a created file, before the umask.

    Returns:
        Path and descriptor. The path has a random name, which no later call finds, while another
        process fills the part file, and on file systems without locks.

    Raises:
        OSError: The file can't be created.
    """
    with contextlib.suppress(LocksUnsupported):
        descriptor = acquire_lock(find_part_path(path), mode=mode)
        if descriptor is not None:
            return find_part_path(path), descriptor
    other = path.with_name(f".{secrets.token_hex(8)}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return other, os.open(other, flags, mode)
