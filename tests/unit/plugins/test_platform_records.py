"""Progress and metrics of the platform's package."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.plugins.platform_records import read_metrics, read_progress


@pytest.mark.parametrize(
    ("record", "percent"),
    [
        ({"current_progress": {"overall": 12}}, 12.0),
        ({"current_progress": {"overall": 101}}, 100.0),
        ({"current_progress": {"overall": None}}, None),
        ({"current_progress": {"overall": True}}, None),
        ({"current_progress": 3}, None),
        ({"train": {"percent": 3}}, None),
        (None, None),
    ],
)
def test_the_overall_progress(record: Any, percent: float | None) -> None:
    assert read_progress(record) == percent


@pytest.mark.parametrize(
    ("record", "metrics"),
    [
        ({"record": {"steps": {"train": {"loss": 1}}}}, {"train": {"loss": 1}}),
        ({"record": {"loss": 1}}, {"record": {"loss": 1}}),
        ({"record": 1}, {"record": 1}),
        ({"loss": 1}, {"loss": 1}),
        (None, {}),
    ],
)
def test_the_metrics(record: Any, metrics: Any) -> None:
    assert read_metrics(record) == metrics
