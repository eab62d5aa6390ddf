"""Places in a list after which another call can go on: rows in the order of their unique key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from synapse.errors import InvalidResponse

__all__ = ["KeyOrder", "Place"]


class Place(NamedTuple):
    """The place in a list after which reading goes on.

    Attributes:
        key: The last row's key.
        step: 1 for ascending keys, -1 for descending ones.
    """

    key: int
    step: int

    def is_before(self, keys: Iterable[Any]) -> bool:
        """Return whether all keys come after the place."""
        return all(type(key) is int and (key - self.key) * self.step > 0 for key in keys)


class KeyOrder:
    """Find the place after each page of a list that was requested in the order of a key.

    Args:
        key: The unique field.
        step: 1 for ascending keys, -1 for descending ones.
        place: The place after which an earlier call's reading goes on, if any.
    """

    def __init__(self, key: str, step: int, place: Place | None = None) -> None:
        self._key = key
        self._is_resumed = place is not None
        self._is_lost = False
        self._last = None if place is None else place.key
        self._step = step

    def follow(self, rows: Sequence[Mapping[str, Any]]) -> Place | None:
        """Return the place after a page; `None` if the rows aren't in the order of the key.

        Args:
            rows: The next page, which isn't empty.

        Raises:
            InvalidResponse: The rows don't come after those of an earlier call.
        """
        if self._is_lost:
            return None
        keys: list[Any] = [row.get(self._key) for row in rows]
        if set(map(type, keys)) == {int}:
            is_after = self._last is None or (keys[0] - self._last) * self._step > 0
            if is_after and keys == sorted(keys, reverse=self._step < 0):
                self._last = keys[-1]
                return Place(keys[-1], self._step)
        if self._is_resumed:
            raise InvalidResponse(
                200,
                f"the rows aren't those after {self._key} {self._last}",
                hint="Pass resume=False to begin anew.",
            )
        self._is_lost = True
        return None
