"""Read a query: the slice, the pages, and each row once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import attrs

from synapse._internal.described import Described, Description
from synapse._internal.lazy_import import load
from synapse.errors import FilterIgnored, InvalidQuery, InvalidResponse, NotFound
from synapse.orm.description import describe_objects
from synapse.orm.fields import MISSING, ids_of
from synapse.orm.frame_source import FrameSource, Origin
from synapse.orm.lookups import find_ignored_filter
from synapse.transport.page import Page, get_page

if TYPE_CHECKING:
    from synapse.orm.frames import Column
    from synapse.orm.identity_map import Expansion
    from synapse.orm.resource import Resource
    from synapse.orm.session_base import SessionBase
    from synapse.transport.query_parts import QueryParts

__all__ = [
    "ObjectPage",
    "PageRequest",
    "Rows",
    "Slice",
    "divide",
    "read_objects",
    "read_row_pages",
    "refuse_ignored_filters",
]

T = TypeVar("T", bound="Resource")


class Slice(NamedTuple):
    """Which rows of a list a query wants: from `start` up to, not including, `stop`."""

    start: int = 0
    stop: int | None = None

    @property
    def size(self) -> int | None:
        """Largest number of rows, or `None` for an open end."""
        return None if self.stop is None else max(0, self.stop - self.start)

    def sliced(self, part: slice) -> Slice:
        """Return a slice of this slice.

        Raises:
            InvalidQuery: A bound is negative (the end is unknown without a request) or not a whole
                number, or the slice has a step.
        """
        if part.step not in (None, 1):
            raise InvalidQuery(
                "A query's slice can't have a step: take it of a list, list(query[0:100])[::2]."
            )
        start = self._bound(part.start, 0)
        begin = self.start + start
        ends = [end for end in (self.stop,) if end is not None]
        if part.stop is not None:
            ends.append(self.start + self._bound(part.stop, 0))
        return Slice(begin, max(begin, min(ends)) if ends else None)

    def at(self, index: int) -> Slice:
        """Return the window of one row.

        Raises:
            InvalidQuery: The index is negative or no whole number.
        """
        place = self._bound(index, 0)
        return self.sliced(slice(place, place + 1))

    def clip(self, total: int) -> int:
        """Return how many of `total` rows are in the window."""
        stop = total if self.stop is None else min(self.stop, total)
        return max(0, stop - self.start)

    def suffix(self) -> str:
        """Return the slice as text, such as `[10:20]`; empty for everything."""
        if self == Slice():
            return ""
        return f"[{self.start}:{'' if self.stop is None else self.stop}]"

    @staticmethod
    def _bound(value: Any, default: int) -> int:
        if value is None:
            return default
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise InvalidQuery(f"{value!r} can't be an index: give a whole number.")
        number = int(value.__index__())
        if number < 0:
            raise InvalidQuery(
                f"The index {number} is negative, which needs the number of rows. Use "
                "order_by('-id') to count from the end."
            )
        return number


@attrs.frozen(eq=False, repr=False)
class ObjectPage(Described, Generic[T]):
    """One page of a query.

    Attributes:
        objects: The page's objects, in the server's order.
        total: How many rows the query matched when the page was made, whatever the slice.
    """

    objects: list[T]
    total: int

    def __iter__(self) -> Iterator[T]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)

    def __repr__(self) -> str:
        return f"<ObjectPage: {len(self.objects):,} of {self.total:,} objects>"

    def _describe(self) -> Description:
        return describe_objects(self.objects, len(self.objects), repr(self)[1:-1])


class PageRequest(NamedTuple):
    """The parameters for reading a query.

    Attributes:
        params: Builds the query parameters for a page size.
        expansion: Relations to expand.
        filters: The filters, to compare the rows with.
        window: The wanted rows.
        page_size: Rows per page.
        workers: Number of pages in flight.
    """

    params: Callable[[int], list[tuple[str, Any]]]
    expansion: Expansion
    filters: tuple[tuple[str, Any], ...]
    window: Slice
    page_size: int
    workers: int


def divide(
    session: SessionBase, cls: type[Resource], params: list[tuple[str, Any]]
) -> QueryParts | None:
    """Return the parts of a query that is too long for one request, else `None`.

    Raises:
        InvalidQuery: The query can't be divided.
    """
    from synapse.transport.query_parts import split_query  # loaded by the first list

    schema = cls.__schema__
    parts = split_query(session.transport, params, schema.key)
    if parts is None:
        return None
    lists = {field.parameter for field in schema.fields.values() if field.is_list}
    if parts.name in lists:
        raise InvalidQuery(
            f"The values of {schema.name}.{parts.name} are too many for one request, and an object "
            "may have several of them, so that the counts of several requests can't be added. "
            "Filter by fewer values at a time."
        )
    return parts


def refuse_ignored_filters(
    cls: type[Resource], filters: tuple[tuple[str, Any], ...], rows: list[dict[str, Any]]
) -> None:
    """Compare rows with the filters of the id and of times.

    Raises:
        FilterIgnored: The server ignored a filter.
    """
    schema = cls.__schema__
    ignored = find_ignored_filter(schema, filters, rows)
    if ignored is not None:
        raise FilterIgnored(
            200,
            f"the server doesn't know the filter {ignored!r}, and answered other rows as well",
            resource=schema.name,
        )


def read_objects(
    session: SessionBase, cls: type[T], path: str, reading: PageRequest
) -> Iterator[ObjectPage[T]]:
    """Yield a query's objects page by page. One request for each page."""
    for total, rows in _row_pages(session, cls, path, reading):
        page = ObjectPage(session.identity.load(cls, rows, reading.expansion), total)
        del rows  # before the next page is decoded, which takes its place in memory
        yield page
        del page


def read_row_pages(
    session: SessionBase, cls: type[Resource], path: str, reading: PageRequest
) -> Iterator[list[dict[str, Any]]]:
    """Yield a query's raw rows page by page. One request for each page."""
    for _, rows in _row_pages(session, cls, path, reading):
        yield rows
        del rows  # before the next page is decoded, which takes its place in memory


def _row_pages(
    session: SessionBase, cls: type[Resource], path: str, reading: PageRequest
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield the slice's rows page by page, with the list's total."""
    left = reading.window.size
    if left == 0:
        return
    stop = reading.window.stop
    size = reading.page_size if stop is None else min(reading.page_size, stop)
    parts = divide(session, cls, reading.params(size))
    if parts is None:
        skip, pages = _pages_from(session, cls, path, reading)
    else:
        skip, name = reading.window.start, cls.__schema__.name
        pages = parts.walk(session.transport, path, size=size, resource=name)
    is_first = True
    for page in pages:
        if is_first:
            refuse_ignored_filters(cls, reading.filters, page.rows)
            is_first = False
        rows = page.rows[skip:] if skip else page.rows
        skip = max(0, skip - len(page.rows))
        if left is not None:
            rows = rows[:left]
            left -= len(rows)
        count = page.count
        del page
        if rows:
            yield count, rows
        del rows
        if left == 0:
            return


def _pages_from(
    session: SessionBase,
    cls: type[Resource],
    path: str,
    reading: PageRequest,
    served: int | None = None,
) -> tuple[int, Iterator[Page]]:
    """Start at the page with the slice's first row; return the rows to skip and the pages.

    Args:
        session: The session.
        cls: The class.
        path: The list's path.
        reading: The page request.
        served: Rows on the server's pages, once they are known to differ from the request.

    Raises:
        InvalidResponse: A page doesn't have the rows that the page numbers promise.
    """
    from synapse.transport.paging import walk  # loaded by the first list

    window, size = reading.window, served or reading.page_size
    whole = window.size
    if not served and whole is not None and whole <= size and window.start % whole == 0:
        size = whole  # the whole window is one page
    number, name = window.start // size + 1, cls.__schema__.name
    pages = walk(
        session.transport,
        path,
        reading.params(size),
        start=number,
        end=None if window.stop is None else -(-window.stop // size),
        workers=reading.workers,
        key=cls.__schema__.key,
        resource=name,
    )
    if number == 1:
        return window.start, pages
    try:
        first = next(pages)
    except NotFound:
        return 0, iter(())  # the list ends before the window begins
    expected = min(size, first.count - (number - 1) * size)
    is_last = number * size >= first.count
    if expected > 0 and len(first.rows) == expected and (first.next_query is None) == is_last:
        return window.start % size, chain([first], pages)
    pages.close()
    if expected <= 0:
        return 0, iter(())
    # The server's pages have another size than requested, so this page starts elsewhere.
    if first.next_query is None:
        first = get_page(session.transport, path, reading.params(size), resource=name)
    if served or not first.rows:
        raise InvalidResponse(
            200, "a page doesn't have the rows that its numbers promise", resource=name
        )
    return _pages_from(session, cls, path, reading, len(first.rows))


class _RowSource(Protocol):
    """A query whose rows can be read."""

    @property
    def _resource(self) -> type[Resource]: ...

    def _read_row_pages(self) -> Iterator[list[dict[str, Any]]]: ...

    def _origin(self) -> Origin | None: ...


class Rows(Described, FrameSource):
    """The rows of a query as dicts, or as a table by `to_pandas()` and others.

    Each iteration sends the requests again. One request for each page.

    Args:
        query: The query, with the fields to fetch.
        names: Keys of the rows; none means all keys of the server.
    """

    def __init__(self, query: _RowSource, names: tuple[str, ...]) -> None:
        self._query = query
        self._names = names

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows = chain.from_iterable(self._query._read_row_pages())
        return self.of(rows) if self._names else rows

    def of(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield raw rows reduced to these keys. Makes no request."""
        fields = self._query._resource.__schema__.fields
        chosen = [(name, fields.get(name) or fields[name[:-3]]) for name in self._names]
        if not chosen:
            yield from rows
        for row in rows:
            # Rows contain the id, which paging needs, also when nobody asked for the id.
            raw = {name: (field.raw(row), field.is_relation) for name, field in chosen}
            yield {
                name: ids_of(value) if is_relation else value
                for name, (value, is_relation) in raw.items()
                if value is not MISSING
            }

    def _columns(self) -> list[Column]:
        columns: list[Column] = load("synapse.orm.frames").find_columns(
            self._query._resource, self._names
        )
        return columns

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        return self._query._read_row_pages()

    def _origin(self) -> Origin | None:
        origin = self._query._origin()
        return origin and origin._replace(wrap=lambda query: Rows(query, self._names))

    def __repr__(self) -> str:
        return f"<rows of {self._query!r}: {', '.join(self._names) or 'all fields'}>"

    def _describe(self) -> Description:
        fields = [
            ("query", repr(self._query)[1:-1]),
            ("fields", ", ".join(self._names) or "all"),
        ]
        return Description("Rows", fields=fields, notes=["Not read yet. A loop sends requests."])
