"""Pascal VOC: an XML file of boxes for each picture, lists of splits, masks with a palette.

A box's edges are `xmin`, `ymin`, `xmax`, `ymax`. Most tools count from 0, with `xmax - xmin` as the
width: that is the default. The original counts pixels from 1 and includes the last one, so the
width is `xmax - xmin + 1`: that is `one_based=True`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from synapse.annotations import Annotation, Box, Group, Mask, masks
from synapse.errors import UsageError
from synapse.formats.index_png import VOID, Color, make_palette, read_indices
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.names import open_register
from synapse.formats.objects import make_stable_id
from synapse.formats.parts import (
    Unfit,
    check_box,
    parse_number,
    parse_value,
    to_tidy,
)
from synapse.formats.picture_frame import FRAME_LOSSES, choose_frame, parse_size
from synapse.formats.pictures import write_file
from synapse.formats.report import FormatReport
from synapse.formats.safe_xml import read_xml
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.voc_layout import VocEntry, VocLayout, find_layout
from synapse.formats.voc_writer import FLAGS, VocWriter, clean_class
from synapse.formats.writing import PartFiles, begin_export

__all__ = ["LOSSES", "VOC_CLASSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Only `truncated`, `difficult`, `occluded` and `pose` have a place.",
    "bad-mask": "A mask isn't a readable PNG, or has another size than the picture.",
    "bad-name": "A picture's name isn't valid, such as one with a backslash.",
    "bad-number": "A coordinate isn't a finite number, or is missing.",
    "bad-xml": "A file isn't XML, or has a document type declaration; its picture is left out.",
    "box-added": "An object with an outline or mask only gets the box around.",
    "characters": "A name has characters that XML or a list can't hold; they are replaced.",
    "class-details": "Supercategories and joints of classes have no place.",
    "clipped": FRAME_LOSSES["clipped"],
    "element": "An element isn't read, such as `part`, `polygon` and a second `bndbox`.",
    "group": "A group of several objects has no place.",
    "info": "Further values of the data set, such as licences, have no place.",
    "joints": "An object's joints have no place.",
    "kind": "An annotation is left out: no place for keypoints, lines, relations and labels.",
    "mask-size": "A mask isn't of the picture's size; the object's box is written.",
    "no-area": "A box, outline or mask without area is left out.",
    "no-class": "An annotation without a class is left out.",
    "no-labels": "A picture has no XML file; one without objects would mean an empty picture.",
    "no-picture": "The file of a picture isn't there.",
    "no-size": "A picture's size is unknown: its masks are left out.",
    "outline": "An outline becomes the pixels within, or the box around with `masks=False`.",
    "outside": FRAME_LOSSES["outside"],
    "overlap": "A mask covers pixels of another one, which lose them.",
    "renamed": "A picture gets another name, since another one has the same stem.",
    "rotation": "A turned box becomes the upright box around.",
    "rounded": "Coordinates become whole pixels, unless `decimals=True`; thin boxes a pixel wide.",
    "shape": "With `masks=False`, only the box around a mask is written.",
    "size-differs": FRAME_LOSSES["size-differs"],
    "too-large": "A picture has more than 2^27 pixels: its masks are left out.",
    "too-many": "An object beyond the 254th of a picture, or class beyond the 254th, gets no mask.",
    "turned": FRAME_LOSSES["turned"],
    "unknown-class": "A mask's class isn't one of the data set's.",
    "void": "Pixels of the index 255 belong to no annotation.",
}
"""Codes of the losses, with their meaning."""

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""The classes of the original data set, in the order of the masks' indices from 1."""

_READ = {"name", "bndbox", "pose", "attributes", *FLAGS}
# Pixels between the edge of a mask and that of its box, where the border is void.
_BORDER = 5
_LABEL_MAP = "labelmap.txt"
# End of a line of a class, also of one whose name begins with the sign of comments.
_COLORED = re.compile(r":\d+,\d+,\d+:[^:]*:[^:]*$")


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for a Pascal VOC data set, or `None`.

    Args:
        folder: The folder of a data set.
    """
    layout = find_layout(folder)
    if layout is None:
        return None
    for path in layout.examples:
        if _is_annotation(path):
            return f"{path.relative_to(folder).as_posix()} is an annotation of Pascal VOC"
    return None


def _is_annotation(path: Path) -> bool:
    if path.suffix != ".xml":
        return True
    try:
        root = read_xml(path)
    except UsageError:
        return False
    has_box = root.find("object/bndbox") is not None
    return root.tag == "annotation" and (has_box or root.find("size") is not None)


# -- Reading --------------------------------------------------------------------------------------


@attrs.frozen
class _VocReader:
    layout: VocLayout
    names: Sequence[str]
    colors: Mapping[int, Color]
    one_based: bool
    masks: bool
    clip: bool

    def iterate_steps(self) -> Iterator[Step]:
        for entry in self.layout.iterate_entries():
            yield partial(self.read_sample, entry)

    def read_sample(self, entry: VocEntry, report: FormatReport) -> Sample | None:
        name = entry.name
        if entry.labels is None and entry.image is None and not entry.has_masks:
            report.skip(name, "no-picture", "The listed picture isn't in the folder.")
            return None
        objects: list[Box | None] = []
        stated = None
        if entry.labels is not None:
            try:
                root = read_xml(entry.labels)
            except UsageError as error:
                report.skip(name, "bad-xml", str(error))
                return None
            stated = parse_size(root.findtext("size/width"), root.findtext("size/height"))
        else:
            root = ET.Element("annotation")
        frame = choose_frame(entry.image, stated, name, report)
        for number, element in enumerate(root.iter("object"), start=1):
            new_id = make_stable_id(name, number)
            try:
                objects.append(self._read_box(element, frame.size, name, new_id, report))
            except Unfit as error:
                report.skip(name, error.code, f"Object {number}: {error.reason}")
                objects.append(None)
        annotations: list[Annotation] = [each for each in objects if each is not None]
        if self.masks and entry.has_masks:
            try:
                annotations += self._read_masks(entry, frame.size, objects, report)
            except UsageError as error:
                report.skip(name, "bad-mask", str(error))
        elif entry.labels is None:
            report.lose(name, "no-labels", "The picture has no XML file.")
        annotations = frame.place(annotations, name, report, clip=self.clip)
        size = frame.stored_size
        try:
            return Sample(name, annotations, size=size, image=entry.image, split=entry.split)
        except UsageError as error:
            report.skip(name, "bad-name", str(error))
            return None

    def _read_box(
        self,
        element: ET.Element,
        size: tuple[int, int] | None,
        name: str,
        new_id: str,
        report: FormatReport,
    ) -> Box:
        label = (element.findtext("name") or "").strip()
        if not label:
            raise Unfit("no-class", "no name.")
        edges = [
            parse_number((element.findtext(f"bndbox/{edge}") or "").strip())
            for edge in ("xmin", "ymin", "xmax", "ymax")
        ]
        left, top, right, bottom = edges
        if self.one_based:
            left, top = left - 1, top - 1
        check_box((left, top, right - left, bottom - top), size)
        unknown = sorted({each.tag for each in element} - _READ)
        if unknown:
            report.lose(name, "element", f"Not read: {', '.join(unknown)}.", annotation=new_id)
        if len(element.findall("bndbox")) > 1:
            reason = "Only the first bndbox is read."
            report.lose(name, "element", reason, annotation=new_id)
        edges = [left, top, to_tidy(right - left), to_tidy(bottom - top)]
        return Box(*edges, label=label, id=new_id, attributes=_read_attributes(element))

    def _read_masks(
        self,
        entry: VocEntry,
        size: tuple[int, int] | None,
        objects: Sequence[Box | None],
        report: FormatReport,
    ) -> Iterator[Annotation]:
        name = entry.name
        indices = classes = b""
        for path in (entry.class_mask, entry.object_mask):
            if path is None:
                continue
            pixels, *found = read_indices(path, self.colors, size)
            size = found[0], found[1]
            if path == entry.object_mask:
                indices = pixels
            else:
                classes = pixels
        if VOID in (classes or indices):
            report.lose(name, "void", "Pixels of the index 255 belong to no annotation.")
        for value in sorted({*(indices or classes)} - {0, VOID}):
            runs = masks.from_pixels(indices or classes, value)
            new_id = make_stable_id(name, "mask", value)
            box = objects[value - 1] if indices and value <= len(objects) else None
            found_class = _most_common(classes, runs) if classes else None
            label = box.label if box and found_class is None else None
            if found_class and found_class <= len(self.names):
                label = self.names[found_class - 1]
            elif found_class and box:
                label = box.label
            if label is None:
                reason = f"Index {found_class or value} of {len(self.names)} classes from 1."
                report.skip(name, "unknown-class", reason)
                continue
            mask = Mask(runs, size=size, label=label, id=new_id)
            yield mask
            if box and box.label == label and _is_within(mask, box):
                group_id = make_stable_id(name, "group", value)
                yield Group([box.id, mask.id], label=label, id=group_id)


def read(
    folder: Path,
    report: FormatReport,
    *,
    one_based: bool = False,
    masks: bool = True,
    classes: Sequence[str] | None = None,
    clip: bool = False,
) -> DataSet:
    """Read a Pascal VOC data set. Makes no request.

    Args:
        folder: The folder of `Annotations` and `JPEGImages`, one above, or one in which the XML
            files are beside the pictures.
        report: Notes the losses while the samples are read.
        one_based: Whether the pixels are counted from 1, as in the original data set.
        masks: Whether `SegmentationClass` and `SegmentationObject` are read.
        classes: Names of the classes in the order of the masks' indices from 1; by default those
            of `labelmap.txt`, the 20 of the original, or the XML files' own by name.
        clip: Whether shapes are cut at the picture's edge; by default those partly outside stay.

    Raises:
        UsageError: The folder has no such files, or an argument can't be used.
    """
    if isinstance(classes, str):
        raise UsageError(f"classes={classes!r} is not a list. Pass the names in order.")
    layout = find_layout(folder)
    if layout is None:
        raise UsageError(
            f"{folder} has no XML files, neither in Annotations nor beside the pictures."
        )
    names: Sequence[str] | None = classes
    colors = make_palette()[:VOID]
    known: Sequence[str] | None = classes
    if names is None:
        stored = _read_label_map(layout.root / _LABEL_MAP)
        if stored:
            known = names = [name for name, _ in stored[1:]]
            colors = [color for _, color in stored]
        else:
            names = _collect_names(layout)
            if layout.has_masks and set(names) <= set(VOC_CLASSES):
                known = names = VOC_CLASSES
    reader = _VocReader(layout, known or (), dict(enumerate(colors)), one_based, masks, clip)
    return DataSet(map(DataSetClass, names), LazySamples(reader.iterate_steps, report))


def _read_attributes(element: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for flag in FLAGS:
        text = (element.findtext(flag) or "0").strip()
        if text != "0":
            found[flag] = True if text == "1" else parse_value(text)
    pose = (element.findtext("pose") or "").strip()
    if pose and pose != "Unspecified":
        found["pose"] = pose
    for each in element.iterfind("attributes/attribute"):
        name = (each.findtext("name") or "").strip()
        if name:
            found[name] = parse_value((each.findtext("value") or "").strip())
    return found


def _read_label_map(path: Path) -> list[tuple[str, Color]]:
    """Return the names and colours of a label map, the background first."""
    if not path.is_file():
        return []
    found: list[tuple[str, Color | None]] = []
    for number, line in enumerate(path.read_text("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip() or (line.startswith("#") and not _COLORED.search(line)):
            continue
        name, *others = line.rsplit(":", 3)
        if others[:1] == [""]:  # datumaro leaves out the colours of the palette
            found.append((name, None))
            continue
        try:
            red, green, blue = (int(value) for value in (others[0] if others else "").split(","))
            color = bytes([red, green, blue])
        except ValueError:
            raise UsageError(
                f"{path}, line {number}: {line!r} is not name:red,green,blue::. Fix the line."
            ) from None
        found.append((name, (color[0], color[1], color[2])))
    if found and found[0][0] != "background":
        found.insert(0, ("background", (0, 0, 0)))
    palette = make_palette()
    return [(name, color or palette[at % VOID]) for at, (name, color) in enumerate(found)]


def _collect_names(layout: VocLayout) -> list[str]:
    names: set[str] = set()
    for entry in layout.iterate_entries():
        if entry.labels is not None:
            try:
                root = read_xml(entry.labels)
            except UsageError:
                continue  # the report names the file when its sample is read
            names.update((each.findtext("name") or "").strip() for each in root.iter("object"))
    return sorted(names - {""})


def _most_common(classes: bytes, runs: masks.Runs) -> int | None:
    counts: Counter[int] = Counter()
    for start, length in runs:
        counts.update(classes[start : start + length])
    for value, _ in counts.most_common():
        if value not in (0, VOID):
            return value
    return None


def _is_within(mask: Mask, box: Box) -> bool:
    x, y, width, height = mask.bounds or (0, 0, 0, 0)
    left, top, right, bottom = box.xyxy
    return (
        x >= left - _BORDER
        and y >= top - _BORDER
        and x + width <= right + _BORDER
        and y + height <= bottom + _BORDER
    )


# -- Writing --------------------------------------------------------------------------------------


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    one_based: bool = False,
    decimals: bool = False,
    masks: bool = True,
    images: ImageMode = "copy",
) -> None:
    """Write a Pascal VOC data set. Makes no request.

    Args:
        data: The data set.
        folder: The folder of `Annotations`, `JPEGImages` and the others.
        report: Notes the losses.
        one_based: Whether the pixels are counted from 1, as in the original data set.
        decimals: Whether coordinates keep their fractions; the original has whole numbers.
        masks: Whether outlines and masks are written as pixels, in `SegmentationClass` and
            `SegmentationObject`.
        images: Whether pictures are copied, linked or left out.

    Raises:
        UsageError: An argument or the name of a split can't be used.
    """
    begin_export(data, images, _LABEL_MAP, report)
    names = [clean_class(each.name, _LABEL_MAP, report) for each in data.classes]
    with open_register() as register, ExitStack() as stack:
        writer = VocWriter(folder, report, register, PartFiles(stack), names)
        writer = attrs.evolve(
            writer, one_based=one_based, decimals=decimals, masks=masks, images=images
        )
        for sample in data.samples:
            writer.write(sample)
        writer.lists.finish()
    palette = make_palette()
    rows = [
        f"{name}:{','.join(map(str, palette[index % VOID]))}::"
        for index, name in enumerate(["background", *names])
    ]
    text = "\n".join(["# label:color_rgb:parts:actions", *rows, ""])
    write_file(folder / _LABEL_MAP, text.encode("utf-8"))
