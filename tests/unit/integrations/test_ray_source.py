"""A query as a data source, with a stand-in for Ray; tests/ray uses Ray itself."""

from __future__ import annotations

import types
from typing import Any

import pytest

import synapse
from synapse.integrations.query_part import QueryPart


@pytest.mark.parametrize(
    ("count", "parallelism", "rows"),
    [(0, 4, [0]), (250, 2, [100, 150]), (250, 100, [100, 100, 50]), (99, 8, [99])],
)
def test_tasks_share_the_pages(
    fake_ray: types.ModuleType, count: int, parallelism: int, rows: list[int]
) -> None:
    from synapse.integrations.ray_source import QuerySource

    session = synapse.Session("http://127.0.0.1:9", "token")
    part = QueryPart(session.tasks.order_by("id"), (), "json", 100)
    source: Any = QuerySource(part, count)

    tasks = source.get_read_tasks(parallelism)

    assert [task.metadata.num_rows for task in tasks] == rows
    assert source.get_name() == "SynapseTask"
    assert source.estimate_inmemory_data_size() == count * 1000


def test_an_empty_part_is_one_empty_table(fake_ray: types.ModuleType) -> None:
    pytest.importorskip("pyarrow")
    from synapse.integrations.ray_source import QuerySource

    session = synapse.Session("http://127.0.0.1:9", "token")
    part = QueryPart(session.tasks.filter(id=[]), (), "json", 100)
    (task,) = QuerySource(part, 0).get_read_tasks(1)

    assert [table.num_rows for table in task.read()] == [0]
