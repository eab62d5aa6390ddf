"""Annotating many tasks: few requests, nothing twice, a reason for each failure."""

from __future__ import annotations

from typing import Any

import pytest

import synapse
from synapse.annotations import Box, Label, write_document
from synapse.errors import (
    FieldValueError,
    NotFound,
    ServerError,
    UnknownDocument,
    UsageError,
    ValidationError,
)
from synapse.testing import assert_num_requests


def test_each_task_costs_one_request_and_the_second_run_none(
    units: Any, session: synapse.Session
) -> None:
    tasks = units(20)
    documents = {task.id: [Label(id="a", label=f"class {task.id}")] for task in tasks}

    with assert_num_requests(session, 21):
        report = session.tasks.bulk_annotate(documents)

    assert report.done == [task.id for task in tasks]
    assert (report.unchanged, report.failed) == ([], {})
    for task in tasks:
        assert task.annotations[0].label == f"class {task.id}"
        assert task.status is synapse.TaskStatus.COMPLETED
    with assert_num_requests(session, 1):
        again = session.tasks.bulk_annotate(documents)
    assert again.unchanged == report.done
    assert tasks[0].project.annotate(documents).unchanged == report.done
    with assert_num_requests(session, 2):
        changed = session.tasks.bulk_annotate({**documents, tasks[3].id: [Label(label="new")]})
    assert changed.done == [tasks[3].id]


def test_drafts_keep_tasks_in_progress(units: Any, session: synapse.Session) -> None:
    (task,) = units(1)
    document = [Box(1, 2, 3, 4, id="a", label="car")]
    session.tasks.bulk_annotate({task: document}, "save")
    assert task.status is synapse.TaskStatus.IN_PROGRESS
    report = session.tasks.bulk_annotate({task: document})
    assert report.done == [task.id]
    assert task.status is synapse.TaskStatus.COMPLETED


def test_failures_are_told_and_stop_nothing(units: Any, session: synapse.Session) -> None:
    tasks = units(6)
    tasks[1].annotate({"other": 1})
    other = session.projects.create(title="Other", category="text")
    documents: dict[Any, Any] = {
        tasks[0]: [Label(label="rain")],
        tasks[1]: [Label(label="rain")],
        tasks[2]: ["rain"],
        tasks[3]: "rain",
        tasks[4]: {"x": float("nan")},
        10**6: [Label(label="rain")],
        tasks[5]: [Label(label="snow")],
    }

    report = session.tasks.bulk_annotate(documents.items())

    assert report.done == [tasks[0].id, tasks[5].id]
    kinds = {key: type(error) for key, error in report.failed.items()}
    assert kinds == {
        tasks[1].id: UnknownDocument,
        tasks[2].id: FieldValueError,
        tasks[3].id: UsageError,
        tasks[4].id: FieldValueError,
        10**6: NotFound,
    }
    assert str(report).startswith("annotated: 2, unchanged: 0, failed: 5\nTask ")
    assert list(other.tasks.bulk_annotate({tasks[0].id: [Label()]}).failed) == [tasks[0].id]


def test_schema_is_checked_by_the_server(units: Any, session: synapse.Session) -> None:
    (task,) = units(1)
    report = session.tasks.bulk_annotate({task: {"x": 1}}, schema="dm_schema_v1")
    assert isinstance(report.failed[task.id], ValidationError)
    good = write_document([Label(label="rain")])
    assert session.tasks.bulk_annotate({task: good}, schema="dm_schema_v1").done == [task.id]


def test_pairs_may_come_from_a_generator(units: Any, session: synapse.Session) -> None:
    tasks = units(3)
    report = session.tasks.bulk_annotate(((task, [Label(label="x")]) for task in tasks), workers=1)
    assert report.done == [task.id for task in tasks]
    with pytest.raises(UsageError, match="named twice"):
        session.tasks.bulk_annotate([(tasks[0], []), (tasks[0].id, [])])


def test_outage_ends_the_work(connected: synapse.Session, tables: Any) -> None:
    tables.rows["sdk/tasks"] = [{"id": n, "data": None, "status": "pending"} for n in range(20)]
    tables.rows["tasks"] = tables.rows["sdk/tasks"]
    tables.before = lambda asked: (501, {}) if asked.method == "PUT" else None
    with pytest.raises(ServerError):
        connected.tasks.bulk_annotate({n: [Label(label="x")] for n in range(20)})
    assert sum(asked.method == "PUT" for asked in tables.asked) == 20


def test_a_key_that_is_no_task_fails_alone(project: synapse.Project) -> None:
    task = project.tasks[0]
    report = project.tasks.bulk_annotate({"0.png": [Label(label="a")], task: [Label(label="a")]})
    assert report.done == [task.id]
    assert "'0.png' is not a task" in str(report.failed["0.png"])
