"""A list of 57,595 rows on a server whose deep pages never come.

The server passes over all earlier rows for a page by number, and answers none beyond page 600.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from list_server import ListServer

import synapse
from synapse.clients.backend import BackendClient
from synapse.integrations.key_range import find_key_range
from synapse.integrations.query_part import QueryPart

ROWS = 57_595
# A page each, and some requests to find out how; numbers would pass over 33 million rows.
LINEAR = 2 * ROWS


@pytest.fixture(params=["keys", "cursor"])
def server(request: pytest.FixtureRequest) -> Iterator[ListServer]:
    server = ListServer([{"id": 2 * n, "status": "pending"} for n in range(1, ROWS + 1)])
    server.is_sorted = True
    server.default_order = "-id"
    server.deepest_page = 600
    server.has_bounds = request.param == "keys"
    yield server
    server.close()


@pytest.fixture
def session(server: ListServer) -> Iterator[synapse.Session]:
    with synapse.Session(server.url, "some-token", page_size=50) as session:
        yield session


@pytest.fixture
def expected() -> list[int]:
    return list(range(2 * ROWS, 0, -2))


def test_objects(server: ListServer, session: synapse.Session, expected: list[int]) -> None:
    assert [task.id for task in session.tasks.all()] == expected
    assert server.cost < LINEAR


def test_values(server: ListServer, session: synapse.Session, expected: list[int]) -> None:
    assert [row["id"] for row in session.tasks.values("id")] == expected
    assert server.cost < LINEAR


def test_clients(server: ListServer, expected: list[int]) -> None:
    with BackendClient(server.url, "some-token") as client:
        rows = client.list_tasks({"page_size": 50}, list_all=True)
        assert [row["id"] for row in rows] == expected
    assert server.cost < LINEAR


def test_downloads(server: ListServer, tmp_path: Path) -> None:
    server.has_bounds = True
    for row in server.rows:
        row.update(files={}, meta={})
    with synapse.Session(server.url, "some-token", page_size=50) as session:
        collection = session.identity.get_or_stub(synapse.DataCollection, 7)
        report = collection.download(tmp_path)
    lines = (tmp_path / "units.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == [2 * n for n in range(1, ROWS + 1)]
    assert report.failed == []
    assert {query["page_size"][0] for query in server.queries} == {"50"}
    assert server.cost < LINEAR


def test_parts_of_workers(server: ListServer, session: synapse.Session, expected: Any) -> None:
    pytest.importorskip("pyarrow")
    server.has_bounds = True
    query = session.tasks.all()
    part = QueryPart(query, ("id",), "json", 50, find_key_range(query))
    parts = part.divide(query.count(), 16)
    tables = [table for one, _ in parts for table in one.tables()]
    assert [key for table in tables for key in table.column("id").to_pylist()] == expected
    assert server.cost < LINEAR


@pytest.mark.parametrize("paging", ["auto", "numbers"])
def test_a_page_is_let_go_before_the_next_request(
    server: ListServer, paging: Literal["auto", "numbers"]
) -> None:
    objects: weakref.WeakSet[synapse.Task] = weakref.WeakSet()
    alive: list[int] = []
    with synapse.Session(
        server.url,
        "some-token",
        page_size=50,
        paging=paging,
        on_request=lambda _: alive.append(len(objects)),
    ) as session:
        for task in session.tasks.all()[:1000].iterate(workers=1):
            objects.add(task)

    # The loop still has the last one.
    assert alive[:2] == [0, 1]
    assert max(alive) == 1
    assert len(alive) >= 20
