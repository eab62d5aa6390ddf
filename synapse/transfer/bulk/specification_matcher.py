"""Match files to specifications, and find the files of one unit.

For a collection with several specifications, the first applicable rule decides:

1. `match`, the caller's function.
2. A folder named like a specification: `masks/001.png`.
3. The file's own name: `001/mask.png`, or with the specification's name at the end, after `_`, `-`
   or `.`: `001_mask.png`.
4. The extension: of the specifications with that file type the only one, else the primary one,
   else the only required one.
5. The only specification of the type `data`, which takes any file.

The rest of the path, without the specification's name and the extension, is the same for all files
of a unit: `images/001.png` and `masks/001.png`, `001.png` and `001_mask.png`, `001.png` and
`001.json`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from synapse.errors import InvalidQuery
from synapse.transfer.bulk.upload_item import Specification, shown

__all__ = ["Match", "Matcher", "file_type_of"]

Match = Callable[[Path], "str | None"]
"""Says for which specification a file is; `None` leaves it out."""

_EXTENSIONS = {
    "image": "avif bmp dcm gif heic heif jfif jpe jpeg jpg jp2 png ppm pgm svg tif tiff webp",
    "video": "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv",
    "audio": "aac aif aiff amr flac m4a mp3 oga ogg opus wav wma",
    "text": "csv htm html json jsonl log md rst srt text tsv txt vtt xml yaml yml",
    "pcd": "bin las laz pcd ply xyz",
}
_TYPES: dict[str, frozenset[str]] = {
    f".{extension}": frozenset({kind})
    for kind, extensions in _EXTENSIONS.items()
    for extension in extensions.split()
}
_SEPARATORS = "_-."


def file_type_of(path: str | os.PathLike[str]) -> str | None:
    """Return a file's type by the extension, or `None`.

    Example:
        >>> file_type_of("photo.JPG"), file_type_of("notes")
        ('image', None)
    """
    kinds = _TYPES.get(PurePath(path).suffix.lower(), frozenset())
    return next(iter(kinds), None)


class Matcher:
    """Matches files to the specifications of a collection.

    Args:
        specifications: The collection's specifications.
        match: The caller's function, if any.

    Raises:
        UsageError: The collection has no specifications.
    """

    def __init__(self, specifications: Sequence[Specification], match: Match | None = None) -> None:
        if not specifications:
            raise InvalidQuery(
                "The collection has no file specifications: nothing says what its files are. "
                "Set collection.file_specifications and save it first."
            )
        self.specifications = list(specifications)
        self.by_name = {one.name: one for one in specifications}
        self.required = [one.name for one in specifications if one.is_required]
        self._folded = {name.casefold(): name for name in self.by_name}
        self._match = match
        self._only = specifications[0] if len(specifications) == 1 else None

    @property
    def is_single(self) -> bool:
        """True if each unit has one file, so that no files need grouping."""
        return self._only is not None

    def place(self, relative: str, path: str) -> tuple[str, str] | None:
        """Return a file's specification and unit key.

        Args:
            relative: Path below the source, with `/` between the parts.
            path: Path for opening the file.

        Returns:
            The specification's name and the part that all files of the unit share; `None` without a
            specification.

        Raises:
            UsageError: Several specifications fit, or `match` named one that doesn't exist.
        """
        folder, _, name = relative.rpartition("/")
        stem = name.rpartition(".")[0] or name
        parts = folder.split("/") if folder else []
        if self._match is not None:
            found = self._match(Path(path))
            if found is None:
                return None
            if found not in self.by_name:
                raise InvalidQuery(
                    f"match() named {found!r} for {shown(relative)}; the collection has "
                    f"{self._names()}."
                )
        else:
            found = self._found(parts, stem, name)
        if found is None:
            return None
        return found, relative if self.is_single else _common(parts, stem, found)

    def check(self, label: str, names: Sequence[str]) -> None:
        """Check that an item has the required files, and no others.

        Raises:
            UsageError: A file is missing or unknown.
        """
        if unknown := [name for name in names if name not in self.by_name]:
            raise InvalidQuery(
                f"{label} has a file for {unknown[0]!r}; the collection has {self._names()}."
            )
        if missing := [name for name in self.required if name not in names]:
            raise InvalidQuery(f"{label} has no file for {missing[0]!r}, which is required.")
        if not names:
            raise InvalidQuery(f"{label} has no files.")

    def _found(self, parts: list[str], stem: str, name: str) -> str | None:
        if self._only is not None:
            only = self._only
            fits = only.file_type == "data" or only.file_type == file_type_of(name)
            return only.name if fits else None
        for part in reversed(parts):
            if (found := self._folded.get(part.casefold())) is not None:
                return found
        if (found := self._named(stem)) is not None:
            return found
        kind = file_type_of(name)
        fitting = [one for one in self.specifications if one.file_type == kind]
        if not fitting:
            fitting = [one for one in self.specifications if one.file_type == "data"]
        if len(fitting) > 1:
            primary = [one for one in fitting if one.is_primary]
            required = [one for one in fitting if one.is_required]
            names = ", ".join(one.name for one in fitting)
            fitting = primary if len(primary) == 1 else required
            if len(fitting) != 1:
                raise InvalidQuery(
                    f"{shown('/'.join([*parts, name]))} could be for any of {names}: put the files "
                    "into folders of these names, end their names with them, or give match="
                )
        return fitting[0].name if fitting else None

    def _named(self, stem: str) -> str | None:
        """Find the specification whose name a file's name is, or ends with; the longest one."""
        folded = stem.casefold()
        found = [
            name
            for known, name in self._folded.items()
            if folded == known or (folded.endswith(known) and _cut(folded, known) is not None)
        ]
        return max(found, key=len, default=None)

    def _names(self) -> str:
        return ", ".join(map(repr, self.by_name))


def _common(parts: list[str], stem: str, found: str) -> str:
    """Return a path without the specification's name and the extension."""
    known = found.casefold()
    for place in range(len(parts) - 1, -1, -1):
        if parts[place].casefold() == known:
            return "/".join([*parts[:place], *parts[place + 1 :], stem])
    if stem.casefold() == known:
        return "/".join(parts)
    return "/".join([*parts, _cut(stem, found) or stem])


def _cut(stem: str, name: str) -> str | None:
    """Remove a specification's name from the end of a stem, if a separator precedes."""
    rest = stem[: -len(name)]
    if stem.casefold().endswith(name.casefold()) and rest and rest[-1] in _SEPARATORS:
        return rest.rstrip(_SEPARATORS) or None
    return None
