"""Many rows in little memory, shared by forked workers."""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, overload

__all__ = ["SampleIndex"]


class SampleIndex(Sequence[Any]):
    """Rows of JSON, compressed in one buffer.

    A list of a million rows of dicts takes some gigabytes, and a forked worker that only reads the
    list copies it page by page, because reading changes reference counts.

    Args:
        rows: The rows.
    """

    def __init__(self, rows: Iterable[Any] = ()) -> None:
        self._content = bytearray()
        self._ends = array("Q")
        for row in rows:
            self.append(row)

    def append(self, row: Any) -> None:
        """Add a row."""
        self._content += zlib.compress(json.dumps(row, separators=(",", ":")).encode(), 1)
        self._ends.append(len(self._content))

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start = self._ends[place - 1] if place else 0
        return json.loads(zlib.decompress(self._content[start : self._ends[place]]))

    def __len__(self) -> int:
        return len(self._ends)
