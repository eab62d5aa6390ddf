"""Counts of COCO: runs down the columns of a mask, as numbers or compressed text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from operator import sub
from reprlib import repr as shorten
from typing import TYPE_CHECKING

from synapse._internal.validate import is_int
from synapse.annotations.mask_runs import (
    MAX_COUNT,
    Runs,
    count_pixels,
    draw_runs,
    merge_sorted,
    normalize,
    split_rows,
)
from synapse.errors import FieldValueError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["compress_counts", "decode_counts", "encode_counts", "expand_counts"]

# A count of 32 bits has at most seven characters of five bits.
_MAX_CHARACTERS = 7
# Runs from which numpy is worth its import, and pixels per run up to which a bitmap is faster.
_MANY_RUNS = 1_000
_SPARSE = 500


def encode_counts(runs: Iterable[Sequence[int]], width: int, height: int) -> list[int]:
    """Return a mask as uncompressed counts of COCO.

    Counts go down the columns and alternate between pixels outside and inside the mask; the first
    counts pixels outside. The `size` beside them in COCO is `[height, width]`.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.

    Example:
        >>> encode_counts(((0, 2), (5, 1)), width=5, height=2)
        [0, 3, 7]
    """
    pixels = count_pixels(width, height)
    edges = _transpose(normalize(runs, width, height), width, height)
    if not edges or edges[-1] < pixels:
        edges.append(pixels)
    return [end - start for start, end in pairwise([0, *edges])]


def decode_counts(counts: Iterable[int] | str | bytes, width: int, height: int) -> Runs:
    """Return a mask from counts of COCO.

    Args:
        counts: Numbers, or the compressed text.
        width: Width of the mask in pixels, the second number of COCO's `size`.
        height: Height of the mask in pixels, the first number of COCO's `size`.

    Raises:
        FieldValueError: An item isn't a count, the text is damaged, or the counts don't add up to
            the mask's pixels.

    Example:
        >>> decode_counts([0, 3, 7], width=5, height=2)
        ((0, 2), (5, 1))
    """
    pixels = count_pixels(width, height)
    numbers = expand_counts(counts) if isinstance(counts, (str, bytes)) else _check_counts(counts)
    total = sum(numbers)
    if total != pixels:
        raise FieldValueError(
            f"counts add up to {total}, not to the {pixels} pixels of {width} x {height}. "
            "The counts are cut, or the size is of another mask."
        )
    edges = list(accumulate(numbers))
    runs = _pair_edges(edges[: len(edges) // 2 * 2])
    if 0 in numbers[1:]:
        runs = merge_sorted(run for run in runs if run[1])
    return _pair_edges(_transpose(runs, height, width))


def compress_counts(counts: Iterable[int]) -> str:
    """Return counts as COCO's compressed text, as pycocotools writes them.

    Raises:
        FieldValueError: An item isn't a count.

    Example:
        >>> compress_counts([0, 3, 7])
        '037'
    """
    text = bytearray()
    numbers = _check_counts(counts)
    for index, count in enumerate(numbers):
        value = count - numbers[index - 2] if index > 2 else count
        # Five bits a character; the sixth says that more follow, the last one's fifth is the sign.
        while not -16 <= value < 16:
            text.append(48 + (value & 31 | 32))
            value >>= 5
        text.append(48 + (value & 31))
    return text.decode("ascii")


def expand_counts(text: str | bytes) -> list[int]:
    """Return the counts that COCO's compressed text holds.

    Raises:
        FieldValueError: The text has a character that cannot occur, is cut within a count, or
            holds a number that isn't a count.

    Example:
        >>> expand_counts("037")
        [0, 3, 7]
    """
    characters = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    counts: list[int] = []
    value = shift = 0
    for position, character in enumerate(characters):
        bits = character - 48
        if not 0 <= bits < 64:
            raise FieldValueError(
                f"counts, character {position}: {text[position : position + 1]!r} cannot occur in "
                "compressed counts. Pass the text as COCO has it."
            )
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            if shift >= 5 * _MAX_CHARACTERS:
                raise FieldValueError(
                    f"counts, character {position}: the number is too long. The text is damaged."
                )
            continue
        if bits & 16:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        if not 0 <= value <= MAX_COUNT:
            raise FieldValueError(
                f"counts, character {position}: count {len(counts)} is {value}, not between 0 and "
                f"{MAX_COUNT}. The text is damaged."
            )
        counts.append(value)
        value = shift = 0
    if shift:
        raise FieldValueError(
            f"counts end within a number, after {len(characters)} characters. The text is cut."
        )
    return counts


def _check_counts(counts: Iterable[int]) -> list[int]:
    """Return counts as a list of valid numbers."""
    numbers = list(counts)
    if set(map(type, numbers)) == {int} and min(numbers) >= 0 and max(numbers) <= MAX_COUNT:
        return numbers
    for position, count in enumerate(numbers):
        if not is_int(count) or not 0 <= count <= MAX_COUNT:
            raise FieldValueError(
                f"counts[{position}]: {shorten(count)} is not a count. "
                f"Pass whole numbers between 0 and {MAX_COUNT}."
            )
    return numbers


def _transpose(runs: Runs, width: int, height: int) -> list[int]:
    """Return the edges of a mask's runs after its rows and columns are exchanged."""
    if _MANY_RUNS <= len(runs) >= width * height / _SPARSE and (np := _load_numpy()):
        bitmap = np.zeros(width * height + 2, np.uint8)
        drawn = np.frombuffer(draw_runs(runs, width * height), np.uint8).reshape(height, width)
        bitmap[1:-1].reshape(width, height)[:] = drawn.T
        edges: list[int] = np.flatnonzero(bitmap[1:] != bitmap[:-1]).tolist()
        return edges

    # The ends that a row doesn't share with the row above enclose the columns that enter or leave
    # the mask in this row.
    rows = split_rows(runs, width)
    changes: list[list[int]] = [[] for _ in range(width)]
    for y in sorted(rows.keys() | {row + 1 for row in rows}):
        ends = sorted({*rows.get(y, ())} ^ {*rows.get(y - 1, ())})
        for left, right in zip(ends[::2], ends[1::2], strict=True):
            for column in changes[left:right]:
                column.append(y)
    edges = []
    for x, column in enumerate(changes):
        top = x * height
        if column and column[0] == 0 and edges and edges[-1] == top:
            edges.pop()
            del column[0]
        edges += [top + y for y in column]
    return edges


def _pair_edges(edges: list[int]) -> Runs:
    """Return the runs between the first and second edge, the third and fourth, and so on."""
    starts = edges[::2]
    return tuple(zip(starts, map(sub, edges[1::2], starts), strict=True))


def _load_numpy() -> ModuleType | None:
    """Return numpy, or `None` where numpy isn't installed."""
    try:
        import numpy as np
    except ImportError:
        return None
    return np
