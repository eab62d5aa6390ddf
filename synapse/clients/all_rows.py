"""All rows of a list, loaded page by page: the result of `list_all=True`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias, overload

from synapse.clients.unpacking import PairOrRows, find_pair_unpacking
from synapse.transport.paging import Page as RowPage

__all__ = ["AllRows", "Row"]

Row: TypeAlias = dict[str, Any]


class AllRows(Sequence[Any]):
    """All rows of a list, each once; pages are requested as they are used.

    - Iterating yields the rows, one page in memory at a time. Each loop requests the pages again,
      unless the list has one page; `list(rows)` keeps them.
    - `len()` is the number of rows when the first page was made, and makes no request.
    - An index or slice keeps the rows up to there in memory. `rows == [...]` keeps all.
    - Unpacking into two names gives an iterator of the rows, and their number:
      `rows, count = client.list_tasks(list_all=True)`.

    Args:
        read_pages: Starts a walk through the pages.
        convert: Converts the rows of a page.

    Example:
        >>> pages = [RowPage(2, [{"id": 7}, {"id": 8}], None)]
        >>> rows = AllRows(lambda: iter(pages))
        >>> [row["id"] for row in rows], len(rows), rows[0]
        ([7, 8], 2, {'id': 7})
        >>> iterator, count = rows
        >>> next(iterator), count
        ({'id': 7}, 2)
    """

    def __init__(
        self,
        read_pages: Callable[[], Iterator[RowPage]],
        convert: Callable[[list[Row]], Iterable[Row]] = iter,
    ) -> None:
        self._read_pages = read_pages
        self._convert = convert
        walk = read_pages()
        first = next(walk)
        self._is_single_page = first.next_query is None
        self._count = len(first.rows) if self._is_single_page else first.count
        self._is_complete = False
        self._rows: list[Row] = []
        self._walk: Iterator[RowPage] | None = chain([first], walk)
        self._unpacking: PairOrRows | None = None

    def __iter__(self) -> Iterator[Any]:  # rows; an unpacked pair has an iterator and a number
        place = find_pair_unpacking(sys._getframe(1))
        if place is None:
            return self._iterate()
        self._unpacking = PairOrRows(place, self._make_pair, self._iterate)
        return self._unpacking

    def __len__(self) -> int:
        if self._unpacking is not None:
            self._unpacking.choose_rows()
        return len(self._rows) if self._is_complete else self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            bounds = (index.start or 0, index.stop)
            is_forward = index.stop is not None and min(bounds) >= 0 and (index.step or 1) > 0
            return self._keep(index.stop if is_forward else None)[index]
        return self._keep(index + 1 if index >= 0 else None)[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AllRows):
            return self._keep(None) == other._keep(None)
        return self._keep(None) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # rows change, as those of a list do

    def __repr__(self) -> str:
        return f"<AllRows: {self._count} rows>"

    def _make_pair(self) -> tuple[Iterator[Row], int]:
        self._unpacking = None
        return self._iterate(), self._count

    def _iterate(self) -> Iterator[Row]:
        if self._is_single_page:
            self._keep(None)
        if self._is_complete:
            yield from self._rows
            return
        kept, walk = self._rows, self._walk
        # The rows that follow are not kept, so the next loop starts from the first page.
        self._rows, self._walk = [], None
        if walk is None:
            walk = self._read_pages()
        yield from kept
        for page in walk:
            yield from self._convert(page.rows)

    def _keep(self, stop: int | None) -> list[Row]:
        """Return the rows kept in memory: at least those before `stop`, or all."""
        if not self._is_complete and self._walk is None:
            self._walk = self._read_pages()
        try:
            while self._walk is not None and (stop is None or len(self._rows) < stop):
                page = next(self._walk, None)
                if page is None:
                    self._is_complete, self._walk = True, None
                else:
                    self._rows.extend(self._convert(page.rows))
        except BaseException:
            self._rows, self._walk = [], None  # a failed walk can't go on
            raise
        return self._rows
