"""Which ids an iteration has given already, in little memory."""

from __future__ import annotations

from typing import Any

__all__ = ["SeenIds"]

_BITS = 1024


class SeenIds:
    """A set of ids. Whole numbers take a bit each when they lie close, as database ids do.

    Ten million consecutive ids take about two megabytes; a `set` of them takes half a gigabyte.
    """

    __slots__ = ("_blocks", "_others")

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._others: set[Any] = set()

    def unseen(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows whose ids weren't there before, and note them.

        A row without an id can't be told from others, so it is always one of them.
        """
        add = self.add
        return [
            row for row in rows if not isinstance(row, dict) or "id" not in row or add(row["id"])
        ]

    def add(self, key: Any) -> bool:
        """Note an id; say whether it is new."""
        if type(key) is not int or key < 0:
            known = len(self._others)
            try:
                self._others.add(key)
            except TypeError:
                return True  # a list or mapping is no id; whoever makes objects of it says so
            return len(self._others) > known
        number, bit = divmod(key, _BITS)
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = bytearray(_BITS // 8)
        place, mask = bit >> 3, 1 << (bit & 7)
        if block[place] & mask:
            return False
        block[place] |= mask
        return True
