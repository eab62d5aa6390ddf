"""Walk through all pages of a list, by the way that the server offers.

Numbers work everywhere, but a server takes the longer for a page the higher its number, and some
never answer beyond a few hundred. So a walk over more than a few pages goes on by bounds on the
unique key, or by cursors. Each server is asked once for each list whether it offers them.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import Literal, TypeAlias

import attrs

from synapse.transport.cursor_pages import read_by_cursor
from synapse.transport.keyed_pages import (
    BoundsIgnored,
    KeyedPages,
    RowsElsewhere,
    find_direction,
)
from synapse.transport.numbered_pages import NumberedPages
from synapse.transport.page import (
    KEY,
    WORKERS,
    ListRequest,
    Page,
    Params,
    get_page,
    make_incomplete_error,
    parse_page,
)
from synapse.transport.seen_ids import SeenIds
from synapse.transport.transport import Transport

__all__ = ["WORKERS", "Page", "get_page", "walk"]

_MOST_MISSING = 10_000

Way: TypeAlias = Literal["keys", "cursor"]

# The platform offers cursors for these lists.
_CURSOR_PATHS = "sdk/"
# Pages up to which numbers are as good as anything else.
_FEW_PAGES = 5


def walk(
    transport: Transport,
    path: str,
    params: Params,
    *,
    start: int = 1,
    end: int | None = None,
    workers: int = WORKERS,
    key: str = KEY,
    resource: str | None = None,
) -> Generator[Page, None, None]:
    """Yield page after page, each with the rows that earlier pages didn't have.

    One request for each page, and up to two more the first time that a long list is read, which ask
    the server for bounds on the key and for cursors. Up to `workers` pages are requested ahead,
    once the walk has gone on to a second page and waiting for the server takes most of the time.

    By numbers, when the total falls, the walk steps back by as many rows. A page that was read
    ahead may have lost more, because a server counts first and reads rows later: the first sign of
    that ends reading ahead, and pages in flight are requested again.

    Args:
        transport: The transport.
        path: The list's path.
        params: The query, without a page number.
        start: First page, from 1.
        end: Last page to request ahead.
        workers: Number of pages in flight; 1 requests strictly one after the other.
        key: The unique field of the list.
        resource: Name of the listed resource, for messages.

    Raises:
        InvalidResponse: A response isn't a page, the pages give fewer rows than the list has, or
            page after page brings nothing new and the walk would never end.
        ClientError: The server refused or couldn't be reached.
    """
    request = ListRequest(transport, path, params, key, resource)
    with closing(NumberedPages(request, start=start, end=end, workers=workers)) as numbered:
        pages = iter(numbered)
        first = next(pages)
        yield first
        size = len(first.rows)
        limit = first.count - start * size
        if end is not None:
            limit = min(limit, (end - start) * size)
        if first.next_query is not None and limit > (_FEW_PAGES - 1) * size:
            rest = _LongWalk(request, first, start, limit, workers)
            started = time.perf_counter()
            if (yield from rest.read()):
                return
            if not rest.has_yielded:
                numbered.leave_out(time.perf_counter() - started)
        yield from pages


class _LongWalk:
    """The walk after the first page of a long list, by the ways that numbers aren't needed for.

    Args:
        request: The list.
        first: The first page of the walk.
        start: The number of that page.
        limit: Number of further rows that the caller wants at most.
        workers: Number of pages in flight.
    """

    def __init__(
        self, request: ListRequest, first: Page, start: int, limit: int, workers: int
    ) -> None:
        self._request = request
        self._first = first
        self._is_from_start = start == 1
        self._skipped = start * len(first.rows)
        self._limit = limit
        self._workers = workers
        self._seen = SeenIds(request.key)
        self._seen.unseen(first.rows)
        self._received = len(first.rows)
        self._is_sorted = any(name == "ordering" for name, _ in request.params)
        self._direction = find_direction(request.params, request.key, first.rows)

    @property
    def has_yielded(self) -> bool:
        """Whether a page beyond the first one was read."""
        return self._received > len(self._first.rows)

    def read(self) -> Generator[Page, None, bool]:
        """Yield the pages after the first one; return whether they are all."""
        direction = self._direction
        if (
            direction is not None
            and self._may_use("keys")
            and (yield from self._read_by_keys(direction))
        ):
            return True
        if self._may_use("cursor") and self._is_from_start:
            return (yield from self._read_by_cursor())
        return False

    def _may_use(self, way: Way) -> bool:
        transport, path = self._request.transport, self._request.path
        if way == "cursor" and not path.startswith(_CURSOR_PATHS):
            return False
        is_allowed = transport.options.paging in ("auto", way)
        return is_allowed and (path, way) not in transport.missing_ways

    def _read_by_keys(self, direction: int) -> Generator[Page, None, bool]:
        # Without an order in the query, the first rows may be sorted by chance only. Then the
        # server has another number of rows beyond them than the total says.
        expected = None if self._is_sorted else self._first.count - self._skipped
        attempts = [(self._first.rows[-1][self._request.key], expected)]
        if expected is not None and self._is_from_start:
            attempts.append((None, self._first.count))
        for position, count in attempts:
            keyed = KeyedPages(
                self._request,
                direction=direction,
                position=position,
                expected=count,
                limit=self._limit,
                workers=self._workers,
            )
            try:
                with closing(keyed):
                    yield from map(self._take, keyed)
                return True
            except RowsElsewhere:
                continue
            except BoundsIgnored:
                self._note_absence("keys")
                return False
        return False

    def _read_by_cursor(self) -> Generator[Page, None, bool]:
        request = self._request
        if not self._is_sorted:
            order = request.key if self._direction != -1 else f"-{request.key}"
            request = attrs.evolve(request, params=[*request.params, ("ordering", order)])
        pages = read_by_cursor(request, self._first.count)
        if pages is None:
            self._note_absence("cursor")
            return False
        yield from map(self._take, pages)
        count = self._first.count
        if self._received < count and count == parse_page(request.fetch_number(1)).count:
            raise make_incomplete_error(request, count, self._received)
        return True

    def _take(self, page: Page) -> Page:
        """Return a page with the rows that are new, and the total of the whole list."""
        rows = self._seen.unseen(page.rows)
        self._received += len(rows)
        return Page(self._first.count, rows, page.next_query)

    def _note_absence(self, way: Way) -> None:
        missing = self._request.transport.missing_ways
        if len(missing) >= _MOST_MISSING:  # paths with ids in them; forgetting costs a request
            missing.clear()
        missing.add((self._request.path, way))
