"""Rows as Arrow, pandas and polars tables, with a schema from the declarations.

| declared | column |
|---|---|
| relation | ids: integers or texts, in a list for a relation to several |
| enumeration | dictionary of texts: a category in pandas and polars |
| `datetime` | timestamp in microseconds, UTC |
| `int`, `float`, `bool`, `str` | the same, with nulls |
| documents, lists, everything else | JSON as text |
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from synapse._internal.lazy_import import load
from synapse.errors import FieldValueError, MissingExtra
from synapse.orm import registry
from synapse.orm.convert import members_of
from synapse.orm.fields import MISSING, Field, ids_of

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = [
    "Column",
    "TableColumn",
    "find_columns",
    "make_arrow",
    "make_pandas",
    "make_polars",
    "make_stream",
    "read_batches",
    "read_schema",
]

_BATCH = 1000
_IDS = frozenset({int, type(None)})

Row = dict[str, Any]


class TableColumn(Protocol):
    """A column of a table: its type, and the values of rows."""

    @property
    def name(self) -> str:
        """Name of the column."""

    def arrow_type(self) -> pa.DataType:
        """Return the column's type in Arrow."""

    def read(self, rows: Sequence[Row], /) -> pa.Array:
        """Return the values of some rows."""


class _Source(Protocol):
    """Rows with columns."""

    def _columns(self) -> Sequence[TableColumn]: ...

    def _plain_pages(self) -> Iterator[list[Row]]: ...


@attrs.frozen(slots=False)
class Column:
    """A column of a table.

    Attributes:
        name: Name of the column.
        field: The declared field.
    """

    name: str
    field: Field

    @functools.cached_property
    def kinds(self) -> frozenset[Any]:
        """The parts of the declared type, without `None`."""
        return frozenset(members_of(self.field.kind)) - {type(None)}

    def arrow_type(self) -> pa.DataType:
        """Return the column's type in Arrow."""
        arrow = load_library("pyarrow", "frames")
        if self.field.is_relation:
            related = registry.get(str(self.field.declared.target)).__schema__
            key = arrow.int64() if int in related.fields[related.key].id_types else arrow.string()
            return arrow.list_(key) if self.field.declared.is_many else key
        if self.field.choice is not None:
            return arrow.dictionary(arrow.int32(), arrow.string())
        simple = {
            int: arrow.int64(),
            float: arrow.float64(),
            bool: arrow.bool_(),
            str: arrow.string(),
            datetime: arrow.timestamp("us", "UTC"),
        }
        kinds = self.kinds
        if kinds == {int, float}:
            return arrow.float64()
        return simple.get(next(iter(kinds)), arrow.string()) if len(kinds) == 1 else arrow.string()

    @functools.cached_property
    def _arrow(self) -> ModuleType:
        return load_library("pyarrow", "frames")

    @functools.cached_property
    def _arrow_type(self) -> pa.DataType:
        return self.arrow_type()

    @functools.cached_property
    def _get(self) -> Callable[[Row], Any]:
        return operator.itemgetter(self.field.name)

    def _read_values(self, rows: Sequence[Row]) -> list[Any]:
        try:
            return list(map(self._get, rows))
        except KeyError:
            raw = [self.field.raw(row) for row in rows]
            return [None if value is MISSING else value for value in raw]

    def _to_ids(self, values: list[Any]) -> list[Any]:
        kinds = set(map(type, values))
        if kinds <= _IDS or (
            kinds == {list} and set(map(type, chain.from_iterable(values))) <= {int}
        ):
            return values  # without a call for each value
        return [self.field.to_keys(ids_of(value)) for value in values]

    @functools.cached_property
    def _is_json(self) -> bool:
        return self.is_json()

    def is_json(self) -> bool:
        """Return whether the values are JSON as text."""
        plain = {int, float, bool, str, datetime}
        is_plain = bool(self.kinds <= plain) and len(self.kinds - {float}) <= 1
        return not (self.field.is_relation or self.field.choice is not None or is_plain)

    def read(self, rows: Sequence[Row]) -> pa.Array:
        """Return the values of some rows.

        Raises:
            FieldValueError: The server sent a value that the declared type can't hold.
        """
        arrow = self._arrow
        values = self._read_values(rows)
        if self.field.is_relation:
            values = self._to_ids(values)
        elif self._is_json:
            values = _encode(values)
        kind = self._arrow_type
        try:
            if self.kinds == {datetime}:
                return _read_times(values, kind)
            return arrow.array(values, kind)
        except (arrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise FieldValueError(
                f"The column {self.name!r} has a value that doesn't fit {kind} ({error}). Leave "
                "the column out: values(...) takes the names of the others."
            ) from None


_standard_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@functools.cache
def _fast_encode() -> Callable[[Any], bytes] | None:
    """Return orjson's encoder, where it is installed."""
    try:
        import orjson
    except ImportError:
        return None
    return orjson.dumps


def _encode(values: list[Any]) -> list[Any]:
    """Return documents as JSON; nulls stay."""
    fast = _fast_encode()
    if fast is not None:
        try:
            return [None if value is None else fast(value) for value in values]
        except TypeError:
            pass  # an integer beyond 64 bits
    return [None if value is None else _standard_encode(value) for value in values]


def _read_times(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return ISO times as an array; the platform's times without a zone are in UTC."""
    arrow = load_library("pyarrow", "frames")
    try:
        return arrow.array(values, arrow.string()).cast(kind)
    except arrow.ArrowException:
        return arrow.array([_with_zone(value) for value in values], arrow.string()).cast(kind)


def _with_zone(text: Any) -> Any:
    """Return an ISO time with its zone, UTC by default."""
    if not isinstance(text, str) or text[-1:] in "Zz" or "+" in text[10:] or "-" in text[10:]:
        return text
    return f"{text}Z"


def load_library(name: str, extra: str) -> ModuleType:
    """Return a library.

    Raises:
        MissingExtra: The library isn't installed.
    """
    try:
        return load(name)
    except ImportError as error:
        raise MissingExtra("A table", extra) from error


def find_columns(cls: Any, names: Sequence[str]) -> list[Column]:
    """Return the columns of a class's rows: those with the names, or all fields.

    Args:
        cls: The resource's class.
        names: Names as for `values()`; none for all fields, relations as `project_id`, `tag_ids`.
    """
    fields = cls.__schema__.fields
    if names:
        return [Column(name, fields.get(name) or fields[name[:-3]]) for name in names]
    by_relation = {
        each.relation: name
        for name, each in _descriptors(cls)
        if isinstance(getattr(each, "relation", None), str)
    }
    return [Column(by_relation.get(name, name), field) for name, field in fields.items()]


def _descriptors(cls: Any) -> Iterator[tuple[str, Any]]:
    for base in cls.__mro__:
        yield from vars(base).items()


def read_schema(columns: Sequence[TableColumn]) -> pa.Schema:
    """Return the schema of a table, also of an empty one."""
    arrow = load_library("pyarrow", "frames")
    return arrow.schema([arrow.field(each.name, each.arrow_type()) for each in columns])


def read_batches(
    columns: Sequence[TableColumn], pages: Iterable[list[Row]]
) -> Iterator[pa.RecordBatch]:
    """Yield batches of a thousand rows or more, except for the last one.

    Each page is converted by itself, so that its rows are released before the garbage collector
    visits them: its visits would take most of the time.
    """
    arrow = load_library("pyarrow", "frames")
    schema = read_schema(columns)
    parts: list[pa.RecordBatch] = []
    for page in pages:
        parts.append(arrow.record_batch([each.read(page) for each in columns], schema=schema))
        if sum(part.num_rows for part in parts) >= _BATCH:
            yield from _join(parts)
            parts = []
    if parts:
        yield from _join(parts)


def _join(parts: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if len(parts) == 1:
        return iter(parts)
    table = load_library("pyarrow", "frames").Table.from_batches(parts)
    batches: Iterator[pa.RecordBatch] = iter(table.combine_chunks().to_batches())
    return batches


def make_stream(source: _Source, requested_schema: object) -> object:
    """Return Arrow's stream of a source."""
    arrow = load_library("pyarrow", "frames")
    columns = source._columns()
    batches = read_batches(columns, source._plain_pages())
    reader = arrow.RecordBatchReader.from_batches(read_schema(columns), batches)
    stream: object = reader.__arrow_c_stream__(requested_schema)
    return stream


def make_arrow(source: _Source) -> pa.Table:
    """Return a source as an Arrow table.

    The batches are read here and not by Arrow's reader, which would lose the class of an error.
    """
    arrow = load_library("pyarrow", "frames")
    columns = source._columns()
    batches = list(read_batches(columns, source._plain_pages()))
    schema = read_schema(columns)
    # An empty table gets one chunk, because datasets can't cast columns without chunks.
    table: pa.Table = arrow.Table.from_batches(batches, schema) if batches else schema.empty_table()
    return table


def make_pandas(source: _Source) -> pd.DataFrame:
    """Return a source as a pandas DataFrame with nullable types."""
    pandas = load_library("pandas", "pandas")
    arrow = load_library("pyarrow", "pandas")
    nullable = {arrow.int64(): pandas.Int64Dtype(), arrow.bool_(): pandas.BooleanDtype()}
    frame: pd.DataFrame = make_arrow(source).to_pandas(types_mapper=nullable.get)
    return frame


def make_polars(source: _Source) -> pl.DataFrame:
    """Return a source as a polars DataFrame."""
    polars = load_library("polars", "polars")
    frame: pl.DataFrame = polars.from_arrow(make_arrow(source))
    return frame
