"""Lists whose query is too long for one request.

Servers and proxies refuse long URLs. A query that lists many values of one filter is sent in
parts, and the rows of the parts are joined in the order of the list.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from typing import Any

import attrs

from synapse.errors import InvalidQuery
from synapse.transport.page import KEY, Page, Params, get_page
from synapse.transport.paging import walk
from synapse.transport.seen_ids import SeenIds
from synapse.transport.transport import Transport
from synapse.transport.urls import query_string

__all__ = ["QueryParts", "split_query"]

_ANY_OF = "__in"
# Parameters that don't choose rows, so that their values must stay together.
_NOT_FILTERS = {"expand", "fields", "omit", "ordering", "search"}

Row = dict[str, Any]


@attrs.frozen(eq=False)
class QueryParts:
    """The queries that together have the rows of a query.

    Attributes:
        name: The parameter whose values are divided.
        parts: The queries, in the order of the values.
        key: The unique field of the list.
        sign: 1 for ascending keys, -1 for descending ones, `None` for the server's order.
    """

    name: str
    parts: list[Params]
    key: str
    sign: int | None

    def count(self, transport: Transport, path: str, resource: str | None = None) -> int:
        """Return the number of rows. One request for each part."""
        pages = (get_page(transport, path, part, resource=resource) for part in self.parts)
        return sum(page.count for page in pages)

    def walk(
        self, transport: Transport, path: str, *, size: int, resource: str | None = None
    ) -> Generator[Page, None, None]:
        """Yield the rows of all parts, in the list's order, each once.

        The first page of every part is requested before the first row is yielded.

        Args:
            transport: The transport.
            path: The list's path.
            size: Rows per yielded page.
            resource: Name of the listed resource, for messages.
        """
        with ExitStack() as open_walks:
            walks = [
                open_walks.enter_context(
                    closing(walk(transport, path, part, workers=1, key=self.key, resource=resource))
                )
                for part in self.parts
            ]
            firsts = [next(pages) for pages in walks]
            count = sum(page.count for page in firsts)
            streams = [_join_rows(first, pages) for first, pages in zip(firsts, walks, strict=True)]
            sign = self._find_sign([page.rows for page in firsts])
            rows = _chain(streams) if sign is None else self._merge(streams, sign)
            seen = SeenIds(self.key)
            while batch := list(islice(rows, size)):
                yield Page(count, seen.unseen(batch), None)

    def _merge(self, streams: list[Iterator[Row]], sign: int) -> Iterator[Row]:
        return heapq.merge(*streams, key=lambda row: row[self.key], reverse=sign < 0)

    def _find_sign(self, pages: list[list[Row]]) -> int | None:
        """Return the order in which the server sorts by the key, or `None` for another order."""
        keys: list[list[Any]] = [[row.get(self.key) for row in rows] for rows in pages]
        if {type(key) for page in keys for key in page} - {int}:
            return None
        for sign in (1, -1) if self.sign is None else (self.sign,):
            if all(page == sorted(page, reverse=sign < 0) for page in keys):
                return sign
        return None


def split_query(transport: Transport, params: Params, key: str = KEY) -> QueryParts | None:
    """Divide a query that is too long for one request. Makes no request.

    Args:
        transport: The transport, which has the length of the longest query as an option.
        params: The query, without a page number.
        key: The unique field of the list.

    Returns:
        The parts, or `None` if one request is enough.

    Raises:
        InvalidQuery: The query can't be divided: no filter has several values, the rest of the
            query is too long, or the parts have no common order.
    """
    longest = transport.options.max_query_length
    length = len(query_string(params))
    if length <= longest:
        return None
    values = _find_divisible(params)
    if not values:
        raise InvalidQuery(
            f"The query has {length:,} bytes, more than the {longest:,} that a request may have, "
            "and no list of values that could be sent in parts."
        )
    name = max(values, key=lambda one: sum(len(value) for value in values[one]))
    sign = _find_order(params, name, key)
    rest = [pair for pair in params if pair[0] != name]
    room = longest - len(query_string([*rest, (name, "")])) - 1
    parts: list[Params] = []
    for part in _fill(name, list(dict.fromkeys(values[name])), room):
        pairs = [(name, ",".join(part))] if name.endswith(_ANY_OF) else [(name, v) for v in part]
        parts.append([*rest, *pairs])
    return QueryParts(name, parts, key, sign)


def _find_divisible(params: Params) -> dict[str, list[str]]:
    """Return the values of each filter that has several."""
    values: dict[str, list[str]] = {}
    for name, value in params:
        if name not in _NOT_FILTERS:
            several = str(value).split(",") if name.endswith(_ANY_OF) else [str(value)]
            values.setdefault(name, []).extend(several)
    return {name: several for name, several in values.items() if len(several) > 1}


def _find_order(params: Params, name: str, key: str) -> int | None:
    orderings = [value for parameter, value in params if parameter == "ordering"]
    if orderings in ([], [""]):
        return None
    if orderings in ([key], [f"-{key}"]):
        return 1 if orderings == [key] else -1
    raise InvalidQuery(
        f"The values of {name!r} are too many for one request, and the rows of several requests "
        f"can't be joined in the order {', '.join(map(str, orderings))!r}. Order by {key!r} or not "
        "at all and sort the rows here, or filter by fewer values."
    )


def _fill(name: str, values: list[str], room: int) -> Iterator[list[str]]:
    """Yield the values in groups that fit into a request."""
    # A value in a list takes its own length and a comma, percent-encoded to three bytes; a
    # parameter of its own takes the name once more.
    overhead = 3 if name.endswith(_ANY_OF) else len(query_string([(name, "")])) + 1
    part: list[str] = []
    used = 0
    for value in values:
        length = len(query_string([("", value)])) - 1 + overhead
        if length > room:
            raise InvalidQuery(
                f"{name!r} has a value of {len(value):,} characters, which is too long for a "
                "request together with the rest of the query."
            )
        if used + length > room:
            yield part
            part, used = [], 0
        part.append(value)
        used += length
    yield part


def _join_rows(first: Page, pages: Iterator[Page]) -> Iterator[Row]:
    yield from first.rows
    for page in pages:
        yield from page.rows


def _chain(streams: list[Iterator[Row]]) -> Iterator[Row]:
    for stream in streams:
        yield from stream
