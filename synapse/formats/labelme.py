"""LabelMe: a JSON file of shapes beside each picture."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from synapse.annotations import (
    Annotation,
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
    masks,
)
from synapse.annotations.base import Point
from synapse.errors import FieldValueError, UsageError
from synapse.formats.index_png import read_png_size
from synapse.formats.json_stream import JSON_ERRORS
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.names import open_register
from synapse.formats.objects import make_stable_id
from synapse.formats.parts import (
    Unfit,
    check_box,
    find_picture_size,
    find_size,
    parse_number,
    to_tidy,
    write_picture,
)
from synapse.formats.picture_frame import FRAME_LOSSES, choose_frame, parse_size
from synapse.formats.pictures import (
    SUFFIXES,
    find_files,
    find_pictures,
    is_file,
    write_file,
)
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.writing import begin_export, choose_picture_name

__all__ = ["LOSSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Only truths (flags) and a text `description` have a place.",
    "bad-json": "A file isn't JSON of LabelMe, or is larger than 256 MiB; it is left out.",
    "bad-mask": "A mask isn't a readable PNG, or leaves the picture.",
    "bad-name": "A picture's name isn't valid, such as one with a backslash.",
    "bad-number": "A coordinate isn't a finite number, or is missing.",
    "class-details": "Supercategories and joints of classes have no place.",
    "classes": "Classes without an annotation have no place, nor has the order of classes.",
    "clipped": FRAME_LOSSES["clipped"],
    "element": "A value of a shape isn't read.",
    "embedded": "A picture is in the JSON file only; it isn't read.",
    "group": "A group's own class and attributes, or its overlap with another one, are lost.",
    "info": "Further values of the data set, such as licences, have no place.",
    "kind": "A shape of another kind is left out, such as a circle or a relation.",
    "no-area": "A box, outline or mask without area is left out.",
    "no-class": "An annotation without a class is left out.",
    "no-labels": "A picture has no JSON file.",
    "no-picture": "The file of a picture isn't there.",
    "no-size": "A picture's size is unknown: its masks are left out.",
    "outside": FRAME_LOSSES["outside"],
    "renamed": "A picture gets another name, since another one has the same stem.",
    "rotation": "A turned box becomes the outline of its four corners.",
    "size-differs": FRAME_LOSSES["size-differs"],
    "turned": FRAME_LOSSES["turned"],
    "visibility": "The visibility of a joint has no place.",
}
"""Codes of the losses, with their meaning."""

_VERSION = "5.5.0"
_MAX_BYTES = 2**28
_SPLITS = ("train", "val", "valid", "validation", "test")
_READ = {"label", "points", "shape_type", "group_id", "description", "flags", "mask", "attributes"}


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for one of LabelMe, or `None`.

    Args:
        folder: The folder of a data set.
    """
    for path in _find_files(folder):
        with path.open("rb") as file:
            head = file.read(2**16).lstrip()
        # Embedded pictures may stand before everything else, so the keys are looked for.
        if not head.startswith(b"{") or b'"shapes"' not in head:
            return None
        return f"{path.relative_to(folder).as_posix()} has shapes of LabelMe"
    return None


def _find_files(folder: Path) -> Iterator[Path]:
    yield from sorted(find_files(folder, ".json", hidden=True))


# -- Reading --------------------------------------------------------------------------------------


def read(folder: Path, report: FormatReport, *, clip: bool = False) -> DataSet:
    """Read JSON files of LabelMe. Makes no request.

    Args:
        folder: The folder of the JSON files, with the pictures beside or where `imagePath` says.
        report: Notes the losses while the samples are read.
        clip: Whether shapes are cut at the picture's edge; by default those partly outside stay.
    """
    names: set[str] = set()
    for path in _find_files(folder):
        names.update(_list_labels(path))
    classes = [DataSetClass(name) for name in sorted(names)]
    return DataSet(classes, LazySamples(partial(_iterate_steps, folder, clip), report))


def _load(path: Path) -> dict[str, Any]:
    """Return the document of a file.

    Raises:
        UsageError: The file isn't one of LabelMe.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("larger than 256 MiB")
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not readable JSON ({error}).") from None
    found: dict[str, Any] = document if isinstance(document, dict) else {}
    shapes = found.get("shapes")
    if not isinstance(shapes, list) or not all(isinstance(each, dict) for each in shapes):
        raise UsageError(f"{path} has no list of shapes.")
    return found


def _list_labels(path: Path) -> set[str]:
    try:
        shapes = _load(path)["shapes"]
    except UsageError:
        return set()  # the report names the file when its sample is read
    labels = [each.get("label") for each in shapes]
    return {label for label in labels if isinstance(label, str) and label.strip()}


def _iterate_steps(folder: Path, clip: bool) -> Iterator[Step]:
    pictures: set[int] = set()
    for path in _find_files(folder):
        yield partial(_read_sample, folder, path, pictures, clip)
    for picture in find_pictures(folder):
        if hash(picture) not in pictures:
            yield partial(_read_picture, folder, picture)


def _read_picture(folder: Path, picture: Path, report: FormatReport) -> Sample | None:
    name, split = _choose_name(picture.relative_to(folder))
    report.lose(name, "no-labels", "The picture has no JSON file.")
    size = find_picture_size(picture)
    return _make_sample(Sample, name, report, size=size, image=picture, split=split)


def _choose_name(path: Path) -> tuple[str, str | None]:
    parts = path.parts
    if len(parts) > 1 and parts[0] in _SPLITS:
        return "/".join(parts[1:]), parts[0]
    return "/".join(parts), None


def _make_sample(kind: Any, name: str, report: FormatReport, **values: Any) -> Sample | None:
    try:
        sample: Sample = kind(name, **values)
    except UsageError as error:
        report.skip(name, "bad-name", str(error))
        return None
    return sample


def _read_sample(
    folder: Path, path: Path, pictures: set[int], clip: bool, report: FormatReport
) -> Sample | None:
    place = path.relative_to(folder).as_posix()
    try:
        document = _load(path)
    except UsageError as error:
        report.skip(place, "bad-json", str(error))
        return None
    picture, named = _find_picture(folder, path, document)
    name, split = _choose_name(named.relative_to(folder))
    if picture is not None:
        pictures.add(hash(picture))
    elif document.get("imageData"):
        report.lose(name, "embedded", "The picture is in the JSON file only.")
    stated = parse_size(document.get("imageWidth"), document.get("imageHeight"))
    frame = choose_frame(picture, stated, name, report)
    reader = _LabelMeReader(name, frame.size, report)
    annotations = [*reader.read_flags(document.get("flags")), *reader.read(document["shapes"])]
    annotations = frame.place(annotations, name, report, clip=clip)
    size = frame.stored_size
    return _make_sample(
        Sample, name, report, annotations=annotations, size=size, image=picture, split=split
    )


def _find_picture(
    folder: Path, path: Path, document: Mapping[str, Any]
) -> tuple[Path | None, Path]:
    """Return the picture, and the path of which it has the name."""
    named = PurePosixPath(str(document.get("imagePath") or "").replace("\\", "/"))
    root = folder.resolve()
    # Check for the file before resolving: a path with a lone surrogate can't be resolved.
    if named.name and not named.is_absolute() and is_file(path.parent / named):
        candidate = (path.parent / named).resolve()
        if candidate.is_relative_to(root):
            found = folder / candidate.relative_to(root)
            return found, found
    suffix = named.suffix if named.suffix.lower() in SUFFIXES else ".jpg"
    beside = path.with_suffix(suffix)
    return (beside if is_file(beside) else None), beside


@attrs.define
class _LabelMeReader:
    name: str
    size: tuple[int, int] | None
    report: FormatReport

    def read_flags(self, flags: Any) -> Iterator[Annotation]:
        """Yield a label of the whole picture for each flag that is set."""
        for flag, is_set in flags.items() if isinstance(flags, dict) else ():
            if is_set:
                yield Label(label=flag, id=make_stable_id(self.name, "flag", flag))

    def read(self, shapes: Iterable[Mapping[str, Any]]) -> Iterator[Annotation]:
        """Yield the annotations of a picture, and then the groups."""
        groups: dict[str, list[str]] = {}
        for number, shape in enumerate(shapes, start=1):
            new_id = make_stable_id(self.name, number)
            try:
                found = self._read_shape(shape, new_id)
            except (Unfit, FieldValueError) as error:
                code = error.code if isinstance(error, Unfit) else "bad-mask"
                self.report.skip(self.name, code, f"Shape {number}: {error}")
                continue
            unknown = sorted(key for key in shape.keys() - _READ if shape[key])
            if unknown:
                reason = f"Not read: {', '.join(unknown)}."
                self.report.lose(self.name, "element", reason, annotation=new_id)
            yield from found
            group = shape.get("group_id")
            if group is None and len(found) > 1:
                group = new_id
            if group is not None:
                groups.setdefault(str(group), []).extend(each.id for each in found)
        for key, members in groups.items():
            if len(members) > 1:
                yield Group(members, id=make_stable_id(self.name, "group", key))

    def _read_shape(self, shape: Mapping[str, Any], new_id: str) -> list[Annotation]:
        label = shape.get("label")
        if not isinstance(label, str) or not label.strip():
            raise Unfit("no-class", "no label.")
        common: dict[str, Any] = {
            "label": label,
            "id": new_id,
            "attributes": _read_attributes(shape),
        }
        points = _read_points(shape.get("points"))
        kind = shape.get("shape_type") or "polygon"
        if kind in ("point", "points"):
            return [
                Keypoint(
                    x,
                    y,
                    label=common["label"],
                    id=make_stable_id(new_id, at) if at else new_id,
                    attributes=common["attributes"],
                )
                for at, (x, y) in enumerate(points)
            ]
        if kind == "mask":
            return [self._read_mask(shape, points, common)]
        if kind not in ("polygon", "rectangle", "oriented_rectangle", "line", "linestrip"):
            raise Unfit("kind", f"a {kind} isn't read.")
        needed = {"polygon": 3, "oriented_rectangle": 4}.get(kind, 2)
        if len(points) < needed:
            raise Unfit("no-area", "too few points.")
        if kind in ("line", "linestrip"):
            return [Polyline(points, **common)]
        each: Annotation = Polygon(points, **common)
        check_box(each.bounds or (0, 0, 0, 0), self.size)
        if kind == "rectangle":
            x, y, width, height = each.bounds or (0, 0, 0, 0)
            each = Box(x, y, to_tidy(width), to_tidy(height), **common)
        elif kind == "oriented_rectangle":
            each = _make_turned_box(points, common)
        return [each]

    def _read_mask(
        self, shape: Mapping[str, Any], points: Sequence[Point], common: dict[str, Any]
    ) -> Mask:
        if self.size is None:
            raise Unfit("no-size", "The picture's size is unknown.")
        try:
            data = base64.b64decode(str(shape.get("mask") or ""), validate=True)
        except binascii.Error:
            raise Unfit("bad-mask", "The mask isn't base64.") from None
        left, top = (math.floor(value) for value in (points[0] if points else (0, 0)))
        # Before the pixels are unpacked: a small file may hold gigabytes of them.
        width, height = read_png_size(data) or (0, 0)
        if min(left, top) < 0 or left + width > self.size[0] or top + height > self.size[1]:
            raise Unfit("bad-mask", "The mask leaves the picture.")
        runs, width, height = masks.from_png(data)
        moved = masks.move(runs, width, left, top, self.size[0])
        if not moved:
            raise Unfit("no-area", "The mask covers no pixel.")
        return Mask(moved, size=self.size, **common)


def _make_turned_box(points: Sequence[Point], common: dict[str, Any]) -> Box:
    (x, y), (right_x, right_y), (far_x, far_y), _ = points[:4]
    width, height = math.dist((x, y), (right_x, right_y)), math.dist(points[1], points[2])
    return Box.from_cxcywh(
        (x + far_x) / 2,
        (y + far_y) / 2,
        width,
        height,
        rotation=math.atan2(right_y - y, right_x - x),
        **common,
    )


def _read_points(found: Any) -> list[Point]:
    if not isinstance(found, list):
        raise Unfit("bad-number", "no points.")
    values: list[Any] = found
    points: list[Point] = []
    for value in values:
        if not isinstance(value, list) or len(value) != 2:
            raise Unfit("bad-number", f"{value!r} is not a point.")
        points.append((parse_number(value[0]), parse_number(value[1])))
    return points


def _read_attributes(shape: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("attributes", "flags"):
        values: Any = shape.get(key)
        if isinstance(values, dict):
            found.update(values)
    if shape.get("description"):
        found["description"] = shape["description"]
    return found


# -- Writing --------------------------------------------------------------------------------------


def write(data: DataSet, folder: Path, report: FormatReport, *, images: ImageMode = "copy") -> None:
    """Write a JSON file of LabelMe beside each picture, a folder for each split. No request.

    Args:
        data: The data set.
        folder: The folder.
        report: Notes the losses.
        images: Whether pictures are copied, linked or left out.

    Raises:
        UsageError: An argument can't be used.
    """
    place = "the data set"
    begin_export(data, images, place, report)
    used: set[str] = set()
    with open_register() as register:
        for sample in data.samples:
            picture = choose_picture_name(register, sample, report, reserved=".json")
            document = _LabelMeWriter(sample, find_size(sample), report).make_document()
            document["imagePath"] = PurePosixPath(picture).name
            used.update(shape["label"] for shape in document["shapes"])
            write_picture(sample, folder / picture, images, report)
            text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
            target = folder / PurePosixPath(picture).with_suffix(".json")
            if not sample.is_unknown:
                write_file(target, f"{text}\n".encode("utf-8", JSON_ERRORS))
            report.samples += 1
    names = [each.name for each in data.classes]
    if names != sorted(used):
        report.lose(place, "classes", "A reader gets the classes of the shapes, by name.")


@attrs.define
class _LabelMeWriter:
    sample: Sample
    size: tuple[int, int] | None
    report: FormatReport

    def make_document(self) -> dict[str, Any]:
        """Return the document of a picture, without its path."""
        numbers = self._number_groups()
        flags: dict[str, bool] = {}
        shapes: list[dict[str, Any]] = []
        for each in self.sample.annotations:
            if isinstance(each, Group):
                continue
            try:
                if not each.label:
                    raise Unfit("no-class", "The annotation has no class.")
                if isinstance(each, Label):
                    flags[each.label] = True
                    self._note(each, "attributes", bool(each.attributes))
                else:
                    shapes.append(self._make_shape(each, numbers.get(each.id)))
            except Unfit as error:
                self.report.skip(self.sample.name, error.code, error.reason, annotation=each.id)
                continue
            self.report.annotations += 1
        width, height = self.size or (None, None)
        return {
            "version": _VERSION,
            "flags": dict(sorted(flags.items())),
            "shapes": shapes,
            "imagePath": "",
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }

    def _note(self, each: Annotation, code: str, is_lost: bool) -> None:
        if is_lost:
            self.report.lose(self.sample.name, code, LOSSES[code], annotation=each.id)

    def _number_groups(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        groups = [each for each in self.sample.annotations if isinstance(each, Group)]
        for number, group in enumerate(groups, start=1):
            overlaps = any(member in numbers for member in group.members)
            self._note(group, "group", overlaps or bool(group.label or group.attributes))
            for member in group.members:
                numbers.setdefault(member, number)
        kept = Counter(numbers.values())
        return {member: number for member, number in numbers.items() if kept[number] > 1}

    def _make_shape(self, each: Annotation, group: int | None) -> dict[str, Any]:
        kind, points, more = self._describe(each)
        values = {key: each.attributes[key] for key in sorted(each.attributes)}
        flags = {key: value for key, value in values.items() if isinstance(value, bool)}
        description = values.get("description")
        has_text = isinstance(description, str) and bool(description)
        kept = {*flags, *(["description"] if has_text else [])}
        self._note(each, "attributes", bool(values.keys() - kept))
        is_turned = isinstance(each, Box) and bool(each.rotation)
        self._note(each, "rotation", is_turned)
        is_seen = isinstance(each, Keypoint) and each.visibility is not None
        self._note(each, "visibility", is_seen)
        return {
            "label": each.label,
            "points": [list(point) for point in points],
            "group_id": group,
            "description": description if has_text else "",
            "shape_type": kind,
            "flags": flags,
            "mask": more,
        }

    def _describe(self, each: Annotation) -> tuple[str, Sequence[Point], str | None]:
        """Return the kind of a shape, its points and its mask."""
        if isinstance(each, Keypoint):
            return "point", [(each.x, each.y)], None
        if isinstance(each, Polyline):
            if len(each.points) < 2:
                raise Unfit("no-area", "The line has too few points.")
            return "linestrip", each.points, None
        if isinstance(each, Mask):
            return self._describe_mask(each)
        if not isinstance(each, (Box, Polygon)):
            raise Unfit("kind", f"LabelMe has no shape for a {each.tool or 'shape of this kind'}.")
        if isinstance(each, Box):
            check_box((0, 0, each.width, each.height), None)
        check_box(each.bounds or (0, 0, 0, 0), self.size)
        if isinstance(each, Polygon):
            if len(each.points) < 3:
                raise Unfit("no-area", "The outline has too few points.")
            return "polygon", each.points, None
        if each.rotation:
            return "polygon", each.corners, None
        left, top, right, bottom = each.xyxy
        return "rectangle", [(left, top), (right, bottom)], None

    def _describe_mask(self, each: Mask) -> tuple[str, Sequence[Point], str]:
        size = each.size or self.size
        if size is None:
            raise Unfit("no-size", "The picture's size is unknown.")
        if each.runs and sum(each.runs[-1]) > size[0] * size[1]:
            raise Unfit("bad-mask", "The mask leaves the picture.")
        left, top, width, height = masks.bounds(each.runs, size[0])
        check_box((left, top, width, height), self.size)
        moved = masks.move(each.runs, size[0], -left, -top, width)
        data = masks.to_png(moved, width, height)
        corners = [(left, top), (left + width - 1, top + height - 1)]
        return "mask", corners, base64.b64encode(data).decode("ascii")
