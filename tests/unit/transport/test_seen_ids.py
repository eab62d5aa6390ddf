"""The set of ids that an iteration has given."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from synapse.transport.seen_ids import SeenIds

keys = st.integers() | st.integers(0, 3000) | st.text() | st.none() | st.booleans() | st.floats()


@given(st.lists(keys))
def test_agrees_with_a_plain_set(given_keys: list[Any]) -> None:
    seen = SeenIds()
    plain: set[Any] = set()
    for key in given_keys:
        typed = ("whole", key) if type(key) is int and key >= 0 else ("other", key)
        assert seen.add(key) is (typed not in plain)
        plain.add(typed)


def test_neighbours_in_a_block_are_apart() -> None:
    seen = SeenIds()
    assert [seen.add(key) for key in (0, 7, 8, 1023, 1024, 1032)] == [True] * 6
    assert [seen.add(key) for key in (0, 7, 8, 1023, 1024, 1032)] == [False] * 6
    assert [seen.add(key) for key in (1, 9, 1022, 1025)] == [True] * 4


def test_unseen_keeps_the_order() -> None:
    seen = SeenIds()
    rows = [{"id": 3}, {"id": "a"}, {"id": 1}, {"id": 3}]
    assert seen.unseen(rows) == [{"id": 3}, {"id": "a"}, {"id": 1}]
    assert seen.unseen([{"id": 1}, {"id": 2}]) == [{"id": 2}]


def test_what_has_no_id_is_never_seen() -> None:
    seen = SeenIds()
    rows: list[Any] = [{}, {"name": "a"}, {"id": {}}]
    assert seen.unseen(rows) == rows
    assert seen.unseen(rows) == rows
    assert not seen.knows_all


def test_another_field_may_be_the_key() -> None:
    seen = SeenIds("pgh_id")
    assert seen.unseen([{"id": 1, "pgh_id": 5}, {"id": 1, "pgh_id": 6}]) != []
    assert seen.unseen([{"id": 2, "pgh_id": 5}, {"id": 1, "pgh_id": 7}]) == [{"id": 1, "pgh_id": 7}]
    assert seen.knows_all


@given(st.lists(st.lists(keys | st.integers(0, 40), max_size=6)))
def test_pages_agree_with_a_plain_set(pages: list[list[Any]]) -> None:
    seen = SeenIds()
    plain: set[Any] = set()
    for page in pages:
        expected = []
        for key in page:
            typed = ("whole", key) if type(key) is int and key >= 0 else ("other", key)
            if typed not in plain:
                expected.append({"id": key})
            plain.add(typed)
        assert seen.unseen([{"id": key} for key in page]) == expected


def test_pages_in_order_take_next_to_no_memory() -> None:
    seen = SeenIds()
    for start in range(0, 1_000_000, 100):
        rows = [{"id": key} for key in range(start, start + 100)]
        assert seen.unseen(rows) is rows
    assert seen._pending == [range(1_000_000)]
    assert not seen._blocks
    assert seen.unseen([{"id": 999_999}, {"id": 1_000_000}]) == [{"id": 1_000_000}]


def test_scattered_pages_are_sorted_in_before_they_take_much_memory() -> None:
    seen = SeenIds()
    for start in range(0, 30_000_000, 10_000):
        seen.unseen([{"id": key} for key in range(start, start + 10_000, 100)])
    assert seen._waiting <= 100_000
    assert seen.unseen([{"id": 100}, {"id": 101}]) == [{"id": 101}]
