"""The geometry of drawings: corners, outlines, masks and places in displayed pixels."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from synapse.annotations import Annotation, Box, Mask, Polygon, Polyline
from synapse.annotations.other_media import BoxTrack, Cuboid

__all__ = [
    "Matrix",
    "Pair",
    "apply_matrix",
    "find_turn",
    "format_number",
    "make_path",
    "merge_runs",
    "read_bounds",
    "read_corners",
    "scale_runs",
    "simplify",
]

_MOST_POINTS = 400
# Displayed pixels beyond the edge; coordinates of other places would only make the text longer.
_MARGIN = 400.0
_FARTHEST = 1e9

Pair = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]

_STRAIGHT: Matrix = (1, 0, 0, 1, 0, 0)


def find_turn(orientation: int, width: float, height: float) -> Matrix:
    """Return the transformation of stored pixels into shown ones, for EXIF's orientation."""
    matrices: dict[int, Matrix] = {
        2: (-1, 0, 0, 1, width, 0),
        3: (-1, 0, 0, -1, width, height),
        4: (1, 0, 0, -1, 0, height),
        5: (0, 1, 1, 0, 0, 0),
        6: (0, 1, -1, 0, height, 0),
        7: (0, -1, -1, 0, height, width),
        8: (0, -1, 1, 0, 0, width),
    }
    return matrices.get(orientation, _STRAIGHT)


def apply_matrix(matrix: Matrix, x: float, y: float) -> Pair:
    """Return a point after a transformation."""
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _limit(value: float) -> float:
    return float(min(max(value, -_FARTHEST), _FARTHEST))


def format_number(value: float) -> str:
    """Return a number with one decimal, or none."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def read_bounds(each: Annotation) -> tuple[float, float, float, float] | None:
    """Return the bounds of an annotation, if they are numbers that can be drawn."""
    try:
        bounds = each.bounds
        return None if bounds is None else tuple(map(float, bounds))  # type: ignore[return-value] # bounds are four numbers
    except OverflowError:  # an integer of hundreds of digits
        return None


def read_corners(each: Annotation) -> Sequence[Pair] | None:
    """Return the corners or points of an annotation's outline."""
    try:
        return _find_corners(each)
    except OverflowError:  # as above
        return None


def _find_corners(each: Annotation) -> Sequence[Pair] | None:
    if isinstance(each, Box):
        return each.corners
    if isinstance(each, BoxTrack) and each.frames:
        x, y, width, height = each.frames[min(each.frames)]
        return (x, y), (x + width, y), (x + width, y + height), (x, y + height)
    if isinstance(each, (Polygon, Polyline)):
        return each.points
    if isinstance(each, Cuboid):
        return _footprint(each)
    return None


def _footprint(each: Cuboid) -> Sequence[Pair]:
    """Return a cuboid's corners as seen from above."""
    if len(each.rotation) == 4:
        w, x, y, z = each.rotation
        angle = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    else:
        angle = each.rotation[2] if len(each.rotation) > 2 else 0.0
    cos, sin = math.cos(angle), math.sin(angle)
    half_x, half_y = each.scale[0] / 2, each.scale[1] / 2
    return [
        (each.position[0] + x * cos - y * sin, each.position[1] + x * sin + y * cos)
        for x, y in ((-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y))
    ]


def simplify(points: Iterable[Pair], matrix: Matrix, size: tuple[int, int]) -> list[Pair]:
    """Return the points in the drawing, without points that change no visible pixel."""
    low_x, high_x = -_MARGIN, size[0] + _MARGIN
    low_y, high_y = -_MARGIN, size[1] + _MARGIN
    kept: list[Pair] = []
    last_x = last_y = math.inf
    for x, y in points:
        shown_x, shown_y = apply_matrix(matrix, _limit(x), _limit(y))
        shown_x, shown_y = min(max(shown_x, low_x), high_x), min(max(shown_y, low_y), high_y)
        if abs(shown_x - last_x) >= 0.5 or abs(shown_y - last_y) >= 0.5:
            kept.append((shown_x, shown_y))
            last_x, last_y = shown_x, shown_y
    if len(kept) > _MOST_POINTS:
        step = len(kept) / _MOST_POINTS
        kept = [kept[int(place * step)] for place in range(_MOST_POINTS)]
    return kept


def make_path(points: Sequence[Pair], *, is_closed: bool) -> str:
    """Return a path with relative steps, which are shorter."""
    x, y = (round(part, 1) for part in points[0])
    parts = [f"M{format_number(x)} {format_number(y)}"]
    if len(points) > 1:
        parts.append("l")
    steps = []
    for next_x, next_y in points[1:]:
        dx, dy = round(next_x - x, 1), round(next_y - y, 1)
        steps.append(f"{format_number(dx)} {format_number(dy)}")
        x, y = x + dx, y + dy
    return "".join(parts) + " ".join(steps) + ("z" if is_closed else "")


def scale_runs(mask: Mask, size: tuple[int, int], target: tuple[int, int]) -> list[Pair]:
    """Return the runs of a mask in another size, by the middle line of each new one."""
    width, height = size
    new_width, new_height = target
    sampled = [int((place + 0.5) * height / new_height) for place in range(new_height)]
    runs: list[Any] = []
    for start, length in mask.runs:
        end = min(start + length, width * height)
        if start >= end:
            continue
        first, last = start // width, (end - 1) // width
        for place in range(bisect_left(sampled, first), new_height):
            row = sampled[place]
            if row > last:
                break
            left = start - row * width if row == first else 0
            right = end - row * width if row == last else width
            new_left = int(left * new_width / width)
            new_right = min(new_width, max(new_left + 1, round(right * new_width / width)))
            if new_left < new_right:
                runs.append((place * new_width + new_left, new_right - new_left))
    return runs


def merge_runs(runs: list[Any]) -> list[Any]:
    """Return sorted runs that don't overlap, as a smaller picture's may."""
    merged: list[Any] = []
    for start, length in sorted(runs):
        if merged and start <= merged[-1][0] + merged[-1][1]:
            begin, before = merged[-1]
            merged[-1] = (begin, max(before, start + length - begin))
        else:
            merged.append((start, length))
    return merged
