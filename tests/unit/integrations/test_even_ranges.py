"""Ranges of keys with about the same number of rows."""

from __future__ import annotations

import random
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.integrations.even_ranges import EvenRanges


class Rows:
    """Rows with some keys."""

    def __init__(self, keys: list[int]) -> None:
        self.keys = sorted(keys)
        self.counts = 0

    def count(self, keys: range) -> int:
        self.counts += 1
        return self.number(keys)

    def number(self, keys: range) -> int:
        low, high = sorted((keys[0], keys[-1]))
        return bisect_left(self.keys, high + 1) - bisect_left(self.keys, low)

    def divide(self, parts: int, budget: int, *, is_descending: bool = False) -> list[range]:
        keys = range(self.keys[0], self.keys[-1] + 1)[:: -1 if is_descending else 1]
        ranges = EvenRanges(keys, len(self.keys), self.count, budget).divide(parts)
        assert [each for each in ranges if not each] == []
        assert len(ranges) == parts
        assert ranges[0][0] == keys[0]
        assert ranges[-1][-1] == keys[-1]
        for one, two in pairwise(ranges):
            assert one[-1] + keys.step == two[0]
        return ranges


GAPS = {
    "far apart": [997 * n for n in range(100_000)],
    "two clusters": [*range(50_000), *range(2**40, 2**40 + 50_000)],
    "denser and denser": [int(1.001**n * n) for n in range(9000)],
    "by chance": random.Random(7).sample(range(2**31), 100_000),
    "most deleted": [*range(0, 10**6, 1000), *range(10**6, 10**6 + 99_000)],
}


@pytest.mark.parametrize("parts", [2, 7, 64])
@pytest.mark.parametrize("kind", GAPS)
@pytest.mark.parametrize("is_descending", [True, False])
def test_parts_are_even(kind: str, parts: int, is_descending: bool) -> None:
    rows = Rows(GAPS[kind])
    ranges = rows.divide(parts, 10_000, is_descending=is_descending)
    assert max(map(rows.number, ranges)) <= 1.4 * len(rows.keys) / parts
    assert rows.counts <= 4 * parts + 64


def test_keys_close_together_need_no_count() -> None:
    rows = Rows([n for n in range(10_000) if n % 10])
    assert {len(each) for each in rows.divide(4, 100)} == {2499, 2500}
    assert rows.counts == 0


@given(
    keys=st.sets(st.integers(0, 2**40), min_size=2, max_size=300),
    parts=st.integers(1, 40),
    budget=st.integers(0, 60),
    is_descending=st.booleans(),
)
def test_any_keys(keys: set[int], parts: int, budget: int, is_descending: bool) -> None:
    rows = Rows(list(keys))
    width = rows.keys[-1] - rows.keys[0] + 1
    rows.divide(min(parts, width), budget, is_descending=is_descending)
    assert rows.counts <= budget


@given(st.data())
def test_rows_that_come_and_go_meanwhile(data: st.DataObject) -> None:
    wrong = Rows([0, 10_000])
    wrong.count = lambda keys: data.draw(st.integers(0, 500))  # type: ignore[method-assign]
    wrong.divide(9, 100)
