"""Counts of a project's tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synapse.annotations import Box, Label, write_document
from synapse.resources.project_summary import ProjectSummary, summarize_project


class Tasks:
    """Rows of a project's tasks."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.names: tuple[str, ...] = ()

    def page_size(self, rows: int) -> Tasks:
        assert rows == 500
        return self

    def values(self, *names: str) -> Iterator[dict[str, Any]]:
        self.names = names
        return iter(self.rows)


class Streets:
    title = "Streets"

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.tasks = Tasks(list(rows))


def summarize(*rows: dict[str, Any], classes: bool = True) -> ProjectSummary:
    project: Any = Streets(*rows)
    return summarize_project(project, classes=classes)


DOCUMENT = write_document(
    [Box(0, 0, 1, 1, label="car"), Box(1, 1, 2, 2, label="car"), Label(label="a")]
)


def test_everything_is_counted() -> None:
    summary = summarize(
        {"status": "completed", "assignee": 5, "updated": "2026-11-02T10:00:00Z", "data": DOCUMENT},
        {"status": "pending", "assignee": None, "updated": "2026-11-01T10:00:00Z", "data": None},
        {"status": "pending", "assignee": 5, "updated": "2026-11-01T10:00:00Z", "data": DOCUMENT},
        {"status": "odd", "assignee": {"id": 7}, "updated": None, "data": {"shapes": []}},
        {"status": "pending", "data": {"mode": "presigned", "presigned_url": "https://s.example/"}},
    )

    assert summary.tasks == 5
    assert list(summary.by_status.items()) == [("pending", 3), ("completed", 1), ("odd", 1)]
    assert list(summary.by_class.items()) == [("car", 4), ("a", 2)]
    assert summary.by_assignee == {5: 2, None: 3}
    assert list(summary.by_time.items()) == [("2026-11-01", 2), ("2026-11-02", 1)]
    assert summary.without_classes == 2
    assert "stored elsewhere or have an unknown form: 2." in repr(summary)


def test_many_days_are_months() -> None:
    rows = [
        {"status": "pending", "updated": f"2026-{1 + n % 12:02}-{1 + n % 28:02}"}
        for n in range(336)
    ]

    assert len(summarize(*rows).by_time) == 12
    assert sum(summarize(*rows).by_time.values()) == 336


def test_documents_are_read_if_wanted() -> None:
    project: Any = Streets()
    summarize_project(project, classes=False)
    assert "data" not in project.tasks.names

    assert summarize({"status": "a", "data": DOCUMENT}, classes=False).by_class == {}


def test_text_has_bars() -> None:
    summary = ProjectSummary("Streets", 4, {"pending": 3, "completed": 1}, {}, {None: 4}, {})

    assert repr(summary).splitlines()[:4] == [
        "Streets: 4 tasks",
        "Tasks by status",
        f"  pending    {'█' * 24}  3",
        f"  completed  {'█' * 8}{' ' * 16}  1",
    ]


@pytest.mark.parametrize("count", [0, 12, 13, 5_000])
def test_bars_are_few(count: int) -> None:
    classes = {f"<class {n}>": 5_000 - n for n in range(count)}
    summary = ProjectSummary("Streets", 4, {}, classes, {}, {})

    meters = summary._describe().meters
    assert len(meters) == min(count, 13)
    assert all(0 <= meter.share <= 1 for meter in meters)
    assert len(repr(summary)) < 2_000
