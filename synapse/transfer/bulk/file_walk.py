"""List local files: below a folder, or of a pattern, without those that are left out."""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from synapse.errors import UsageError
from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.filenames import compose

__all__ = [
    "FoundFile",
    "OnUnreadable",
    "glob_files",
    "is_pattern",
    "leads_nowhere",
    "make_nowhere_error",
    "pattern_root",
    "walk_files",
]

OnUnreadable = Callable[[str, OSError], object]
"""Function called with the path of a folder that can't be read, and the reason."""

FoundFile = tuple[str, bool]
"""The relative path of a file, with `/`, and whether a link leads there."""


def walk_files(
    root: Path, on_unreadable: OnUnreadable, ignored: IgnoredFiles | None = None
) -> Iterator[FoundFile]:
    """Yield the files below a folder.

    Links are followed, except into their own parents.

    Args:
        root: The folder.
        on_unreadable: Called with a subfolder that can't be read, which is then skipped.
        ignored: Decides what is left out; by default hidden files and those of systems.

    Raises:
        UsageError: The folder itself can't be read.
    """
    ignored = ignored or IgnoredFiles()
    pending = [_open_root(root)]
    while pending:
        folder = pending.pop()
        for entry in folder.scan(on_unreadable):
            is_folder = _is_folder(entry)
            if ignored.covers(folder.find_file(entry)[0], is_folder=is_folder):
                continue
            if not is_folder:
                yield folder.find_file(entry)
            elif (subfolder := folder.enter(entry, on_unreadable)) is not None:
                pending.append(subfolder)


def is_pattern(source: str) -> bool:
    """Return whether a source is a pattern, such as `photos/**/*.png`."""
    return glob.has_magic(source)


def pattern_root(pattern: str) -> Path:
    """Return the folder before the first wildcard of a pattern."""
    parts = Path(pattern).parts
    plain = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:plain])


def glob_files(
    pattern: str, on_unreadable: OnUnreadable, ignored: IgnoredFiles | None = None
) -> Iterator[FoundFile]:
    """Yield the files of a pattern; `**` matches any folders.

    As in a folder, links aren't followed into their own parents, and names that begin with a dot
    only match a part that begins with one. The forms of a letter are one.

    Args:
        pattern: The pattern.
        on_unreadable: Called with a folder that can't be read, which is then skipped.
        ignored: Decides what is left out, as for `walk_files`.

    Raises:
        UsageError: The folder before the first wildcard can't be read.
    """
    root = pattern_root(pattern)
    if os.path.isdir(root):  # noqa: PTH112 - `Path` raises for locked folders
        parts = Path(pattern).relative_to(root).parts
        yield from _match_files(_open_root(root), parts, on_unreadable, ignored or IgnoredFiles())


@attrs.frozen
class _Folder:
    """A folder on the way.

    Attributes:
        path: Path that opens the folder.
        relative: Path below the root, with `/`.
        parents: Device and inode of the folder and all folders above.
        is_linked: Whether a link leads to the folder.
    """

    path: str
    relative: str
    parents: tuple[tuple[int, int], ...]
    is_linked: bool = False

    def scan(self, on_unreadable: OnUnreadable) -> Iterator[os.DirEntry[str]]:
        """Yield the entries; none of a folder that can't be read.

        Raises:
            UsageError: The folder is the root, and can't be read.
        """
        try:
            with os.scandir(self.path) as entries:
                yield from entries
        except OSError as error:
            if not self.relative:
                raise _make_error(self.path, error) from error
            on_unreadable(self.path, error)

    def find_file(self, entry: os.DirEntry[str]) -> FoundFile:
        """Return a file of the folder."""
        relative = f"{self.relative}/{entry.name}" if self.relative else entry.name
        return relative, self.is_linked or entry.is_symlink()

    def enter(self, entry: os.DirEntry[str], on_unreadable: OnUnreadable) -> _Folder | None:
        """Return a subfolder; `None` for a link to a parent, and a folder that can't be read."""
        relative, is_linked = self.find_file(entry)
        try:
            identity = _identify(entry.path)
        except OSError as error:
            on_unreadable(entry.path, error)
            return None
        if identity in self.parents:
            return None
        return _Folder(entry.path, relative, (*self.parents, identity), is_linked)


def _open_root(root: Path) -> _Folder:
    try:
        return _Folder(str(root), "", (_identify(str(root)),))
    except OSError as error:
        raise _make_error(str(root), error) from error


def _identify(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - for millions of folders
    return status.st_dev, status.st_ino


def _make_error(path: str, error: OSError) -> UsageError:
    return UsageError(f"{path} can't be read: {error.strerror}.")


def _walk_folders(
    root: _Folder, on_unreadable: OnUnreadable, ignored: IgnoredFiles
) -> Iterator[_Folder]:
    pending = [root]
    while pending:
        folder = pending.pop()
        yield folder
        for entry in folder.scan(on_unreadable):
            relative = folder.find_file(entry)[0]
            if leads_nowhere(entry.path):
                on_unreadable(entry.path, make_nowhere_error())
            elif _is_folder(entry) and not ignored.covers(relative, is_folder=True):
                subfolder = folder.enter(entry, on_unreadable)
                pending += [] if subfolder is None else [subfolder]


def _match_files(
    folder: _Folder, parts: Sequence[str], on_unreadable: OnUnreadable, ignored: IgnoredFiles
) -> Iterator[FoundFile]:
    part, *rest = parts
    if part == "**":
        for subfolder in _walk_folders(folder, on_unreadable, ignored):
            yield from _match_files(subfolder, rest or ["*"], on_unreadable, ignored)
        return
    matches = re.compile(fnmatch.translate(os.path.normcase(compose(part)))).match
    for entry in folder.scan(on_unreadable):
        if not matches(os.path.normcase(compose(entry.name))):
            continue
        is_folder = _is_folder(entry)
        if rest and not is_folder and leads_nowhere(entry.path):
            on_unreadable(entry.path, make_nowhere_error())
        # Folders that aren't entered are no loss, nor are files on the way.
        if is_folder != bool(rest) or ignored.covers(
            folder.find_file(entry)[0], is_folder=is_folder, is_hidden=not part.startswith(".")
        ):
            continue
        if not is_folder:
            yield folder.find_file(entry)
        elif (entered := folder.enter(entry, on_unreadable)) is not None:
            yield from _match_files(entered, rest, on_unreadable, ignored)


def leads_nowhere(path: str) -> bool:
    """Return whether a path is a link to nothing, such as a disk that isn't mounted."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 - for millions of files


def make_nowhere_error() -> OSError:
    """Return the reason for a link to nothing."""
    return FileNotFoundError(errno.ENOENT, "the link leads nowhere")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: listed as a file that can't be read
        return False
