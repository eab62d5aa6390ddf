"""Overlap of two annotations, and of the annotations of two people."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from synapse.annotations import masks
from synapse.annotations.base import Annotation, Point
from synapse.annotations.shapes import Box, Mask, Polygon
from synapse.errors import UsageError

__all__ = ["COMPARABLE", "iou", "match_annotations"]

COMPARABLE = (Box, Mask, Polygon)
# Cells on the longer side of the grid that polygons are drawn on.
_GRID = 512
# Pairs of near annotations, each of which is looked at.
_MOST_PAIRS = 1_000_000
_left_of = itemgetter(0)


def iou(one: Annotation, other: Annotation) -> float:
    """Return the intersection of two annotations over their union. Makes no request.

    Polygons that together are larger than 512 pixels are measured on a grid of 512 cells.

    Args:
        one: A box, a mask or a polygon.
        other: Another one of the same class, in the same picture.

    Returns:
        A number from 0 to 1; 0 if both are empty.

    Raises:
        UsageError: The two are neither boxes nor masks nor polygons.

    Example:
        >>> iou(Box(0, 0, 10, 10), Box(5, 0, 10, 10))
        0.3333333333333333
    """
    if isinstance(one, Box) and isinstance(other, Box):
        shared = _intersect_boxes(one, other)
    elif isinstance(one, Mask) and isinstance(other, Mask):
        shared = masks.intersection(one.runs, other.runs)
    elif isinstance(one, Polygon) and isinstance(other, Polygon):
        return _measure_polygons(one, other)
    else:
        kinds = f"{type(one).__name__} and {type(other).__name__}"
        raise UsageError(f"iou() takes two boxes, two masks or two polygons, not {kinds}.")
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def match_annotations(
    ones: Iterable[Annotation], others: Iterable[Annotation]
) -> list[tuple[Annotation, Annotation, float]]:
    """Return pairs of annotations that overlap, the best first. Makes no request.

    Each annotation is in one pair at most. The pair with the highest IoU is taken first, whatever
    its IoU, then the next one of the rest. Only annotations of the same class, medium and tool are
    paired: boxes, masks and polygons.

    Args:
        ones: Annotations of one person.
        others: Annotations of another person.

    Returns:
        Triples of an annotation, another annotation, and their IoU above 0. Annotations that
        overlap with none, or only with those of better pairs, are in no triple.

    Raises:
        UsageError: More than a million pairs are near each other.

    Example:
        >>> match_annotations([Box(0, 0, 10, 10)], [Box(5, 0, 10, 10), Box(0, 0, 10, 8)])[0][2]
        0.8
    """
    first, second = list(ones), list(others)
    pairs = [
        (-iou(first[at], second[other_at]), at, other_at)
        for at, other_at in _find_overlapping(first, second)
    ]
    taken: set[int] = set()
    other_taken: set[int] = set()
    matches = []
    for negative, at, other_at in sorted(pairs):
        if negative < 0 and at not in taken and other_at not in other_taken:
            taken.add(at)
            other_taken.add(other_at)
            matches.append((first[at], second[other_at], -negative))
    return matches


def _find_overlapping(
    ones: Sequence[Annotation], others: Sequence[Annotation]
) -> Iterator[tuple[int, int]]:
    """Yield the places of annotations whose bounds overlap."""
    groups: dict[Any, list[tuple[float, float, float, float, int]]] = {}
    for at, other in enumerate(others):
        if isinstance(other, COMPARABLE):
            groups.setdefault(_kind_of(other), []).append((*_edges(other), at))
    for group in groups.values():
        group.sort()
    widest = {kind: max(each[2] - each[0] for each in group) for kind, group in groups.items()}
    pairs = 0
    for at, one in enumerate(ones):
        group = groups.get(_kind_of(one), [])
        if not group:
            continue
        left, top, right, bottom = _edges(one)
        start = bisect_left(group, left - widest[_kind_of(one)], key=_left_of)
        near = group[start : bisect_right(group, right, key=_left_of)]
        pairs += len(near)
        if pairs > _MOST_PAIRS:
            raise UsageError(
                f"More than {_MOST_PAIRS:,} pairs of annotations are near each other. Compare "
                "fewer at a time."
            )
        for _, other_top, other_right, other_bottom, other_at in near:
            if other_right >= left and other_top <= bottom and other_bottom >= top:
                yield at, other_at


def _kind_of(each: Annotation) -> tuple[Any, ...]:
    return type(each), each.label, each.medium


def _edges(each: Annotation) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom; of a mask of unknown size, its first and last pixel."""
    if isinstance(each, Mask) and each.runs:
        return each.runs[0][0], 0, sum(each.runs[-1]), 0
    x, y, width, height = each.bounds or (0, 0, 0, 0)
    return x, y, x + width, y + height


def _measure_polygons(one: Polygon, other: Polygon) -> float:
    if len(one.points) < 3 or len(other.points) < 3:
        return 0.0
    xs, ys = zip(*one.points, *other.points, strict=True)
    left, top = min(xs), min(ys)
    scale = min(1.0, _GRID / max(max(xs) - left, max(ys) - top, 1))
    width, height = (int((max(xs) - left) * scale) + 1, int((max(ys) - top) * scale) + 1)
    first, second = (
        masks.rasterize(
            [((x - left) * scale, (y - top) * scale) for x, y in each.points], width, height
        )
        for each in (one, other)
    )
    shared = masks.intersection(first, second)
    union = masks.area(first) + masks.area(second) - shared
    return shared / union if union else 0.0


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
