"""Results of Label Studio: annotations out of regions, and regions out of annotations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from synapse._internal.json_values import to_json
from synapse.annotations import (
    Annotation,
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Relation,
)
from synapse.annotations.base import Point
from synapse.errors import FieldValueError
from synapse.formats.brush_rle import decode_brush, encode_brush
from synapse.formats.objects import make_stable_id
from synapse.formats.parts import (
    Unfit,
    check_box,
    is_possible_size,
    to_tidy,
)
from synapse.formats.report import FormatReport

__all__ = ["ResultReader", "read_label", "read_labels", "read_stated_size", "write_result"]

# Types of further answers, with the key of the value; errors of values that aren't as documented.
_ANSWERS = {"choices": "choices", "textarea": "text", "number": "number", "rating": "rating"}
_WRONG = (AttributeError, OverflowError, TypeError, ValueError)
_SHAPES = ("rectangle", "polygon", "keypoint", "brush")


# -- Reading -------------------------------------------------------------------------------------


def read_labels(result: Mapping[str, Any]) -> list[str]:
    """Return the labels of a result."""
    value, kind = result.get("value"), result.get("type")
    labels = value.get(kind) if isinstance(value, dict) and isinstance(kind, str) else None
    return [each for each in labels if isinstance(each, str)] if isinstance(labels, list) else []


def read_label(result: Mapping[str, Any]) -> str | None:
    """Return the first label of a result, or `None`."""
    labels = read_labels(result)
    return labels[0] if labels else None


@attrs.define
class ResultReader:
    """Reads the results of one task.

    Attributes:
        name: Name of the picture, for the report.
        size: Width and height that percents refer to, if known.
        report: Notes regions that can't be read.
    """

    name: str
    size: tuple[int, int] | None
    report: FormatReport

    def read(self, results: list[dict[str, Any]]) -> list[Annotation]:
        """Return the annotations of a picture, and then its groups."""
        found: dict[str, Annotation] = {}
        parents: dict[str, str] = {}
        for number, result in enumerate(results):
            given = result.get("id")
            new_id = given if isinstance(given, str) else make_stable_id(self.name, number)
            try:
                if new_id in found and result.get("type") in _ANSWERS:
                    found[new_id] = _add_answer(found[new_id], result)
                    continue
                made = self._read_result(result, new_id)
            except (Unfit, FieldValueError, KeyError, *_WRONG) as error:
                code = error.code if isinstance(error, Unfit) else "bad-number"
                reason = str(error) or "the region has no place"
                self.report.skip(self.name, code, reason, annotation=new_id)
                continue
            if new_id in found:
                reason = "Another region has the same id."
                self.report.lose(self.name, "duplicate-id", reason, annotation=new_id)
                made = attrs.evolve(made, id=make_stable_id(self.name, new_id, number))
            found[made.id] = made
            if isinstance(result.get("parentID"), str):
                parents[made.id] = result["parentID"]
        return [*found.values(), *self._build_groups(found, parents)]

    def _build_groups(
        self, found: Mapping[str, Annotation], parents: Mapping[str, str]
    ) -> Iterator[Group]:
        members: dict[str, list[str]] = {}
        for child, parent in parents.items():
            if parent in found and parent not in parents:
                members.setdefault(parent, [parent]).append(child)
            else:
                reason = "The region's parent is missing, or has a parent."
                self.report.lose(self.name, "group", reason, annotation=child)
        for parent, ids in members.items():
            yield Group(ids, label=found[parent].label, id=make_stable_id(self.name, parent, "g"))

    def _read_result(self, result: Mapping[str, Any], new_id: str) -> Annotation:
        kind = str(result.get("type"))
        if kind == "relation":
            ends = [str(result["from_id"]), str(result["to_id"])]
            start, end = ends[::-1] if result.get("direction") == "left" else ends
            labels = result.get("labels") or [None]
            return Relation(start, end, label=labels[0], id=f"{start}r{end}")
        if kind in _ANSWERS and kind != "choices":
            return _add_answer(Label(id=new_id), result)
        value = result["value"]
        labels = read_labels(result)
        if len(labels) > 1 and kind != "choices":
            reason = f"No place for {', '.join(labels[1:])}."
            self.report.lose(self.name, "more-labels", reason, annotation=new_id)
        meta = result.get("meta")
        attributes = meta.get("attributes") if isinstance(meta, dict) else None
        common: dict[str, Any] = {
            "label": labels[0] if labels else None,
            "attributes": attributes if isinstance(attributes, dict) else {},
            "id": new_id,
        }
        if kind == "choices":
            if len(labels) > 1:
                common["attributes"] = {**common["attributes"], "choices": labels}
            return Label(**common)
        shape = kind.removesuffix("labels")
        if shape not in _SHAPES:
            raise Unfit("no-place", f"The type {kind!r} has no place.")
        return self._read_shape(shape, result, value, common)

    def _read_shape(
        self, shape: str, result: Mapping[str, Any], value: Any, common: dict[str, Any]
    ) -> Annotation:
        if self.size is None:
            raise Unfit("no-size", "The size of the picture is unknown.")
        if result.get("image_rotation"):
            reason = f"The editor turned the picture by {result['image_rotation']} degrees."
            self.report.lose(self.name, "editor-rotation", reason, annotation=common["id"])
        width, height = (side / 100 for side in self.size)
        if shape == "brush":
            size = read_stated_size(result) or self.size
            if not is_possible_size(size):
                raise Unfit("bad-mask", f"No picture has {size[0]} x {size[1]} pixels.")
            runs = decode_brush(value["rle"], *size)
            if not runs:
                raise Unfit("no-area", "The mask has no pixel.")
            return Mask(runs, size=size, **common)
        if shape == "polygon":
            points = [(to_tidy(x * width), to_tidy(y * height)) for x, y in value["points"]]
            if len(points) < 3:
                raise Unfit("no-area", "The outline has fewer than three points.")
            return Polygon(points, **common)
        x, y = value["x"] * width, value["y"] * height
        if shape == "keypoint":
            visibility = common["attributes"].get("visibility")
            common["attributes"] = {
                key: each for key, each in common["attributes"].items() if key != "visibility"
            }
            return Keypoint(to_tidy(x), to_tidy(y), visibility=visibility, **common)
        rotation = math.radians(value.get("rotation") or 0)
        sides = value["width"] * width, value["height"] * height
        x, y = _move(x, y, sides, rotation, 1)
        if not min(sides) > 0:
            check_box((x, y, *sides), self.size)
        box = Box(*map(to_tidy, (x, y, *sides)), rotation=rotation, **common)
        check_box(box.bounds, self.size)
        return box


def read_stated_size(result: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size of the picture that a result states, or `None`."""
    width, height = result.get("original_width"), result.get("original_height")
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 0):
        return None
    return width, height


def _add_answer(found: Annotation, result: Mapping[str, Any]) -> Annotation:
    """Add a further answer of a region, or of the picture, to the attributes."""
    value = result["value"][_ANSWERS[result["type"]]]
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return attrs.evolve(found, attributes={**found.attributes, str(result["from_name"]): value})


def _move(x: float, y: float, sides: tuple[float, float], rotation: float, sign: int) -> Point:
    """Return the corner of a box that turns around its centre (1), or around the corner (-1)."""
    if not rotation:
        return x, y
    half_x, half_y = sides[0] / 2, sides[1] / 2
    cos, sin = math.cos(rotation), math.sin(rotation)
    turned = half_x * cos - half_y * sin, half_x * sin + half_y * cos
    return x + sign * (turned[0] - half_x), y + sign * (turned[1] - half_y)


# -- Writing -------------------------------------------------------------------------------------


def write_result(
    each: Annotation, size: tuple[int, int] | None, name: str, report: FormatReport
) -> dict[str, Any]:
    """Return the result of an annotation.

    Args:
        each: The annotation, not a group.
        size: Width and height of the picture, if known.
        name: Name of the picture, for the report.
        report: Notes what the format can't hold.

    Raises:
        Unfit: The annotation has no place.
    """
    if isinstance(each, Relation):
        labels = [] if each.label is None else [each.label]
        ends = {"from_id": each.start_id, "to_id": each.end_id}
        return {"type": "relation", **ends, "direction": "right", "labels": labels}
    attributes = dict(each.attributes)
    if isinstance(each, Label):
        kind: str = "choices"
        value: dict[str, Any] = {}
    else:
        kind, value = _write_shape(each, size)
    if isinstance(each, Keypoint) and each.visibility is not None:
        attributes["visibility"] = each.visibility
        if each.visibility != "visible":
            reason = f"{each.visibility!r} is in meta, which other programs ignore."
            report.lose(name, "visibility", reason, annotation=each.id)
    if each.label is None:
        kind = kind.removesuffix("labels")
    else:
        value[kind] = [each.label]
    result: dict[str, Any] = {
        "id": each.id,
        "type": kind,
        "from_name": kind,
        "to_name": "image",
        "value": value,
    }
    if size is not None:
        more = {"original_width": size[0], "original_height": size[1], "image_rotation": 0}
        result.update(more)
    try:
        plain = to_json(attributes)
    except (FieldValueError, TypeError, ValueError) as error:
        report.lose(name, "attributes", f"The attributes are not JSON: {error}", annotation=each.id)
        plain = {}
    if plain:
        result["meta"] = {"attributes": plain}
    return result


def _write_shape(each: Annotation, size: tuple[int, int] | None) -> tuple[str, dict[str, Any]]:
    if not isinstance(each, (Box, Polygon, Keypoint, Mask)):
        raise Unfit("no-place", f"Label Studio's regions have no {each.tool or 'such thing'}.")
    if isinstance(each, Mask):
        size = each.size or size
    if size is None:
        raise Unfit("no-size", "Regions are percent of the picture, whose size is unknown.")
    width, height = size
    if isinstance(each, Mask):
        if not each.runs:
            raise Unfit("no-area", "The mask has no pixel.")
        return "brushlabels", {"format": "rle", "rle": encode_brush(each.runs, width, height)}
    if isinstance(each, Polygon):
        if len(each.points) < 3:
            raise Unfit("no-area", "The outline has fewer than three points.")
        points = [[100 * x / width, 100 * y / height] for x, y in each.points]
        return "polygonlabels", {"points": points, "closed": True}
    if isinstance(each, Keypoint):
        place = {"x": 100 * each.x / width, "y": 100 * each.y / height, "width": 0.5}
        return "keypointlabels", place
    if not (each.width > 0 and each.height > 0):
        raise Unfit("no-area", "The box covers nothing.")
    x, y = _move(each.x, each.y, (each.width, each.height), each.rotation, -1)
    return "rectanglelabels", {
        "x": 100 * x / width,
        "y": 100 * y / height,
        "width": 100 * each.width / width,
        "height": 100 * each.height / height,
        "rotation": round(math.degrees(each.rotation), 10) % 360,
    }
