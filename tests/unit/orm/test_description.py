"""Descriptions of resources and queries: what is known, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from synapse import (
    Assignment,
    DataUnit,
    Job,
    Log,
    Plugin,
    PluginRelease,
    Project,
    Session,
    Storage,
    Task,
    User,
)
from synapse.orm.description import describe_objects, describe_resource
from synapse.orm.pages import ObjectPage

Make = Callable[..., Any]

FILES = {
    "front": {"checksum": "aa", "path": "left.jpg", "url": "http://s.example/f/1"},
    "rear": {"checksum": "bb", "path": None, "url": "http://s.example/f/rear.jpg?signature=abc"},
    "side": {"checksum": "cc"},
    "top": {"checksum": "dd"},
}


def test_repr_has_what_tells_objects_apart(make: Make) -> None:
    plugin = make(Plugin, id=3, code="detector", version="1.2.0")

    assert repr(plugin) == "<Plugin 3 code='detector' version='1.2.0'>"
    assert repr(make(DataUnit, files=FILES)) == "<DataUnit 1 files='left.jpg' +3>"
    assert repr(make(DataUnit, id=2, files={"a": FILES["rear"]})) == "<DataUnit 2 files='rear.jpg'>"
    assert repr(make(DataUnit, id=3, files={"a": FILES["side"]})) == "<DataUnit 3 files='a'>"
    assert repr(make(DataUnit, id=4, files={})) == "<DataUnit 4>"
    assert repr(make(DataUnit, id=5, files={"a": "b"})) == "<DataUnit 5 files={'a': 'b'}>"
    assert repr(make(User, username="ann")) == "<User 1 username='ann'>"
    assert (
        repr(make(Assignment, task=7, status="working")) == "<Assignment 1 task=7 status='working'>"
    )
    log = make(Log, level="info", message="x" * 900)
    assert repr(log) == f"<Log 1 level='info' message='{'x' * 59}…'>"


def test_repr_has_the_name_of_a_related_object_that_is_known(make: Make) -> None:
    release = make(PluginRelease, plugin=3, version="2.0.0")
    assert repr(release) == "<PluginRelease 1 plugin=3 version='2.0.0'>"

    plugin = make(Plugin, id=3, code="detector")
    assert repr(release) == "<PluginRelease 1 plugin='detector' version='2.0.0'>"
    assert plugin.code == "detector"

    expanded = make(PluginRelease, id=2, plugin={"id": 4, "code": "tracker"}, version="1")
    assert repr(expanded) == "<PluginRelease 2 plugin='tracker' version='1'>"


def test_repr_shows_assigned_values(make: Make) -> None:
    task = make(Task, status="pending")
    task.status = "completed"

    assert repr(task) == "<Task 1 status='completed'>"


def test_repr_of_a_bad_value_is_that_value(make: Make) -> None:
    assert repr(make(Project, title=["a", {"b": 1}])) == "<Project 1 title=['a', {'b': 1}]>"
    assert repr(make(Job, id="a", plugin={"no": "id"})) == "<Job a plugin=None>"


def test_description_has_every_known_field(make: Make) -> None:
    project = make(Project, id=5, title="Streets")
    task = make(
        Task,
        id=2,
        project=5,
        data_unit=7,
        status="pending",
        assignee=None,
        tags=[1, 2, 3, 4, 5, 6],
        files=FILES,
        is_discarded=False,
        created="2026-11-28T03:46:32.387056Z",
        updated="not a time",
        meta={"secret_key": "s3cret", "a": 1},
    )

    described = describe_resource(task)

    assert project.title == "Streets"
    assert described.title == "Task 2"
    assert described.status == "pending"
    assert dict(described.fields) == {
        "id": "2",
        "project": "Project 5 · Streets",
        "data_unit": "DataUnit 7",
        "status": "pending",
        "assignee": "None",
        "tags": "TaskTag 1, TaskTag 2, TaskTag 3, TaskTag 4, TaskTag 5, … 1 more",
        "meta": "{'secret_key': '***', 'a': 1}",
        "files": "left.jpg, rear.jpg, side, … 1 more",
        "is_discarded": "no",
        "created": "2026-11-28 03:46:32 UTC",
        "updated": "not a time",
    }
    assert described.notes == ["Not loaded: priority, data. Reading one of them makes one request."]


def test_fields_that_reading_cannot_load_are_said(make: Make) -> None:
    notes = describe_resource(make(User, username="ann")).notes

    assert notes == ["The server didn't send: email, name, tenant."]


def test_changes_are_marked(make: Make) -> None:
    task = make(Task, status="pending", project=1)
    task.status = "completed"

    fields = dict(describe_resource(task).fields)
    assert fields["status"] == "completed  (not saved)"
    assert fields["project"] == "Project 1"


def test_settings_of_a_storage_hide_credentials(make: Make) -> None:
    storage = make(Storage, configuration={"bucket": "b", "secret_access_key": "s3cret"})

    assert dict(describe_resource(storage).fields)["configuration"] == (
        "{'bucket': 'b', 'secret_access_key': '***'}"
    )


def test_document_is_drawn_unless_stored_elsewhere(make: Make) -> None:
    document = {"annotations": {}, "annotationsData": {}}
    pointer = {"mode": "presigned", "presigned_url": "https://s.example/1?signature=abc"}

    assert describe_resource(make(Task, data=document)).document == document
    elsewhere = describe_resource(make(Task, id=2, data=pointer))
    assert elsewhere.document is None
    assert dict(elsewhere.fields)["data"] == "stored elsewhere; reading it makes a request"


def test_several_objects_are_a_table(make: Make) -> None:
    tasks = [make(Task, id=number, status="pending") for number in range(30)]
    page = ObjectPage(tasks, 90)

    described = page._describe()
    assert repr(page) == "<ObjectPage: 30 of 90 objects>"
    assert described.table is not None
    assert described.table.columns == ["id", "status"]
    assert described.table.rows[:2] == [["0", "pending"], ["1", "pending"]]
    assert (len(described.table.rows), described.table.total) == (10, 30)
    assert describe_objects([], 0, "Nothing").table is None


def test_query_tells_what_it_would_ask(offline: Session, make: Make) -> None:
    project = make(Project, id=5, title="Streets")
    query = project.tasks.filter(status="pending", params={"x": 1}).search("cat").order_by("-id")
    query = query.expand("data_unit").only("id", "status").omit("meta")[5:10]

    described = query._describe()
    assert described.title == "Query of Task"
    assert dict(described.fields) == {
        "of": "<Project 5 title='Streets'>",
        "filters": "status='pending', x=1",
        "search": "'cat'",
        "ordering": "-id",
        "expand": "data_unit",
        "only": "id, status",
        "omit": "meta",
        "slice": "[5:10]",
    }
    assert described.notes[0].startswith("Not read yet.")
    assert dict(offline.tasks._describe().fields) == {}


def test_query_is_bounded(offline: Session) -> None:
    query = offline.tasks.filter(params={"a": "x" * 100_000}).search("y" * 100_000)

    assert len(repr(query)) < 400
    assert max(len(text) for _, text in query._describe().fields) <= 300


def test_rows_and_other_managers_are_described(offline: Session) -> None:
    rows = offline.tasks.values("id", "status")

    assert dict(rows._describe().fields) == {"query": "TaskManager[Task]", "fields": "id, status"}
    fields = dict(offline.data_files._describe().fields)
    assert fields["class"] == "DataFile"
    assert fields["methods"] == "upload, verify_checksums"


@pytest.mark.parametrize("progress", [None, 0, 42.4, 1000, -5])
def test_job_has_a_bar(make: Make, progress: float | None) -> None:
    job = make(Job, id="a", progress=progress)

    meters = job._describe().meters
    if progress is None:
        assert meters == ()
    else:
        assert 0 <= meters[0].share <= 1
        assert meters[0].text == f"{progress:.0f} %"
