"""Annotations of pictures: boxes, outlines, points, masks and classes.

Coordinates are pixels of the picture as stored: x to the right, y downwards, from the top left
corner. The names of the tools and of their keys are those of the platform"s documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import attrs

from synapse._internal.described import brief
from synapse.annotations import masks
from synapse.annotations.base import Annotation, Json, Point, check_number, check_numbers, make_id
from synapse.errors import FieldValueError

__all__ = ["Box", "Keypoint", "Label", "Mask", "Polygon", "Polyline"]

Visibility: TypeAlias = Literal["missing", "occluded", "visible"]

VISIBILITIES = ("missing", "occluded", "visible")


def check_points(points: Any) -> tuple[Any, ...]:
    listed = list(points) if isinstance(points, Iterable) else [points]
    if listed and not isinstance(listed[0], Iterable):
        raise FieldValueError(
            f"{brief(listed)} are not points. Points are pairs (x, y): for a flat list pass "
            "list(zip(values[::2], values[1::2]))."
        )
    pairs = tuple(map(check_numbers, listed))
    if not all(len(pair) == 2 for pair in pairs):
        raise FieldValueError("Points are pairs (x, y).")
    return pairs


def check_visibility(value: Any) -> Any:
    if value is not None and value not in VISIBILITIES:
        raise FieldValueError(
            f"visibility is {value!r}: give one of {', '.join(map(repr, VISIBILITIES))}, or None."
        )
    return value


def validate_side(owner: Annotation, field: attrs.Attribute[Any], value: float) -> None:
    """Refuse a negative side, except of a box that was read from a document."""
    if value < 0 and owner.source is None:
        raise FieldValueError(
            f"{type(owner).__name__}.{field.name} is {value}: a side can't be negative. Pass left "
            "before right and top before bottom."
        )


def bounds_of(points: Iterable[Point]) -> tuple[float, float, float, float] | None:
    pairs = list(points)
    if not pairs:
        return None
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


@attrs.frozen
class Box(Annotation):
    """A rectangle, upright or turned.

    Attributes:
        x: Left edge, before turning.
        y: Top edge, before turning.
        width: Width in pixels.
        height: Height in pixels.
        rotation: Angle in radians around the box's centre, clockwise on the screen.

    Example:
        >>> Box.from_xyxy(10, 20, 110, 70, label="car").cxcywh
        (60.0, 45.0, 100, 50)
    """

    TOOL = "bounding_box"

    x: float = attrs.field(converter=check_number)
    y: float = attrs.field(converter=check_number)
    width: float = attrs.field(converter=check_number, validator=validate_side)
    height: float = attrs.field(converter=check_number, validator=validate_side)
    rotation: float = attrs.field(default=0.0, converter=check_number, kw_only=True)

    @classmethod
    def from_xyxy(cls, left: float, top: float, right: float, bottom: float, **others: Any) -> Box:
        """Make a box out of two corners; `others` are arguments of the class."""
        return cls(left, top, right - left, bottom - top, **others)

    @classmethod
    def from_cxcywh(
        cls, center_x: float, center_y: float, width: float, height: float, **others: Any
    ) -> Box:
        """Make a box out of the centre and the size; `others` are arguments of the class."""
        return cls(center_x - width / 2, center_y - height / 2, width, height, **others)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height, before turning."""
        return self.x, self.y, self.width, self.height

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, before turning."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    @property
    def cxcywh(self) -> tuple[float, float, float, float]:
        """Centre and size."""
        return self.x + self.width / 2, self.y + self.height / 2, self.width, self.height

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """The corners after turning, clockwise on the screen, from the one at the top left."""
        center_x, center_y, width, height = self.cxcywh
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        first, second, third, fourth = (
            (center_x + dx * cos - dy * sin, center_y + dx * sin + dy * cos)
            for dx, dy in (
                (-width / 2, -height / 2),
                (width / 2, -height / 2),
                (width / 2, height / 2),
                (-width / 2, height / 2),
            )
        )
        return first, second, third, fourth

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest upright box around, as x, y, width, height."""
        if not self.rotation:
            return self.xywh
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        place = data["coordinate"]
        names = [name for name in ("x", "y", "width", "height") if name in place]
        rotation = place.get("rotation")
        return {name: place[name] for name in names} | {"rotation": rotation or 0.0}

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("coordinate") or {}
        place = {**old, "x": self.x, "y": self.y, "width": self.width, "height": self.height}
        if self.rotation or "rotation" in old:
            place["rotation"] = self.rotation
        data["coordinate"] = place


@attrs.frozen
class _Line(Annotation):
    points: tuple[Point, ...] = attrs.field(repr=brief, converter=check_points)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """The smallest upright box around, as x, y, width, height."""
        return bounds_of(self.points)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        return {"points": [(point["x"], point["y"]) for point in data["coordinate"]]}

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("coordinate") or []
        # Points keep their ids: by position while none came or went, else by place.
        by_place = {(point["x"], point["y"]): point for point in old}
        data["coordinate"] = [
            {
                **(old[at] if len(old) == len(self.points) else by_place.get((x, y), {})),
                "x": x,
                "y": y,
            }
            for at, (x, y) in enumerate(self.points)
        ]
        for point in data["coordinate"]:
            point.setdefault("id", make_id())


@attrs.frozen
class Polygon(_Line):
    """A closed outline: one ring without holes. Several parts are a `Group`.

    Attributes:
        points: Corners (x, y), the first one not repeated.

    Example:
        >>> Polygon([(0, 0), (10, 0), (10, 5)], label="roof").area
        25.0
    """

    TOOL = "polygon"

    @property
    def area(self) -> float:
        """Area in square pixels."""
        following = (*self.points[1:], *self.points[:1])
        pairs = zip(self.points, following, strict=True)
        return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs)) / 2


@attrs.frozen
class Polyline(_Line):
    """An open line.

    Attributes:
        points: Points (x, y) in order.
    """

    TOOL = "polyline"


@attrs.frozen
class Keypoint(Annotation):
    """A point. The label is the joint's name; the joints of a skeleton are a `Group`.

    Attributes:
        x: Place from the left.
        y: Place from the top.
        visibility: `"visible"`, `"occluded"`, `"missing"`, or `None` if nothing is known.
    """

    TOOL = "keypoint"

    x: float = attrs.field(converter=check_number)
    y: float = attrs.field(converter=check_number)
    visibility: Visibility | None = attrs.field(
        default=None, converter=check_visibility, kw_only=True
    )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The point as a box without size, x, y, 0, 0."""
        return self.x, self.y, 0, 0

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        place = data["coordinate"]
        return {"x": place["x"], "y": place["y"]}

    def _write(self, data: dict[str, Any]) -> None:
        data["coordinate"] = {**(data.get("coordinate") or {}), "x": self.x, "y": self.y}


@attrs.frozen
class Mask(Annotation):
    """A set of pixels.

    Attributes:
        runs: Pixels as runs (start, length) of row-major indices, `y * width + x`.
        size: Width and height of the picture, from the document's `extra`; `None` if unknown.
    """

    TOOL = "segmentation"

    runs: masks.Runs = attrs.field(repr=brief, converter=masks.normalize)
    size: tuple[int, int] | None = attrs.field(default=None, kw_only=True, eq=False)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """The smallest upright box, as x, y, width, height; `None` if the size is unknown."""
        return masks.bounds(self.runs, self.size[0]) if self.size and self.runs else None

    @property
    def area(self) -> float:
        """Number of pixels."""
        return masks.area(self.runs)

    @classmethod
    def _read(cls, data: Json) -> dict[str, Any]:
        pixels = data["pixel_indices"]
        # Older documents lack the flag: pairs are runs.
        is_compressed = data.get("isCompressed")
        if is_compressed is None:
            is_compressed = bool(pixels) and isinstance(pixels[0], (list, tuple))
        return {"runs": pixels if is_compressed else masks.from_indices(pixels)}

    def _write(self, data: dict[str, Any]) -> None:
        old = data.get("pixel_indices")
        was_plain = bool(old) and not isinstance(old[0], (list, tuple)) if old else False
        if was_plain:
            data["pixel_indices"] = masks.to_indices(self.runs)
            return
        data["pixel_indices"] = [list(run) for run in self.runs]
        data["isCompressed"], data["compressionFormat"] = True, "rle"


@attrs.frozen
class Label(Annotation):
    """A class of the whole medium; the attributes have further answers."""

    TOOL = "classification"
