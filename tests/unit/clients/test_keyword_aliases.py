"""Second spellings of keywords."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from synapse.clients.keyword_aliases import accept_aliases, check_spellings, choose_one
from synapse.errors import UsageError


@accept_aliases(unit="unit_id", names="fields")
def fetch(unit_id: int, fields: Any = None) -> tuple[int, Any]:
    """Return the arguments."""
    return unit_id, fields


@pytest.mark.parametrize(
    ("positions", "keywords", "expected"),
    [
        ((7,), {}, (7, None)),
        ((), {"unit_id": 7}, (7, None)),
        ((), {"unit": 7}, (7, None)),
        ((7,), {"unit": 7}, (7, None)),
        ((7, "a"), {"names": "a"}, (7, "a")),
        ((), {"unit": 7, "unit_id": 7, "names": "a"}, (7, "a")),
    ],
)
def test_spellings(positions: Any, keywords: Any, expected: Any) -> None:
    assert fetch(*positions, **keywords) == expected


@pytest.mark.parametrize(
    ("positions", "keywords"), [((7,), {"unit": 8}), ((), {"unit_id": 7, "unit": 8})]
)
def test_contradiction(positions: Any, keywords: Any) -> None:
    with pytest.raises(UsageError, match="unit_id and unit differ"):
        fetch(*positions, **keywords)


def test_unknown_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'units'"):
        fetch(units=7)


def test_signature_and_docstring_are_those_of_the_function() -> None:
    assert list(inspect.signature(fetch).parameters) == ["unit_id", "fields"]
    assert fetch.__doc__ == "Return the arguments."


@pytest.mark.parametrize(
    ("value", "other", "expected"), [(None, None, None), (1, None, 1), (None, 2, 2), (3, 3, 3)]
)
def test_choice(value: Any, other: Any, expected: Any) -> None:
    assert choose_one("a", value, "b", other) == expected


@pytest.mark.parametrize("data", [{}, {"ids": 1}, {"keys": 1}, {"ids": 1, "keys": 1}])
def test_spellings_of_a_body(data: dict[str, Any]) -> None:
    check_spellings(data, keys="ids")


def test_contradiction_in_a_body() -> None:
    with pytest.raises(UsageError, match=r"data\['ids'\] and data\['keys'\] differ"):
        check_spellings({"ids": 1, "keys": 2}, keys="ids")
