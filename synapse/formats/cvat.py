"""CVAT for images 1.1: one XML file with the shapes of all pictures.

Reading streams the file, picture by picture. Angles are degrees in the file, radians in a `Box`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs

from synapse.errors import UsageError
from synapse.formats.cvat_shapes import CvatShapeReader, CvatShapeWriter, clean_text
from synapse.formats.index_png import make_palette
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.parts import (
    find_picture_size,
    find_size,
    write_picture,
)
from synapse.formats.picture_frame import FRAME_LOSSES, choose_frame, parse_size
from synapse.formats.pictures import check_mode, find_pictures, is_file, list_entries
from synapse.formats.report import FormatReport
from synapse.formats.safe_xml import iterate_elements
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.writing import note_info
from synapse.formats.written_files import record

__all__ = ["LOSSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attribute-value": "An attribute's value comes back as another one: a text `7`, or a list.",
    "bad-mask": "A mask's runs are cut, or leave the picture.",
    "bad-name": "A picture's name isn't valid, such as one that leaves the folder.",
    "bad-number": "A coordinate isn't a finite number, or is missing.",
    "bad-xml": "The file isn't XML from a place on, or has a document type declaration.",
    "characters": "A text has characters that XML can't hold; they are replaced.",
    "class-details": "Supercategories and lines between joints have no place.",
    "clipped": FRAME_LOSSES["clipped"],
    "duplicate": "A second picture of the same name and subset is left out.",
    "group": "A group's own class and attributes, or its overlap with another one, are lost.",
    "info": "Further values of the data set, such as licences, have no place.",
    "kind": "A shape of another kind is left out, such as an ellipse, a cuboid or a relation.",
    "no-area": "A box, outline or mask without area is left out.",
    "no-class": "An annotation without a class is left out.",
    "no-labels": "A picture isn't in the XML file.",
    "no-picture": "The file of a picture isn't there.",
    "no-size": "A picture's size is unknown: its masks are left out.",
    "outside": FRAME_LOSSES["outside"],
    "size-differs": FRAME_LOSSES["size-differs"],
    "track": "The tracks of a video are left out.",
    "turned": FRAME_LOSSES["turned"],
    "visibility": "A joint's unknown visibility becomes visible; outside a skeleton, a missing "
    "one becomes occluded.",
}
"""Codes of the losses, with their meaning."""

_FILE = "annotations.xml"
_SPLITS = ("train", "val", "valid", "validation", "test")


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for one of CVAT, or `None`.

    Args:
        folder: The folder of a data set.
    """
    for path in _find_files(folder):
        return f"{path.relative_to(folder).as_posix()} has annotations of CVAT"
    return None


def _find_files(folder: Path) -> Iterator[Path]:
    for path in list_entries(folder, ".xml"):
        with path.open("rb") as file:
            head = file.read(2**16)
        if b"<annotations" in head and (b"<image" in head or b"<meta" in head):
            yield path


# -- Reading --------------------------------------------------------------------------------------


def read(folder: Path, report: FormatReport, *, clip: bool = False) -> DataSet:
    """Read a data set of CVAT for images. Makes no request.

    Args:
        folder: The folder of `annotations.xml`, with the pictures in `images` or beside the file.
        report: Notes the losses while the samples are read.
        clip: Whether shapes are cut at the picture's edge; by default those partly outside stay.

    Raises:
        UsageError: The folder has no such file.
    """
    files = list(_find_files(folder))
    if not files:
        raise UsageError(f"{folder} has no XML file with annotations of CVAT.")
    classes = _read_classes(files)
    return DataSet(classes, LazySamples(partial(_iterate_steps, folder, files, clip), report))


def _read_classes(files: Iterable[Path]) -> list[DataSetClass]:
    """Return the classes of the files' labels, else those of the shapes by name."""
    joints: dict[str, list[str]] = {}
    names: set[str] = set()
    for path in files:
        try:
            for element in iterate_elements(path, {"meta", "image"}):
                if element.tag == "image":
                    if joints:
                        break  # the labels come first, and are complete
                    names.update(each.get("label", "") for each in element)
                    continue
                for label in element.iter("label"):
                    name, parent = (label.findtext(tag) or "" for tag in ("name", "parent"))
                    if parent:
                        joints.setdefault(parent, []).append(name)
                    elif name.strip():
                        joints.setdefault(name, [])
        except UsageError:
            continue  # the report names the file when its pictures are read
    if joints:
        return [DataSetClass(name, keypoints=parts) for name, parts in joints.items()]
    return [DataSetClass(name) for name in sorted(filter(str.strip, names))]


def _iterate_steps(folder: Path, files: Sequence[Path], clip: bool) -> Iterator[Step]:
    names: set[int] = set()
    pictures: set[int] = set()
    for path in files:
        yield from _iterate_file(folder, path, names, pictures, clip)
    for picture in find_pictures(folder):
        if hash(picture) not in pictures:
            yield partial(_read_picture, folder, picture)


def _iterate_file(
    folder: Path, path: Path, names: set[int], pictures: set[int], clip: bool
) -> Iterator[Step]:
    try:
        for element in iterate_elements(path, {"image", "track"}):
            yield partial(_read_image, folder, path, element, names, pictures, clip)
    except UsageError as error:
        yield partial(_note_broken_file, path.name, str(error))


def _note_broken_file(name: str, reason: str, report: FormatReport) -> None:
    report.skip(name, "bad-xml", reason)


def _read_picture(folder: Path, picture: Path, report: FormatReport) -> Sample | None:
    name = picture.relative_to(folder).as_posix().removeprefix("images/")
    report.lose(name, "no-labels", "The picture isn't in the XML file.")
    try:
        return Sample(name, size=find_picture_size(picture), image=picture)
    except UsageError as error:
        report.skip(name, "bad-name", str(error))
        return None


def _read_image(
    folder: Path,
    path: Path,
    element: ET.Element,
    names: set[int],
    pictures: set[int],
    clip: bool,
    report: FormatReport,
) -> Sample | None:
    name = element.get("name") or ""
    if element.tag == "track":
        report.skip(path.name, "track", f"Track {element.get('id')} is of a video.")
        return None
    split = element.get("subset") or (path.stem if path.stem in _SPLITS else None)
    split = None if split == "default" else split
    try:
        sample = Sample(name, split=split, id=element.get("id"))
    except UsageError as error:
        report.skip(name, "bad-name", str(error))
        return None
    if (key := hash((split, name))) in names:
        report.skip(name, "duplicate", "The file has another picture of the name.")
        return None
    names.add(key)
    tops = [folder / "images", folder]
    places = [*(top / split / name for top in tops if split), *(top / name for top in tops)]
    image = next((place for place in places if is_file(place)), None)
    if image is not None:
        pictures.add(hash(image))
    frame = choose_frame(
        image, parse_size(element.get("width"), element.get("height")), name, report
    )
    shapes = CvatShapeReader(name, frame.size, report).read(element)
    shapes = frame.place(shapes, name, report, clip=clip)
    return attrs.evolve(sample, annotations=shapes, size=frame.stored_size, image=image)


# -- Writing --------------------------------------------------------------------------------------


def write(data: DataSet, folder: Path, report: FormatReport, *, images: ImageMode = "copy") -> None:
    """Write `annotations.xml` and `images` as CVAT for images 1.1. Makes no request.

    Args:
        data: The data set.
        folder: The folder.
        report: Notes the losses.
        images: Whether pictures are copied, linked or left out.

    Raises:
        UsageError: An argument can't be used.
    """
    check_mode(images)
    note_info(data, _FILE, report)
    part = folder / f"{_FILE}.part"
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
        file.write("  <version>1.1</version>\n")
        file.write(_to_text(_make_meta(data.classes, report)))
        for number, sample in enumerate(data.samples):
            element = _write_image(sample, number, report)
            place = folder.joinpath("images", *([sample.split] if sample.split else []))
            write_picture(sample, place / sample.name, images, report)
            file.write(_to_text(element))
            report.samples += 1
        file.write("</annotations>\n")
    record(folder / _FILE)
    part.replace(folder / _FILE)


def _to_text(element: ET.Element) -> str:
    ET.indent(element, level=1)
    return f"  {ET.tostring(element, encoding='unicode').rstrip()}\n"


def _make_meta(classes: Iterable[DataSetClass], report: FormatReport) -> ET.Element:
    meta = ET.Element("meta")
    labels = ET.SubElement(ET.SubElement(meta, "task"), "labels")
    palette = make_palette()
    for index, each in enumerate(classes, start=1):
        if each.supercategory or each.skeleton:
            reason = f"The class {each.name!r} keeps its name and joints only."
            report.lose(_FILE, "class-details", reason)
        rows: list[tuple[str, str, str | None]] = [
            (each.name, "skeleton" if each.keypoints else "any", None)
        ]
        rows += [(joint, "points", each.name) for joint in each.keypoints]
        for name, kind, parent in rows:
            label = ET.SubElement(labels, "label")
            color = "#{:02x}{:02x}{:02x}".format(*palette[index % 256])
            for tag, text in (("name", name), ("color", color), ("type", kind)):
                ET.SubElement(label, tag).text = clean_text(text, _FILE, report)
            ET.SubElement(label, "attributes")
            if parent is not None:
                ET.SubElement(label, "parent").text = clean_text(parent, _FILE, report)
    return meta


def _write_image(sample: Sample, number: int, report: FormatReport) -> ET.Element:
    size = find_size(sample)
    element = ET.Element("image", id=str(number), name=clean_text(sample.name, sample.name, report))
    if sample.split is not None:
        element.set("subset", clean_text(sample.split, sample.name, report))
    if size is not None:
        element.set("width", str(size[0]))
        element.set("height", str(size[1]))
    CvatShapeWriter(sample.name, size, report, element).write(sample.annotations)
    return element
