"""Shapes of CVAT: annotations out of elements, and elements out of annotations."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from synapse.annotations.shapes import Visibility
from synapse.errors import FieldValueError
from synapse.formats.objects import make_stable_id
from synapse.formats.parts import (
    Unfit,
    check_box,
    format_number,
    format_value,
    parse_number,
    parse_value,
    to_tidy,
)
from synapse.formats.report import FormatReport
from synapse.formats.safe_xml import to_xml_text

__all__ = ["CvatShapeReader", "CvatShapeWriter", "clean_text"]

_SHAPES = ("box", "polygon", "polyline", "points", "mask", "tag", "skeleton")


# -- Reading ---------------------------------------------------------------------------------------


@attrs.define
class CvatShapeReader:
    """Reads the shapes of one picture.

    Attributes:
        name: Name of the picture, for the report.
        size: Width and height that the coordinates refer to, if known.
        report: Notes shapes that can't be read.
    """

    name: str
    size: tuple[int, int] | None
    report: FormatReport

    def read(self, image: ET.Element) -> list[Annotation]:
        """Return the annotations of a picture, and then the groups."""
        found: list[Annotation] = []
        groups: dict[str, list[list[Annotation]]] = {}
        for number, element in enumerate(image, start=1):
            new_id = make_stable_id(self.name, number)
            try:
                shapes = self._read_shape(element, new_id)
            except (Unfit, FieldValueError) as error:
                code = error.code if isinstance(error, Unfit) else "bad-mask"
                self.report.skip(self.name, code, f"{element.tag} {number}: {error}")
                continue
            found += shapes
            key = element.get("group_id") or "0"
            if key == "0" and any(isinstance(each, Group) for each in shapes):
                key = new_id
            if key != "0":
                groups.setdefault(key, []).append(shapes)
        return [*(each for each in found if not isinstance(each, Group)), *self._join(groups)]

    def _join(self, groups: Mapping[str, list[list[Annotation]]]) -> Iterator[Group]:
        for key, parts in groups.items():
            own = [each for shapes in parts for each in shapes if isinstance(each, Group)]
            if len(own) > 1:
                reason = f"The group {key} has several skeletons, which stay apart."
                self.report.lose(self.name, "group", reason)
                yield from own
                continue
            members = [each.id for shapes in parts for each in shapes if each not in own]
            if own:
                yield attrs.evolve(own[0], members=members)
            elif len(members) > 1:
                yield Group(members, id=make_stable_id(self.name, "group", key))

    def _read_shape(self, element: ET.Element, new_id: str) -> list[Annotation]:
        if element.tag not in _SHAPES:
            raise Unfit("kind", "shapes of this kind aren't read.")
        label = element.get("label") or ""
        if not label.strip():
            raise Unfit("no-class", "no label.")
        common: dict[str, Any] = {"label": label, "id": new_id}
        attributes = _read_attributes(element)
        if element.tag == "skeleton":
            return self._read_skeleton(element, common, attributes)
        if element.tag == "points":
            return self._read_points(element, common, attributes)
        common["attributes"] = attributes
        if element.tag == "tag":
            return [Label(**common)]
        if element.tag == "box":
            return [self._read_box(element, common)]
        if element.tag == "mask":
            return [self._read_mask(element, common)]
        points = _read_points(element)
        if len(points) < (3 if element.tag == "polygon" else 2):
            raise Unfit("no-area", "too few points.")
        shape = (
            Polygon(points, **common) if element.tag == "polygon" else Polyline(points, **common)
        )
        self._check(shape)
        return [shape]

    def _check(self, shape: Annotation) -> None:
        x, y, width, height = shape.bounds or (0, 0, 0, 0)
        if isinstance(shape, Polyline):
            width, height = max(width, 1e-9), max(height, 1e-9)
        check_box((x, y, width, height), self.size)

    def _read_box(self, element: ET.Element, common: dict[str, Any]) -> Box:
        left, top, right, bottom = (
            parse_number(element.get(edge)) for edge in ("xtl", "ytl", "xbr", "ybr")
        )
        degrees = parse_number(element.get("rotation") or 0) % 360
        rotation = round(math.radians(degrees - 360 if degrees > 180 else degrees), 9)
        width, height = to_tidy(right - left), to_tidy(bottom - top)
        check_box((0, 0, width, height), None)
        box = Box(left, top, width, height, rotation=rotation, **common)
        self._check(box)
        return box

    def _read_mask(self, element: ET.Element, common: dict[str, Any]) -> Mask:
        if self.size is None:
            raise Unfit("no-size", "The picture's size is unknown.")
        left, top, width, height = (
            int(parse_number(element.get(name))) for name in ("left", "top", "width", "height")
        )
        counts = [int(parse_number(text)) for text in (element.get("rle") or "").split(",")]
        if min(counts) < 0 or sum(counts) != width * height:
            raise Unfit("bad-mask", f"The runs don't add up to {width} x {height} pixels.")
        if min(left, top) < 0 or left + width > self.size[0] or top + height > self.size[1]:
            raise Unfit("bad-mask", "The mask leaves the picture.")
        runs: list[tuple[int, int]] = []
        at = 0
        for number, count in enumerate(counts):
            if number % 2 and count:
                runs.append((at, count))
            at += count
        if not runs:
            raise Unfit("no-area", "The mask covers no pixel.")
        moved = masks.move(runs, width, left, top, self.size[0])
        return Mask(moved, size=self.size, **common)

    def _read_points(
        self, element: ET.Element, common: dict[str, Any], attributes: dict[str, Any]
    ) -> list[Annotation]:
        visibility: Visibility = "occluded" if attributes.pop("occluded", False) else "visible"
        points = _read_points(element)
        if not points:
            raise Unfit("no-area", "no points.")
        label, first_id = common["label"], common["id"]
        found: list[Annotation] = []
        for at, (x, y) in enumerate(points):
            new_id = make_stable_id(first_id, at) if at else first_id
            found.append(
                Keypoint(x, y, visibility=visibility, label=label, id=new_id, attributes=attributes)
            )
        if len(found) > 1:
            new_id = make_stable_id(first_id, "group")
            found.append(Group([each.id for each in found], label=label, id=new_id))
        return found

    def _read_skeleton(
        self, element: ET.Element, common: dict[str, Any], attributes: dict[str, Any]
    ) -> list[Annotation]:
        found: list[Annotation] = []
        for number, joint in enumerate(element.iterfind("points")):
            new_id = make_stable_id(common["id"], number)
            own = _read_attributes(joint)
            is_occluded = own.pop("occluded", False)
            visibility: Visibility = "occluded" if is_occluded else "visible"
            if joint.get("outside") == "1":
                visibility = "missing"
            label = joint.get("label") or ""
            try:
                ((x, y),) = _read_points(joint)
            except (Unfit, ValueError) as error:
                reason = f"The joint {label!r} is left out: {error}"
                self.report.skip(self.name, "bad-number", reason, annotation=new_id)
                continue
            found.append(
                Keypoint(x, y, label=label, id=new_id, attributes=own, visibility=visibility)
            )
        members = [each.id for each in found]
        return [*found, Group(members, attributes=attributes, **common)]


def _read_points(element: ET.Element) -> list[Point]:
    points: list[Point] = []
    for pair in filter(str.strip, (element.get("points") or "").split(";")):
        x, _, y = pair.partition(",")
        points.append((parse_number(x.strip()), parse_number(y.strip())))
    return points


def _read_attributes(element: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if element.get("occluded") == "1":
        found["occluded"] = True
    if (order := element.get("z_order") or "0") != "0":
        found["z_order"] = parse_value(order)
    if (source := element.get("source") or "manual") != "manual":
        found["source"] = source
    for each in element.iterfind("attribute"):
        if name := each.get("name"):
            found[name] = parse_value(each.text or "")
    return found


# -- Writing ---------------------------------------------------------------------------------------


def clean_text(text: str, name: str, report: FormatReport) -> str:
    """Return a text with the characters that XML can't hold replaced, and note the change."""
    clean = to_xml_text(text)
    if clean != text:
        report.lose(name, "characters", f"{text!r} is written as {clean!r}.")
    return clean


@attrs.define
class CvatShapeWriter:
    """Writes the shapes of one picture.

    Attributes:
        name: Name of the picture, for the report.
        size: Width and height of the picture, if known.
        report: Notes what the format can't hold.
        image: The picture's element, which gets the shapes.
    """

    name: str
    size: tuple[int, int] | None
    report: FormatReport
    image: ET.Element

    def write(self, annotations: Sequence[Annotation]) -> None:
        """Write the annotations of a picture, each group with a number."""
        by_id = {each.id: each for each in annotations if not isinstance(each, Group)}
        numbers: dict[str, int] = {}
        whole: dict[str, tuple[Group, list[Keypoint]]] = {}
        for group in annotations:
            if not isinstance(group, Group):
                continue
            members = [by_id[key] for key in group.members if key in by_id]
            if any(each.id in numbers or each.id in whole for each in members):
                reason = "An annotation has a place in one group only."
                self.report.lose(self.name, "group", reason, annotation=group.id)
                continue
            joints = [each for each in members if isinstance(each, Keypoint)]
            others = [each for each in members if not isinstance(each, Keypoint)]
            label = group.label or next((each.label for each in others if each.label), None)
            if joints and label:
                group = attrs.evolve(group, label=label)
                whole.update((each.id, (group, joints)) for each in joints)
            elif group.attributes or group.label not in (None, *(each.label for each in others)):
                reason = "The group's own class and attributes have no place."
                self.report.lose(self.name, "group", reason, annotation=group.id)
            if others or not label:
                number = 1 + max(numbers.values(), default=0)
                numbers.update((each.id, number) for each in members)
        done: set[str] = set()
        for each in annotations:
            if isinstance(each, Group) or each.id in done:
                continue
            try:
                if each.id in whole:
                    group, joints = whole[each.id]
                    elements = self._write_joints(group, joints)
                    done.update(joint.id for joint in joints)
                    count = len(joints)
                else:
                    elements, count = [self._write_shape(each)], 1
            except Unfit as error:
                self.report.skip(self.name, error.code, error.reason, annotation=each.id)
                continue
            for element in elements:
                if each.id in numbers:
                    element.set("group_id", str(numbers[each.id]))
                self.image.append(element)
            self.report.annotations += count

    def _make(
        self, tag: str, each: Annotation, *, label: str | None = None, skipped: str = ""
    ) -> ET.Element:
        """Return an element with the label and the attributes."""
        text = label or each.label
        if not text:
            raise Unfit("no-class", "The annotation has no class.")
        values = {key: value for key, value in each.attributes.items() if key != skipped}
        element = ET.Element(tag, label=clean_text(text, self.name, self.report))
        source = values.pop("source", "manual")
        element.set("source", clean_text(str(source), self.name, self.report))
        if tag != "tag":
            is_flag = isinstance(values.get("occluded", False), bool)
            element.set("occluded", str(int(values.pop("occluded", False))) if is_flag else "0")
            is_order = type(values.get("z_order", 0)) is int
            element.set("z_order", str(values.pop("z_order", 0)) if is_order else "0")
        for key in sorted(values):
            value = values[key]
            text = (
                format_value(value) if isinstance(value, (str, int, float)) else json.dumps(value)
            )
            if parse_value(text) != value or type(parse_value(text)) is not type(value):
                reason = f"{key}: {value!r} is read as {parse_value(text)!r}."
                self.report.lose(self.name, "attribute-value", reason, annotation=each.id)
            child = ET.SubElement(
                element, "attribute", name=clean_text(key, self.name, self.report)
            )
            child.text = clean_text(text, self.name, self.report)
        return element

    def _write_shape(self, each: Annotation) -> ET.Element:
        if isinstance(each, Label):
            return self._make("tag", each)
        if isinstance(each, Keypoint):
            return self._write_points(each, [each])
        if isinstance(each, Box):
            check_box((0, 0, each.width, each.height), None)
            check_box(each.bounds, self.size)
            element = self._make("box", each)
            for edge, value in zip(("xtl", "ytl", "xbr", "ybr"), each.xyxy, strict=True):
                element.set(edge, format_number(value))
            if each.rotation:
                element.set("rotation", repr(round(math.degrees(each.rotation) % 360, 9)))
            return element
        if isinstance(each, (Polygon, Polyline)):
            is_polygon = isinstance(each, Polygon)
            if len(each.points) < (3 if is_polygon else 2):
                raise Unfit("no-area", "The shape has too few points.")
            x, y, width, height = each.bounds or (0, 0, 0, 0)
            if not is_polygon:
                width, height = max(width, 1e-9), max(height, 1e-9)
            check_box((x, y, width, height), self.size)
            element = self._make("polygon" if is_polygon else "polyline", each)
            element.set("points", _format_points(each.points))
            return element
        if isinstance(each, Mask):
            return self._write_mask(each)
        raise Unfit("kind", f"CVAT has no shape for a {each.tool or 'shape of this kind'}.")

    def _write_mask(self, each: Mask) -> ET.Element:
        size = each.size or self.size
        if size is None:
            raise Unfit("no-size", "The picture's size is unknown.")
        if each.runs and sum(each.runs[-1]) > size[0] * size[1]:
            raise Unfit("bad-mask", "The mask leaves the picture.")
        left, top, width, height = masks.bounds(each.runs, size[0])
        check_box((left, top, width, height), self.size)
        counts: list[int] = [0]
        for row in _split_rows(each.runs, size[0], left, top, width, height):
            for is_inside, length in row:
                if is_inside == (len(counts) % 2 == 0):
                    counts[-1] += length
                else:
                    counts.append(length)
        if not counts[-1]:
            counts.pop()
        element = self._make("mask", each)
        element.set("rle", ", ".join(map(str, counts)))
        for name, value in (("left", left), ("top", top), ("width", width), ("height", height)):
            element.set(name, str(value))
        return element

    def _write_joints(self, group: Group, joints: Sequence[Keypoint]) -> list[ET.Element]:
        labels = {each.label for each in joints}
        flags = {(each.visibility, repr(each.attributes)) for each in joints}
        if labels == {group.label} and len(flags) == 1 and not group.attributes:
            return [self._write_points(joints[0], joints)]
        element = self._make("skeleton", group)
        for each in joints:
            joint = self._make("points", each, skipped="occluded")
            joint.set("outside", str(int(each.visibility == "missing")))
            joint.set("occluded", str(int(each.visibility == "occluded")))
            joint.set("points", _format_points([(each.x, each.y)]))
            self._check_visibility(each, is_joint=True)
            element.append(joint)
        return [element]

    def _write_points(self, first: Keypoint, points: Sequence[Keypoint]) -> ET.Element:
        element = self._make("points", first, skipped="occluded")
        element.set("occluded", str(int(first.visibility in ("occluded", "missing"))))
        element.set("points", _format_points([(each.x, each.y) for each in points]))
        for each in points:
            self._check_visibility(each, is_joint=False)
        return element

    def _check_visibility(self, each: Keypoint, *, is_joint: bool) -> None:
        if each.visibility is None or (each.visibility == "missing" and not is_joint):
            reason = f"The visibility {each.visibility!r} has no place."
            self.report.lose(self.name, "visibility", reason, annotation=each.id)


def _format_points(points: Iterable[Point]) -> str:
    return ";".join(f"{format_number(x)},{format_number(y)}" for x, y in points)


def _split_rows(
    runs: masks.Runs, picture_width: int, left: int, top: int, width: int, height: int
) -> Iterator[list[tuple[bool, int]]]:
    """Yield the rows of a mask's box, each as parts outside and inside."""
    found = masks.split_rows(runs, picture_width)
    for row in range(top, top + height):
        edges = [0, *(edge - left for edge in found.get(row, ())), width]
        yield [(bool(at % 2), edges[at + 1] - edges[at]) for at in range(len(edges) - 1)]
