"""Ranges of keys with about the same number of rows each, found by counting."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise

__all__ = ["EvenRanges"]

# Part of a range's rows by which a bound may be off.
_TOLERANCE = 0.1
# Keys for each row up to which equally wide ranges are even enough without counting.
_DENSE = 1.25


class EvenRanges:
    """The number of rows by key, as far as counted, and a division of the keys by the numbers.

    Args:
        keys: The keys, in steps of 1 or -1.
        rows: Number of rows with these keys.
        count: Returns the number of rows with keys in a range. One request.
        budget: Largest number of counts. Further bounds are estimated.
    """

    def __init__(self, keys: range, rows: int, count: Callable[[range], int], budget: int) -> None:
        self._keys = keys
        self._count = count
        self._budget = budget
        # Places between keys, and the number of rows before each.
        self._places = [0, len(keys)]
        self._rows = [0, rows]

    def divide(self, parts: int) -> list[range]:
        """Return the keys in parts, at most as many as keys."""
        rows, size = self._rows[-1], len(self._keys)
        cuts = [0, *[0] * (parts - 1), size]
        for number in _middle_first(1, parts):
            cuts[number] = self._find(rows * number / parts, _TOLERANCE * rows / parts)
        for number in range(1, parts):  # each part has a key
            cuts[number] = min(max(cuts[number], cuts[number - 1] + 1), size - parts + number)
        return [self._keys[low:high] for low, high in pairwise(cuts)]

    def _find(self, wanted: float, tolerance: float) -> int:
        """Return a place with about so many rows before it."""
        is_slow = False
        while True:
            at = max(1, bisect_left(self._rows, wanted))
            (low, high), (below, above) = self._places[at - 1 : at + 1], self._rows[at - 1 : at + 1]
            nearer = low if wanted - below < above - wanted else high
            if high - low <= 1 or min(wanted - below, above - wanted) <= tolerance:
                return nearer
            share = (wanted - below) / (above - below)
            if self._budget <= 0 or high - low <= _DENSE * (above - below):
                return low + round((high - low) * share)
            # Interpolation alone creeps through gaps.
            place = low + int((high - low) * (0.5 if is_slow else share))
            place = min(max(place, low + 1), high - 1)
            self._budget -= 1
            found = below + self._count(self._keys[low:place])
            self._places.insert(at, place)
            self._rows.insert(at, min(found, above))
            is_slow = not is_slow


def _middle_first(start: int, stop: int) -> Iterator[int]:
    """Yield numbers, those in the middle first: later counts are then of few rows."""
    if start < stop:
        middle = (start + stop) // 2
        yield middle
        yield from _middle_first(start, middle)
        yield from _middle_first(middle + 1, stop)
