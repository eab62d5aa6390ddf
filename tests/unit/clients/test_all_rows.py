"""All rows of a list: as rows, as a pair, and when the pages are requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synapse.clients.all_rows import AllRows
from synapse.transport.paging import Page


class Pages:
    """Pages of two rows, and a record of those that were read.

    Attributes:
        total: Number of rows.
        read: Numbers of the pages that were read, in order.
        failing: Number of the page whose request fails, if any.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.read: list[int] = []
        self.failing: int | None = None

    def __call__(self) -> Iterator[Page]:
        for number in range(1, max(1, (self.total + 1) // 2) + 1):
            if number == self.failing:
                raise RuntimeError(f"page {number}")
            self.read.append(number)
            start = 2 * (number - 1)
            rows = [{"id": key} for key in range(start, min(start + 2, self.total))]
            yield Page(self.total, rows, "page=x" if start + 2 < self.total else None)


def ids(count: int) -> list[dict[str, int]]:
    return [{"id": key} for key in range(count)]


def test_count_takes_the_first_page_only() -> None:
    pages = Pages(5)

    rows = AllRows(pages)

    assert (len(rows), bool(rows), repr(rows), pages.read) == (5, True, "<AllRows: 5 rows>", [1])


def test_pages_are_read_as_rows_are_used() -> None:
    pages = Pages(5)
    rows = iter(AllRows(pages))
    read = []

    for _ in range(5):
        next(rows)
        read.append(list(pages.read))

    assert read == [[1], [1], [1, 2], [1, 2], [1, 2, 3]]


@pytest.mark.parametrize("total", [0, 1, 2, 3, 5])
@pytest.mark.parametrize(
    "collect",
    [
        list,
        lambda rows: [row for row in rows],  # noqa: C416 - not the same instructions as list()
        lambda rows: [*rows],
        lambda rows: rows[:],
        lambda rows: [rows[number] for number in range(len(rows))],
        lambda rows: rows[::-1][::-1],
        lambda rows: list(reversed(rows))[::-1],
        lambda rows: rows[0:-1] + rows[-1:],
    ],
)
def test_rows(total: int, collect: Callable[[Any], Any]) -> None:
    rows = AllRows(Pages(total))

    assert collect(rows) == ids(total)
    assert collect(rows) == ids(total)


def test_pair() -> None:
    pages = Pages(5)

    rows, count = AllRows(pages)

    assert (count, next(rows), pages.read) == (5, {"id": 0}, [1])
    assert list(rows) == ids(5)[1:]


def test_pair_of_two_rows() -> None:
    rows, count = AllRows(Pages(2))

    assert (count, list(rows)) == (2, ids(2))


def test_each_loop_reads_the_pages_again() -> None:
    pages = Pages(3)
    rows = AllRows(pages)

    assert [list(rows), list(rows)] == [ids(3)] * 2
    assert pages.read == [1, 2, 1, 2]


def test_single_page_is_kept() -> None:
    pages = Pages(2)
    rows = AllRows(pages)

    assert [list(rows), list(rows), rows[1]] == [ids(2), ids(2), {"id": 1}]
    assert pages.read == [1]


@pytest.mark.parametrize(
    ("index", "expected", "read"),
    [
        (0, {"id": 0}, [1]),
        (3, {"id": 3}, [1, 2]),
        (-1, {"id": 6}, [1, 2, 3, 4]),
        (slice(3), ids(3), [1, 2]),
        (slice(1, 3), ids(3)[1:], [1, 2]),
        (slice(0, 4, 2), [{"id": 0}, {"id": 2}], [1, 2]),
        (slice(1, None), ids(7)[1:], [1, 2, 3, 4]),
        (slice(-2, None), ids(7)[-2:], [1, 2, 3, 4]),
        (slice(3, 0, -1), ids(4)[:0:-1], [1, 2, 3, 4]),
    ],
)
def test_index_reads_the_pages_up_to_there(index: Any, expected: Any, read: list[int]) -> None:
    pages = Pages(7)
    rows = AllRows(pages)

    assert [rows[index], rows[index]] == [expected] * 2
    assert pages.read == read


def test_loop_goes_on_after_an_index() -> None:
    pages = Pages(7)
    rows = AllRows(pages)

    assert (rows[2], list(rows), rows[2]) == ({"id": 2}, ids(7), {"id": 2})
    assert pages.read == [1, 2, 3, 4, 1, 2]


def test_loops_in_each_other() -> None:
    rows = AllRows(Pages(3))

    assert [(a["id"], b["id"]) for a in rows for b in rows] == [
        (a, b) for a in range(3) for b in range(3)
    ]


def test_index_out_of_range() -> None:
    with pytest.raises(IndexError):
        AllRows(Pages(3))[3]


@pytest.mark.parametrize("total", [1, 3])
def test_equality(total: int) -> None:
    rows = AllRows(Pages(total))

    assert rows == ids(total)
    assert rows == AllRows(Pages(total))
    assert rows != ids(total + 1)
    assert rows != "rows"


def test_failed_walk_starts_again() -> None:
    pages = Pages(5)
    rows = AllRows(pages)
    pages.failing = 3

    for read_all in (list, lambda rows: rows[4], lambda rows: rows[4]):
        with pytest.raises(RuntimeError, match="page 3"):
            read_all(rows)
    pages.failing = None

    assert rows[4] == {"id": 4}
    assert list(rows) == ids(5)


def test_failure_of_the_first_page_is_raised_at_once() -> None:
    pages = Pages(5)
    pages.failing = 1

    with pytest.raises(RuntimeError, match="page 1"):
        AllRows(pages)


def test_rows_are_converted_as_they_are_used() -> None:
    pages, seen = Pages(3), []

    def convert(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen.append(len(rows))
        return [{"key": row["id"]} for row in rows]

    rows = AllRows(pages, convert)
    before = list(seen)

    assert list(rows) == [{"key": 0}, {"key": 1}, {"key": 2}]
    assert (before, seen) == ([], [2, 1])
