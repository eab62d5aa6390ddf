"""COCO: one JSON file of a data set, or one for each split, beside its pictures.

Instances, keypoints, captions and panoptic files are read; files of instances with keypoints are
written. Coordinates are pixels; masks are counts down the columns.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain, groupby
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import attrs

from synapse._internal.lazy_import import load
from synapse.annotations import Annotation, Mask
from synapse.errors import MissingExtra, UsageError
from synapse.formats.coco_index import CocoFile, CocoIndex, ImageRow
from synapse.formats.coco_rows import CategoryRegistry, CocoRowReader, CocoRowWriter
from synapse.formats.coco_split_file import CocoSplitFile
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.picture_frame import FRAME_LOSSES, choose_frame
from synapse.formats.pictures import check_mode, find_pictures, is_file, list_entries
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample, check_name

__all__ = ["LOSSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Attributes that the parts of one object don't share, or that aren't JSON.",
    "bad-joints": "Joints without three finite numbers, without a name, or two of one name.",
    "bad-mask": "A mask whose counts are damaged, or whose size isn't that of the picture.",
    "bad-number": "A box that isn't four finite numbers.",
    "bad-polygon": "A part of an outline that isn't a list of three points or more.",
    "clipped": FRAME_LOSSES["clipped"],
    "duplicate-category": "A category has the name of another one: one class; or its id: left out.",
    "duplicate-id": "An annotation with the id of another one of the picture: it gets a new id.",
    "duplicate-image-id": "A picture with the id of another one.",
    "duplicate-name": "A picture with the name of another one: its id is added to the name.",
    "extra-keys": "Keys of pictures and categories without a place, named once for each file.",
    "group": "A group of annotations that aren't one object.",
    "joint-attributes": "Attributes of a joint.",
    "no-area": "An annotation that covers nothing.",
    "no-class": "An annotation without a class.",
    "no-image": "An annotation whose picture isn't in the file.",
    "no-mask-file": "A picture whose PNG of a panoptic set is missing or unreadable.",
    "no-name": "A picture without an id or a file name.",
    "no-picture": "A picture whose file is missing: its row is written.",
    "no-place": "An annotation of a kind that COCO doesn't have, such as a polyline.",
    "no-size": "A picture of unknown size: its row has none, and its masks are skipped.",
    "not-listed": "A picture file that the JSON doesn't name.",
    "outside": FRAME_LOSSES["outside"],
    "path-outside": "A file name that leaves the folder: its last part is used.",
    "size-differs": FRAME_LOSSES["size-differs"],
    "turned": FRAME_LOSSES["turned"],
    "two-outlines": "Outlines beside a mask of the same object.",
    "unknown-class": "An annotation with a category that the file doesn't have.",
    "visibility": "A joint whose visibility is unknown.",
}
"""Codes of the losses that a report of this format can have."""

_SNIFF = 2**16
_MAX_SNIFFED = 200
_LISTS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
_BEGIN = re.compile(rb'\{\s*"(info|licenses|images|annotations|categories)"\s*:')
_KINDS = re.compile(r"^_*(annotations\.coco|instances|person_keypoints|captions|panoptic|stuff)_*")
_SPLITS = re.compile(r"(train|valid|validation|val|test)(-?dev)?[_-]?(\d{4})?", re.IGNORECASE)
_DEFAULT = "default"
# Names of files that say nothing about a split.
_NAMELESS = frozenset({"", "default", "coco", "annotations", "result", "labels", "instances"})


# -- Finding files -------------------------------------------------------------------------------


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for one of COCO, or `None`."""
    files = _find_files(folder)
    if not files:
        return None
    name = files[0].relative_to(folder).as_posix()
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{name}{more} has lists of images, annotations and categories"


def _find_files(folder: Path) -> list[Path]:
    places = [folder, *(path for path in list_entries(folder) if path.is_dir())]
    candidates = sorted(path for place in places for path in list_entries(place, ".json"))
    return [path for path in candidates[:_MAX_SNIFFED] if _has_lists(path)]


def _has_lists(path: Path) -> bool:
    """Return whether the start or the end of a file has two of the three lists of COCO.

    A file that begins like one and has no end was cut; reading says so.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_SNIFF)
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - _SNIFF, 0))
            tail = file.read()
    except OSError:
        return False
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"{"):
        return False
    is_cut = _BEGIN.match(text) is not None and not tail.rstrip().endswith(b"}")
    return is_cut or len(set(_LISTS.findall(text) + _LISTS.findall(tail))) >= 2


def _choose_split(path: Path, folder: Path) -> tuple[str | None, str]:
    """Return the split of a file, and the name of the split's folder."""
    word = _KINDS.sub("", path.stem)
    if path.parent != folder and word.casefold() in _NAMELESS:
        word = "" if path.parent.name in ("annotations", "labels") else path.parent.name
    if word.casefold() in _NAMELESS:
        return None, _DEFAULT
    match = _SPLITS.fullmatch(word)
    if match is None:
        return word, word
    name = match[1].lower()
    return ("val" if name.startswith("val") else name) + (match[2] or ""), word


def _list_files(folder: Path, file: Any) -> list[Path]:
    if file is None:
        found = _find_files(folder)
        if not found:
            raise UsageError(f"{folder} has no COCO file. Name one, file='annotations.json'.")
        splits: dict[str | None, Path] = {}
        for path in found:
            other = splits.setdefault(_choose_split(path, folder)[0], path)
            if other != path:
                names = ", ".join(each.relative_to(folder).as_posix() for each in found)
                raise UsageError(
                    f"{folder} has several COCO files for the same pictures: {names}. "
                    f"Name one, or a list: file={other.relative_to(folder).as_posix()!r}."
                )
        return found
    given: list[Any] = [file] if isinstance(file, (str, os.PathLike)) else list(file)
    paths = [folder / name for name in given]
    for path in paths:
        if not path.is_file():
            raise UsageError(f"file={str(path)!r} is not a file.")
    return paths


# -- Reading -------------------------------------------------------------------------------------


def read(
    folder: Path,
    report: FormatReport,
    *,
    file: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    images: str | os.PathLike[str] | None = None,
    clip: bool = False,
    check_sizes: bool | None = None,
) -> DataSet:
    """Read the COCO files of a folder.

    Args:
        folder: The folder.
        report: Notes what can't be read.
        file: The JSON file, or several, relative to the folder; by default all, one for each split.
        images: The folder of the pictures, relative to the folder; by default found out.
        clip: Whether shapes are cut at the picture's edge; by default those partly outside stay.
        check_sizes: Whether the sizes of rows are compared with the pictures; by default if
            Pillow is installed.

    Raises:
        MissingExtra: Pillow isn't installed, and `check_sizes` is set.
        UsageError: The folder has no file, or several of one split, or one that isn't valid JSON.
    """
    paths = _list_files(folder, file)
    has_pillow = importlib.util.find_spec("PIL") is not None
    if check_sizes and not has_pillow:
        raise MissingExtra("Comparing the sizes of pictures", "images")
    check_sizes = has_pillow if check_sizes is None else check_sizes
    index = CocoIndex((CocoFile(path, _choose_split(path, folder)[0]) for path in paths), report)
    classes: dict[str, DataSetClass] = {}
    ids: dict[str, Any] = {}
    labels = [_read_categories(each, classes, ids, report) for each in index.files]
    places = _Pictures(folder, index, images)
    readers = [CocoRowReader(each, classes) for each in labels]

    def build_steps() -> Iterator[Step]:
        for row in index:
            yield _ReadStep(index, row, readers[row.file], places, check_sizes, clip)
        if file is None:
            for name in places.find_unlisted():
                yield _UnlistedStep(name)

    info = {key: value for each in reversed(index.files) for key, value in each.info.items()}
    return DataSet(
        classes.values(), LazySamples(build_steps, report), {**info, "category_ids": ids}
    )


def _read_categories(
    file: CocoFile, classes: dict[str, DataSetClass], ids: dict[str, Any], report: FormatReport
) -> dict[Any, str]:
    """Return the names of a file's categories by id, and add new classes."""
    labels: dict[Any, str] = {}
    for row in file.categories:
        number = row.get("id")
        if not isinstance(number, (int, str)):
            report.skip(file.path.name, "no-class", f"a category without an id: {row}")
            continue
        name = str(row.get("name", number))
        if number in labels:
            reason = f"two categories have the id {number!r}: {name!r} is left out"
            report.skip(file.path.name, "duplicate-category", reason)
            continue
        if name in labels.values():
            reason = f"two categories have the name {name!r}"
            report.lose(file.path.name, "duplicate-category", reason)
        labels[number] = name
        joints = row.get("keypoints")
        lines = row.get("skeleton")
        made = DataSetClass(
            name,
            supercategory=str(row["supercategory"]) if row.get("supercategory") else None,
            keypoints=map(str, joints) if isinstance(joints, list) else (),
            skeleton=[(line[0] - 1, line[1] - 1) for line in lines if _is_line(line)]
            if isinstance(lines, list)
            else (),
        )
        if not classes.get(name, made).keypoints or name not in classes:
            classes[name] = made
        if isinstance(number, int) and number not in ids.values():
            ids.setdefault(name, number)
    return labels


def _is_line(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(each) is int for each in value)


class _Pictures:
    """Finds the pictures of rows in the usual places."""

    def __init__(
        self, folder: Path, index: CocoIndex, images: str | os.PathLike[str] | None
    ) -> None:
        self._index = index
        self._folders: list[list[Path]] = []
        self._used: set[Path] = set()
        if images is not None and not (folder / images).is_dir():
            raise UsageError(f"images={str(images)!r} is not a folder.")
        for file in index.files:
            _, word = _choose_split(file.path, folder)
            parents = [file.path.parent, folder]
            names = [f"images/{word}", "images", "data", word, "."]
            found = [parent / name for parent in parents for name in names]
            if images is not None:
                found = [folder / images]
            self._folders.append([path for path in dict.fromkeys(found) if path.is_dir()])

    def find(self, file: int, name: str) -> Path | None:
        """Return the picture's file, or `None`."""
        for folder in self._folders[file]:
            path = os.path.join(folder, name)  # noqa: PTH118 - a `Path` costs more than the look
            if is_file(path):
                self._used.add(folder)
                return Path(path)
        return None

    def find_unlisted(self) -> Iterator[str]:
        """Yield the names of the picture files that no row names."""
        for folder in sorted(self._used):
            others = [each for each in self._used if each != folder and folder in each.parents]
            for path in find_pictures(folder):
                name = path.relative_to(folder).as_posix()
                is_other = any(each in path.parents for each in others)
                if not is_other and not self._index.has_name(name):
                    yield name


@attrs.frozen
class _UnlistedStep:
    name: str

    def __call__(self, report: FormatReport) -> None:
        report.skip(self.name, "not-listed", "the JSON has no row for the picture")


@attrs.frozen
class _ReadStep:
    """Reads one picture's sample."""

    index: CocoIndex
    row: ImageRow
    reader: CocoRowReader
    places: _Pictures
    check_sizes: bool
    clip: bool

    def __call__(self, report: FormatReport) -> Sample:
        row = self.row
        file = self.index.files[row.file]
        name = row.name
        image = self.places.find(row.file, name)
        if not self.index.is_first(row):
            reason = f"another picture has the name, so the id {row.id!r} is added"
            report.lose(name, "duplicate-name", reason)
            name = self.index.make_name(row)
        checked = image if self.check_sizes else None
        frame = choose_frame(checked, row.size, name, report, must_read=True)
        # Masks have the size that the file states.
        size = frame.size if row.size is None else row.size
        rows = self.index.read_annotations(row)
        if any("segments_info" in each for each in rows):
            found = self._read_panoptic(rows, name, size, report)
        else:
            found = list(self.reader.read(rows, name, size, report))
        found = frame.place(found, name, report, clip=self.clip)
        size = frame.stored_size
        if size is None:
            size = next((each.size for each in found if isinstance(each, Mask)), None)
        return Sample(
            name,
            found,
            size=size,
            image=image,
            split=file.split,
            id=row.id,
            is_labelled=file.has_annotations,
        )

    def _read_panoptic(
        self,
        rows: Iterable[Any],
        name: str,
        size: tuple[int, int] | None,
        report: FormatReport,
    ) -> list[Annotation]:
        file = self.index.files[self.row.file].path
        found: list[Annotation] = []
        for row in rows:
            target = PurePosixPath(str(row.get("file_name")).replace("\\", "/")).name
            parents = chain([file.with_suffix(""), file.parent], file.parent.glob("*/"))
            path = next((each / target for each in parents if is_file(each / target)), None)
            png = None if path is None else _read_segments(path)
            if png is None:
                report.skip(name, "no-mask-file", f"the PNG {target} is missing or unreadable")
            elif size not in (None, png.size):
                report.skip(name, "bad-mask", f"the PNG {target} has another size: {png.size}")
            else:
                segments = row.get("segments_info")
                for segment in segments if isinstance(segments, list) else ():
                    made = self._make_segment(segment, png, name, report)
                    found += [] if made is None else [made]
        return found

    def _make_segment(
        self, segment: Mapping[str, Any], png: _Segments, name: str, report: FormatReport
    ) -> Mask | None:
        values = segment if isinstance(segment, dict) else {}
        number, category = (
            value if type(value) is int else -1
            for value in (values.get("id"), values.get("category_id"))
        )
        if category not in self.reader.labels:
            reason = f"the file has no category {category}"
            report.skip(name, "unknown-class", reason, annotation=str(number))
            return None
        if number not in png.runs:
            report.skip(name, "no-area", "the segment has no pixel", annotation=str(number))
            return None
        attributes: dict[str, Any] = {"iscrowd": True} if values.get("iscrowd") else {}
        return Mask(
            png.runs[number],
            size=png.size,
            label=self.reader.labels[category],
            attributes=attributes,
            id=str(number),
        )


@attrs.frozen
class _Segments:
    """A PNG of ids: the runs of each segment."""

    runs: dict[int, list[tuple[int, int]]]
    size: tuple[int, int]


def _read_segments(path: Path) -> _Segments | None:
    """Return the segments of a PNG of ids, or `None` for a file that can't be read.

    Raises:
        MissingExtra: Pillow isn't installed.
    """
    try:
        pillow = load("PIL.Image")
    except ImportError as error:
        raise MissingExtra("Reading the masks of a panoptic set", "images") from error
    try:
        with pillow.open(path) as picture:
            size = picture.size
            # Red is the lowest byte of the id; the fourth byte is cleared.
            data = picture.convert("RGB").convert("RGBA").tobytes()
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError):
        return None
    runs: dict[int, list[tuple[int, int]]] = {}
    start = 0
    values = memoryview(data).cast("I")
    for value, group in groupby(values):
        length = sum(1 for _ in group)
        number = int.from_bytes(value.to_bytes(4, sys.byteorder)[:3], "little")
        runs.setdefault(number, []).append((start, length))
        start += length
    return _Segments(runs, size)


# -- Writing -------------------------------------------------------------------------------------


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    images: ImageMode = "copy",
    rotation: Literal["attribute", "polygon"] = "attribute",
    category_ids: Mapping[str, int] | None = None,
) -> None:
    """Write `annotations/instances_SPLIT.json`, and the pictures into `images/SPLIT/`.

    Args:
        data: The data set; samples without a split go into `default`.
        folder: The folder.
        report: Notes what the format can't hold.
        images: `"copy"`, `"link"` for hard links where possible, or `"none"`.
        rotation: Turned boxes: the attribute `rotation` in degrees, with the box before turning;
            or also the corners as outline, with the upright box around.
        category_ids: Ids by class name; by default those that the data set was read with, else
            from 1.

    Raises:
        UsageError: An argument isn't valid.
    """
    check_mode(images)
    if rotation not in ("attribute", "polygon"):
        raise UsageError(f"rotation={rotation!r} is not valid. Use 'attribute' or 'polygon'.")
    ids = _check_ids(data.info.get("category_ids", {}) if category_ids is None else category_ids)
    writer = CocoRowWriter(CategoryRegistry(data.classes, ids), rotation == "polygon", report)
    with ExitStack() as stack:
        files: dict[str, CocoSplitFile] = {}
        for sample in data.samples:
            split = _DEFAULT if sample.split is None else check_name(sample.split)
            if split not in files:
                files[split] = stack.enter_context(CocoSplitFile(folder, split))
            files[split].add(sample, writer, images)
        if not files:
            files[_DEFAULT] = stack.enter_context(CocoSplitFile(folder, _DEFAULT))
        for each in files.values():
            each.finish(writer.categories, data.info)


def _check_ids(ids: Any) -> Mapping[str, int]:
    values = list(ids.values()) if isinstance(ids, Mapping) else [None]
    if any(type(each) is not int for each in values) or len(set(values)) < len(values):
        raise UsageError("category_ids= is not valid. Pass a mapping of names to distinct numbers.")
    checked: Mapping[str, int] = ids
    return checked
