"""Places in a list after which another call can go on."""

from __future__ import annotations

from typing import Any

import pytest

from synapse._internal.key_order import KeyOrder, Place
from synapse.errors import InvalidResponse


def rows(*keys: Any) -> list[dict[str, Any]]:
    return [{"id": key} for key in keys]


@pytest.mark.parametrize(
    ("step", "pages", "places"),
    [
        (1, [(1, 4), (5,)], [Place(4, 1), Place(5, 1)]),
        (-1, [(9, 4), (3,)], [Place(4, -1), Place(3, -1)]),
        (1, [(1,), (3,)], [Place(1, 1), Place(3, 1)]),
        (-1, [(3,)], [Place(3, -1)]),
        (1, [(3, 1), (5,)], [None, None]),
        (1, [(1, 2), (2, 3)], [Place(2, 1), None]),
        (1, [(1, 2), (4, 3), (5,)], [Place(2, 1), None, None]),
        (1, [("a", "b")], [None]),
        (1, [(True, 2)], [None]),
    ],
)
def test_place_after_each_page(
    step: int, pages: list[tuple[Any, ...]], places: list[Place | None]
) -> None:
    order = KeyOrder("id", step)
    assert [order.follow(rows(*page)) for page in pages] == places


@pytest.mark.parametrize("keys", [(4, 5), (5, 4), (6, 9), ("x",)])
def test_rows_that_are_not_after_those_of_an_earlier_call(keys: tuple[Any, ...]) -> None:
    order = KeyOrder("id", 1, Place(6, 1))
    with pytest.raises(InvalidResponse, match=r"after id 6.*resume=False"):
        order.follow(rows(*keys))


def test_rows_after_those_of_an_earlier_call() -> None:
    order = KeyOrder("id", -1, Place(6, -1))
    assert order.follow(rows(5)) == Place(5, -1)


@pytest.mark.parametrize(
    ("step", "keys", "expected"),
    [
        (1, (7, 9), True),
        (1, (9, 7), True),
        (1, (6, 7), False),
        (-1, (5, 1), True),
        (-1, (5, 7), False),
        (1, (), True),
        (1, ("7",), False),
    ],
)
def test_keys_behind_a_place(step: int, keys: tuple[Any, ...], expected: bool) -> None:
    assert Place(6, step).is_before(keys) is expected
