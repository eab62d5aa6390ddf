"""Parts of statistics that need no server."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from synapse.annotations import Annotations, Box, Label
from synapse.stats import _batch, _compare_task, _day_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T23:30:00Z", date(2026, 1, 31)),
        ("2026-01-31T23:30:00-02:00", date(2026, 2, 1)),
        ("2026-01-31T23:30:00", date(2026, 1, 31)),
        (None, None),
        ("soon", None),
        (12, None),
    ],
)
def test_days_are_in_utc(value: Any, expected: date | None) -> None:
    assert _day_of(value) == expected


def test_batches_have_a_bounded_number_of_assignments() -> None:
    tasks = [("a", 60), ("b", 40), ("c", 1), ("d", 500), ("e", 2)]

    assert list(_batch(tasks)) == [["a", "b"], ["c"], ["d"], ["e"]]
    assert list(_batch([])) == []


def test_classes_without_a_name_and_other_tools_are_compared_or_left_out() -> None:
    one = Annotations([Box(0, 0, 4, 4), Label(label="night")])
    other = Annotations([Box(0, 0, 4, 2), Box(0, 0, 4, 4, label="car")])

    rows = list(_compare_task(1, [(None, 5, one), (3, 6, other)]))

    assert rows == [
        {"task": 1, "first": 3, "second": None, "class": "car", "matched": 0, "unmatched": 1}
        | {"iou": 0.0},
        {"task": 1, "first": 3, "second": None, "class": None, "matched": 1, "unmatched": 0}
        | {"iou": 0.5},
    ]
