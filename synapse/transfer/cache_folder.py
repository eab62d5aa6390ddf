"""The folder of cached files: where it is, how large, and which files go first.

Each file has a folder of its own, an entry, which holds the previews too. An entry's time of change
is the time of the last use.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import attrs

from synapse._internal.descriptors import write_all
from synapse._internal.file_lock import LocksUnsupported, acquire_lock, release_lock
from synapse._internal.private_files import open_private
from synapse._internal.user_folders import find_user_folder, make_private
from synapse.errors import ConfigurationError

__all__ = [
    "CacheEntry",
    "CacheSummary",
    "cache_folder",
    "clear",
    "count_added",
    "make_entry",
    "read_limit",
    "store_file",
    "summarize",
]

_SETTING = "SYNAPSE_CACHE_SIZE"
_DEFAULT = 20 * 1024**3
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(I?)B?|B)?", re.IGNORECASE)
_ENTRY = re.compile(r"[0-9a-f]{32}")
_PART = ".part"
_USAGE, _TRIM_LOCK, _GONE = ".usage", ".trim.lock", ".gone-"
# Files take whole blocks of the disk.
_BLOCK = 4096
# Share of the bound that remains after an eviction, in tenths.
_REMAINS = 9


@attrs.frozen
class CacheEntry:
    """A cached file with the previews.

    Attributes:
        path: The entry's folder.
        files: Number of complete files.
        size: Bytes on the disk, previews included.
        last_use: Time of the last use, in seconds since 1970.
    """

    path: Path
    files: int
    size: int
    last_use: float


@attrs.frozen
class CacheSummary:
    """Files of the cache, or those that were removed.

    Attributes:
        folder: The folder.
        files: Number of complete files.
        size: Bytes on the disk, previews included.
        limit: Bytes that the cache may have; `None` for no bound.
        oldest: Time of the last use of the file that goes first; `None` without files.
        in_use: Number of files that stay because a download is running.
    """

    folder: Path
    files: int = 0
    size: int = 0
    limit: int | None = None
    oldest: datetime | None = None
    in_use: int = 0


def cache_folder() -> Path:
    """Return the folder of the cache, `$XDG_CACHE_HOME/synapse/files`.

    Without that variable, the folder is in the operating system's usual place.
    """
    return find_user_folder("XDG_CACHE_HOME", ".cache") / "synapse" / "files"


def read_limit() -> int | None:
    """Return the bytes that the cache may have, 20 GiB unless `SYNAPSE_CACHE_SIZE` says otherwise.

    Returns:
        The bytes; `None` for no bound.

    Raises:
        ConfigurationError: The variable's value isn't a size.
    """
    text = os.environ.get(_SETTING, "").strip()
    if not text:
        return _DEFAULT
    if text.lower() == "unlimited":
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"{_SETTING} is {text!r}, which isn't a size. Set it to a size such as 50GiB or 500MB, "
            "or to 'unlimited'."
        )
    number, unit, is_binary = found.groups()
    power = 0 if unit is None else "KMGT".index(unit.upper()) + 1
    return int(float(number) * (1024 if is_binary else 1000) ** power)


# -- Entries -------------------------------------------------------------------------------------


def make_entry(key: str) -> Path:
    """Return the folder of an entry, which now counts as used; create it where missing.

    Args:
        key: Name of the entry, 32 digits in hex.

    Raises:
        ConfigurationError: The cache belongs to someone else, or can't be created.
        OSError: The entry can't be created.
    """
    entry = make_private(cache_folder()) / key
    # An existing entry may be gone a moment later, so only the next step can tell.
    with contextlib.suppress(FileExistsError):
        entry.mkdir(mode=0o700)
    with contextlib.suppress(OSError):
        os.utime(entry)
    return entry


def store_file(path: Path, content: bytes) -> None:
    """Write a file into an entry, complete or not at all.

    Raises:
        OSError: The file can't be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
    try:
        with open_private(part, "wb") as file:
            file.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    count_added(path.parent, len(content))


def count_added(entry: Path, size: int) -> None:
    """Count a new file, and remove the files that were used least recently beyond the bound.

    Files that a process has open stay readable there, as the system removes their bytes later.
    Failures of the disk are left to the next writer.

    Args:
        entry: The file's entry, which stays.
        size: Bytes of the file.
    """
    limit = read_limit()
    if limit is None:
        return
    folder, blocks = entry.parent, _count_blocks(size)
    with contextlib.suppress(OSError):
        # The length of this file, one byte for each block, is the estimate of the size. Processes
        # append to it at the same time without a lock, and nobody adds up all files each time.
        with open_private(folder / _USAGE, "ab") as usage:
            write_all(usage.fileno(), bytes(blocks))
            total = os.fstat(usage.fileno()).st_size
        if total == blocks or total * _BLOCK > limit:
            _trim(folder, limit, entry)


def _trim(folder: Path, limit: int, kept: Path) -> None:
    """Remove entries by their last use, unless another process is doing so."""
    try:
        lock = acquire_lock(folder / _TRIM_LOCK)
        if lock is None:
            return
    except LocksUnsupported:
        lock = None
    try:
        before = _read_usage(folder)
        entries = sorted(_list_entries(folder), key=lambda each: each.last_use)
        total = sum(each.size for each in entries)
        target = limit if total <= limit else limit * _REMAINS // 10
        for each in entries:
            if total <= target:
                break
            if each.path.name != kept.name and _remove(each.path):
                total -= each.size
        # Files that others added meanwhile may be counted twice, but never not at all.
        _set_usage(folder, total + max(0, _read_usage(folder) - before))
        for gone in folder.glob(f"{_GONE}*"):  # of a process that was killed meanwhile
            shutil.rmtree(gone, ignore_errors=True)
    finally:
        if lock is not None:
            release_lock(lock)


def _read_usage(folder: Path) -> int:
    return (folder / _USAGE).stat().st_size * _BLOCK


def _set_usage(folder: Path, size: int) -> None:
    with open_private(folder / _USAGE, "ab") as usage:
        usage.truncate(_count_blocks(size))


def _list_entries(folder: Path) -> Iterator[CacheEntry]:
    """Yield the entries; those that another process removes meanwhile are left out."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        for each in found:
            if _ENTRY.fullmatch(each.name) and each.is_dir(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    yield _measure(Path(each.path))


def _measure(path: Path) -> CacheEntry:
    files = size = 0
    with os.scandir(path) as found:
        for each in found:
            status = each.stat(follow_symlinks=False)
            # A file of several names is counted once.
            size += _count_blocks(status.st_size) * _BLOCK // max(1, status.st_nlink)
            files += not each.name.startswith(".")
    return CacheEntry(path, files, size, path.stat().st_mtime)


def _count_blocks(size: int) -> int:
    return max(1, -(-size // _BLOCK))


def _remove(path: Path) -> bool:
    """Remove an entry at once for all others; return whether no download was using it."""
    locks: list[int] = []
    try:
        for part in path.glob(f".*{_PART}"):
            with contextlib.suppress(LocksUnsupported):
                lock = acquire_lock(part)
                if lock is None:
                    return False
                locks.append(lock)
        gone = path.with_name(f"{_GONE}{secrets.token_hex(8)}")
        path.rename(gone)
    except FileNotFoundError:
        return True  # another process was faster
    except OSError:
        return False  # Windows keeps open files
    finally:
        for lock in locks:
            release_lock(lock)
    shutil.rmtree(gone, ignore_errors=True)
    return True


# -- For people ----------------------------------------------------------------------------------


def summarize() -> CacheSummary:
    """Return number and size of the cached files. Creates nothing.

    Raises:
        ConfigurationError: The cache belongs to someone else, or the bound isn't a size.
    """
    return _add_up(list(_list_existing()))


def clear(older_than: float = 0, *, dry_run: bool = False) -> CacheSummary:
    """Remove files from the cache. Files that a download is writing stay.

    Args:
        older_than: Days since the last use; files that were used later stay.
        dry_run: Whether to remove nothing.

    Returns:
        The removed files.

    Raises:
        ConfigurationError: The cache belongs to someone else.
    """
    newest = time.time() - older_than * 86_400 if older_than else float("inf")
    everything = list(_list_existing())
    chosen = [each for each in everything if each.last_use <= newest]
    if dry_run:
        return _add_up(chosen)
    removed = [each for each in chosen if _remove(each.path)]
    if removed:
        left = sum(each.size for each in everything) - sum(each.size for each in removed)
        with contextlib.suppress(OSError):
            _set_usage(cache_folder(), left)
    return attrs.evolve(_add_up(removed), in_use=len(chosen) - len(removed))


def _list_existing() -> Iterator[CacheEntry]:
    folder = cache_folder()
    if folder.exists():
        yield from _list_entries(make_private(folder))


def _add_up(entries: list[CacheEntry]) -> CacheSummary:
    oldest = min((each.last_use for each in entries), default=None)
    return CacheSummary(
        cache_folder(),
        sum(each.files for each in entries),
        sum(each.size for each in entries),
        read_limit(),
        None if oldest is None else datetime.fromtimestamp(oldest, timezone.utc),
    )
