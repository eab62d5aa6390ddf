"""Rows of a table on disk, while a Parquet file is being made of them.

A Parquet file can be read only when complete. So rows are first stored as streams of Arrow, block
by block, from which another call can go on. When all rows are present, the blocks become row groups
of the Parquet file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synapse._internal.block_file import BlockFile
from synapse._internal.key_order import Place
from synapse.orm.frames import load_library

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["UnfinishedTable"]

# A row group ends at the first of both: readers want large ones, and one is held in memory.
_GROUP_ROWS = 65_536
_GROUP_BYTES = 4 << 20


class UnfinishedTable(BlockFile):
    """Rows of a table on disk, locked until closed.

    Args:
        target: Path of the Parquet file.
        schema: Schema of the rows.
        identity: Facts about the rows by name, which the call that goes on must share.

    Raises:
        OSError: The file can't be created.
    """

    def __init__(self, target: Path, schema: pa.Schema, identity: Mapping[str, str]) -> None:
        super().__init__(target, identity)
        self._schema = schema

    def append(self, batches: Sequence[pa.RecordBatch], place: Place | None) -> None:
        """Append rows.

        Args:
            batches: The rows.
            place: The place after them; `None` if no call can go on from there.
        """
        arrow = load_library("pyarrow", "frames")
        table = arrow.Table.from_batches(batches).combine_chunks()
        codec = "zstd" if arrow.Codec.is_available("zstd") else None
        sink = arrow.BufferOutputStream()
        options = arrow.ipc.IpcWriteOptions(compression=codec)
        with arrow.ipc.new_stream(sink, self._schema, options=options) as writer:
            writer.write_table(table)
        self.add_block(sink.getvalue().to_pybytes(), table.num_rows, place)

    def finish(self) -> None:
        """Make the Parquet file, and remove the rows on disk.

        Raises:
            OSError: The file can't be written, or the rows can't be read.
        """
        self.publish(self._write_parquet)

    def _write_parquet(self, path: Path) -> int:
        parquet = load_library("pyarrow.parquet", "frames")
        load_library("pyarrow", "frames").default_memory_pool().release_unused()
        rows = 0
        with parquet.ParquetWriter(path, self._schema) as writer:
            for group in self._groups():
                writer.write_table(group, row_group_size=group.num_rows)
                rows += group.num_rows
        return rows

    def _groups(self) -> Iterator[pa.Table]:
        """Yield the rows in row groups."""
        arrow = load_library("pyarrow", "frames")
        parts: list[pa.Table] = []
        for block in self.blocks():
            parts.append(arrow.ipc.open_stream(block.content).read_all())
            if sum(map(len, parts)) >= _GROUP_ROWS or sum(map(_size, parts)) >= _GROUP_BYTES:
                yield arrow.concat_tables(parts).unify_dictionaries()
                parts = []
        if parts:
            yield arrow.concat_tables(parts).unify_dictionaries()


def _size(table: pa.Table) -> int:
    return int(table.nbytes)
