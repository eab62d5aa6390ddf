"""Overlap of two annotations."""

from __future__ import annotations

from collections.abc import Sequence

from synapse.annotations import masks
from synapse.annotations.base import Annotation, Point
from synapse.annotations.shapes import Box, Mask
from synapse.errors import UsageError

__all__ = ["iou"]


def iou(one: Annotation, other: Annotation) -> float:
    """Return the intersection of two boxes or two masks over their union. Makes no request.

    Args:
        one: A box or a mask.
        other: Another one of the same class, in the same picture.

    Returns:
        A number from 0 to 1; 0 if both are empty.

    Raises:
        UsageError: The two are neither boxes nor masks.

    Example:
        >>> iou(Box(0, 0, 10, 10), Box(5, 0, 10, 10))
        0.3333333333333333
    """
    if isinstance(one, Box) and isinstance(other, Box):
        shared = _intersect_boxes(one, other)
    elif isinstance(one, Mask) and isinstance(other, Mask):
        shared = masks.intersection(one.runs, other.runs)
    else:
        kinds = f"{type(one).__name__} and {type(other).__name__}"
        raise UsageError(f"iou() takes two boxes or two masks, not {kinds}.")
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def _intersect_boxes(one: Box, other: Box) -> float:
    if not one.rotation and not other.rotation:
        left, top = max(one.x, other.x), max(one.y, other.y)
        right = min(one.x + one.width, other.x + other.width)
        bottom = min(one.y + one.height, other.y + other.height)
        return max(0.0, right - left) * max(0.0, bottom - top)
    part: list[Point] = list(one.corners)
    corners = other.corners
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        part = _clip(part, start, end)
    return _area(part)


def _clip(polygon: Sequence[Point], start: Point, end: Point) -> list[Point]:
    """Return the part of a convex polygon on the inner side of an edge (Sutherland-Hodgman)."""
    inside = [_side(point, start, end) for point in polygon]
    result: list[Point] = []
    for at, point in enumerate(polygon):
        before, here = inside[at - 1], inside[at]
        if (before < 0) != (here < 0):
            share = before / (before - here)
            (x, y), (next_x, next_y) = polygon[at - 1], point
            result.append((x + share * (next_x - x), y + share * (next_y - y)))
        if here >= 0:
            result.append(point)
    return result


def _side(point: Point, start: Point, end: Point) -> float:
    """Return a number above 0 for points on the right of an edge, on the screen."""
    (x, y), (start_x, start_y), (end_x, end_y) = point, start, end
    return (end_x - start_x) * (y - start_y) - (end_y - start_y) * (x - start_x)


def _area(points: Sequence[Point]) -> float:
    pairs = zip(points, (*points[1:], *points[:1]), strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs)) / 2
