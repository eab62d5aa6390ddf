"""Pages of a list: read one, or walk through all.

Changes of a list during a walk shift the pages. Rows that move on to the next page aren't yielded
twice, and when rows disappear, the walk steps back by as many, so that no row is skipped. A loop
that takes rows out of its own filter (`filter(status="pending")`, each task annotated) reaches
every row that way.

Only the query string of a paging link is used: behind a proxy the link's host is often wrong, and
a link must never send credentials elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

import attrs

from synapse.errors import InvalidResponse, NotFound
from synapse.transport.readahead import ReadAhead
from synapse.transport.response import Response
from synapse.transport.seen_ids import SeenIds
from synapse.transport.transport import Transport

__all__ = ["WORKERS", "Page", "PageWalk", "get_page", "walk"]

Params = Sequence[tuple[str, Any]]

WORKERS = 4
"""How many pages may be in flight, unless told otherwise."""

# How many pages in a row may bring nothing new before the walk is taken for endless.
_BARREN = 3
# Consecutive steps back without new rows: with a total that rises and falls, the walk would step
# back and forth for ever.
_RETREATS = 16


@attrs.frozen(eq=False)
class Page:
    """One page of a list.

    Attributes:
        count: How many rows the whole list has, when this page was made.
        rows: The rows of this page.
        next_query: The query string of the next page, or `None` on the last.
    """

    count: int
    rows: list[dict[str, Any]]
    next_query: str | None


def get_page(
    transport: Transport,
    path: str,
    params: Params,
    number: int = 1,
    *,
    resource: str | None = None,
) -> Page:
    """Request one page. One request.

    Args:
        transport: The transport.
        path: The list's path.
        params: The query, without a page number.
        number: Number of the page, from 1.
        resource: Name of the listed resource, for messages.

    Raises:
        InvalidResponse: The response isn't a page.
        ClientError: The server refused or couldn't be reached.
    """
    query = _numbered(params, number)
    return _page(transport.fetch("GET", path, params=query, resource=resource))


def walk(
    transport: Transport,
    path: str,
    params: Params,
    *,
    start: int = 1,
    end: int | None = None,
    workers: int = WORKERS,
    resource: str | None = None,
) -> Generator[Page, None, None]:
    """Yield page after page, each with the rows that earlier pages didn't have.

    One request for each page. Up to `workers` pages are requested ahead, once the walk has gone on
    to a second page and waiting for the server takes most of the time.

    When the total falls, the walk steps back by as many rows. A page that was read ahead may have
    lost more, because a server counts first and reads rows later: the first sign of that ends
    reading ahead, and pages in flight are requested again.

    Args:
        transport: The transport.
        path: The list's path.
        params: The query, without a page number.
        start: First page, from 1.
        end: Last page to request ahead.
        workers: Number of pages in flight; 1 requests strictly one after the other.
        resource: Name of the listed resource, for messages.

    Raises:
        InvalidResponse: A response isn't a page, or page after page brings nothing new and the walk
            would never end.
        ClientError: The server refused or couldn't be reached.
    """
    pages = PageWalk(
        transport, path, params, start=start, end=end, workers=workers, resource=resource
    )
    try:
        yield from pages
    finally:
        pages.close()


class PageWalk:
    """A walk through the pages of a list, one rule per method.

    The arguments are those of `walk`.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        params: Params,
        *,
        start: int,
        end: int | None,
        workers: int,
        resource: str | None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._resource = resource
        self._start = start
        self._end = end
        self._workers = workers
        self._seen = SeenIds()
        self._number = self._last = start
        self._count: int | None = None
        self._size = 1
        self._patience = _BARREN
        self._retreats = 0

        def fetch(number: int) -> Response:
            query = _numbered(params, number)
            return transport.fetch("GET", path, params=query, resource=resource)

        self._ahead = ReadAhead(fetch, workers)

    def __iter__(self) -> Iterator[Page]:
        """Yield each page with its new rows."""
        while True:
            page = self.next_page()
            if page is None or self.has_shrunk(page):
                continue
            rows = self.take_new_rows(page)
            is_short = self.is_short(page)
            has_moved = self.has_moved(page, rows)
            self._count = page.count
            if self.is_endless(rows):
                raise _endless(self._transport, self._path, self._resource)
            yield attrs.evolve(page, rows=rows)
            if self._ahead.is_on and self._number > self._start and (is_short or has_moved):
                self.read_pages_in_flight_again()
                continue
            if page.next_query is None:
                return
            if not page.rows:
                raise _endless(self._transport, self._path, self._resource)
            if "page" not in parse_qs(page.next_query):
                yield from _follow(
                    self._transport, self._path, page.next_query, self._seen, self._resource
                )
                return
            self.step_forward()

    def next_page(self) -> Page | None:
        """Return the current page; `None` after a step back from a page that has gone."""
        try:
            return _page(self._ahead.get(self._number, self._last))
        except NotFound:
            if self._number == self._start:
                raise
            self._number -= 1  # rows went away, and this page with them: the rest has moved up
            self._ahead.forget()
            return None

    def has_shrunk(self, page: Page) -> bool:
        """Step back if the total fell since the last page; return whether it did."""
        may_retreat = self._number > self._start and self._retreats < _RETREATS
        if self._count is None or page.count >= self._count or not may_retreat:
            return False
        pages = -(-(self._count - page.count) // self._size)
        if self._ahead.is_on:
            pages += self._workers + 1
            self._ahead.stop()
        self._step_back(pages)
        self._retreats += 1
        self._count = page.count
        self._ahead.forget()
        return True

    def take_new_rows(self, page: Page) -> list[dict[str, Any]]:
        """Return the page's rows that no earlier page had."""
        if self._number == self._start:
            self._size = max(1, len(page.rows))
        return self._seen.unseen(page.rows)

    def is_short(self, page: Page) -> bool:
        """Return whether the last page has fewer rows than the total promises.

        A server counts before it reads rows, so rows may have gone in between.
        """
        expected = page.count - (self._number - 1) * self._size
        return page.next_query is None and len(page.rows) < expected

    def has_moved(self, page: Page, rows: list[dict[str, Any]]) -> bool:
        """Return whether rows of earlier pages came again though the list hasn't grown."""
        has_grown = self._count is None or page.count > self._count
        return len(rows) < len(page.rows) and not has_grown

    def is_endless(self, rows: list[dict[str, Any]]) -> bool:
        """Return whether page after page brings nothing new.

        Pages that are read again bring nothing either; each step back grants them patience.
        """
        self._patience = max(self._patience - 1, _BARREN if rows else 0)
        self._retreats = 0 if rows else self._retreats
        return not self._patience

    def read_pages_in_flight_again(self) -> None:
        """Step back over the pages in flight, and end reading ahead."""
        self._step_back(self._workers + 1)
        self._ahead.stop()

    def step_forward(self) -> None:
        """Go on to the next page."""
        self._number += 1
        last = -(-(self._count or 0) // self._size)
        self._last = last if self._end is None else min(last, self._end)

    def close(self) -> None:
        """End the threads that read ahead."""
        self._ahead.close()

    def _step_back(self, pages: int) -> None:
        back = max(self._start, self._number - pages)
        self._patience += self._number - back
        self._number = back


def _follow(
    transport: Transport, path: str, query: str | None, seen: SeenIds, resource: str | None
) -> Iterator[Page]:
    """Walk on by the server's own links, where they don't number the pages."""
    patience = _BARREN
    while query is not None:
        page = _page(transport.fetch("GET", path, params=query, resource=resource))
        rows = seen.unseen(page.rows)
        patience = _BARREN if rows else patience - 1
        if not patience:
            raise _endless(transport, path, resource)
        yield attrs.evolve(page, rows=rows)
        query = page.next_query


def _numbered(params: Params, number: int) -> list[tuple[str, Any]]:
    return [*params, ("page", number)] if number > 1 else list(params)


def _page(answer: Response) -> Page:
    match document := answer.json():
        case {"count": int(count), "results": list(rows)} if set(map(type, rows)) <= {dict}:
            link = document.get("next")
            query = link.partition("#")[0].partition("?")[2] if isinstance(link, str) else ""
            if query or not link:
                return Page(count, rows, query or None)
            detail = "the link to the next page has no query, so that the rest can't be read"
        case {"count": int(), "results": list()}:
            detail = "the answer is not a page: not all of its results are objects"
        case _:
            detail = "the answer is not a page: it has no count and results"
    raise InvalidResponse(
        answer.response.status_code,
        detail,
        method="GET",
        url=answer.url,
        response=document,
        resource=answer.resource,
    )


def _endless(transport: Transport, path: str, resource: str | None) -> InvalidResponse:
    return InvalidResponse(
        200,
        "the server's paging goes in a circle: page after page brings nothing new",
        method="GET",
        url=f"{transport.base_url}{path}",
        resource=resource,
    )
