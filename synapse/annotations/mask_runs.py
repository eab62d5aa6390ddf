"""Runs of pixels: normal form, sums, outlines, arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from synapse._internal.validate import is_int, is_number, validate_int
from synapse.errors import FieldValueError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MAX_COUNT",
    "MAX_SIDE",
    "Runs",
    "area",
    "bounds",
    "count_pixels",
    "draw_runs",
    "find_runs",
    "from_array",
    "from_indices",
    "from_pixels",
    "intersection",
    "merge",
    "merge_sorted",
    "move",
    "normalize",
    "rasterize",
    "split_rows",
    "to_array",
    "to_indices",
]

Runs: TypeAlias = tuple[tuple[int, int], ...]

MAX_SIDE = 2**20
# COCO's compressed text holds counts of 32 bits.
MAX_COUNT = 2**32 - 1
# Floats are exact to a thousandth of a pixel up to this coordinate, and sums don't overflow.
_MAX_COORDINATE = 2.0**40


def normalize(
    runs: Iterable[Sequence[int]], width: int | None = None, height: int | None = None
) -> Runs:
    """Return runs sorted, with overlaps merged and empty runs dropped.

    Args:
        runs: Pairs `[start, length]` in any order.
        width: Width of the mask in pixels, to check the bounds; `None` checks none.
        height: Height of the mask in pixels.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.
        UsageError: The width or height isn't valid.

    Example:
        >>> normalize([[8, 2], [0, 3], [3, 1]], width=5, height=2)
        ((0, 4), (8, 2))
    """
    pixels = None if (width, height) == (None, None) else count_pixels(width, height)
    if _is_normal(runs):
        if pixels is not None and runs and sum(runs[-1]) > pixels:
            raise _make_bounds_error("runs", len(runs) - 1, runs[-1], width, height)
        return runs

    checked: list[tuple[int, int]] = []
    for position, run in enumerate(runs):
        if not _is_pair(run) or not (is_int(run[0]) and is_int(run[1])) or run[0] < 0 or run[1] < 0:
            raise FieldValueError(
                f"runs[{position}]: {shorten(run)} is not a run. "
                "Pass [start, length]: two whole numbers, 0 or more."
            )
        start, length = run
        if pixels is not None and start + length > pixels:
            raise _make_bounds_error("runs", position, run, width, height)
        if length:
            checked.append((start, length))
    return merge_sorted(sorted(checked))


def to_indices(runs: Iterable[Sequence[int]]) -> list[int]:
    """Return the indices of a mask's pixels, in order.

    Example:
        >>> to_indices(((0, 2), (8, 1)))
        [0, 1, 8]
    """
    return list(chain.from_iterable(range(start, start + n) for start, n in normalize(runs)))


def from_indices(
    indices: Iterable[int], width: int | None = None, height: int | None = None
) -> Runs:
    """Return the runs of pixels that are given by their indices.

    Args:
        indices: Indices `y * width + x`, in any order; repeated ones count once.
        width: Width of the mask in pixels, to check the bounds; `None` checks none.
        height: Height of the mask in pixels.

    Raises:
        FieldValueError: An item isn't an index, or lies outside the mask.

    Example:
        >>> from_indices([8, 1, 0])
        ((0, 2), (8, 1))
    """
    pixels = None if (width, height) == (None, None) else count_pixels(width, height)
    items = list(indices)
    if not set(map(type, items)) <= {int}:
        for position, item in enumerate(items):
            if not is_int(item):
                raise _make_index_error(position, item)
    values = sorted(items)
    if not values:
        return ()
    if values[0] < 0:
        raise _make_index_error(items.index(values[0]), values[0])
    if pixels is not None and values[-1] >= pixels:
        position = items.index(values[-1])
        raise _make_bounds_error("indices", position, values[-1], width, height)
    gaps = [pair for pair in pairwise(values) if pair[1] - pair[0] > 1]
    starts = [values[0], *(after for _, after in gaps)]
    ends = [*(before for before, _ in gaps), values[-1]]
    return tuple((start, end + 1 - start) for start, end in zip(starts, ends, strict=True))


def area(runs: Iterable[Sequence[int]]) -> int:
    """Return the number of a mask's pixels.

    Example:
        >>> area(((0, 2), (8, 1)))
        3
    """
    return sum(length for _, length in normalize(runs))


def bounds(runs: Iterable[Sequence[int]], width: int) -> tuple[int, int, int, int]:
    """Return the smallest box around a mask: x, y, width and height; zeros for an empty mask.

    Args:
        runs: The mask.
        width: Width of the mask in pixels.

    Example:
        >>> bounds(((1, 2), (8, 1)), width=5)
        (1, 0, 3, 2)
    """
    validate_int("width", width, maximum=MAX_SIDE)
    mask = normalize(runs)
    if not mask:
        return (0, 0, 0, 0)
    left, right = width, 0
    for start, length in mask:
        x = start % width
        end = x + length
        if end > width:
            left, right = 0, width
            break
        left, right = min(left, x), max(right, end)
    top = mask[0][0] // width
    bottom = (sum(mask[-1]) - 1) // width
    return (left, top, right - left, bottom + 1 - top)


def intersection(first: Iterable[Sequence[int]], second: Iterable[Sequence[int]]) -> int:
    """Return the number of pixels that two masks of one size share.

    Example:
        >>> intersection(((0, 4),), ((3, 5),))
        1
    """
    total = 0
    others = iter(normalize(second))
    other = next(others, None)
    for start, length in normalize(first):
        end = start + length
        while other is not None:
            other_start, other_length = other
            other_end = other_start + other_length
            total += max(min(end, other_end) - max(start, other_start), 0)
            if other_end > end:
                break
            other = next(others, None)
    return total


def merge(*masks: Iterable[Sequence[int]]) -> Runs:
    """Return the pixels that are in any of several masks of one size.

    Example:
        >>> merge(((0, 2),), ((1, 3), (9, 1)))
        ((0, 4), (9, 1))
    """
    return merge_sorted(sorted(chain.from_iterable(map(normalize, masks))))


def move(runs: Iterable[Sequence[int]], width: int, x: int, y: int, new_width: int) -> Runs:
    """Move a mask's pixels, also to a picture of another width. Makes no request.

    Args:
        runs: The pixels as runs (start, length) of row-major indices.
        width: Width of the mask in pixels.
        x: Pixels to the right; to the left if negative.
        y: Pixels down; up if negative.
        new_width: Width of the new mask in pixels, in which all moved pixels must lie.

    Returns:
        The moved pixels as runs of the new mask.

    Raises:
        FieldValueError: An item isn't a run.

    Example:
        >>> move(((0, 2), (5, 1)), width=5, x=1, y=2, new_width=10)
        ((21, 2), (31, 1))
    """
    rows = split_rows(normalize(runs), width)
    return merge_sorted(
        ((row + y) * new_width + left + x, right - left)
        for row, ends in sorted(rows.items())
        for left, right in zip(ends[::2], ends[1::2], strict=True)
    )


def rasterize(points: Iterable[Sequence[float]], width: int, height: int) -> Runs:
    """Return the pixels whose centres are inside a polygon.

    Polygons that share an edge share no pixel and leave no gap. Where a ring crosses itself, the
    even-odd rule decides. Parts outside the mask are cut off.

    Args:
        points: The corners `[x, y]` of one ring in pixels; the last is joined to the first.
        width: Width of the mask in pixels.
        height: Height of the mask in pixels.

    Raises:
        FieldValueError: The ring has fewer than three points, or a point isn't two finite numbers.

    Example:
        >>> rasterize([[1, 0], [4, 0], [4, 2], [1, 2]], width=5, height=4)
        ((1, 3), (6, 3))
    """
    count_pixels(width, height)
    ring = [_check_point(position, point) for position, point in enumerate(points)]
    if len(ring) < 3:
        raise FieldValueError(f"points has {len(ring)} points. A polygon needs three or more.")

    crossings: dict[int, list[int]] = {}
    for corner, next_corner in pairwise([*ring, ring[0]]):
        # From top to bottom, so that two polygons round their common edge equally.
        (y1, x1), (y2, x2) = sorted((point[1], point[0]) for point in (corner, next_corner))
        rows = range(max(math.ceil(y1 - 0.5), 0), min(math.ceil(y2 - 0.5), height))
        for y in rows:
            x = x1 + (x2 - x1) * (y + 0.5 - y1) / (y2 - y1)
            column = math.ceil(min(max(x, 0), width) - 0.5)
            crossings.setdefault(y, []).append(column)
    runs: list[tuple[int, int]] = []
    for y in sorted(crossings):
        columns = sorted(crossings[y])
        for left, right in zip(columns[::2], columns[1::2], strict=True):
            runs.append((y * width + left, right - left))
    return normalize(runs)


def to_array(runs: Iterable[Sequence[int]], width: int, height: int) -> NDArray[np.bool_]:
    """Return a mask as a numpy array of booleans with the shape `(height, width)`.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.
        ImportError: numpy isn't installed.

    Example:
        >>> to_array(((0, 2), (5, 1)), width=5, height=2).sum(axis=1).tolist()
        [2, 1]
    """
    import numpy as np

    bitmap = draw_runs(normalize(runs, width, height), count_pixels(width, height))
    return np.frombuffer(bitmap, np.bool_).reshape(height, width)


def from_array(array: ArrayLike) -> Runs:
    """Return the pixels of a numpy array that aren't zero.

    Args:
        array: An array with the shape `(height, width)`.

    Raises:
        FieldValueError: The array hasn't two dimensions.
        ImportError: numpy isn't installed.

    Example:
        >>> from_array([[False, True, True], [True, False, False]])
        ((1, 3),)
    """
    import numpy as np

    values = np.asarray(array)
    if values.ndim != 2:
        raise FieldValueError(
            f"The array has the shape {values.shape}. Pass one mask, with (height, width)."
        )
    return find_runs((values != 0).tobytes())


def from_pixels(pixels: bytes, value: int | None = None) -> Runs:
    """Return the runs of the pixels that have a value.

    Args:
        pixels: One byte per pixel, row by row, as `read_png()` returns them.
        value: The value inside the mask; `None` for all but 0.

    Example:
        >>> from_pixels(bytes([0, 7, 7, 3]), 7)
        ((1, 2),)
    """
    if value is None:
        table = b"\0" + b"\1" * 255
    else:
        validate_int("value", value, minimum=0, maximum=255)
        table = bytes(number == value for number in range(256))
    return find_runs(pixels.translate(table))


def _is_pair(value: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a list or tuple of two items."""
    return isinstance(value, (list, tuple)) and len(value) == 2


def _is_normal(runs: Iterable[Any]) -> TypeGuard[Runs]:
    """Return whether runs need no change."""
    if type(runs) is not tuple:
        return False
    end = -1
    for run in runs:
        if type(run) is not tuple or len(run) != 2:
            return False
        start, length = run
        if type(start) is not int or type(length) is not int or start <= end or length < 1:
            return False
        end = start + length
    return True


def merge_sorted(runs: Iterable[tuple[int, int]]) -> Runs:
    """Merge sorted runs that overlap or touch."""
    merged: list[tuple[int, int]] = []
    last_start, last_end = 0, -1
    for start, length in runs:
        if start > last_end:
            if last_end >= 0:
                merged.append((last_start, last_end - last_start))
            last_start, last_end = start, start + length
        elif start + length > last_end:
            last_end = start + length
    if last_end >= 0:
        merged.append((last_start, last_end - last_start))
    return tuple(merged)


def count_pixels(width: Any, height: Any) -> int:
    """Return the number of pixels of a mask with a valid size."""
    validate_int("width", width, maximum=MAX_SIDE)
    validate_int("height", height, maximum=MAX_SIDE)
    pixels: int = width * height
    if pixels > MAX_COUNT:
        raise UsageError(
            f"width={width} and height={height} have more than {MAX_COUNT} pixels. "
            "Split the mask into tiles."
        )
    return pixels


def _check_point(position: int, point: Any) -> tuple[float, float]:
    """Return a point of two finite numbers."""
    if not _is_pair(point) or not all(
        is_number(value) and abs(value) <= _MAX_COORDINATE for value in point
    ):
        raise FieldValueError(
            f"points[{position}]: {shorten(point)} is not a point. Pass [x, y] in pixels."
        )
    return (float(point[0]), float(point[1]))


def _make_index_error(position: int, item: Any) -> FieldValueError:
    """Return the error for an item that isn't a pixel's index."""
    return FieldValueError(
        f"indices[{position}]: {shorten(item)} is not a pixel's index. "
        "Pass whole numbers, 0 or more."
    )


def _make_bounds_error(
    name: str, position: int, item: Any, width: Any, height: Any
) -> FieldValueError:
    """Return the error for an item outside the mask."""
    return FieldValueError(
        f"{name}[{position}]: {shorten(item)} is outside a mask of {width} x {height} pixels. "
        "Check the mask's size."
    )


def split_rows(runs: Runs, width: int) -> dict[int, list[int]]:
    """Return the first column of each run, and the one after the last, by row."""
    rows: dict[int, list[int]] = {}
    for start, length in runs:
        y, x = divmod(start, width)
        end = x + length
        while end > width:
            rows.setdefault(y, []).extend((x, width))
            y, x, end = y + 1, 0, end - width
        rows.setdefault(y, []).extend((x, end))
    return rows


def draw_runs(runs: Runs, pixels: int) -> bytearray:
    """Return one byte per pixel: 1 inside the mask, 0 outside."""
    bitmap = bytearray(pixels)
    for start, length in runs:
        bitmap[start : start + length] = b"\1" * length
    return bitmap


def find_runs(bitmap: bytes) -> Runs:
    """Return the runs of the bytes that are 1; all others are 0."""
    runs: list[tuple[int, int]] = []
    start = bitmap.find(1)
    while start >= 0:
        end = bitmap.find(0, start)
        if end < 0:
            end = len(bitmap)
        runs.append((start, end - start))
        start = bitmap.find(1, end)
    return tuple(runs)
