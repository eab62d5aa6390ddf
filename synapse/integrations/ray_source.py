"""A query as a data source for Ray; imported only where Ray is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from synapse.integrations.query_part import QueryPart, build_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["QuerySource"]

_BYTES_PER_ROW = 1000


class QuerySource(Datasource):  # type: ignore[misc] # a class without types
    """Read tasks of some pages each.

    Args:
        part: All the rows.
        count: Number of rows.
    """

    def __init__(self, part: QueryPart, count: int) -> None:
        super().__init__()
        self._part = part
        self._count = count
        self._parts: dict[int, list[tuple[QueryPart, int | None]]] = {}

    def get_name(self) -> str:
        """Return the name for Ray's progress bars."""
        return f"Synapse{self._part.query._resource.__name__}"

    def estimate_inmemory_data_size(self) -> int | None:
        """Estimate the size of all rows, from which Ray derives the number of tasks."""
        return self._count * _BYTES_PER_ROW

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: Any = None,  # noqa: ARG002 - Ray's signature
    ) -> list[ReadTask]:
        """Share the rows among tasks. About one request for each task where ids have gaps."""
        if parallelism not in self._parts:  # Ray may ask several times
            self._parts[parallelism] = self._part.divide_evenly(self._count, parallelism)
        parts = self._parts[parallelism]
        return [
            ReadTask(
                _create_reader(part),
                BlockMetadata(
                    num_rows=rows,
                    size_bytes=(self._count // len(parts) if rows is None else rows)
                    * _BYTES_PER_ROW,
                    exec_stats=None,
                    input_files=None,
                ),
                per_task_row_limit=per_task_row_limit,
            )
            for part, rows in parts
        ]


def _create_reader(part: QueryPart) -> Callable[[], Iterator[pa.Table]]:
    def read_tables() -> Iterator[pa.Table]:
        is_empty = True
        for table in part.tables():
            is_empty = False
            yield table
        if is_empty:
            yield build_table([], {}, part.nested)

    return read_tables
