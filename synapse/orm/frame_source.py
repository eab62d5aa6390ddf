"""Conversions of rows into tables, as methods of queries and of their values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from synapse.orm.frames import TableColumn

__all__ = ["FrameSource", "PlainColumn"]


class PlainColumn(NamedTuple):
    """A column whose values need no conversion.

    Attributes:
        name: Name of the column.
        kind: Name of the type in Arrow, or `"category"`.
    """

    name: str
    kind: str

    def arrow_type(self) -> pa.DataType:
        """Return the column's type in Arrow."""
        arrow = load("synapse.orm.frames").load_library("pyarrow", "frames")
        if self.kind == "category":
            return arrow.dictionary(arrow.int32(), arrow.string())
        return arrow.type_for_alias(self.kind)

    def read(self, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
        """Return the values of some rows."""
        arrow = load("synapse.orm.frames").load_library("pyarrow", "frames")
        return arrow.array([row[self.name] for row in rows], self.arrow_type())


class FrameSource:
    """Adds conversions into tables to an iterable of rows."""

    __slots__ = ()

    def _columns(self) -> Sequence[TableColumn]:
        raise NotImplementedError  # defined by the iterable

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        raise NotImplementedError  # defined by the iterable

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return Arrow's stream of the rows, as pandas, polars, duckdb and others ask for it.

        One request for each page, as the reader goes on. A failure arrives as the reader's own
        error, with our message; `to_arrow()` and the others keep the class of the error.
        """
        stream: object = load("synapse.orm.frames").make_stream(self, requested_schema)
        return stream

    def to_arrow(self) -> pa.Table:
        """Return the rows as an Arrow table. One request for each page.

        Columns have the types of the declarations, also without any row: ids, categories, times in
        UTC, documents as JSON text.

        Raises:
            MissingExtra: pyarrow isn't installed.
            FieldValueError: The server sent a value that a column can't hold.
            ClientError: The server refused or couldn't be reached.

        Example:
            >>> table = project.tasks.values("id", "status").to_arrow()
            >>> table.num_rows, table.column_names
            (2, ['id', 'status'])
        """
        table: pa.Table = load("synapse.orm.frames").make_arrow(self)
        return table

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame. One request for each page.

        Integers and booleans are nullable types, so that ids stay exact; enumerations are
        categories, times `datetime64[us, UTC]`.

        Raises:
            MissingExtra: pandas or pyarrow isn't installed.
            FieldValueError: The server sent a value that a column can't hold.
            ClientError: The server refused or couldn't be reached.

        Example:
            >>> project.tasks.values("status").to_pandas()["status"].tolist()
            ['pending', 'pending']
        """
        frame: pd.DataFrame = load("synapse.orm.frames").make_pandas(self)
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a polars DataFrame. One request for each page.

        Raises:
            MissingExtra: polars or pyarrow isn't installed.
            FieldValueError: The server sent a value that a column can't hold.
            ClientError: The server refused or couldn't be reached.
        """
        frame: pl.DataFrame = load("synapse.orm.frames").make_polars(self)
        return frame

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write the rows into a Parquet file, batch by batch. One request for each page.

        The file appears when complete.

        Args:
            path: Path of the file, which replaces an older one.

        Returns:
            The path.

        Raises:
            MissingExtra: pyarrow isn't installed.
            FieldValueError: The server sent a value that a column can't hold.
            ClientError: The server refused or couldn't be reached.
            OSError: The folder is missing (no request was made), or the file can't be written.

        Example:
            >>> path = Path("tasks.parquet")
            >>> project.tasks.to_parquet(path).name
            'tasks.parquet'
        """
        target: Path = load("synapse.orm.frames").write_parquet(self, path)
        return target
