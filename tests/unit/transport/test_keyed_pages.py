"""Walks by bounds on the key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from list_server import ListServer

from synapse.transport import Transport
from synapse.transport.keyed_pages import (
    BoundsIgnored,
    KeyedPages,
    RowsElsewhere,
    find_direction,
)
from synapse.transport.page import ListRequest
from synapse.transport.paging import walk

SIZE = 10


def make(
    transport: Transport,
    *,
    direction: int = 1,
    position: int | None = None,
    expected: int | None = None,
    workers: int = 1,
    params: list[tuple[str, Any]] | None = None,
) -> KeyedPages:
    pairs = [("page_size", SIZE), *(params or [])]
    return KeyedPages(
        ListRequest(transport, "x/", pairs),
        direction=direction,
        position=position,
        expected=expected,
        limit=10**6,
        workers=workers,
    )


def keys(pages: KeyedPages) -> list[int]:
    return [row["id"] for page in pages for row in page.rows]


def rows(*ids: int) -> list[dict[str, Any]]:
    return [{"id": key} for key in ids]


class TestDirection:
    @pytest.mark.parametrize(
        ("ordering", "ids", "direction"),
        [
            (None, (1, 2, 5), 1),
            (None, (5, 2, 1), -1),
            ("id", (1, 2), 1),
            ("-id", (2, 1), -1),
            (None, (1, 3, 2), None),
            (None, (1, 1), None),
            (None, (1,), None),
            (None, (), None),
            (None, ("a", "b"), None),
            (None, (True, 2), None),
            ("id", (2, 1), None),
            ("status,id", (1, 2), None),
        ],
    )
    def test_from_the_query_and_the_rows(
        self, ordering: str | None, ids: tuple[Any, ...], direction: int | None
    ) -> None:
        params = [] if ordering is None else [("ordering", ordering)]
        assert find_direction(params, "id", rows(*ids)) == direction

    @pytest.mark.parametrize(
        ("params", "direction"),
        [
            ([("id__gt", 5)], 1),
            ([("id__gt", 5), ("id__lt", "9")], 1),
            ([("created__gt", "2027")], 1),
            ([("id__gt", "a5")], None),
            ([("id__gt", 5), ("id__gt", 6)], None),
        ],
    )
    def test_bounds_of_the_users_own(self, params: Any, direction: int | None) -> None:
        assert find_direction(params, "id", rows(6, 7)) == direction


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("gap", [1, 3, 1000])
def test_each_row_once_in_order(list_server: Any, gap: int, direction: int, workers: int) -> None:
    ids = [gap * n for n in range(1, 201)]
    server, transport = list_server(rows(*ids))
    wanted = ids if direction > 0 else ids[::-1]
    walked = make(transport, direction=direction, position=wanted[0], workers=workers)
    assert keys(walked) == wanted[1:]
    assert len(server.queries) < 60
    assert server.cost <= SIZE * len(server.queries)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("lookups", [("gt", "lt"), ("gte", "lte"), ("gt", "lte"), ("gte", "lt")])
def test_rows_within_bounds_of_the_users_own(
    list_server: Any, direction: int, lookups: tuple[str, str]
) -> None:
    server, transport = list_server(rows(*range(0, 900, 3)))
    params = [(f"id__{lookups[0]}", 60), (f"id__{lookups[1]}", 660), ("page_size", 10)]
    ordering = "id" if direction > 0 else "-id"
    pages = walk(transport, "x/", [*params, ("ordering", ordering)])
    found = [row["id"] for page in pages for row in page.rows]
    lowest, highest = 60 + 3 * (lookups[0] == "gt"), 660 - 3 * (lookups[1] == "lt")
    expected = list(range(lowest, highest + 1, 3))
    assert found == expected[::direction]
    assert not any("page" in query for query in server.queries)


@settings(max_examples=60, deadline=None)
@given(
    ids=st.sets(st.integers(1, 300) | st.integers(1, 10**12), min_size=1, max_size=150),
    direction=st.sampled_from([1, -1]),
    cap=st.integers(1, 12),
)
def test_whatever_the_gaps(
    shared_list: tuple[ListServer, Transport], ids: set[int], direction: int, cap: int
) -> None:
    server, transport = shared_list
    server.rows = rows(*sorted(ids))
    server.max_page_size = cap
    assert keys(make(transport, direction=direction)) == sorted(ids, reverse=direction < 0)


@pytest.fixture
def shared_list(list_server: Any) -> tuple[ListServer, Transport]:
    made: tuple[ListServer, Transport] = list_server([])
    return made


def test_rows_that_come_and_go_meanwhile(list_server: Any) -> None:
    server, transport = list_server(rows(*range(1, 101)))

    def change(query: dict[str, list[str]]) -> None:
        if len(server.queries) == 3:
            server.rows = [row for row in server.rows if row["id"] % 2] + rows(200, 201)

    server.before = change
    reached = keys(make(transport))
    assert reached == sorted(set(reached))
    assert {n for n in range(1, 101) if n % 2} | {200, 201} <= set(reached)


def test_a_server_that_ignores_bounds(list_server: Any) -> None:
    server, transport = list_server(rows(*range(1, 101)))
    server.has_bounds = False
    with pytest.raises(BoundsIgnored):
        keys(make(transport, position=10))
    assert len(server.queries) == 1


def test_a_server_that_refuses_bounds(list_server: Any) -> None:
    server, transport = list_server(rows(*range(1, 101)))
    server.is_strict = True
    with pytest.raises(BoundsIgnored):
        keys(make(transport, position=10))


def test_a_server_that_ignores_the_upper_bound(list_server: Any) -> None:
    server, transport = list_server(rows(*range(1, 101)))
    answer = server.answer
    server.answer = lambda target: answer(target.replace("id__lte", "unknown"))
    with pytest.raises(BoundsIgnored):
        keys(make(transport))


def test_a_server_that_sorts_otherwise(list_server: Any) -> None:
    server, transport = list_server(rows(*range(1, 101)))
    server._sort = lambda rows, query: rows[::-1]
    with pytest.raises(BoundsIgnored):
        keys(make(transport, position=10))


def test_another_number_of_rows_than_expected(list_server: Any) -> None:
    _, transport = list_server(rows(*range(1, 101)))
    assert len(keys(make(transport, position=10, expected=90))) == 90
    with pytest.raises(RowsElsewhere):
        keys(make(transport, position=10, expected=89))


def test_an_empty_page_with_a_link_is_refused(server: Any, transport: Transport) -> None:
    server.reply(body={"count": 5, "next": "?id__gt=0", "results": []})
    with pytest.raises(BoundsIgnored):
        keys(make(transport))
