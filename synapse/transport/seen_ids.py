"""Which ids an iteration has given already, in little memory."""

from __future__ import annotations

from array import array
from typing import Any

__all__ = ["SeenIds"]

_BITS = 1024
_MOST_PENDING = 100_000
_MISSING = object()


class SeenIds:
    """A set of ids. Whole numbers take a bit each when they lie close, as database ids do.

    Ten million consecutive ids take about two megabytes; a `set` of them takes half a gigabyte.

    Args:
        key: The field with the id; rows without it have their `id` compared.

    Attributes:
        knows_all: Whether every row so far had an id.
    """

    __slots__ = (
        *("_blocks", "_highest", "_key", "_lowest", "_others", "_pending", "_waiting"),
        "knows_all",
    )

    def __init__(self, key: str = "id") -> None:
        self._key = key
        self.knows_all = True
        self._blocks: dict[int, bytearray] = {}
        self._others: set[Any] = set()
        # Pages beyond everything that was seen have nothing to be compared with. Their ids are
        # put aside, and sorted in only when a page comes that overlaps with them.
        self._pending: list[range | array[int]] = []
        self._waiting = 0
        self._lowest = 0
        self._highest = -1

    def unseen(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return and note the rows whose ids are new.

        Rows without an id can't be told apart and always count as new.
        """
        if self._is_beyond(rows):
            return rows
        new = []
        for row in rows:
            key = row.get(self._key, row.get("id", _MISSING))
            self.knows_all = self.knows_all and key is not _MISSING
            if key is _MISSING or self.add(key):
                new.append(row)
        return new

    def add(self, key: Any) -> bool:
        """Note an id; return whether the id is new."""
        if type(key) is not int or key < 0:
            known = len(self._others)
            try:
                self._others.add(key)
            except TypeError:
                self.knows_all = False
                return True  # a list or mapping: the reader of the row raises the error
            return len(self._others) > known
        if self._pending:
            self._sort_in()
        self._stretch(key, key)
        return self._mark(key)

    def _is_beyond(self, rows: list[dict[str, Any]]) -> bool:
        """Note a page's ids in bulk if all lie beyond those seen before; return whether they do."""
        try:
            keys = [row[self._key] for row in rows]
        except KeyError:
            return False
        if set(map(type, keys)) != {int} or len(set(keys)) < len(keys):
            return False
        low, high = min(keys), max(keys)
        is_empty = self._highest < self._lowest
        if low < 0 or high >> 63 or not (is_empty or low > self._highest or high < self._lowest):
            return False
        self._stretch(low, high)
        if high - low < len(keys):
            last = self._pending[-1] if self._pending else None
            if isinstance(last, range) and last.stop == low:
                self._pending[-1] = range(last.start, high + 1)
            else:
                self._pending.append(range(low, high + 1))
                self._waiting += 1
        else:
            self._pending.append(array("q", keys))
            self._waiting += len(keys)
        if self._waiting > _MOST_PENDING:
            self._sort_in()
        return True

    def _stretch(self, low: int, high: int) -> None:
        if self._highest < self._lowest:
            self._lowest, self._highest = low, high
        else:
            self._lowest, self._highest = min(low, self._lowest), max(high, self._highest)

    def _sort_in(self) -> None:
        for keys in self._pending:
            for key in keys:
                self._mark(key)
        self._pending = []
        self._waiting = 0

    def _mark(self, key: int) -> bool:
        number, bit = divmod(key, _BITS)
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = bytearray(_BITS // 8)
        place, mask = bit >> 3, 1 << (bit & 7)
        if block[place] & mask:
            return False
        block[place] |= mask
        return True
