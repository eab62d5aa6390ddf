"""Pages of a list: reading one, and walking through all of them.

A list that changes while it is walked through shifts its pages. What moves on to the next page is
not given twice; and when rows have gone, the walk steps back by as many, so that it doesn't skip
those which moved up. A loop that takes its rows out of its own filter (`filter(status="pending")`,
each one annotated) reaches every row that way.

A paging link gives only its query string: the host that a server thinks it has is often not the
one that it is reached by, and a link must never send credentials elsewhere.
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
    """Ask for one page. One request.

    Args:
        transport: The way to the server.
        path: The list's path.
        params: The query, without the page's number.
        number: The page, from 1.
        resource: What is listed, for messages.

    Raises:
        InvalidResponse: The answer isn't a page.
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
    """Give page after page, each with the rows that weren't given before.

    One request for each page; up to `workers` of them ahead of use, once it shows that the walk
    goes on and that the server is waited for.

    Where rows go away meanwhile, the walk steps back by as many as the count has fallen. A page
    that was fetched ahead may have lost more: a server counts first and reads the rows later. So
    the first sign of that ends reading ahead, and the pages that were in flight are read again.

    Args:
        transport: The way to the server.
        path: The list's path.
        params: The query, without the page's number.
        start: The page to begin with.
        end: The page beyond which nothing is fetched ahead.
        workers: How many pages may be in flight; 1 is strictly one after the other.
        resource: What is listed, for messages.

    Raises:
        InvalidResponse: A page isn't one, or page after page brings nothing new, so that the walk
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
