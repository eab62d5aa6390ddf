"""The table of checks."""

from __future__ import annotations

from synapse.doctor import CHECKS


def test_needs_are_earlier_checks() -> None:
    names = [check.name for check in CHECKS]

    assert len(names) == len(set(names))
    for place, check in enumerate(CHECKS):
        assert set(check.needs) <= set(names[:place])


def test_each_check_has_a_cure_and_a_limit() -> None:
    assert all(check.cure and 0 < check.limit <= 10 for check in CHECKS)
