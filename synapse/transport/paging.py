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

__all__ = ["WORKERS", "Page", "get_page", "walk"]

Params = Sequence[tuple[str, Any]]

WORKERS = 4
"""How many pages may be in flight, unless told otherwise."""

# How many pages in a row may bring nothing new before the walk is taken for endless.
_BARREN = 3
# How often in a row it steps back without finding anything new: a count that goes up and down would
# have it step back and forth for ever.
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

    def fetch(number: int) -> Response:
        return transport.fetch("GET", path, params=_numbered(params, number), resource=resource)

    seen = SeenIds()
    ahead = ReadAhead(fetch, workers)
    number = last = start
    count: int | None = None
    size, patience, retreats = 1, _BARREN, 0
    try:
        while True:
            try:
                page = _page(ahead.get(number, last))
            except NotFound:
                if number == start:
                    raise
                number -= 1  # rows went away, and this page with them: the rest has moved up
                ahead.forget()
                continue
            may_retreat = number > start and retreats < _RETREATS
            if count is not None and page.count < count and may_retreat:
                gone = -(-(count - page.count) // size)
                if ahead.is_on:
                    gone += workers + 1
                    ahead.stop()
                back = max(start, number - gone)
                patience += number - back
                retreats += 1
                number, count = back, page.count
                ahead.forget()
                continue
            size = max(1, len(page.rows)) if number == start else size
            has_grown = count is None or page.count > count
            count = page.count
            rows = seen.unseen(page.rows)
            is_short = page.next_query is None and len(page.rows) < count - (number - 1) * size
            is_moved = len(rows) < len(page.rows) and not has_grown
            # What is read again after a step back brings nothing, also behind a row that is new.
            patience = max(patience - 1, _BARREN if rows else 0)
            retreats = 0 if rows else retreats
            if not patience:
                raise _endless(transport, path, resource)
            yield attrs.evolve(page, rows=rows)
            if ahead.is_on and number > start and (is_short or is_moved):
                back = max(start, number - workers - 1)
                patience += number - back
                number = back
                ahead.stop()
                continue
            if page.next_query is None:
                return
            if not page.rows:
                raise _endless(transport, path, resource)
            if "page" not in parse_qs(page.next_query):
                yield from _follow(transport, path, page.next_query, seen, resource)
                return
            number += 1
            last = -(-count // size)
            last = last if end is None else min(last, end)
    finally:
        ahead.close()


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
