"""Pauses between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse._internal.backoff import Backoff

pytestmark = pytest.mark.real_pauses


@given(st.integers(1, 5000))
def test_a_pause_is_between_half_the_bound_and_the_bound(failures: int) -> None:
    bound = min(8.0, 0.5 * 2.0 ** min(failures - 1, 64))

    assert bound / 2 <= Backoff(first=0.5, longest=8.0).delay(failures) <= bound


def test_pauses_grow_and_start_again() -> None:
    backoff = Backoff(first=1.0, longest=64.0, factor=4.0)

    pauses = [backoff.next(), backoff.next()]
    backoff.reset()

    assert pauses[0] <= 1.0 < pauses[1] <= 4.0
    assert backoff.next() <= 1.0


def test_two_clients_do_not_come_back_together() -> None:
    assert len({Backoff().delay(1) for _ in range(20)}) > 10
