"""Pascal VOC: the XML file, the masks and the lists of a picture."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from synapse.annotations import Mask, Polygon
from synapse.errors import FieldValueError
from synapse.formats.index_png import MAX_CANVAS, VOID, Canvas, make_palette
from synapse.formats.names import NameRegister
from synapse.formats.objects import ImageObject
from synapse.formats.parts import (
    Unfit,
    check_box,
    find_bounds,
    find_size,
    format_number,
    format_value,
    rasterize_object,
    write_picture,
)
from synapse.formats.pictures import write_file
from synapse.formats.report import FormatReport
from synapse.formats.safe_xml import make_xml, to_xml_text
from synapse.formats.samples import ImageMode, Sample
from synapse.formats.writing import PartFiles, write_objects

__all__ = ["FLAGS", "VocWriter", "clean_class", "clean_name"]

FLAGS = ("truncated", "difficult", "occluded")
_LAST_INDEX = VOID - 1


def clean_name(text: str, name: str, report: FormatReport) -> str:
    """Return a name that XML and lists of lines can hold, and note the change."""
    clean = re.sub(r"\s+", " ", to_xml_text(text)).strip()
    if clean != text:
        report.lose(name, "characters", f"{text!r} is written as {clean!r}.")
    return clean


def clean_class(text: str, name: str, report: FormatReport) -> str:
    """Return a class that the label map can hold too, where `#` begins a comment."""
    clean = _to_class(text)
    if clean != text:
        report.lose(name, "characters", f"{text!r} is written as {clean!r}.")
    return clean


def _to_class(text: str) -> str:
    clean = re.sub(r"\s+", " ", to_xml_text(text)).strip()
    return f"_{clean}" if clean.startswith("#") else clean


@attrs.frozen
class VocWriter:
    """Writes pictures with their files.

    Attributes:
        folder: The folder of the data set.
        report: Notes what the format can't hold.
        register: Names that are taken.
        lists: The lists of splits.
        names: Names of the classes.
        one_based: Whether pixels are counted from 1.
        decimals: Whether coordinates keep their fractions.
        masks: Whether outlines and masks are written as pixels.
        images: Whether pictures are copied, linked or left out.
    """

    folder: Path
    report: FormatReport
    register: NameRegister
    lists: PartFiles
    names: Sequence[str]
    one_based: bool = False
    decimals: bool = False
    masks: bool = True
    images: ImageMode = "copy"

    def write(self, sample: Sample) -> None:
        """Write a picture with its files."""
        report, name = self.report, sample.name
        picture = self.register.choose(clean_name(name, name, report), sample.split)
        if picture != name:
            report.lose(name, "renamed", f"The picture is written as {picture}.")
        size = find_size(sample)
        canvases = None
        has_pixels = any(isinstance(each, (Mask, Polygon)) for each in sample.annotations)
        if size is not None and self.masks and has_pixels:
            with suppress(Unfit):  # too large: each object says so
                canvases = Canvas(*size), Canvas(*size)
        root = ET.Element("annotation")
        for tag, text in (("folder", "JPEGImages"), ("filename", picture)):
            ET.SubElement(root, tag).text = text
        if size is not None:
            element = ET.SubElement(root, "size")
            for tag, side in zip(("width", "height", "depth"), (*size, 3), strict=True):
                ET.SubElement(element, tag).text = str(side)
        segmented = ET.SubElement(root, "segmented")
        write_objects(
            sample,
            report,
            lambda found: self._write_object(found, root, size, canvases, name),
        )
        stem = str(Path(picture).with_suffix("").as_posix())
        has_masks = canvases is not None and any(canvases[0].pixels)
        segmented.text = str(int(has_masks))
        write_picture(sample, self.folder / "JPEGImages" / picture, self.images, report)
        if canvases is not None and has_masks:
            palette = make_palette()
            for kind, canvas in zip(("Class", "Object"), canvases, strict=True):
                path = self.folder / f"Segmentation{kind}" / f"{stem}.png"
                write_file(path, canvas.to_png(palette))
            self._list("Segmentation", sample.split, stem)
        if not sample.is_unknown:
            write_file(self.folder / "Annotations" / f"{stem}.xml", make_xml(root))
        self._list("Main", sample.split, stem)
        report.samples += 1

    def _list(self, kind: str, split: str | None, stem: str) -> None:
        path = self.folder / "ImageSets" / kind / f"{split or 'default'}.txt"
        self.lists.open(path)[0].write(f"{stem}\n")

    def _write_object(
        self,
        found: ImageObject,
        root: ET.Element,
        size: tuple[int, int] | None,
        canvases: tuple[Canvas, Canvas] | None,
        name: str,
    ) -> None:
        if not found.box and not found.polygons and not found.mask:
            raise Unfit("kind", "No place for a keypoint.")
        if found.label is None:
            raise Unfit("no-class", "The annotation has no class.")
        if found.mask is not None and found.mask.size is None and size is not None:
            found = attrs.evolve(found, mask=attrs.evolve(found.mask, size=size))
        x, y, width, height = find_bounds(found)
        check_box((x, y, width, height), size)
        notes = list(_list_losses(found))
        edges = [x + self.one_based, y + self.one_based, x + width, y + height]
        for at in (0, 1):
            if edges[at] > edges[at + 2]:  # counted from 1, thinner than a pixel
                edges[at] = edges[at + 2] = (edges[at] + edges[at + 2]) / 2
                notes.append(("rounded", "A box thinner than a pixel is a pixel wide."))
        if not self.decimals:
            rounded = _round_edges(edges, smallest=1 - self.one_based)
            if rounded != edges:
                notes.append(("rounded", "Coordinates are rounded to whole pixels."))
            edges = rounded
        element = ET.SubElement(root, "object")
        ET.SubElement(element, "name").text = clean_class(found.label or "", name, self.report)
        attributes = _join_attributes(found)
        ET.SubElement(element, "pose").text = to_xml_text(
            str(attributes.get("pose", "Unspecified"))
        )
        for flag in FLAGS:
            value = attributes.get(flag)
            if flag != "occluded" or value is not None:
                is_flag = value is None or isinstance(value, (bool, int))
                text = str(int(value or 0)) if is_flag else format_value(value)
                ET.SubElement(element, flag).text = to_xml_text(text)
        place = ET.SubElement(element, "bndbox")
        for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True):
            ET.SubElement(place, tag).text = format_number(edge)
        count = 1
        if found.polygons or found.mask:
            try:
                notes += self._paint(found, len(root.findall("object")), size, canvases)
                count = len(found.annotations) - len(found.keypoints)
            except (Unfit, FieldValueError) as error:
                code = error.code if isinstance(error, Unfit) else "mask-size"
                notes.append((code, f"Only the box is written. {error}"))
        self.report.annotations += count
        for code, reason in notes:
            self.report.lose(name, code, reason, annotation=found.id)

    def _paint(
        self,
        found: ImageObject,
        number: int,
        size: tuple[int, int] | None,
        canvases: tuple[Canvas, Canvas] | None,
    ) -> Iterator[tuple[str, str]]:
        if not self.masks:
            raise Unfit("outline" if found.polygons else "shape", "masks=False.")
        if size is None:
            raise Unfit("no-size", "The picture's size is unknown.")
        if canvases is None:
            raise Unfit("too-large", f"No masks of more than {MAX_CANVAS} pixels.")
        label = _to_class(found.label or "")
        if label not in self.names:
            raise Unfit("unknown-class", f"The data set has no class {found.label!r}.")
        index = self.names.index(label) + 1
        if max(number, index) > _LAST_INDEX:
            raise Unfit("too-many", "A mask has at most 254 objects and classes.")
        runs = rasterize_object(found, size)
        if found.polygons:
            yield "outline", "The outline becomes the pixels within."
        canvases[0].paint(runs, index)
        if canvases[1].paint(runs, number):
            yield "overlap", "The mask takes pixels from another one."


def _round_edges(edges: Sequence[float], *, smallest: int) -> list[float]:
    """Return whole numbers; a box thinner than a pixel covers the pixel around."""
    rounded: list[float] = [round(edge) for edge in edges]
    for at in (0, 1):
        if rounded[at + 2] - rounded[at] < smallest:
            rounded[at] = math.floor(edges[at])
            rounded[at + 2] = max(math.ceil(edges[at + 2]), rounded[at] + smallest)
    return rounded


def _list_losses(found: ImageObject) -> Iterator[tuple[str, str]]:
    if found.keypoints:
        yield "joints", "The object's joints have no place."
    if found.box is None:
        yield "box-added", "The object gets the box around."
    elif found.box.rotation:
        yield "rotation", "The upright box around the turned one is written."
    lost = sorted(set(_join_attributes(found)) - {*FLAGS, "pose"})
    if lost:
        yield "attributes", f"No place for {', '.join(lost)}."


def _join_attributes(found: ImageObject) -> Mapping[str, Any]:
    parts = [*reversed(found.annotations), found.group]
    joined = {key: each.attributes[key] for each in parts if each for key in each.attributes}
    return {key: value for key, value in joined.items() if value is not None}
