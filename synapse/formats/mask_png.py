"""Masks as PNG: for each picture one PNG, whose pixels are the indices or colours of classes.

A mask has one class for each pixel, and neither objects nor attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import attrs

from synapse.annotations import Annotation, Mask, masks
from synapse.errors import UsageError
from synapse.formats.index_png import VOID, Canvas, Color, make_palette, read_indices
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.names import NameRegister, make_class_lines, open_register
from synapse.formats.objects import ImageObject, make_stable_id
from synapse.formats.parts import (
    Unfit,
    find_picture_size,
    find_size,
    rasterize_object,
    write_picture,
)
from synapse.formats.pictures import find_files, find_pictures, write_file
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.writing import begin_export, choose_picture_name, write_objects

__all__ = ["LOSSES", "MaskStyle", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Attributes of annotations have no place.",
    "bad-mask": "A mask isn't a readable PNG, or has another size than the picture.",
    "characters": "A class has a line end, or blanks at an end; its name is written without.",
    "class-details": "Supercategories and joints of classes have no place.",
    "group": "A group of several objects has no place.",
    "info": "Further values of the data set, such as licences, have no place.",
    "joints": "An object's joints have no place.",
    "kind": "An annotation is left out: only outlines and masks have a place.",
    "mask-size": "A mask isn't of the picture's size.",
    "no-area": "An outline or mask covers no pixel.",
    "no-class": "An annotation without a class is left out.",
    "no-labels": "A picture has no mask; one of zeros would mean an empty picture.",
    "no-picture": "The file of a picture isn't there.",
    "no-size": "A picture's size is unknown: it is left out.",
    "objects": "Objects of one class become one mask.",
    "outline": "An outline becomes the pixels within.",
    "overlap": "A mask covers pixels of another class, which loses them.",
    "renamed": "A picture gets another name, since another one has the same stem.",
    "shape": "An object's box has no place beside its outline or mask.",
    "too-large": "A picture has more than 2^27 pixels: it is left out.",
    "too-many": "A class beyond the 254th has no index.",
    "unknown-class": "The class isn't one of the data set's, or an index has no class.",
    "void": "Pixels of the index 255, or of unknown colours, belong to no annotation.",
}
"""Codes of the losses, with their meaning."""

MaskStyle: TypeAlias = Literal["index", "color"]
"""Pixels of a mask, indices, with a palette, or red, green and blue."""

_CLASSES = "classes.txt"
_PICTURES = "images"
_MASKS = "masks"
_SPLITS = ("train", "val", "valid", "validation", "test")
_ROW = re.compile(r"(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S.*)")


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for one of masks, or `None`.

    Args:
        folder: The folder of a data set.
    """
    path = folder / _CLASSES
    example = next(find_files(folder / _MASKS, ".png"), None)
    if example is None or not path.is_file():
        return None
    try:
        _read_classes(path)
    except UsageError:
        return None
    return f"{_CLASSES} has colours, and {example.relative_to(folder).as_posix()} is a mask"


# -- Classes --------------------------------------------------------------------------------------


@attrs.frozen
class _ClassRow:
    """A class: the index, the colour and the name."""

    index: int
    color: Color
    name: str


def _read_classes(path: Path) -> list[_ClassRow]:
    """Return the rows of `classes.txt`: index, red, green, blue and name."""
    rows: list[_ClassRow] = []
    for number, line in enumerate(path.read_text("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _ROW.fullmatch(line.strip())
        values = [int(match[at]) for at in range(1, 5)] if match else [256]
        if match is None or max(values) > VOID:
            raise UsageError(
                f"{path}, line {number}: {line!r} is not INDEX RED GREEN BLUE NAME, numbers up to "
                "255. Fix the line."
            )
        if any(row.index == values[0] for row in rows):
            raise UsageError(
                f"{path}, line {number}: the index {values[0]} is there twice. Number each class "
                "once."
            )
        rows.append(_ClassRow(values[0], (values[1], values[2], values[3]), match[5]))
    return rows


def _make_classes(classes: Sequence[str] | Mapping[str, Color]) -> list[_ClassRow]:
    """Return the rows of classes that are given by the caller; the background is index 0."""
    if isinstance(classes, str):
        raise UsageError(f"classes={classes!r} is not a list. Pass the names in order.")
    palette = make_palette()
    colors: Mapping[str, Color] = classes if isinstance(classes, Mapping) else {}
    rows = [_ClassRow(0, palette[0], "background")]
    for index, name in enumerate(classes, start=1):
        color = tuple(colors.get(name, palette[index % VOID]))
        if len(color) != 3 or not all(type(each) is int and 0 <= each <= VOID for each in color):
            raise UsageError(f"classes[{name!r}]={color!r} is not (red, green, blue), 0 to 255.")
        rows.append(_ClassRow(index, (color[0], color[1], color[2]), name))
    return rows


# -- Reading --------------------------------------------------------------------------------------


def read(
    folder: Path,
    report: FormatReport,
    *,
    classes: Sequence[str] | Mapping[str, Color] | None = None,
    images: str = _PICTURES,
    masks: str = _MASKS,
    suffix: str = "",
) -> DataSet:
    """Read pictures and their masks. Makes no request.

    Args:
        folder: The folder of `classes.txt`, of pictures and of masks.
        report: Notes the losses while the samples are read.
        classes: Names of the classes in the order of their indices from 1, or their colours by
            name, instead of `classes.txt`.
        images: The folder of the pictures, relative.
        masks: The folder of the masks, relative, with the same tree as the pictures'.
        suffix: End of a mask's stem after that of the picture, such as `_L`.

    Raises:
        UsageError: The classes aren't known, or a folder isn't there.
    """
    path = folder / _CLASSES
    if classes is None and not path.is_file():
        raise UsageError(
            f"{path} isn't there. Pass classes=[...], the names in the order of their indices from "
            "1, or classes={'road': (128, 64, 128), ...} for masks in colours."
        )
    for name in (images, masks):
        if not (folder / name).is_dir():
            raise UsageError(f"{folder / name} is not a folder. Pass images= and masks=.")
    rows = _read_classes(path) if classes is None else _make_classes(classes)
    reader = _MaskReader(folder / images, folder / masks, suffix, rows)
    named = [DataSetClass(row.name) for row in rows if row.index not in (0, VOID)]
    return DataSet(named, LazySamples(reader.iterate_steps, report))


@attrs.frozen
class _MaskReader:
    pictures: Path
    masks: Path
    suffix: str
    classes: Sequence[_ClassRow]

    def iterate_steps(self) -> Iterator[Step]:
        found: set[str] = set()
        for picture in find_pictures(self.pictures):
            stem = picture.relative_to(self.pictures).with_suffix("").as_posix()
            mask = self.masks / f"{stem}{self.suffix}.png"
            if picture == mask:
                continue  # pictures and masks in one folder
            if self.pictures == self.masks and self.suffix and picture.stem.endswith(self.suffix):
                continue
            found.add(stem)
            yield partial(self._read_sample, picture, mask)
        for mask in sorted(find_files(self.masks, f"{self.suffix}.png", hidden=True)):
            name = mask.relative_to(self.masks).with_suffix("").as_posix()
            if name[: len(name) - len(self.suffix)] not in found:
                yield partial(self._read_sample, None, mask)

    def _read_sample(self, picture: Path | None, mask: Path, report: FormatReport) -> Sample | None:
        if picture is None:
            name = mask.relative_to(self.masks).as_posix()
            report.skip(name, "no-picture", "The mask has no picture.")
            return None
        path = PurePosixPath(picture.relative_to(self.pictures).as_posix())
        split = path.parts[0] if len(path.parts) > 1 and path.parts[0] in _SPLITS else None
        name = str(path.relative_to(split)) if split else str(path)
        size = find_picture_size(picture)
        annotations: list[Annotation] = []
        if mask.is_file():
            try:
                annotations = list(self._read_masks(mask, name, size, report))
            except UsageError as error:
                report.skip(name, "bad-mask", str(error))
                return None
        else:
            report.lose(name, "no-labels", f"{mask} isn't there.")
        size = next((each.size for each in annotations if isinstance(each, Mask)), size)
        try:
            return Sample(name, annotations, size=size, image=picture, split=split)
        except UsageError as error:
            report.skip(name, "no-picture", str(error))
            return None

    def _read_masks(
        self, path: Path, name: str, size: tuple[int, int] | None, report: FormatReport
    ) -> Iterator[Mask]:
        colors = {row.index: row.color for row in self.classes}
        pixels, width, height = read_indices(path, colors, size)
        names = {row.index: row.name for row in self.classes if row.index not in (0, VOID)}
        for value in sorted({*pixels}):
            if value in names:
                runs = masks.from_pixels(pixels, value)
                new_id = make_stable_id(name, value)
                yield Mask(runs, size=(width, height), label=names[value], id=new_id)
            elif value == VOID:
                reason = "Pixels of the index 255, or of unknown colours, belong to no annotation."
                report.lose(name, "void", reason)
            elif value:
                report.skip(name, "unknown-class", f"The index {value} has no class.")


# -- Writing --------------------------------------------------------------------------------------


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    style: MaskStyle = "index",
    colors: Mapping[str, Color] | None = None,
    images: ImageMode = "copy",
) -> None:
    """Write `images/SPLIT`, `masks/SPLIT` and `classes.txt`. Makes no request.

    Args:
        data: The data set.
        folder: The folder.
        report: Notes the losses.
        style: `"index"` for pixels with the index of the class, shown in its colour, or `"color"`
            for pixels with the colour itself.
        colors: Colours of classes, by name; by default those of Pascal VOC, in order.
        images: Whether pictures are copied, linked or left out.

    Raises:
        UsageError: An argument can't be used.
    """
    if style not in ("index", "color"):
        raise UsageError(f"style={style!r} is not valid. Use 'index' or 'color'.")
    begin_export(data, images, _CLASSES, report)
    chosen = dict(colors or {})
    names = [each.name for each in data.classes]
    for name in sorted(set(chosen) - set(names)):
        raise UsageError(f"colors has {name!r}, which is not a class of the data set.")
    palette = make_palette()
    every = {name: chosen.get(name, palette[at % VOID]) for at, name in enumerate(names, start=1)}
    rows = [row for row in _make_classes(every) if row.index < VOID]
    used = [row.color for row in rows]
    if len(set(used)) < len(used):
        raise UsageError("Two classes have one colour. Pass other colors=.")
    for name in names[VOID - 1 :]:
        report.skip(_CLASSES, "too-many", f"The class {name!r} has no index.")
    with open_register() as register:
        writer = _MaskWriter(folder, report, register, rows, style, images)
        for sample in data.samples:
            writer.write(sample)
    written = make_class_lines((row.name for row in rows), _CLASSES, report)
    lines = [
        f"{row.index} {' '.join(map(str, row.color))} {name}"
        for row, name in zip(rows, written, strict=True)
    ]
    text = "\n".join(["# index red green blue name", *lines, ""])
    write_file(folder / _CLASSES, text.encode("utf-8"))


@attrs.frozen
class _MaskWriter:
    folder: Path
    report: FormatReport
    register: NameRegister
    classes: Sequence[_ClassRow]
    style: MaskStyle
    images: ImageMode

    def write(self, sample: Sample) -> None:
        """Write a picture and its mask."""
        report, name = self.report, sample.name
        size = find_size(sample)
        if size is None:
            report.skip(name, "no-size", "The picture's size is unknown.")
            return
        picture = choose_picture_name(self.register, sample, report)
        try:
            canvas = Canvas(*size)
        except Unfit as error:
            report.skip(name, error.code, error.reason)
            return
        painted: dict[int, int] = {}
        write_objects(sample, report, lambda found: self._paint(found, canvas, painted, name))
        write_picture(sample, self.folder / _PICTURES / picture, self.images, report)
        colors: list[Color] = [(0, 0, 0)] * (VOID + 1)
        for row in self.classes:
            colors[row.index] = row.color
        content = canvas.to_png(colors) if self.style == "index" else canvas.to_color_png(colors)
        stem = PurePosixPath(picture).with_suffix("")
        if not sample.is_unknown:
            write_file(self.folder / _MASKS / f"{stem}.png", content)
        report.samples += 1

    def _paint(
        self, found: ImageObject, canvas: Canvas, painted: dict[int, int], name: str
    ) -> None:
        if not found.polygons and not found.mask:
            raise Unfit("kind", f"No place for a {'box' if found.box else 'keypoint'}.")
        if found.label is None:
            raise Unfit("no-class", "The annotation has no class.")
        named = (row.index for row in self.classes if row.index and row.name == found.label)
        index = next(named, None)
        if index is None:
            raise Unfit("unknown-class", f"The masks have no class {found.label!r}.")
        runs = rasterize_object(found, (canvas.width, canvas.height))
        others = canvas.pixels.translate(bytes(value not in (0, index) for value in range(256)))
        canvas.paint(runs, index)
        painted[index] = painted.get(index, 0) + 1
        notes = [
            ("overlap", any(any(others[start : start + length]) for start, length in runs)),
            ("objects", painted[index] == 2),
            ("outline", bool(found.polygons)),
            ("shape", found.box is not None),
            ("joints", bool(found.keypoints)),
            ("attributes", any(each.attributes for each in found.annotations)),
        ]
        for code, is_lost in notes:
            if is_lost:
                self.report.lose(name, code, LOSSES[code], annotation=found.id)
        self.report.annotations += len(found.polygons) + (found.mask is not None)
