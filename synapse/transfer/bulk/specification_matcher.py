"""Match files to a collection's file specifications, and to each other.

The caller's `match` decides: a function, or patterns of paths. Without it, in a collection with
several specifications, the extension leaves the specifications of that file type, and those of the
type `data`, which accept any file. Among these, the first rule that applies decides:

1. A folder named like a specification: `mask/001.png`.
2. The file's own name: `001/mask.png`, or a name that ends with the specification's name after `_`,
   `-` or `.`: `001_mask.png`.
3. Among the specifications of the file's type the only one, else the primary one, else the only
   required one.
4. The only specification of the type `data`.

The rest of the path identifies the unit, see `Placement`. Names are compared as people see them:
the composed and decomposed forms of a letter are one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TypeAlias

import attrs

from synapse.errors import UsageError
from synapse.transfer.bulk.path_patterns import read_match
from synapse.transfer.bulk.upload_item import Specification, quote_path
from synapse.transfer.filenames import compose, fold

__all__ = ["Match", "Matcher", "Placement", "find_core", "find_mask_folder", "guess_file_type"]

Match: TypeAlias = "Callable[[Path], str | None] | Mapping[str, str]"
"""Specification of a file: a function of the path, or names by pattern; `None` ignores the file."""

_EXTENSIONS = {
    "image": "avif bmp dcm gif heic heif jfif jpe jpeg jpg jp2 png ppm pgm svg tif tiff webp",
    "video": "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv",
    "audio": "aac aif aiff amr flac m4a mp3 oga ogg opus wav wma",
    "text": "csv htm html json jsonl log md rst srt text tsv txt vtt xml yaml yml",
    "pcd": "bin las laz pcd ply xyz",
}
_TYPES = {
    extension: file_type
    for file_type, extensions in _EXTENSIONS.items()
    for extension in extensions.split()
}
_COMPRESSIONS = frozenset({"bz2", "gz", "xz", "zst"})
_SEPARATORS = "_-."
# Folders whose names are kept at once.
_MAX_FOLDERS = 1000
# Folders of masks: `masks`, `trainannot`, `SegmentationClass`, `gtFine`.
_ANNOTATIONS = re.compile(
    r"(annot(ation)?s?|masks?|labels?|trimaps?)$|(^|[ _.-])(gt|seg)([ _.-]|$|fine|coarse)"
    r"|segmentation|ground[ _-]?truth|^labeledapproved"
)
# Masks beside their pictures: `1_mask.png`, `1_seg.png`, `1_parts_2.png`.
_MASK_NAMES = re.compile(r"\w[ _.-](mask|seg|parts_\d+)$", re.IGNORECASE)
_LOSSLESS = frozenset({"png", "bmp", "gif", "tif", "tiff"})
_WORDS = re.compile(r"[ _.-]+")
_MASK_WORDS = frozenset(
    ["annotation", "annot", "gt", "l", "label", "labels", "mask", "parts", "seg", "segmentation"]
)


@attrs.frozen
class Placement:
    """The place of a file among the units.

    Attributes:
        specification: Name of the file's specification.
        key: The unit: the path without the extension, and without a folder named like the
            specification.
        short: The unit if no file has the same `key`: the path also without the specification's
            name at the end of the file name, a folder named like another specification, and
            extensions before the last one, as in `001.png.json` and `001.nii.gz`.
        is_doubtful: Whether the file is a picture whose name, or whose folder's, promises
            annotations.
    """

    specification: str
    key: str
    short: str
    is_doubtful: bool = False


def guess_file_type(path: str | os.PathLike[str]) -> str | None:
    """Return the file type of an extension, or `None`.

    Example:
        >>> guess_file_type("photo.JPG"), guess_file_type("notes")
        ('image', None)
    """
    return _guess(PurePath(path).name)


def find_core(stem: str) -> str:
    """Return the part of a name that a picture and its mask share.

    These are the parts up to the last one that begins with a digit, without words such as `gt`.

    Example:
        >>> find_core("aachen_000019_leftImg8bit"), find_core("aachen_000019_gtFine_labelIds")
        ('aachen_000019', 'aachen_000019')
        >>> find_core("gt_img_1"), find_core("cat_mask")
        ('img_1', 'cat')
    """
    stem = re.sub(r"_parts_\d+$", "", stem)
    cuts = [(match.start(), match.end()) for match in _WORDS.finditer(stem)]
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(stem)]
    first, last = 0, len(starts) - 1
    numbers = [at for at, start in enumerate(starts) if stem[start : start + 1].isdigit()]
    while first < last and stem[starts[first] : ends[first]].casefold() in _MASK_WORDS:
        first += 1
    if numbers and numbers[-1] >= first:
        last = numbers[-1]
    while first < last and stem[starts[last] : ends[last]].casefold() in _MASK_WORDS:
        last -= 1
    return stem[starts[first] : ends[last]] or stem


def find_mask_folder(relative: str) -> str:
    """Return the highest folder of a path whose name promises annotations, else the last one."""
    folders = relative.split("/")[:-1]
    for place, name in enumerate(folders):
        if _ANNOTATIONS.search(fold(name)):
            return "/".join(folders[: place + 1])
    return "/".join(folders) or "."


def _guess(name: str) -> str | None:
    stem, _, extension = name.rpartition(".")
    return _TYPES.get(extension.lower()) if stem else None


@attrs.frozen
class _FolderNames:
    """The parts of a folder's path, which many files share.

    Attributes:
        parts: The parts.
        matches: For each part, the specification of that name, if any.
        has_annotations: Whether a part's name promises annotations.
    """

    parts: list[str]
    matches: list[str | None]
    has_annotations: bool


@attrs.frozen
class _Candidates:
    """Specifications for files of one type.

    Attributes:
        exact: Specifications of that type; for other files those of the type `data`.
        accepting: Names of all that accept a file of the type.
        suffixes: Names that the end of a file's name may decide between.
    """

    exact: list[Specification]
    accepting: list[str]
    suffixes: list[str]


class Matcher:
    """Match files to the specifications of a collection.

    Args:
        specifications: The collection's specifications.
        match: The caller's function or patterns, if any.

    Raises:
        UsageError: The collection has no specifications, or `match` is not valid.
    """

    def __init__(self, specifications: Sequence[Specification], match: Match | None = None) -> None:
        if not specifications:
            raise UsageError(
                "The collection has no file specifications, so its files have no meaning. "
                "Set its file_specifications first, such as "
                '[{"name": "image", "file_type": "image"}].'
            )
        self.specifications = list(specifications)
        self.by_name = {item.name: item for item in specifications}
        self.required = [item.name for item in specifications if item.is_required]
        self._folded = {fold(name): name for name in self.by_name}
        self._candidates = {kind: self._find_candidates(kind) for kind in (*_EXTENSIONS, None)}
        self._folders: dict[str, _FolderNames] = {}
        self._patterns = read_match(match, self.by_name) if isinstance(match, Mapping) else None
        self._match = None if isinstance(match, Mapping) else match
        if self._match is not None and not callable(match):
            raise UsageError(
                f"match={match!r} is not valid. Pass a function of the path, or a mapping such as "
                f"{{'masks/*.png': {specifications[0].name!r}}}."
            )
        self._only = specifications[0] if len(specifications) == 1 else None

    @property
    def is_single(self) -> bool:
        """Whether each unit has one file."""
        return self._only is not None

    @property
    def is_told(self) -> bool:
        """Whether the caller's function or patterns decide."""
        return self._match is not None or self._patterns is not None

    def place(self, relative: str, path: str) -> Placement | None:
        """Return a file's specification and unit.

        Args:
            relative: Path below the source, with `/` between the parts.
            path: Path that opens the file.

        Returns:
            The place; `None` if the file matches no specification.

        Raises:
            UsageError: Several specifications match, or `match` returned an unknown name.
        """
        relative = compose(relative)
        if self._patterns is not None:
            return self._place_by_patterns(relative)
        path_of_folder, _, name = relative.rpartition("/")
        folder = self._read_folder(path_of_folder)
        specification = self._find(folder, name) if self._match is None else self._match(Path(path))
        if specification is None:
            return None
        if specification not in self.by_name:
            raise UsageError(
                f"match() named {specification!r} for {quote_path(relative)}; the collection "
                f"has {self._names()}."
            )
        is_doubtful = self._match is None and self._is_doubtful(folder, name, specification)
        if self.is_single:
            return Placement(specification, relative, relative, is_doubtful)
        key, short = self._find_keys(folder, name, specification)
        return Placement(specification, key, short, is_doubtful)

    def accepts(self, name: str, path: str) -> bool:
        """Return whether a specification takes files of a path's type."""
        return _accepts(self.by_name[name], _guess(path.rpartition("/")[2]))

    def _place_by_patterns(self, relative: str) -> Placement | None:
        for pattern in self._patterns or ():
            if (key := pattern.find_unit(relative)) is not None:
                if self.is_single:
                    return Placement(pattern.specification, relative, relative)
                folder, found, name = key.rpartition("/")
                short = folder + found + self._shorten(name, pattern.specification)
                return Placement(pattern.specification, key, short)
        return None

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

    def _read_folder(self, path: str) -> _FolderNames:
        folder = self._folders.get(path)
        if folder is None:
            parts = path.split("/") if path else []
            folded = [*map(fold, parts)]
            has_annotations = any(map(_ANNOTATIONS.search, folded))
            folder = _FolderNames(parts, [*map(self._folded.get, folded)], has_annotations)
            if len(self._folders) >= _MAX_FOLDERS:
                self._folders.clear()
            self._folders[path] = folder
        return folder

    def _find_candidates(self, file_type: str | None) -> _Candidates:
        exact = [item for item in self.specifications if item.file_type == file_type]
        accepting = [item.name for item in self.specifications if _accepts(item, file_type)]
        suffixes = [item.name for item in exact] or accepting
        others = [item for item in self.specifications if item.file_type == "data"]
        return _Candidates(exact or others, accepting, sorted(suffixes, key=len, reverse=True))

    def _find(self, folder: _FolderNames, name: str) -> str | None:
        """Apply rules 1 to 4."""
        file_type = _guess(name)
        if self._only is not None:
            return self._only.name if self._only.file_type in ("data", file_type) else None
        candidates = self._candidates[file_type]
        for match in reversed(folder.matches):
            if match in candidates.accepting:
                return match
        stem = _split_name(name)[1]
        if (match := self._folded.get(fold(stem))) in candidates.accepting:
            return match
        for match in candidates.suffixes:
            if _cut(self._shorten(stem, match), match) is not None:
                return match
        found = candidates.exact
        if len(found) > 1:
            primary = [item for item in found if item.is_primary]
            required = [item for item in found if item.is_required]
            names = ", ".join(item.name for item in found)
            found = primary if len(primary) == 1 else required
            if len(found) != 1:
                path = "/".join([*folder.parts, name])
                raise UsageError(
                    f"{quote_path(path)} could be for any of {names}. Put the files into folders "
                    "of these names, end their names with them, or pass match=."
                )
        return found[0].name if found else None

    def _is_doubtful(self, folder: _FolderNames, name: str, specification: str) -> bool:
        if not _guess(name) == self.by_name[specification].file_type == "image":
            return False
        if folder.has_annotations and specification not in folder.matches:
            return True
        stem, _, extension = name.rpartition(".")
        return (
            extension.lower() in _LOSSLESS
            and _MASK_NAMES.search(stem) is not None
            and _cut(stem, specification) is None
        )

    def _find_keys(self, folder: _FolderNames, name: str, specification: str) -> tuple[str, str]:
        """Return `key` and `short` of a placement."""
        stem, short = _split_name(name)
        is_in_folder = specification in folder.matches
        if not is_in_folder and fold(stem) == fold(specification):
            return "/".join(folder.parts), "/".join(folder.parts)
        short = self._shorten(short, specification)
        short = self._shorten(_cut(short, specification) or short, specification)
        key_parts = short_parts = folder.parts
        for place in reversed(range(len(folder.parts))):
            match = folder.matches[place]
            if match == specification or (match is not None and not is_in_folder):
                short_parts = [*folder.parts[:place], *folder.parts[place + 1 :]]
                break
        if is_in_folder:
            key_parts = short_parts
        return "/".join([*key_parts, stem]), "/".join([*short_parts, short])

    def _shorten(self, stem: str, specification: str) -> str:
        """Return a stem without the extension of another specification's file: `001.png`."""
        file_type = _guess(stem)
        if file_type is None:
            return stem
        others = (item for item in self.specifications if item.name != specification)
        is_other = any(item.file_type == file_type for item in others)
        return stem.rpartition(".")[0] if is_other else stem

    def _names(self) -> str:
        return ", ".join(map(repr, self.by_name))


def _accepts(specification: Specification, file_type: str | None) -> bool:
    """Return whether a specification may be for a file of this type, `None` if unknown."""
    return file_type in (None, specification.file_type) or (
        specification.file_type not in _EXTENSIONS
    )


def _split_name(name: str) -> tuple[str, str]:
    """Return a name without the extension, and without the one before, too, if compressed."""
    stem, _, extension = name.rpartition(".")
    if not stem:
        return name, name
    if extension.lower() in _COMPRESSIONS:
        return stem, stem.rpartition(".")[0] or stem
    return stem, stem


def _cut(stem: str, name: str) -> str | None:
    """Return a stem without a separated specification name at the end."""
    rest = stem[: -len(name)]
    if not rest or rest[-1] not in _SEPARATORS or fold(stem[-len(name) :]) != fold(name):
        return None
    return rest.rstrip(_SEPARATORS) or None
