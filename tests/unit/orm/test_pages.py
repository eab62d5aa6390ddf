"""Slices of queries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import InvalidQuery
from synapse.orm.pages import Slice

ROWS = list(range(30))
bounds = st.none() | st.integers(0, 40)
slices = st.builds(slice, bounds, bounds)


def taken(window: Slice) -> list[int]:
    return ROWS[window.start : window.stop]


@given(st.lists(slices, max_size=5))
def test_slices_of_slices_take_what_a_list_would_give(parts: list[slice]) -> None:
    window, expected = Slice(), ROWS
    for part in parts:
        window, expected = window.sliced(part), expected[part]
    assert taken(window) == expected
    assert window.clip(len(ROWS)) == len(expected)


@given(slices, st.integers(0, 40))
def test_an_index_into_a_slice_takes_what_a_list_would_give(part: slice, index: int) -> None:
    assert taken(Slice().sliced(part).at(index)) == ROWS[part][index : index + 1]


@given(slices)
def test_the_size_is_how_many_rows_there_are_at_most(part: slice) -> None:
    window = Slice().sliced(part)
    assert window.size is None or window.size >= len(taken(window))
    assert (window.size is None) == (part.stop is None)


@pytest.mark.parametrize("part", [slice(-1, None), slice(None, -1), slice(-3, -1)])
def test_a_negative_bound_is_refused_with_what_to_do_instead(part: slice) -> None:
    with pytest.raises(InvalidQuery, match=r"order_by\('-id'\)"):
        Slice().sliced(part)


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="-1 is negative"):
        Slice().at(-1)


@pytest.mark.parametrize("step", [2, -1, 0])
def test_a_step_is_refused(step: int) -> None:
    with pytest.raises(InvalidQuery, match="step"):
        Slice().sliced(slice(0, 10, step))


def test_a_step_of_one_is_no_step() -> None:
    assert Slice().sliced(slice(2, 5, 1)) == Slice(2, 5)


@pytest.mark.parametrize("bound", [1.0, "1", True, [1]])
def test_what_is_no_whole_number_is_no_index(bound: Any) -> None:
    with pytest.raises(InvalidQuery, match="whole number"):
        Slice().at(bound)


def test_whatever_has_an_index_is_an_index() -> None:
    class Four:
        def __index__(self) -> int:
            return 4

    assert Slice().at(Four()) == Slice(4, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "text"), [(Slice(), ""), (Slice(10, 20), "[10:20]"), (Slice(5), "[5:]")]
)
def test_a_window_is_shown_as_it_is_written(window: Slice, text: str) -> None:
    assert window.suffix() == text
