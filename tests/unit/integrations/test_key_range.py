"""The range of keys by which workers share a query."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from list_server import ListServer

import synapse
from synapse.integrations.key_range import find_key_range
from synapse.integrations.query_part import QueryPart


@pytest.fixture
def lists() -> Iterator[ListServer]:
    """A list of 700 tasks whose ids lie three apart."""
    server = ListServer([{"id": 3 * n, "status": "pending"} for n in range(1, 701)])
    server.default_order = "id"
    yield server
    server.close()


@pytest.fixture
def tasks(lists: ListServer) -> Iterator[Any]:
    with synapse.Session(lists.url, "some-token") as session:
        yield session.tasks.page_size(100)


@pytest.mark.parametrize(
    ("default", "ordering", "expected"),
    [
        ("id", (), range(3, 2101)),
        ("-id", (), range(2100, 2, -1)),
        ("status", ("id",), range(3, 2101)),
        ("id", ("-id",), range(2100, 2, -1)),
        ("status,-id", (), range(2100, 2, -1)),
    ],
)
def test_from_the_first_to_the_last(
    lists: ListServer, tasks: Any, default: str, ordering: tuple[str, ...], expected: range
) -> None:
    lists.default_order = default
    assert find_key_range(tasks.order_by(*ordering)) == expected
    assert len(lists.queries) == 4


@pytest.mark.parametrize("verb", ["in another order", "a slice", "by keys"])
def test_queries_that_have_no_range(lists: ListServer, tasks: Any, verb: str) -> None:
    queries = {
        "in another order": tasks.order_by("status"),
        "a slice": tasks[10:],
        "by keys": tasks.filter(id=[1, 2]),
    }
    assert find_key_range(queries[verb]) is None
    assert lists.queries == []


@pytest.mark.parametrize("kind", ["ignores", "refuses", "sorts otherwise", "texts", "one row"])
def test_servers_that_have_no_range(lists: ListServer, tasks: Any, kind: str) -> None:
    lists.has_bounds = kind != "ignores"
    lists.is_strict = kind == "refuses"
    if kind == "sorts otherwise":
        lists.default_order = None
        lists.rows = lists.rows[100:] + lists.rows[:100]
    elif kind == "texts":
        lists.rows = [{"id": f"t{n}"} for n in range(700)]
    elif kind == "one row":
        lists.rows = lists.rows[:1]
    assert find_key_range(tasks) is None


@pytest.mark.parametrize("ordering", ["id", "-id"])
@pytest.mark.parametrize("workers", [1, 3, 50])
def test_parts_have_each_row_once(
    lists: ListServer, tasks: Any, ordering: str, workers: int
) -> None:
    pytest.importorskip("pyarrow")
    query = tasks.order_by(ordering).filter(id__gt=300)
    part = QueryPart(query, ("id",), "json", 100, find_key_range(query))
    lists.cost = 0
    found = [
        key
        for one, rows in part.divide(query.count(), workers)
        for table in one.tables()
        for key in table.column("id").to_pylist()
        if rows is None
    ]
    expected = list(range(303, 2101, 3))
    assert found == expected[:: 1 if ordering == "id" else -1]
    assert lists.cost < 5_000  # numbered pages alone would pass over 600 rows for each page


@pytest.mark.parametrize("ordering", ["id", "-id"])
def test_parts_are_even_where_ids_have_gaps(lists: ListServer, tasks: Any, ordering: str) -> None:
    pytest.importorskip("pyarrow")
    lists.rows = [{"id": n if n < 300 else 10**9 + 7 * n} for n in range(1, 3001)]
    query = tasks.order_by(ordering).page_size(20)
    part = QueryPart(query, ("id",), "json", 20, find_key_range(query))
    lists.queries.clear()

    parts = part.divide_evenly(3000, 6)

    assert len(lists.queries) <= 37  # a quarter of the pages
    found = [[row["id"] for page in one.pages() for row in page] for one, _ in parts]
    expected = [row["id"] for row in lists.rows]
    assert [*chain.from_iterable(found)] == expected[:: 1 if ordering == "id" else -1]
    assert max(map(len, found)) <= 1.4 * 3000 / 6


def test_small_parts_make_no_request(lists: ListServer, tasks: Any) -> None:
    part = QueryPart(tasks, ("id",), "json", 100, range(1, 10**9))
    parts = part.divide_evenly(700, 2)
    assert [repr(each) for each in parts] == [repr(each) for each in part.divide(700, 2)]
    assert lists.queries == []
