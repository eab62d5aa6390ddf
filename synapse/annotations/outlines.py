"""Outlines of masks: the exact borders of their pixels, as rings of corners."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import attrs

from synapse.annotations import masks
from synapse.annotations.base import Point

__all__ = ["Outline", "trace_outlines"]


@attrs.frozen
class Outline:
    """The border of one part of a mask.

    Attributes:
        points: Corners (x, y) in whole pixels, clockwise on the screen, the first not repeated.
        holes: The borders of the holes in the part, each a ring of corners.
    """

    points: tuple[Point, ...]
    holes: tuple[tuple[Point, ...], ...] = ()


def trace_outlines(
    runs: Iterable[Sequence[int]], width: int, height: int, *, holes: bool = True
) -> list[Outline]:
    """Return the outlines of a mask's parts, whose pixels touch by an edge. Makes no request.

    The rings are the borders between pixels: `rasterize()` of the points, less the holes, returns
    the same pixels. Pixels that touch by a corner only are two parts.

    Args:
        runs: Pixels as runs (start, length) of row-major indices.
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        holes: Whether to find the part of each hole; otherwise the outlines have none.

    Returns:
        The outlines, by their topmost row, then from the left.

    Raises:
        FieldValueError: A run isn't one, or leaves the picture.
        UsageError: The size isn't valid.

    Example:
        >>> trace_outlines([(1, 2), (5, 2)], 4, 3)
        [Outline(points=((1, 0), (3, 0), (3, 2), (1, 2)), holes=())]
    """
    rows = masks.split_rows(masks.normalize(runs, width, height), width)
    outer: list[list[Point]] = []
    inner: list[list[Point]] = []
    for ring in _follow(*_find_borders(rows)):
        # The topmost border of a ring has the mask below it, unless the ring is a hole's.
        (first_x, _), (second_x, _) = ring[:2]
        (outer if first_x < second_x else inner).append(ring)
    found: list[list[tuple[Point, ...]]] = [[] for _ in outer]
    if holes and inner:
        for ring, at in zip(inner, _find_parts(rows, outer, inner), strict=True):
            found[at].append(tuple(ring))
    return [Outline(tuple(ring), tuple(each)) for ring, each in zip(outer, found, strict=True)]


# A horizontal border from x to x, at y: to the right with the mask below, else to the left.
_Border = tuple[int, int, int]


def _find_borders(rows: dict[int, list[int]]) -> tuple[list[_Border], list[int]]:
    """Return the horizontal borders, and the position of the one that follows each."""
    borders: list[_Border] = []
    following: dict[int, int] = {}
    # The border at the upper end of each vertical border that isn't finished, by column.
    hanging: dict[int, int] = {}
    for y in sorted(rows.keys() | {row + 1 for row in rows}):
        above, below = set(rows.get(y - 1, ())), set(rows.get(y, ()))
        if above == below:
            continue
        started: dict[int, int] = {}
        is_above = is_below = False
        left = 0
        for x in sorted(above | below):
            if is_above != is_below:
                at = len(borders)
                borders.append((left, x, y) if is_below else (x, left, y))
                for column in (left, x):
                    # Where four borders meet, each ring stays with its own pixel.
                    goes_down = column in below if is_below else column not in above
                    if goes_down:
                        started[column] = at
                    elif column == borders[at][0]:
                        following[hanging.pop(column)] = at
                    else:
                        following[at] = hanging.pop(column)
            is_above ^= x in above
            is_below ^= x in below
            left = x
        hanging |= started
    return borders, [following[at] for at in range(len(borders))]


def _follow(borders: Sequence[_Border], following: Sequence[int]) -> Iterator[list[Point]]:
    """Yield the corners of each ring, from the left end of its topmost border on."""
    is_done = bytearray(len(borders))
    for first in range(len(borders)):
        at = first
        ring: list[Point] = []
        while not is_done[at]:
            is_done[at] = 1
            start, end, y = borders[at]
            ring += [(start, y), (end, y)]
            at = following[at]
        if ring:
            yield ring


def _find_parts(
    rows: dict[int, list[int]], outer: Sequence[Sequence[Point]], inner: Sequence[Sequence[Point]]
) -> list[int]:
    """Return the position of the part around each hole, which come from the top downwards."""
    # The left borders of the mask's runs, by column: upper end, ring.
    sides: dict[float, list[tuple[float, int]]] = {}
    for at, ring in enumerate([*outer, *inner]):
        for (x, bottom), (_, top) in zip(ring[1::2], [*ring[2::2], ring[0]], strict=True):
            if top < bottom:
                sides.setdefault(x, []).append((top, at))
    for side in sides.values():
        side.sort()
    parts = list(range(len(outer)))
    for ring in inner:
        (_, y), (x, _) = ring[:2]
        # The run above the hole begins at the border of its part, or of an upper hole of the part.
        ends = rows[int(y) - 1]
        side = sides[ends[(bisect_right(ends, x) - 1) // 2 * 2]]
        parts.append(parts[side[bisect_right(side, (y - 1, len(parts))) - 1][1]])
    return parts[len(outer) :]
