"""Write the rows of a source into a Parquet file, after those that a stopped call has stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse._internal import log_events
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.key_order import KeyOrder, Place
from synapse._internal.short_traceback import shortened
from synapse._internal.user_folders import expand_home
from synapse.errors import BadRequest, FieldValueError, FilterIgnored
from synapse.orm.frames import load_library, read_schema
from synapse.orm.unfinished_table import UnfinishedTable

if TYPE_CHECKING:
    import pyarrow as pa

    from synapse.orm.frame_source import FrameSource

__all__ = ["write_parquet"]

# Rows of a block on disk, at least: what a killed program reads again.
_BLOCK = 1000

Row = dict[str, Any]


def write_parquet(
    source: FrameSource, path: str | os.PathLike[str], *, resume: bool = True
) -> Path:
    """Write a source into a Parquet file, see `FrameSource.to_parquet`."""
    load_library("pyarrow.parquet", "frames")
    target = expand_home(path)
    if not target.parent.is_dir():  # before any request
        raise shortened(
            FileNotFoundError(errno.ENOENT, "The folder does not exist", str(target.parent))
        )
    schema = read_schema(source._columns())
    table = UnfinishedTable(target, schema, _identify(source, schema))
    keep = True

    def advise() -> str:
        return f"{table.rows:,} rows are stored. The same call goes on." if table.place else ""

    try:
        with explain_interrupt(advise):
            if resume:
                table.resume()
            else:
                table.clear()
            _Writing(source, table).write()
            table.finish()
    except FieldValueError:
        keep = False  # the same call would fail again
        raise
    finally:
        table.close(keep=keep)
    return target


def _identify(source: FrameSource, schema: pa.Schema) -> dict[str, str]:
    """Return the facts that two calls for the same rows share; values of filters are digested."""
    names = ", ".join(schema.names)
    origin = source._origin()
    if origin is None:
        return {"query": repr(source), "fields": names}
    facts = origin.identify(type(source).__name__, str(schema))
    return {**facts, "fields": names}


class _Writing:
    """One call's reading: rows into blocks, each with the place after the rows.

    Args:
        source: The source.
        table: The rows on disk.
    """

    def __init__(self, source: FrameSource, table: UnfinishedTable) -> None:
        self._table = table
        self._origin = origin = source._origin()
        self._source = source if origin is None else origin.wrap(origin.query)
        self._order = self._find_order(table.place)
        self._pending: list[tuple[pa.RecordBatch, Place | None]] = []

    def write(self) -> None:
        """Read the rest of the rows. One request for each page."""
        arrow = load_library("pyarrow", "frames")
        columns = self._source._columns()
        schema = read_schema(columns)
        try:
            for page in filter(None, self._pages()):
                batch = arrow.record_batch([each.read(page) for each in columns], schema=schema)
                # Rows and place in one step, which an interrupt can't take apart.
                self._pending.append((batch, self._order.follow(page) if self._order else None))
                del page  # before the next one is decoded, which takes its place in memory
                if sum(each.num_rows for each, _ in self._pending) >= _BLOCK:
                    self._flush()
        finally:
            self._flush()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if pending:
            self._table.append([batch for batch, _ in pending], pending[-1][1])

    def _pages(self) -> Iterator[list[Row]]:
        """Yield the pages of the rest; all, if the server can't answer the rest alone."""
        if self._origin is None or self._table.place is None:
            yield from self._source._plain_pages()
            return
        rest = self._origin.after(*self._table.place)._plain_pages()
        try:
            first = next(rest, [])
        except (BadRequest, FilterIgnored):  # the server has no bounds on the key
            rest = self._source._plain_pages()
            first = next(rest, [])
            self._table.clear()
            self._order = self._find_order(None)
        else:
            name, rows = self._table.target.name, self._table.rows
            log_events.TABLE_RESUMED.log("%s: goes on after %d rows", name, rows, file=name)
        yield first
        del first  # before the next one is decoded, which takes its place in memory
        yield from rest

    def _find_order(self, place: Place | None) -> KeyOrder | None:
        origin = self._origin
        return origin and KeyOrder(origin.column, origin.step, place)
