"""Ray Data: queries as datasets that are read in the workers, and datasets into collections.

Example:
    ```text
    import ray
    import synapse
    from synapse.integrations.ray import read, upload

    session = synapse.connect()
    dataset = read(session.tasks.filter(project=1).order_by("id"))
    dataset.map(score).write_parquet("scores/")
    ```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from synapse.errors import MissingExtra, UsageError
from synapse.integrations.ray_upload import upload
from synapse.orm.pages import PageRequest, Rows, Slice, read_rows
from synapse.orm.query import Query

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

__all__ = ["Nested", "read", "upload"]

Nested = Literal["objects", "json"]

_PAGE = 1000
_NESTED = (dict, list)


def read(
    query: Query[Any] | Rows,
    *,
    override_num_blocks: int | None = None,
    nested: Nested = "objects",
    **options: Any,
) -> ray.data.Dataset:
    """Return a query as a dataset whose rows the workers fetch when they use them.

    Each read task fetches the pages of a range of rows: one request for each page of 1,000 rows,
    unless the query sets another size (`page_size()`). One request now, for the count.

    A task carries the server's address and no token: each worker connects with its own environment
    or profile, as pickled objects do. So the nodes need the SDK, and `SYNAPSE_API_TOKEN` or a
    profile.

    The ranges refer to the list at the time of counting. Rows added or removed during reading move
    the rows behind them, so that a row can be missing or come twice. Read in an order that puts new
    rows last, and leave those out: `query.filter(created_before=now).order_by("id")`.

    Args:
        query: A query, such as `project.tasks`, or its `values(...)` for some columns only.
        override_num_blocks: Largest number of read tasks; by default Ray chooses.
        nested: Form of objects and lists: `"objects"` keeps Python values, `"json"` makes texts,
            which Parquet and others can hold.
        **options: Other options of `ray.data.read_datasource`, such as `concurrency`.

    Returns:
        The dataset, with the server's columns, times as texts and relations as ids.

    Raises:
        MissingExtra: Ray isn't installed.
        UsageError: The argument isn't a query, or `nested` is another word.
        ClientError: The server refused, or couldn't be reached.
    """
    try:
        import ray.data
    except ImportError as error:
        raise MissingExtra("Ray Data", "ray") from error
    from synapse.integrations.ray_source import QuerySource

    if nested not in get_args(Nested):
        raise UsageError(f"nested={nested!r} is not valid. Pass 'objects' or 'json'.")
    asked, names = (query._query, query._names) if isinstance(query, Rows) else (query, ())
    if not isinstance(asked, Query):
        raise UsageError(f"Give a query, such as project.tasks, not a {type(query).__name__}.")
    # Bound to its session now: in a worker, none is the default one yet.
    bound = type(asked)(asked._resource, asked._session, asked._scope, asked._state)
    size = asked._state.page_size or _PAGE
    source = QuerySource(Part(bound, names, nested, size), bound.count())
    made: ray.data.Dataset = ray.data.read_datasource(
        source, override_num_blocks=override_num_blocks, **options
    )
    return made


@attrs.frozen
class Part:
    """Some rows of a query, as a worker is told to fetch them."""

    query: Query[Any]
    names: tuple[str, ...]
    nested: Nested
    page_size: int

    def of(self, start: int, stop: int) -> Part:
        """Return a part of this part's rows."""
        window = self.query._state.window
        base = window.start
        return attrs.evolve(self, query=self.query._with(window=Slice(base + start, base + stop)))

    def tables(self) -> Iterator[pa.Table]:
        """Fetch the rows, page by page, as tables."""
        query = self.query
        if query._state.is_empty:
            return
        reading = PageRequest(
            params=query._params,
            expansion={},
            window=query._state.window,
            page_size=self.page_size,
            workers=1,  # the tasks are what is done at once
        )
        rows = read_rows(query._session, query._resource, query._path(), reading)
        chosen = Rows(query, self.names)
        for batch in _batches(chosen.of(rows), self.page_size):
            yield table_of(batch, self._kinds(), self.nested)

    def _kinds(self) -> dict[str, Any]:
        """Return the declared types by column."""
        fields = self.query._resource.__schema__.fields
        return {name: field.kind for name, field in fields.items() if not field.is_relation}


def _batches(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def table_of(rows: list[dict[str, Any]], kinds: dict[str, Any], nested: Nested) -> pa.Table:
    """Build a table whose column types don't depend on the rows.

    Args:
        rows: The rows.
        kinds: Declared types, for columns whose values don't decide.
        nested: Form of objects and lists.
    """
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {
        name: _column([row.get(name) for row in rows], kinds.get(name), nested) for name in names
    }
    return pa.table(columns)


def _column(values: list[Any], kind: Any, nested: Nested) -> pa.Array:
    import pyarrow as pa

    found = {type(value) for value in values if value is not None}
    declared = {getattr(one, "__origin__", one) for one in (get_args(kind) or (kind,))}
    if found & set(_NESTED) or (not found and declared & set(_NESTED)):
        return _nested(values, nested)
    simple: list[tuple[set[type], Callable[[], Any]]] = [
        ({bool}, pa.bool_),
        ({int}, pa.int64),
        ({int, float}, pa.float64),
        ({str}, pa.string),
    ]
    for types, arrow in simple:
        if (found and found <= types) or (not found and declared & types):
            try:
                return pa.array(values, arrow())
            except (OverflowError, pa.ArrowException):
                break
    return pa.nulls(len(values)) if not found else _nested(values, nested)


def _nested(values: list[Any], nested: Nested) -> pa.Array:
    import pyarrow as pa

    if nested == "json":
        texts = [None if value is None else json.dumps(value) for value in values]
        return pa.array(texts, pa.string())
    from ray.data.extensions import ArrowPythonObjectArray

    return ArrowPythonObjectArray.from_objects(values)
