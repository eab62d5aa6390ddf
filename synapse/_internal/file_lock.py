"""Lock files against other processes; the lock ends with the process."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

__all__ = ["LocksUnsupported", "acquire_lock", "release_lock"]

# Another process holds the lock; Windows and old systems answer with the last two.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
# Windows locks bytes and keeps others from reading them; nobody reads this one.
_LOCKED_BYTE = 0x7FFF_FFFF


class LocksUnsupported(OSError):
    """The file system has no locks, as some network file systems."""


def acquire_lock(path: Path, *, mode: int = 0o600) -> int | None:
    """Open or create a file, and lock the file.

    The lock ends with the process, even if the process is killed.

    Args:
        path: The file.
        mode: Permissions of a created file, before the umask.

    Returns:
        A descriptor that holds the lock until closed; `None` if another process holds the lock.

    Raises:
        LocksUnsupported: The file system has no locks.
        OSError: The file can't be created.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, mode)
        try:
            is_locked = _lock(descriptor)
        except LocksUnsupported:
            is_empty = os.fstat(descriptor).st_size == 0
            os.close(descriptor)
            if is_empty:  # just created above
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
        os.close(descriptor)  # the former holder has just renamed or removed the file


def release_lock(descriptor: int) -> None:
    """Release a lock and close the descriptor."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise LocksUnsupported(error.errno, error.strerror) from error
    return True
