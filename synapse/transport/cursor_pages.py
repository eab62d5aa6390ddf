"""Walk through a list by the server's own links, such as those with a cursor."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import attrs

from synapse.errors import BadRequest, InvalidResponse
from synapse.transport.page import ListRequest, Page, parse_page
from synapse.transport.seen_ids import SeenIds

__all__ = ["MAX_BARREN_PAGES", "follow_links", "make_circle_error", "read_by_cursor"]

MAX_BARREN_PAGES = 3
"""Number of pages in a row without a new row, after which a walk counts as endless."""

_CURSOR = ("pagination", "cursor")


def read_by_cursor(request: ListRequest, count: int) -> Iterator[Page] | None:
    """Start a walk by cursor, which costs the same for every page. One request now.

    Args:
        request: The list, with an ordering.
        count: Number of rows in the list; pages with a cursor don't say.

    Returns:
        The pages, one request for each further one; `None` if the server
        doesn't offer cursors for the list.

    Raises:
        ClientError: The server refused or couldn't be reached.
    """
    response = request.fetch([*request.params, _CURSOR])
    try:
        document = response.json()
    except BadRequest:
        return None
    if not isinstance(document, dict) or "count" in document:
        return None
    page = parse_page(response, count)
    return chain([page], follow_links(request, page, SeenIds(request.key)))


def follow_links(request: ListRequest, page: Page, seen: SeenIds) -> Iterator[Page]:
    """Yield the pages after a page, by the links of each. One request for each page.

    Args:
        request: The list.
        page: The page before.
        seen: The rows that earlier pages had.

    Raises:
        InvalidResponse: Page after page brings nothing new, so the walk would never end.
        ClientError: The server refused or couldn't be reached.
    """
    count, query, patience = page.count, page.next_query, MAX_BARREN_PAGES
    del page
    while query is not None:
        page = parse_page(request.fetch(query), count)
        query, page = page.next_query, attrs.evolve(page, rows=seen.unseen(page.rows))
        patience = MAX_BARREN_PAGES if page.rows else patience - 1
        if not patience:
            raise make_circle_error(request)
        yield page
        del page  # before the next one is decoded, which takes its place in memory


def make_circle_error(request: ListRequest) -> InvalidResponse:
    """Return the error for pages that never end."""
    return request.make_error("the server's paging never ends: page after page brings nothing new")
