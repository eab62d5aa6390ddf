"""The files below a folder, or that a pattern matches, one at a time."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from synapse.errors import InvalidQuery

__all__ = ["is_pattern", "matching", "root_of", "walk"]


def walk(root: Path) -> Iterator[str]:
    """Yield the files below a folder, as relative paths with `/` between the parts.

    Names that begin with a dot are left out. Links are followed, except into a folder around them.

    Raises:
        UsageError: A folder can't be read.
    """
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    while pending:
        below, above = pending.pop()
        folder = root / below if below else root
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                continue  # a link led back
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    relative = f"{below}/{entry.name}" if below else entry.name
                    if _is_folder(entry):
                        pending.append((relative, (*above, identity)))
                    else:
                        yield relative
        except OSError as error:
            raise InvalidQuery(f"{folder} can't be read: {error.strerror}.") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which then is a file that can't be read
        return False


def is_pattern(source: str) -> bool:
    """Return whether a source is a pattern, such as `photos/**/*.png`."""
    return glob.has_magic(source)


def root_of(pattern: str) -> Path:
    """Return the folder that a pattern begins with."""
    parts = Path(pattern).parts
    plain = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:plain])


def matching(pattern: str) -> Iterator[str]:
    """Yield the files that match a pattern, below its root; `**` matches any folders."""
    root = root_of(pattern)
    rest = str(Path(pattern).relative_to(root))
    for found in glob.iglob(rest, root_dir=root, recursive=True):  # noqa: PTH207 - as the user wrote it
        if not os.path.isdir(root / found):  # noqa: PTH112
            yield found.replace(os.sep, "/")
