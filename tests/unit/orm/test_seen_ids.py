"""Which ids an iteration has given: a set, in little memory."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from synapse.transport.seen_ids import SeenIds

ids = st.integers(-3, 3000) | st.integers(2**40, 2**40 + 3) | st.text(max_size=2) | st.none()


@given(st.lists(ids, max_size=60))
def test_seen_ids_answer_as_a_set_would(keys: list[Any]) -> None:
    seen, model = SeenIds(), set[Any]()
    for key in keys:
        assert seen.add(key) is (key not in model)
        model.add(key)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_each_row_is_let_through_once_in_its_order(keys: list[int]) -> None:
    seen = SeenIds()
    pages = [[{"id": key} for key in keys[n : n + 7]] for n in range(0, len(keys), 7)]
    let_through = [row["id"] for page in pages for row in seen.unseen(page)]
    assert let_through == list(dict.fromkeys(keys))


def test_what_is_no_row_is_left_for_others_to_refuse() -> None:
    rows: list[Any] = [5, 5, {"id": 1}]
    assert SeenIds().unseen(rows) == rows
