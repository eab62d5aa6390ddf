"""Pages of a list: reading one, and walking on to the next.

A paging link gives only its query string: the host that a server thinks it has is often not the
one that it is reached by, and a link must never send credentials elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import attrs

from synapse.errors import InvalidResponse
from synapse.transport.http import Params, Transport

__all__ = ["Page", "get_page", "walk"]


@attrs.frozen
class Page:
    """One page of a list, as the server sent it.

    Attributes:
        count: How many rows the whole list has, when this page was made.
        rows: The rows of this page.
        next_query: The query string of the next page, or `None` on the last.
    """

    count: int
    rows: list[dict[str, Any]]
    next_query: str | None


def get_page(
    transport: Transport, path: str, params: Params, *, resource: str | None = None
) -> Page:
    """Ask for one page. One request.

    Raises:
        InvalidResponse: The answer isn't a page.
        ClientError: The server refused or couldn't be reached.
    """
    answer = transport.request("GET", path, params=params, resource=resource)
    match answer:
        case {"count": int(count), "results": list(rows)}:
            link = answer.get("next")
            query = urlsplit(link).query if isinstance(link, str) else None
            return Page(count, rows, query or None)
    raise InvalidResponse(
        200,
        "the answer is not a page: it has no count and results",
        method="GET",
        url=f"{transport.base_url}{path}",
        response=answer,
        resource=resource,
    )


def walk(
    transport: Transport, path: str, params: Params, *, resource: str | None = None
) -> Iterator[Page]:
    """Give page after page, each asked for when the one before is used up.

    Raises:
        InvalidResponse: A page isn't one, or a link points to a page that was there before, so
            that the walk would never end.
        ClientError: The server refused or couldn't be reached.
    """
    seen: set[int] = set()
    query: Params = params
    while True:
        page = get_page(transport, path, query, resource=resource)
        yield page
        if page.next_query is None:
            return
        if hash(page.next_query) in seen:
            raise InvalidResponse(
                200,
                "the server's paging goes in a circle: a page that was read already comes next",
                method="GET",
                url=f"{transport.base_url}{path}",
                resource=resource,
            )
        seen.add(hash(page.next_query))
        query = page.next_query
