"""Conversions of rows into tables, as methods of queries and of their values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from synapse.orm.frames import TableColumn

__all__ = ["FrameSource", "Origin"]


class Origin(NamedTuple):
    """The query behind rows that another call can go on with, in the order of the key.

    Without an order of the query the server chooses one, which may begin like that of the key.

    Attributes:
        query: The query with its order.
        column: Name of the key in the plain rows.
        step: 1 for ascending keys, -1 for descending ones.
        wrap: Makes the source of another query.
    """

    query: Any
    column: str
    step: int
    wrap: Callable[[Any], FrameSource]

    def after(self, key: int, step: int) -> FrameSource:
        """Return the source of the rows after a key."""
        name = self.query._resource.__schema__.key
        ordered = self.query.order_by(name if step > 0 else f"-{name}")
        bound: dict[str, Any] = {f"{name}__{'gt' if step > 0 else 'lt'}": key}
        return self.wrap(ordered.filter(**bound))

    def identify(self, *facts: object) -> dict[str, str]:
        """Return the facts by name that two calls for the same rows share.

        Args:
            *facts: Further facts, which only the digest has, as it has the values of filters.
        """
        session, query = self.query._session, self.query
        digest_facts = load("synapse._internal.block_file").digest_facts
        digest = digest_facts([*facts, *session.key, query._path(), query._params(0)])
        return {"server": session.key[0], "query": repr(query), "digest": digest}


class FrameSource:
    """Adds conversions into tables to an iterable of rows."""

    __slots__ = ()

    def _columns(self) -> Sequence[TableColumn]:
        raise NotImplementedError  # defined by the iterable

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        raise NotImplementedError  # defined by the iterable

    def _origin(self) -> Origin | None:
        """Return the query in the order of the key, if reading can go on after a key."""
        return None

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

    def to_parquet(self, path: str | os.PathLike[str], *, resume: bool = True) -> Path:
        """Write the rows into a Parquet file. One request for each page.

        The file appears when complete. Until then, the rows are in `.NAME.part` beside the file.
        After an interrupt, a failure or the death of the program, the same call goes on after the
        last stored row. Stored rows stay as they were. Without an order, rows come in the order of
        the id. Rows in another order, slices, statistics, and rows of servers without bounds on the
        id are read again from the start.

        Args:
            path: Path of the file, which replaces an older one.
            resume: Whether to go on after the rows of a stopped call; `False` removes them.

        Returns:
            The path.

        Raises:
            MissingExtra: pyarrow isn't installed.
            UsageError: A stopped call has stored rows of another query or other fields.
            FieldValueError: The server sent a value that a column can't hold.
            ClientError: The server refused or couldn't be reached.
            OSError: The folder is missing (no request was made), or the file can't be written.

        Example:
            >>> path = Path("tasks.parquet")
            >>> project.tasks.to_parquet(path).name
            'tasks.parquet'
        """
        write = load("synapse.orm.parquet_writer").write_parquet
        target: Path = write(self, path, resume=resume)
        return target
