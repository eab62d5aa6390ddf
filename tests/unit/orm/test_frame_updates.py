"""The report of `update_from`, and the comparison of a value with the server's."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from synapse import Task
from synapse.errors import UsageError
from synapse.orm.frame_updates import FrameReport, RefusedRow, _is_same
from synapse.orm.frames import Column, find_columns

NOON = datetime(2027, 1, 31, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("name", "said", "value", "same"),
    [
        ("assignee", 3, 3, True),
        ("assignee", None, None, True),
        ("assignee", None, 0, False),
        ("status", "pending", "pending", True),
        ("project", {"id": 3, "title": "x"}, 3, True),
        ("project", 3, 4, False),
        ("tags", [{"id": 1}, 2], [1, 2], True),
        ("is_discarded", True, 1, False),
        ("data", {"a": 1}, {"a": 1.0}, True),
        ("data", {"a": 1}, {"a": True}, False),
        ("created", "2027-01-31T12:00:00", NOON.isoformat(), True),
        ("created", "2027-01-31T13:00:00+01:00", NOON.isoformat(), True),
        ("created", "2027-01-31T12:00:00.5Z", NOON.isoformat(), False),
        ("created", "2027-01-31T12:00:00Z", "soon", False),
        ("files", {"a": {"url": "http://s/?X-Amz-Signature=1"}}, {"a": {"url": "x"}}, True),
        ("files", {"a": {"url": "http://s/1"}}, {"a": {"url": "http://s/2"}}, False),
    ],
)
def test_values_are_compared_as_json(
    offline: Any, name: str, said: Any, value: Any, same: bool
) -> None:
    row = {"id": 1, name: said}
    (task,) = offline.identity.load(Task, [row])
    assert _is_same(Column(name, Task.__schema__.fields[name]), value, task) is same


def test_a_field_that_the_server_does_not_send_is_missing() -> None:
    (column,) = find_columns(Task, ["meta"])
    one: Any = SimpleNamespace(_raw={"id": 1})
    assert _is_same(column, None, one)
    assert not _is_same(column, {}, one)


def test_the_report_is_short_and_names_the_reasons() -> None:
    report = FrameReport(
        changed=[1],
        unchanged=[2, 3],
        missing=[9],
        refused=[RefusedRow(n, n + 10, UsageError("no.")) for n in range(1500)],
        columns=Counter(priority=1),
        nulls=Counter(assignee=2),
        read_only=Counter(created=3),
    )
    lines = str(report).splitlines()
    assert lines[:5] == [
        "changed: 1, unchanged: 2, missing: 1, refused: 1,500",
        "changed columns: priority (1)",
        "missing values, as null: assignee (2)",
        "read-only columns that differ: created (3)",
        "row 0 (10): no.",
    ]
    assert len(lines) == 14
    assert repr(report) == "<FrameReport changed=1 unchanged=2 missing=1 refused=1500>"
    assert "row 0" not in repr(report)
    assert "would change" in str(FrameReport(is_dry_run=True))
    table = report._describe().table
    assert table is not None
    assert len(table.rows) == 10
