"""Slices of queries: the right rows, with the fewest requests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synapse import Session, Task
from synapse.errors import InvalidResponse, UsageError
from synapse.testing import assert_num_requests


@pytest.fixture
def rows(tables: Any) -> range:
    tables.rows["tasks"] = [{"id": n} for n in range(250)]
    return range(250)


@pytest.mark.parametrize(
    ("part", "requests"),
    [
        (slice(0, 10), 1),
        (slice(10, 20), 1),
        (slice(5, None), 3),
        (slice(None, None), 3),
        (slice(100, 200), 1),
        (slice(95, 105), 2),
        (slice(240, 300), 1),
        (slice(245, None), 1),
        (slice(0, 0), 0),
        (slice(20, 10), 0),
        (slice(250, 260), 1),
        (slice(1000, 1010), 1),
        (slice(1000, None), 1),
    ],
)
def test_a_slice_gives_its_rows_and_costs_its_pages(
    connected: Session, rows: range, part: slice, requests: int
) -> None:
    with assert_num_requests(connected, requests):
        assert [task.id for task in connected.tasks[part]] == list(rows[part])


def test_an_index_gives_one_object_with_one_request(connected: Session, rows: range) -> None:
    for index in (0, 1, 99, 100, 249):
        with assert_num_requests(connected, 1):
            assert connected.tasks[index].id == index


@pytest.mark.parametrize("index", [250, 10_000])
def test_an_index_beyond_the_end_is_an_index_error(
    connected: Session, rows: range, index: int
) -> None:
    with pytest.raises(IndexError, match=f"no object at index {index}"):
        connected.tasks[index]
    with pytest.raises(IndexError):
        connected.tasks[:5][5]


def test_slices_are_taken_of_slices(connected: Session, rows: range) -> None:
    query = connected.tasks[20:200][30:][:10]
    assert [task.id for task in query] == list(range(50, 60))
    assert query[3].id == 53
    assert query.first().id == 50  # type: ignore[union-attr]
    assert query.count() == 10
    assert [row["id"] for row in query[8:].values("id")] == [58, 59]


@pytest.mark.parametrize(
    ("part", "count"), [(slice(0, 10), 10), (slice(245, 260), 5), (slice(300, 310), 0)]
)
def test_a_slice_is_counted(connected: Session, rows: range, part: slice, count: int) -> None:
    query = connected.tasks[part]
    with assert_num_requests(connected, 1):
        assert query.count() == count
    assert query.exists() is (count > 0)
    assert (query.first() is not None) is (count > 0)


def test_an_empty_slice_is_counted_without_asking(connected: Session, rows: range) -> None:
    with assert_num_requests(connected, 0):
        assert connected.tasks[5:5].count() == 0
        assert not connected.tasks[5:5].exists()
        assert connected.tasks[5:5].first() is None


@pytest.mark.parametrize("key", [-1, slice(-5, None), slice(None, -1), slice(0, 10, 2)])
def test_what_cannot_be_asked_for_is_refused_before_asking(
    connected: Session, rows: range, key: Any
) -> None:
    with assert_num_requests(connected, 0), pytest.raises(UsageError):
        connected.tasks[key]


bounds = st.none() | st.integers(0, 300)
without_deadline = settings(
    max_examples=60,
    deadline=None,
)


@without_deadline
@given(start=bounds, stop=bounds, size=st.integers(20, 300), workers=st.sampled_from([1, 4]))
def test_a_slice_is_what_a_list_would_give(
    connected: Session, rows: range, start: Any, stop: Any, size: int, workers: int
) -> None:
    query = connected.tasks.page_size(size)[start:stop]
    assert [task.id for task in query.iterate(workers=workers)] == list(rows[start:stop])


@without_deadline
@given(start=bounds, stop=bounds, size=st.integers(20, 300), cap=st.sampled_from([7, 50, 100]))
@example(start=200, stop=None, size=100, cap=50)
def test_a_slice_is_what_a_list_would_give_whatever_the_servers_largest_page(
    connected: Session, rows: range, tables: Any, start: Any, stop: Any, size: int, cap: int
) -> None:
    tables.cap = cap
    query = connected.tasks.page_size(size)[start:stop]
    assert [task.id for task in query] == list(rows[start:stop])


def test_a_slice_is_the_same_with_the_emulators_own_pages(session: Session, units: Any) -> None:
    tasks: list[Task] = units(30)
    query = session.tasks.page_size(7)
    for part in (slice(0, 7), slice(5, 12), slice(14, 28), slice(25, 40), slice(3, None)):
        assert list(query[part]) == tasks[part]
    assert query[29] is tasks[29]


def test_a_page_that_lacks_the_rows_that_it_counts_is_refused(
    connected: Session, tables: Any
) -> None:
    tables.before = lambda asked: (200, {"count": 100, "next": None, "results": []})
    with pytest.raises(InvalidResponse):
        list(connected.tasks.page_size(10)[50:60])


def test_a_server_whose_pages_are_larger_than_asked_for_gives_the_right_rows(
    connected: Session, rows: range, tables: Any
) -> None:
    def fixed(asked: Any) -> tuple[int, Any]:
        start = 100 * (int(asked.one("page") or 1) - 1)
        link = "http://inside.example/?page=9" if start < 150 else None
        part = [{"id": n} for n in rows[start : start + 100]]
        return 200, {"count": 250, "next": link, "results": part}

    tables.before = fixed
    assert [task.id for task in connected.tasks[10:20]] == list(range(10, 20))
