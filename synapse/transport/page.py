"""One page of a list, and the order that makes a list's pages fit together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

from synapse._internal.field_repr import FieldRepr
from synapse._internal.redaction import redacted
from synapse.errors import InvalidResponse
from synapse.transport.response import Response
from synapse.transport.transport import Transport

__all__ = [
    "KEY",
    "WORKERS",
    "ListRequest",
    "Page",
    "Params",
    "get_page",
    "make_incomplete_error",
    "parse_page",
    "sort_uniquely",
]

Params: TypeAlias = Sequence[tuple[str, Any]]

KEY = "id"
"""The field that is unique in a list, unless a resource declares another one."""

WORKERS = 6
"""Default number of pages in flight: browsers open as many connections to one host."""


@attrs.frozen(eq=False, repr=False)
class Page(FieldRepr):
    """One page of a list.

    Attributes:
        count: Number of rows in the whole list, when this page was made.
        rows: The rows of this page.
        next_query: The query string of the next page, or `None` on the last.
    """

    count: int
    rows: list[dict[str, Any]]
    next_query: str | None


@attrs.frozen(eq=False, repr=False)
class ListRequest(FieldRepr):
    """A list to read.

    Attributes:
        transport: The transport.
        path: The list's path.
        params: The query, without a page number. An ordering is made unique.
        key: The unique field of the list.
        resource: Name of the listed resource, for messages.
    """

    transport: Transport
    path: str
    params: Params
    key: str = KEY
    resource: str | None = None

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "params", sort_uniquely(self.params, self.key))

    def fetch(self, params: Params | str) -> Response:
        """Request a part of the list. One request.

        Args:
            params: The whole query: pairs, or the encoded query of a paging link.
        """
        return self.transport.fetch("GET", self.path, params=params, resource=self.resource)

    def fetch_number(self, number: int) -> Response:
        """Request a page by number, from 1. One request."""
        return self.fetch([*self.params, ("page", number)] if number > 1 else self.params)

    def make_error(self, detail: str) -> InvalidResponse:
        """Return the error for responses that aren't a list's pages."""
        return InvalidResponse(
            200,
            detail,
            method="GET",
            url=redacted(f"{self.transport.base_url}{self.path}"),
            resource=self.resource,
        )


def make_incomplete_error(request: ListRequest, count: int, received: int) -> InvalidResponse:
    """Return the error for a walk that got fewer rows than the unchanged total."""
    return request.make_error(
        f"the list has {count} rows, but its pages gave {received} different ones. Read again in "
        f"an order that gives each row one place, such as {request.key!r}"
    )


def get_page(
    transport: Transport,
    path: str,
    params: Params,
    number: int = 1,
    *,
    key: str = KEY,
    resource: str | None = None,
) -> Page:
    """Request one page. One request.

    Args:
        transport: The transport.
        path: The list's path.
        params: The query, without a page number.
        number: Number of the page, from 1.
        key: The unique field of the list.
        resource: Name of the listed resource, for messages.

    Raises:
        InvalidResponse: The response isn't a page.
        ClientError: The server refused or couldn't be reached.
    """
    return parse_page(ListRequest(transport, path, params, key, resource).fetch_number(number))


def sort_uniquely(params: Params, key: str) -> list[tuple[str, Any]]:
    """Return the query with an ordering that ends in the unique key, if it has an ordering.

    A database returns rows that compare equal in any order, another one for each page: a walk
    through the pages would miss rows without a sign.

    Example:
        >>> sort_uniquely([("ordering", "-status")], "id")
        [('ordering', '-status,id')]
    """
    return [
        (name, _end_in_key(value, key)) if name == "ordering" and isinstance(value, str) else pair
        for pair in params
        for name, value in [pair]
    ]


def _end_in_key(ordering: str, key: str) -> str:
    names = [name.strip() for name in ordering.split(",") if name.strip()]
    if not names or {key, f"-{key}"} & set(names):
        return ordering
    return ",".join([*names, key])


def parse_page(response: Response, count: int | None = None) -> Page:
    """Return the page in a response.

    Args:
        response: The response.
        count: Number of rows in the list, for responses that don't say.

    Raises:
        InvalidResponse: The response isn't a page.
        ClientError: The server refused.
    """
    document = response.json()
    if count is not None and isinstance(document, dict):
        document = {"count": count, **document}
    match document:
        case {"count": int(total), "results": list(rows)} if set(map(type, rows)) <= {dict}:
            link = document.get("next")
            query = link.partition("#")[0].partition("?")[2] if isinstance(link, str) else ""
            if query or not link:
                return Page(total, rows, query or None)
            detail = "the link to the next page has no query, so that the rest can't be read"
        case {"count": int(), "results": list()}:
            detail = "the answer is not a page: not all of its results are objects"
        case _:
            detail = "the answer is not a page: it has no count and results"
    raise InvalidResponse(
        response.response.status_code,
        detail,
        method="GET",
        url=response.url,
        response=document,
        resource=response.resource,
    )
