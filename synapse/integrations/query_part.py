"""A part of a query's rows, as a worker fetches them: Arrow tables. Needs pyarrow, not Ray."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from synapse.integrations.even_ranges import EvenRanges
from synapse.orm.pages import PageRequest, Rows, read_row_pages
from synapse.orm.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Nested", "QueryPart", "build_table"]

Nested = Literal["objects", "json"]

_NESTED = (dict, list)
# Pages for each request that finds even parts.
_PAGES_PER_COUNT = 4


@attrs.frozen
class QueryPart:
    """Some rows of a query, to be fetched by a worker.

    Attributes:
        query: The query.
        names: Columns; none means all.
        nested: Form of objects and lists.
        page_size: Rows per request.
        keys: The keys from the first row to the last, where the server can be asked for a range.
    """

    query: Query[Any]
    names: tuple[str, ...]
    nested: Nested
    page_size: int
    keys: range | None = None

    def divide(self, count: int, parts: int) -> list[tuple[QueryPart, int | None]]:
        """Divide the rows among workers. Makes no request.

        Args:
            count: Number of rows.
            parts: Largest number of parts.

        Returns:
            The parts in order, each with its number of rows, if known.
        """
        pages = max(1, -(-count // self.page_size))
        parts = max(1, min(parts, pages))
        if self.keys is not None:
            parts = min(parts, len(self.keys))
            cuts = [len(self.keys) * n // parts for n in range(parts + 1)]
            return [(self._select(self.keys[low:high]), None) for low, high in pairwise(cuts)]
        bounds = [min(count, self.page_size * (pages * n // parts)) for n in range(parts)]
        return [
            (self.slice(start, stop), stop - start)
            for start, stop in zip(bounds, [*bounds[1:], count], strict=True)
        ]

    def divide_evenly(self, count: int, parts: int) -> list[tuple[QueryPart, int | None]]:
        """Divide the rows among workers by ranges of keys with about as many rows each.

        Where keys have gaps, about one request for each part, which counts rows, and at most a
        quarter as many as for reading. Small parts are as by `divide()`.

        Args:
            count: Number of rows.
            parts: Largest number of parts.

        Returns:
            The parts in order, each with its number of rows, if known.
        """
        pages = -(-count // self.page_size)
        if self.keys is None or pages < _PAGES_PER_COUNT * parts:
            return self.divide(count, parts)
        budget = pages // _PAGES_PER_COUNT
        ranges = EvenRanges(self.keys, count, lambda keys: self._select(keys).query.count(), budget)
        shared = ranges.divide(max(1, min(parts, len(self.keys))))
        return [(self._select(keys), None) for keys in shared]

    def slice(self, start: int, stop: int | None) -> QueryPart:
        """Return a part of this part's rows; `None` for a stop leaves the end."""
        window = self.query._state.window.sliced(slice(start, stop))
        return attrs.evolve(self, query=self.query._with(window=window))

    def narrow(self, **bounds: int) -> QueryPart:
        """Return the rows of a part within bounds of the key: `gte`, `gt`, `lte`, `lt`."""
        name = self.query._resource.__schema__.key
        filters: dict[str, Any] = {f"{name}__{bound}": value for bound, value in bounds.items()}
        return attrs.evolve(self, query=self.query.filter(**filters))

    def _select(self, keys: range) -> QueryPart:
        """Return the rows whose keys are in a range."""
        key = self.query._resource.__schema__.key
        # `min(keys)` would visit every key of the range, also those without a row.
        lowest, highest = sorted((keys[0], keys[-1]))
        bounds: dict[str, Any] = {f"{key}__gte": lowest, f"{key}__lte": highest}
        ordered = self.query.order_by(key if keys.step > 0 else f"-{key}")
        return attrs.evolve(self, query=ordered.filter(**bounds), keys=None)

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Fetch the rows, page by page."""
        query = self.query
        if query._state.is_empty:
            return
        request = PageRequest(
            params=query._params,
            expansion={},
            filters=query._state.filters,
            window=query._state.window,
            page_size=self.page_size,
            workers=1,  # the parts are read in parallel
        )
        pages = read_row_pages(query._session, query._resource, query._path(), request)
        columns = Rows(query, self.names)
        rows = columns.of(chain.from_iterable(pages))
        yield from _batches(rows, self.page_size)

    def tables(self) -> Iterator[pa.Table]:
        """Fetch the rows, page by page, as tables."""
        for batch in self.pages():
            yield build_table(batch, self._kinds(), self.nested)

    def _kinds(self) -> dict[str, Any]:
        """Return the declared types by column."""
        fields = self.query._resource.__schema__.fields
        return {name: field.kind for name, field in fields.items() if not field.is_relation}


def _batches(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def build_table(rows: list[dict[str, Any]], kinds: dict[str, Any], nested: Nested) -> pa.Table:
    """Build a table whose column types don't depend on the rows.

    Args:
        rows: The rows.
        kinds: Declared types, for columns whose values don't decide.
        nested: Form of objects and lists.
    """
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {
        name: _build_column([row.get(name) for row in rows], kinds.get(name), nested)
        for name in names
    }
    return pa.table(columns)


def _build_column(values: list[Any], kind: Any, nested: Nested) -> pa.Array:
    import pyarrow as pa

    present = {type(value) for value in values if value is not None}
    declared = {getattr(part, "__origin__", part) for part in get_args(kind) or (kind,)}
    if present & set(_NESTED) or (not present and declared & set(_NESTED)):
        return _build_nested_column(values, nested)
    simple: list[tuple[set[type], Callable[[], Any]]] = [
        ({bool}, pa.bool_),
        ({int}, pa.int64),
        ({int, float}, pa.float64),
        ({str}, pa.string),
    ]
    for types, arrow in simple:
        if (present and present <= types) or (not present and declared & types):
            try:
                return pa.array(values, arrow())
            except (OverflowError, pa.ArrowException):
                break
    return pa.nulls(len(values)) if not present else _build_nested_column(values, nested)


def _build_nested_column(values: list[Any], nested: Nested) -> pa.Array:
    import pyarrow as pa

    if nested == "json":
        texts = [None if value is None else json.dumps(value) for value in values]
        return pa.array(texts, pa.string())
    from ray.data.extensions import ArrowPythonObjectArray

    return ArrowPythonObjectArray.from_objects(values)
