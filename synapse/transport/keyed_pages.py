"""Walk through a list by the key of its rows, instead of by page numbers.

Numbered pages get slower with their number, and shift when rows come or go. A bound on the key
(`id__gt=`) costs the same everywhere, and shifts nothing. The walk requests the next rows without
an upper bound, learns from them how far the keys lie apart, and requests the following stretches
of keys side by side. A stretch as wide as a page fits on a page, because keys are unique.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synapse.errors import BadRequest
from synapse.transport.page import ListRequest, Page, Params, parse_page
from synapse.transport.readahead import ReadAhead
from synapse.transport.response import Response

__all__ = ["BoundsIgnored", "KeyedPages", "RowsElsewhere", "find_direction"]

# Part of a page that a stretch should fill; with more rows than a page it costs two requests.
_FILL = 0.8
# Part of a page below which stretches are too narrow, and their width is measured again.
_SPARSE = 0.25

Row = dict[str, Any]


class BoundsIgnored(Exception):
    """The server doesn't honour bounds on the key, or doesn't sort by the key."""


class RowsElsewhere(Exception):
    """The list has other rows after the position than expected."""


def find_direction(params: Params, key: str, rows: list[Row]) -> int | None:
    """Return 1 for a list in ascending order of the key, -1 for descending, `None` for another.

    Args:
        params: The query.
        key: The unique field.
        rows: A page of the list, from which the order is concluded if the query has none.

    """
    keys: list[Any] = [row.get(key) for row in rows]
    if len(keys) < 2 or set(map(type, keys)) != {int} or not _has_readable_bounds(params, key):
        return None
    ordering = [value for name, value in params if name == "ordering"]
    for direction, name in ((1, key), (-1, f"-{key}")):
        if ordering in ([], [name]) and keys == sorted(set(keys), reverse=direction < 0):
            return direction
    return None


def _has_readable_bounds(params: Params, key: str) -> bool:
    """Return whether the query's own bounds on the key are whole numbers, each given once."""
    names = [name for name, _ in params if name in _bounds(key)]
    return len(names) == len(set(names)) and all(
        str(value).isdecimal() for name, value in params if name in names
    )


def _bounds(key: str) -> set[str]:
    return {f"{key}__{lookup}" for lookup in ("lt", "lte", "gt", "gte")}


class KeyedPages:
    """A walk through the rows of a list after a key.

    Args:
        request: The list; the query has no page number.
        direction: 1 for ascending keys, -1 for descending ones.
        position: The key of the last known row; `None` to begin with the first row.
        expected: Number of rows after the position, if known.
        limit: Number of rows that the caller wants at most, for requests ahead.
        workers: Number of pages in flight; 1 requests strictly one after the other.
    """

    def __init__(
        self,
        request: ListRequest,
        *,
        direction: int,
        position: int | None,
        expected: int | None,
        limit: int,
        workers: int,
    ) -> None:
        self._request = request
        self._direction = direction
        self._position = position
        self._expected = expected
        self._limit = limit
        after, until = ("gt", "lte") if direction > 0 else ("lt", "gte")
        self._after, self._until = f"{request.key}__{after}", f"{request.key}__{until}"
        self._own = _bounds(request.key)
        self._base = 0
        self._width = 1
        self._ahead = ReadAhead(self._fetch_stretch, workers)

    def __iter__(self) -> Iterator[Page]:
        """Yield each page with its rows.

        Raises:
            BoundsIgnored: The server doesn't honour bounds on the key. The rows of the pages before
                are right.
            RowsElsewhere: The number of rows isn't the expected one. Nothing was yielded.
        """
        while True:
            page = self._read(self._ahead.get(0, 0))
            if self._expected not in (None, page.count):
                raise RowsElsewhere
            self._expected = None
            if page.rows:
                yield page
            if page.next_query is None:
                return
            yield from self._read_stretches(page)

    def close(self) -> None:
        """End the threads that read ahead."""
        self._ahead.close()

    def _read_stretches(self, page: Page) -> Iterator[Page]:
        """Yield the pages of stretches, until they are sparse or the rest is short."""
        size, key = len(page.rows), self._request.key
        span = abs(page.rows[-1][key] - page.rows[0][key]) + 1
        self._width = max(size, int(_FILL * span))
        self._base = page.rows[-1][key]
        rest = min(page.count - size, self._limit)
        stretches = -(-rest // size)
        for number in range(1, stretches + 1):
            bound = self._bound(number)
            response, received, is_left = self._ahead.get(number, stretches), 0, True
            while is_left:
                part = self._read(response, bound)
                received, is_left = received + len(part.rows), part.next_query is not None
                yield part
                del part  # before the next one is decoded, which takes its place in memory
                if is_left:
                    response = self._fetch(self._position, bound)
            self._position = bound
            if received < _SPARSE * size:
                break
        self._ahead.forget()

    def _fetch_stretch(self, number: int) -> Response:
        """Request stretch `number`, from 1; 0 is all rows after the position."""
        if number == 0:
            return self._fetch(self._position)
        return self._fetch(self._bound(number - 1), self._bound(number))

    def _bound(self, number: int) -> int:
        return self._base + self._direction * self._width * number

    def _fetch(self, position: int | None, bound: int | None = None) -> Response:
        params = {name: value for name, value in self._request.params if name in self._own}
        # The position is within the query's own bounds; of two ends the nearer one holds.
        if position is not None:
            params[self._after] = position
        if bound is not None:
            nearer = min if self._direction > 0 else max
            params[self._until] = nearer(bound, int(params.get(self._until, bound)))
        sign = "" if self._direction > 0 else "-"
        others = {*self._own, "ordering"}
        return self._request.fetch(
            [
                *(pair for pair in self._request.params if pair[0] not in others),
                *params.items(),
                ("ordering", f"{sign}{self._request.key}"),
            ]
        )

    def _read(self, response: Response, bound: int | None = None) -> Page:
        """Return the page in a response, and go on to its last row.

        Raises:
            BoundsIgnored: The rows aren't sorted by the key, or lie outside the bounds.
        """
        try:
            page = parse_page(response)
        except BadRequest as error:
            raise BoundsIgnored from error
        keys: list[Any] = [row.get(self._request.key) for row in page.rows]
        if set(map(type, keys)) - {int}:
            raise BoundsIgnored
        edge = [] if bound is None else [bound + self._direction]
        start = [] if self._position is None else [self._position]
        ordered = [*start, *keys, *edge]
        if ordered != sorted(set(ordered), reverse=self._direction < 0):
            raise BoundsIgnored
        if keys:
            self._position = keys[-1]
        elif page.next_query is not None:
            raise BoundsIgnored
        return page
