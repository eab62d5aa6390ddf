"""Match files to a collection's file specifications, and to each other.

In a collection with several specifications, the first rule that applies decides:

1. `match`, the caller's function.
2. A folder named like a specification: `masks/001.png`.
3. The file's own name: `001/mask.png`, or a name that ends with the specification's name after `_`,
   `-` or `.`: `001_mask.png`.
4. The extension: among the specifications of that file type the only one, else the primary one,
   else the only required one.
5. The only specification of the type `data`, which accepts any file.

The rest of the path, without the specification's name and the extension, identifies the unit:
`images/001.png` and `masks/001.png`, `001.png` and `001_mask.png`, `001.png` and `001.json`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from synapse.errors import UsageError
from synapse.transfer.bulk.upload_item import Specification, quote_path

__all__ = ["Match", "Matcher", "guess_file_type"]

Match = Callable[[Path], "str | None"]
"""Function that returns the name of a file's specification; `None` ignores the file."""

_EXTENSIONS = {
    "image": "avif bmp dcm gif heic heif jfif jpe jpeg jpg jp2 png ppm pgm svg tif tiff webp",
    "video": "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv",
    "audio": "aac aif aiff amr flac m4a mp3 oga ogg opus wav wma",
    "text": "csv htm html json jsonl log md rst srt text tsv txt vtt xml yaml yml",
    "pcd": "bin las laz pcd ply xyz",
}
_TYPES = {
    f".{extension}": file_type
    for file_type, extensions in _EXTENSIONS.items()
    for extension in extensions.split()
}
_SEPARATORS = "_-."


def guess_file_type(path: str | os.PathLike[str]) -> str | None:
    """Return the file type of an extension, or `None`.

    Example:
        >>> guess_file_type("photo.JPG"), guess_file_type("notes")
        ('image', None)
    """
    return _TYPES.get(PurePath(path).suffix.lower())


class Matcher:
    """Match files to the specifications of a collection.

    Args:
        specifications: The collection's specifications.
        match: The caller's function, if any.

    Raises:
        UsageError: The collection has no specifications.
    """

    def __init__(self, specifications: Sequence[Specification], match: Match | None = None) -> None:
        if not specifications:
            raise UsageError(
                "The collection has no file specifications, so its files have no meaning. "
                "Set collection.file_specifications and save the collection first."
            )
        self.specifications = list(specifications)
        self.by_name = {item.name: item for item in specifications}
        self.required = [item.name for item in specifications if item.is_required]
        self._folded = {name.casefold(): name for name in self.by_name}
        self._match = match
        self._only = specifications[0] if len(specifications) == 1 else None

    @property
    def is_single(self) -> bool:
        """Whether each unit has one file."""
        return self._only is not None

    def place(self, relative: str, path: str) -> tuple[str, str] | None:
        """Return a file's specification and unit key.

        Args:
            relative: Path below the source, with `/` between the parts.
            path: Path that opens the file.

        Returns:
            The specification's name, and the common part of the paths of the unit's files; `None`
            if the file matches no specification.

        Raises:
            UsageError: Several specifications match, or `match` returned an unknown name.
        """
        folder, _, name = relative.rpartition("/")
        stem = name.rpartition(".")[0] or name
        parts = folder.split("/") if folder else []
        if self._match is None:
            specification = self._find(parts, stem, name)
        else:
            specification = self._match(Path(path))
            if specification is not None and specification not in self.by_name:
                raise UsageError(
                    f"match() named {specification!r} for {quote_path(relative)}; the collection "
                    f"has {self._names()}."
                )
        if specification is None:
            return None
        return specification, relative if self.is_single else _unit_key(parts, stem, specification)

    def check(self, label: str, names: Sequence[str]) -> None:
        """Check that an item has all required files, and no unknown ones.

        Raises:
            UsageError: A file is missing, or unknown.
        """
        if unknown := [name for name in names if name not in self.by_name]:
            raise UsageError(
                f"{label} has a file for {unknown[0]!r}; the collection has {self._names()}."
            )
        if missing := [name for name in self.required if name not in names]:
            raise UsageError(f"{label} has no file for {missing[0]!r}, which is required.")
        if not names:
            raise UsageError(f"{label} has no files. Add at least one.")

    def _find(self, parts: list[str], stem: str, name: str) -> str | None:
        """Apply rules 2 to 5."""
        if self._only is not None:
            is_match = self._only.file_type in ("data", guess_file_type(name))
            return self._only.name if is_match else None
        for part in reversed(parts):
            if (folder_match := self._folded.get(part.casefold())) is not None:
                return folder_match
        if (name_match := self._find_by_stem(stem)) is not None:
            return name_match
        file_type = guess_file_type(name)
        candidates = [item for item in self.specifications if item.file_type == file_type]
        if not candidates:
            candidates = [item for item in self.specifications if item.file_type == "data"]
        if len(candidates) > 1:
            primary = [item for item in candidates if item.is_primary]
            required = [item for item in candidates if item.is_required]
            names = ", ".join(item.name for item in candidates)
            candidates = primary if len(primary) == 1 else required
            if len(candidates) != 1:
                raise UsageError(
                    f"{quote_path('/'.join([*parts, name]))} could be for any of {names}. Put the "
                    "files into folders of these names, end their names with them, or pass match=."
                )
        return candidates[0].name if candidates else None

    def _find_by_stem(self, stem: str) -> str | None:
        """Return the longest specification name that equals or ends a stem."""
        folded = stem.casefold()
        names = [
            name
            for key, name in self._folded.items()
            if folded == key or (folded.endswith(key) and _cut(folded, key) is not None)
        ]
        return max(names, key=len, default=None)

    def _names(self) -> str:
        return ", ".join(map(repr, self.by_name))


def _unit_key(parts: list[str], stem: str, specification: str) -> str:
    """Return a path without the specification's name and the extension."""
    folded = specification.casefold()
    for place in range(len(parts) - 1, -1, -1):
        if parts[place].casefold() == folded:
            return "/".join([*parts[:place], *parts[place + 1 :], stem])
    if stem.casefold() == folded:
        return "/".join(parts)
    return "/".join([*parts, _cut(stem, specification) or stem])


def _cut(stem: str, name: str) -> str | None:
    """Return a stem without a separated specification name at the end."""
    rest = stem[: -len(name)]
    if stem.casefold().endswith(name.casefold()) and rest and rest[-1] in _SEPARATORS:
        return rest.rstrip(_SEPARATORS) or None
    return None
