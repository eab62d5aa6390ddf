"""The state of a query: the parameters for the server, and the text for people."""

from __future__ import annotations

from typing import Any

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
    assert QueryState(**values).parameters([], 20, "id") == [*expected, ("page_size", 20)]


@pytest.mark.parametrize(
    ("names", "expected"), [(("status",), "id,status"), (("status", "id", "status"), "id,status")]
)
def test_every_row_has_its_id(names: tuple[str, ...], expected: str) -> None:
    assert ("fields", expected) in QueryState(only=names).parameters([], 1, "id")


def test_filters_come_before_the_scope_and_raw_parameters() -> None:
    state = QueryState(filters=(("id", 1), ("id", 2)), params=(("status", "x"),))

    assert state.parameters(PROJECT, 1, "id")[:-1] == [
        ("id__in", "1,2"),
        ("project", 5),
        ("status", "x"),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((("pgh_id", 1),), [("pgh_id", 1)]),
        ((("pgh_id", 1), ("pgh_id", 2)), [("pgh_id__in", "1,2")]),
        ((("id", 1), ("id", 2)), [("id", 1), ("id", 2)]),
        ((("pgh_id", "a,b"), ("pgh_id", "c")), [("pgh_id", "a,b"), ("pgh_id", "c")]),
    ],
)
def test_several_keys_are_one_parameter(filters: Any, expected: list[tuple[str, Any]]) -> None:
    assert QueryState(filters=filters).parameters([], 1, "pgh_id")[:-1] == expected


def test_fields_include_the_key() -> None:
    state = QueryState(only=("data",))

    assert ("fields", "id,pgh_id,data") in state.parameters([], 1, "pgh_id")


def test_long_lists_are_shortened_for_people() -> None:
    state = QueryState(filters=tuple(("id", n) for n in range(1_205)))

    expected = "id=0, id=1, id=2, id=3, id=4, and 1,200 other values of id"
    assert state.describe_filters() == expected
    assert state.text() == f" where {expected}"


def test_raw_parameters_stay_beside_equal_filters() -> None:
    state = QueryState(filters=(("status", "pending"),), params=(("status", "pending"),))

    assert state.parameters([], 1, "id")[:-1] == [("status", "pending")] * 2


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
    with pytest.raises(AttributeError):
        QueryState().search = "cat"  # type: ignore[misc]
