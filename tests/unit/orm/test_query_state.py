"""The state of a query: the parameters for the server, and the text for people."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from synapse.orm.pages import Slice
from synapse.orm.query_state import EVERYTHING, QueryState

PROJECT = [("project", 5)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"search": ""}, [("search", "")]),
        ({"ordering": ("-created", "id")}, [("ordering", "-created,id")]),
        ({"expand": ("project", "data_unit", "project")}, [("expand", "project,data_unit")]),
        ({"omit": ("data", "meta")}, [("omit", "data,meta")]),
        ({"is_explicit": True, "is_empty": True, "window": Slice(5, 10)}, []),
    ],
)
def test_parameters_of_a_state(values: dict[str, Any], expected: list[tuple[str, Any]]) -> None:
    assert QueryState(**values).parameters([], 20) == [*expected, ("page_size", 20)]


@pytest.mark.parametrize(
    ("names", "expected"), [(("status",), "id,status"), (("status", "id", "status"), "id,status")]
)
def test_every_row_has_its_id(names: tuple[str, ...], expected: str) -> None:
    assert ("fields", expected) in QueryState(only=names).parameters([], 1)


def test_filters_come_before_the_scope_and_raw_parameters() -> None:
    state = QueryState(filters=(("id", 1), ("id", 2)), params=(("status", "x"),))

    assert state.parameters(PROJECT, 1)[:-1] == [
        ("id", 1),
        ("id", 2),
        ("project", 5),
        ("status", "x"),
    ]


def test_raw_parameters_stay_beside_equal_filters() -> None:
    state = QueryState(filters=(("status", "pending"),), params=(("status", "pending"),))

    assert state.parameters([], 1)[:-1] == [("status", "pending")] * 2


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, ""),
        ({"window": Slice(10, 20)}, "[10:20]"),
        ({"filters": (("status", "pending"),)}, " where status='pending'"),
        ({"search": "cat", "window": Slice(5)}, " where search='cat'[5:]"),
        (
            {"params": (("x", 1),), "ordering": ("-id",), "expand": ("project",)},
            " where x=1, ordering=-id, expand=project",
        ),
    ],
)
def test_text_names_the_conditions_and_the_slice(values: dict[str, Any], text: str) -> None:
    assert QueryState(**values).text() == text


def test_a_new_state_selects_everything_without_an_explicit_choice() -> None:
    state = QueryState()

    assert state.window == EVERYTHING
    assert not state.is_explicit
    assert not state.is_empty


def test_a_state_is_immutable() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        QueryState().search = "cat"  # type: ignore[misc]
