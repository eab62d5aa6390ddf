"""Where the files of a Pascal VOC data set are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path, PurePosixPath

import attrs

from synapse.formats.pictures import SUFFIXES, find_files, find_pictures, list_entries

__all__ = ["VocEntry", "VocLayout", "find_layout"]

_SPLITS = ("train", "val", "valid", "validation", "test")
_LISTS = ("Main", "Segmentation", "Layout", "Action")
_EXAMPLES = 20
_MASKS = ("SegmentationClass", "SegmentationObject")
# A list of one class: the picture and 1, 0 or -1.
_CLASS_ROW = re.compile(r"(.*\S)\s+-?[01]")


@attrs.frozen
class VocEntry:
    """The files of one picture.

    Attributes:
        name: Name of the picture.
        labels: The XML file.
        image: The picture.
        split: Name of the split.
        class_mask: The mask of classes.
        object_mask: The mask of objects.
    """

    name: str
    labels: Path | None
    image: Path | None
    split: str | None
    class_mask: Path | None = None
    object_mask: Path | None = None

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask."""
        return self.class_mask is not None or self.object_mask is not None


@attrs.frozen
class VocLayout:
    """The folders of a data set.

    Attributes:
        root: The folder of `Annotations`, or of files side by side.
        is_flat: Whether XML files and pictures are side by side.
        examples: Some of the files.
    """

    root: Path
    is_flat: bool
    examples: tuple[Path, ...]

    @property
    def has_masks(self) -> bool:
        """Whether there are masks of classes."""
        return (self.root / _MASKS[0]).is_dir()

    def iterate_entries(self) -> Iterator[VocEntry]:
        """Yield the files of each picture, by name."""
        if self.is_flat:
            for top in _find_tops(self.root):
                split = None if top == self.root else top.name
                yield from self._iterate_folder(top, top, {}, split)
        else:
            splits = _read_splits(self.root / "ImageSets")
            pictures = self.root / "JPEGImages"
            yield from self._iterate_folder(self.root / "Annotations", pictures, splits, None)

    def _iterate_folder(
        self, labels: Path, pictures: Path, splits: Mapping[str, str], split: str | None
    ) -> Iterator[VocEntry]:
        images: dict[str, list[Path]] = {}
        for path in find_pictures(pictures):
            if labels != self.root or not _is_in_top(path, self.root):
                images.setdefault(_get_stem(path, pictures), []).append(path)
        stems = {_get_stem(path, labels): path for path in _find_xml(labels, self.root)}
        class_masks, object_masks = (
            {} if self.is_flat else _find_masks(self.root / kind) for kind in _MASKS
        )
        known = {*stems, *class_masks, *object_masks, *splits, *images}
        for stem in sorted(known):
            found = images.get(stem, [])
            xml = stems.get(stem)
            chosen = _choose_picture(found, xml)
            name = f"{stem}{_read_suffix(xml)}"
            if chosen is not None:
                name = chosen.relative_to(pictures).as_posix()
            part = splits.get(stem, split)
            yield VocEntry(name, xml, chosen, part, class_masks.get(stem), object_masks.get(stem))
            for other in found:
                if other != chosen:
                    yield VocEntry(other.relative_to(pictures).as_posix(), None, other, part)


def find_layout(folder: Path) -> VocLayout | None:
    """Return where the files of a data set are, or `None` if there are none."""
    inner = sorted(folder.glob("VOCdevkit/*/")) + sorted(folder.glob("VOC*/"))
    for root in (folder, *inner):
        paths = chain(
            find_files(root / "Annotations", ".xml", hidden=True),
            *(find_files(root / kind, ".png", hidden=True) for kind in _MASKS),
        )
        examples = tuple(islice(paths, _EXAMPLES))
        if examples:
            return VocLayout(root, False, examples)
    examples = tuple(islice(_find_xml(folder, None), _EXAMPLES))
    return VocLayout(folder, True, examples) if examples else None


def _find_tops(folder: Path) -> Iterator[Path]:
    """Yield the folders of splits, and the folder itself for the others."""
    yield from sorted(each for each in folder.iterdir() if each.is_dir() and each.name in _SPLITS)
    yield folder


def _is_in_top(path: Path, root: Path) -> bool:
    return path.relative_to(root).parts[0] in _SPLITS


def _find_xml(labels: Path, root: Path | None) -> Iterator[Path]:
    for path in sorted(find_files(labels, ".xml", hidden=True)):
        if labels != root or not _is_in_top(path, labels):
            yield path


def _find_masks(folder: Path) -> dict[str, Path]:
    return {
        _get_stem(path, folder): path for path in sorted(find_files(folder, ".png", hidden=True))
    }


def _get_stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _read_filename(path: Path | None) -> str:
    """Return the picture's name in an XML file, without reading all of it."""
    if path is None:
        return ""
    with path.open("rb") as file:
        head = file.read(4096).decode("utf-8", "replace")
    match = re.search(r"<filename>\s*([^<]*?)\s*</filename>", head)
    return match[1] if match else ""


def _choose_picture(found: list[Path], xml: Path | None) -> Path | None:
    if len(found) > 1:
        named = PurePosixPath(_read_filename(xml)).name
        return next((path for path in found if path.name == named), found[0])
    return found[0] if found else None


def _read_suffix(xml: Path | None) -> str:
    suffix = PurePosixPath(_read_filename(xml)).suffix
    return suffix if suffix.lower() in SUFFIXES else ".jpg"


def _read_splits(folder: Path) -> dict[str, str]:
    """Return the split of each picture: the smallest list that has the picture."""
    splits: dict[str, str] = {}
    for kind in _LISTS:
        paths = list_entries(folder / kind, ".txt")
        # `trainval` is both `train` and `val`.
        for path in sorted(paths, key=lambda each: each.stem == "trainval"):
            rows = [
                row for row in path.read_text("utf-8-sig", "replace").splitlines() if row.strip()
            ]
            if "_" in path.stem and rows and all(map(_CLASS_ROW.fullmatch, rows)):
                continue
            for row in rows:
                splits.setdefault(row.strip().strip('"'), path.stem)
    return {stem: split for stem, split in splits.items() if split != "default"}
