"""Read frames of pandas, polars and Arrow as values of a class's fields.

| in the frame | value |
|---|---|
| NaN, NaT, NA, null | `None`, counted by column |
| whole numbers as floats, where ids or integers are declared | integers |
| text, where a document or list is declared | the JSON in the text |
| scalars and arrays of numpy, Arrow and pandas | JSON |
"""

from __future__ import annotations

import json
import numbers
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from synapse._internal.hints import suggestion
from synapse._internal.json_values import is_missing, to_json
from synapse.errors import FieldValueError, UsageError
from synapse.orm.frames import Column, find_columns, load_library

__all__ = ["FrameReader"]

# Rows that are Python objects at one time.
_PART = 1000
_PLAIN = frozenset({int, str, bool})


@attrs.define(eq=False)
class FrameReader:
    """Rows of a frame as values of a class's fields.

    Attributes:
        cls: The resource's class.
        frame: A frame of pandas or polars, or any object with `__arrow_c_stream__`.
        columns: The frame's columns, in order.
        nulls: Missing values by column, of the rows that were read.
    """

    cls: Any
    frame: Any
    columns: list[Column] = attrs.field(init=False)
    nulls: Counter[str] = attrs.field(init=False, factory=Counter)
    _stream: Any = attrs.field(init=False, default=None)
    _json: set[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.columns = self._find_columns(self._names())
        self._json = {each.name for each in self.columns if each.is_json()}

    @property
    def is_repeatable(self) -> bool:
        """True if the rows can be read twice."""
        return _is_of("pandas", "DataFrame", self.frame) or (
            _is_of("polars", "DataFrame", self.frame) or _is_of("pyarrow", "Table", self.frame)
        )

    def writable(self) -> list[Column]:
        """Return the columns that the server lets clients set."""
        return [each for each in self.columns if not each.field.declared.read_only]

    def refuse_read_only(self) -> None:
        """Refuse columns that only the server sets.

        Raises:
            UsageError: The frame has such columns.
        """
        names = [each.name for each in self.columns if each.field.declared.read_only]
        if names:
            raise UsageError(
                f"The frame's columns {', '.join(map(repr, names))} are set by the server alone. "
                "Drop them from the frame."
            )

    def values(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as values by name of the field.

        Raises:
            FieldValueError: A field can't hold a value; the message has row and column.
        """
        position = 0
        try:
            for position, row in enumerate(self.rows()):  # noqa: B007 - the error names the row
                yield self.decode(row)
        except FieldValueError as error:
            raise FieldValueError(f"row {position}: {error}") from None

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as they are, a thousand at a time in memory."""
        self.nulls.clear()
        for part in self._parts():
            yield from zip(*part, strict=True)

    def decode(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """Return a row's values by name of the field, as JSON.

        Raises:
            FieldValueError: A field can't hold a value; the message has the column.
        """
        pairs = zip(self.columns, row, strict=True)
        return {column.field.name: self._decode(column, value) for column, value in pairs}

    def _decode(self, column: Column, value: Any) -> Any:
        if _is_null(value):
            self.nulls[column.name] += 1
            return None
        field = column.field
        if isinstance(value, str) and column.name in self._json:
            value = _parse(column, value)
            if value is None:
                return None
        if isinstance(value, str) and field.is_relation and field.declared.is_many:
            value = value.strip("[] ").replace(",", " ").split()  # as CSV files have lists
        several = value if isinstance(value, (list, tuple, set)) else (value,)
        for one in several:
            if why := field.refuses(one):
                raise FieldValueError(f"column {column.name!r}: {why}")
        plain = to_json(value, f"column {column.name!r}")
        if why := field.refuses_kind(plain):
            raise FieldValueError(f"column {column.name!r}: {why}")
        plain = field.to_keys(plain)
        if field.is_relation or column.kinds != {int} or not isinstance(plain, float):
            return plain
        if not plain.is_integer():
            raise FieldValueError(f"column {column.name!r}: {plain} isn't a whole number.")
        return int(plain)  # a column of pandas with NaN has floats

    def _names(self) -> list[Any]:
        if _is_of("pandas", "DataFrame", self.frame) or _is_of("polars", "DataFrame", self.frame):
            return list(self.frame.columns)
        arrow = load_library("pyarrow", "frames")
        try:
            self._stream = arrow.RecordBatchReader.from_stream(self.frame)
        except (arrow.ArrowException, TypeError, ValueError) as error:
            raise UsageError(
                f"The {type(self.frame).__name__} isn't a table ({error}). Pass a frame with named "
                "columns."
            ) from error
        return list(self._stream.schema.names)

    def _find_columns(self, names: list[Any]) -> list[Column]:
        fields: Mapping[str, Any] = self.cls.__schema__.fields
        known = {each.name: each.field for each in find_columns(self.cls, [])}
        known |= {f"{name}_id": field for name, field in fields.items() if field.is_relation}
        known |= fields
        taken: dict[str, Any] = {}
        for name in names:
            field = known.get(name) if isinstance(name, str) else None
            if field is None:
                raise UsageError(
                    f"The frame has a column {name!r}, but {self.cls.__schema__.name} has no such "
                    f"field{suggestion(name, known)}"
                )
            if field.name in taken:
                raise UsageError(
                    f"The frame's columns {taken[field.name]!r} and {name!r} are both for "
                    f"{field.name!r}. Drop one."
                )
            taken[field.name] = name
        return [Column(name, known[name]) for name in names]

    def _parts(self) -> Iterator[list[list[Any]]]:
        """Yield the columns' values, some rows at a time."""
        frame = self.frame
        if _is_of("pandas", "DataFrame", frame):
            for start in range(0, len(frame), _PART):
                part = frame.iloc[start : start + _PART]
                yield [part.iloc[:, at].tolist() for at in range(len(self.columns))]
            return
        if _is_of("polars", "DataFrame", frame):
            for part in frame.iter_slices(_PART):
                yield [each.to_list() for each in part.get_columns()]
            return
        stream, self._stream = self._stream, None
        if stream is None:
            stream = load_library("pyarrow", "frames").RecordBatchReader.from_stream(frame)
        for batch in stream:
            for start in range(0, batch.num_rows, _PART):
                yield [each.to_pylist() for each in batch.slice(start, _PART).columns]


def _parse(column: Column, text: str) -> Any:
    try:
        return to_json(json.loads(text), f"column {column.name!r}")
    except (ValueError, RecursionError) as error:
        if str in column.kinds or Any in column.kinds:
            return text
        raise FieldValueError(
            f"column {column.name!r}: {text[:60]!r} isn't JSON ({str(error)[:100]}). Write the "
            "document as JSON text, or put a dict in the cell."
        ) from None


def _is_null(value: Any) -> bool:
    """Return whether a cell is empty; infinity isn't."""
    if type(value) in _PLAIN:
        return False
    if isinstance(value, numbers.Number):
        return bool(value != value)  # NaN
    return value is None or is_missing(value)


def _is_of(library: str, name: str, value: Any) -> bool:
    """Return whether a value is of a library's class, without importing the library."""
    cls = getattr(sys.modules.get(library), name, None)
    return cls is not None and isinstance(value, cls)
