"""File locks: one process at a time, freed when the process dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

__all__ = ["NoLocks", "locked", "unlock"]

# What says that somebody else has it; Windows and old systems say the last two.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


class NoLocks(OSError):
    """The file system has no locks, as some of those that are on other machines."""


def locked(path: Path, *, mode: int = 0o600) -> int | None:
    """Open a file with a lock, creating the file if necessary.

    The lock ends with the process, however that ends.

    Args:
        path: The file.
        mode: Permissions of a new file, before the process's mask; by default the user's alone.

    Returns:
        The descriptor, which holds the lock until closed; `None` if another process holds the lock.

    Raises:
        NoLocks: The file system has no locks.
        OSError: The file can't be created.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, mode)
        try:
            is_locked = _lock(descriptor)
        except NoLocks:
            is_empty = os.fstat(descriptor).st_size == 0
            os.close(descriptor)
            if is_empty:  # it was just made, and is of no use
                with contextlib.suppress(OSError):
                    path.unlink()
            raise
        if not is_locked:
            os.close(descriptor)
            return None
        try:
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # whoever had it has just renamed or removed it


def unlock(descriptor: int) -> None:
    """Release a lock."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    os.close(descriptor)


# Windows locks bytes, and keeps others from reading them; nobody reads this one.
_FAR = 0x7FFF_FFFF


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise NoLocks(error.errno, error.strerror) from error
    return True
