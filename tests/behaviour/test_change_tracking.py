"""Changes of objects: sent alone, kept on errors, never lost."""

from __future__ import annotations

import gc
import threading
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from synapse import DataUnit, Project, Session, Task, TaskStatus
from synapse.errors import InvalidResponse, NotFound, ValidationError
from synapse.testing import assert_num_requests


@pytest.fixture
def task(project: Project) -> Task:
    return project.tasks[0]


def as_the_server_has_it(session: Session, task: Task) -> dict[str, Any]:
    settings = session.transport.settings
    token = settings.credentials["api_token"].reveal()
    with Session(settings.base_url, token, tenant=settings.tenant) as other:
        return other.tasks.get(task.id).to_dict()


def test_saving_sends_what_changed_and_only_that(connected: Session, tables: Any) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "a", "description": "b", "settings": {"x": 1}}]
    project = connected.projects.get(1)
    assert project.settings
    project.description = "c"
    assert project.save() is project
    assert tables.asked[-1].method == "PATCH"
    assert tables.asked[-1].body == {"description": "c"}
    assert project.changes == {}


def test_saving_nothing_asks_nothing(session: Session, task: Task) -> None:
    assert task.meta == {}
    with assert_num_requests(session, 0):
        task.save()
        task.status = task.status
        task.save()


def test_a_nested_edit_is_sent(session: Session, task: Task) -> None:
    task.meta["k"] = {"a": [1]}
    with assert_num_requests(session, 1):
        task.save()
    task.meta["k"]["a"].append(2)
    with assert_num_requests(session, 1):
        task.save()
    assert as_the_server_has_it(session, task)["meta"] == {"k": {"a": [1, 2]}}


def test_going_back_after_a_save_is_a_change_again(session: Session, task: Task) -> None:
    for status in ("skipped", "pending", "skipped"):
        task.status = status
        with assert_num_requests(session, 1):
            task.save()
        assert as_the_server_has_it(session, task)["status"] == status


def shape(value: Any) -> Any:
    """Return a value with the types at every depth; tracked containers count as plain ones."""
    if isinstance(value, dict):
        return {(type(key), key): shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else (type(value), value)


@pytest.mark.parametrize(
    ("assigned", "stored"),
    [
        (date(2027, 1, 31), "2027-01-31"),
        (datetime(2027, 1, 31, tzinfo=timezone.utc), "2027-01-31T00:00:00+00:00"),
        (np.datetime64("2027-01-31T12:00:00", "ns"), "2027-01-31T12:00:00"),
        ((1, (2,)), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (np.arange(3), [0, 1, 2]),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        ({1: "a", 2: {3: "b"}}, {"1": "a", "2": {"3": "b"}}),
        ([{"a": (1,)}, {"b": [{2}]}], [{"a": [1]}, {"b": [[2]]}]),
        (TaskStatus.COMPLETED, "completed"),
        (Decimal("0.10"), "0.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"plain": [1, 2.5, None, "x"]}, {"plain": [1, 2.5, None, "x"]}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", ["whole", "part", "refreshed"])
def test_after_saving_a_field_shows_what_is_stored(
    session: Session, project: Project, assigned: Any, stored: Any, how: str
) -> None:
    held = project.settings
    if how == "whole":
        project.settings = {"value": assigned}
    else:
        project.settings["value"] = assigned
    project.save()
    if how == "refreshed":
        project.settings["value"] = assigned  # no change: the server has an equal value
        assert not project.is_changed
        project.refresh()

    assert shape(project.settings) == shape({"value": stored})
    assert not project.is_changed
    assert project.settings is held or how == "whole"
    project.settings["more"] = 1
    assert project.changes == {"settings": {"value": stored, "more": 1}}


def test_saving_leaves_the_users_own_mapping(session: Session, project: Project) -> None:
    own = {1: (2, 3)}
    project.settings = {"value": own}
    project.save()
    assert own == {1: (2, 3)}
    assert project.settings == {"value": {"1": [2, 3]}}


@pytest.mark.parametrize("value", ["2", 2.0, np.int64(2)])
def test_one_foreign_key_is_one_object(session: Session, project: Project, value: Any) -> None:
    task, unit = project.tasks[0], project.tasks[0].data_unit
    text = type(value)(unit.id)
    task.data_unit = text
    assert task.data_unit is unit
    assert not task.is_changed
    made = project.tasks.create(data_unit=text, project=str(project.id))
    assert made.data_unit is unit
    assert made.project is project


def test_a_mapping_that_is_held_across_a_save_goes_on_being_the_fields(
    session: Session, task: Task
) -> None:
    meta = task.meta
    meta["a"] = 1
    task.save()
    meta["b"] = (2, 3)
    task.save()
    meta["c"] = 3
    task.save()
    assert task.meta is meta
    assert as_the_server_has_it(session, task)["meta"] == {"a": 1, "b": [2, 3], "c": 3}


def test_a_nested_list_that_is_held_across_a_save_goes_on_being_the_fields(
    session: Session, task: Task
) -> None:
    task.meta = {"list": []}
    items = task.meta["list"]
    for number in range(3):
        items.append(number)
        task.save()
    assert as_the_server_has_it(session, task)["meta"] == {"list": [0, 1, 2]}


def test_a_refresh_does_not_overwrite_an_unsaved_edit(
    session: Session, task: Task, emulator: Any
) -> None:
    task.meta["mine"] = 1
    with Session(emulator.url, emulator.api_token) as other:
        theirs = other.tasks.get(task.id)
        theirs.meta["theirs"] = 1
        theirs.status = "skipped"
        theirs.save()
    task.refresh()
    assert task.status == "skipped"
    assert task.changes == {"meta": {"mine": 1}}
    assert task.revert().meta == {"theirs": 1}


def test_a_page_does_not_overwrite_an_unsaved_edit(
    session: Session, project: Project, task: Task
) -> None:
    task.status = "skipped"
    assert [one.status for one in project.tasks] == ["skipped", "pending"]
    assert task.save().refresh().status == "skipped"


def test_a_refused_change_stays_to_be_mended(session: Session, task: Task) -> None:
    task.status = "wrong"
    with pytest.raises(ValidationError) as caught:
        task.save()
    assert "status" in caught.value.fields
    assert task.changes == {"status": "wrong"}
    task.status = "skipped"
    assert task.save().changes == {}


def test_what_the_server_made_of_a_value_is_taken_over(connected: Session, tables: Any) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "a", "settings": {"x": 1}}]
    tables.before = lambda asked: (
        (200, {"id": 1, "title": "a", "settings": {"x": 2, "y": 3}})
        if asked.method == "PATCH"
        else None
    )
    project = connected.projects.get(1)
    project.title = " a "
    project.settings["x"] = 2
    project.save()
    assert project.title == "a"
    assert project.settings == {"x": 2, "y": 3}
    assert project.changes == {}


@pytest.mark.parametrize("answer", [{}, {"id": 1}])
def test_a_server_that_answers_less_has_stored_it_all_the_same(
    connected: Session, tables: Any, answer: dict[str, Any]
) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "a"}]
    tables.before = lambda asked: (200, answer) if asked.method == "PATCH" else None
    project = connected.projects.get(1)
    project.title = "b"
    project.save()
    assert project.title == "b"
    assert not project.is_changed


@pytest.mark.parametrize("answer", [{"id": 2, "title": "b"}, [], "done"])
def test_an_answer_about_something_else_is_refused(
    connected: Session, tables: Any, answer: Any
) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "a"}]
    tables.before = lambda asked: (200, answer) if asked.method == "PATCH" else None
    project = connected.projects.get(1)
    project.title = "b"
    with pytest.raises(InvalidResponse, match="Project 1: the response is another object"):
        project.save()
    assert project.changes == {"title": "b"}


@pytest.mark.parametrize("asked_for", [1, "1"])
@pytest.mark.parametrize("answered", [2, "2"])
def test_another_object_than_the_one_that_was_asked_for_is_refused(
    connected: Session, tables: Any, asked_for: Any, answered: Any
) -> None:
    tables.before = lambda asked: (200, {"id": answered, "title": "b"})
    with pytest.raises(InvalidResponse, match="Project 1: the answer is Project 2"):
        connected.projects.get(asked_for)
    assert connected.identity.get(Project, "2") is None
    assert connected.identity.get(Project, 2) is None


class Paused:
    """Lets a test do something while a request is with the server."""

    def __init__(self, tables: Any) -> None:
        self.arrived, self.go_on = threading.Event(), threading.Event()
        tables.before = self

    def __call__(self, asked: Any) -> None:
        if asked.method == "PATCH" and not self.go_on.is_set():
            self.arrived.set()
            assert self.go_on.wait(60)


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        (lambda p: setattr(p, "title", "c"), {"title": "c"}),
        (lambda p: setattr(p, "title", "a"), {"title": "a"}),
        (lambda p: setattr(p, "title", "b"), {}),
        (lambda p: setattr(p, "description", "new"), {"description": "new"}),
        (lambda p: p.settings.update(y=2), {"settings": {"x": 9, "y": 2}}),
        (lambda p: p.settings.update(x=1), {"settings": {"x": 1}}),
        (lambda p: p.save(), {}),
    ],
)
def test_what_is_edited_during_a_save_is_not_lost(
    connected: Session, tables: Any, meanwhile: Any, left: dict[str, Any]
) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "a", "description": "", "settings": {"x": 1}}]
    project = connected.projects.get(1)
    project.title = "b"
    project.settings["x"] = 9
    paused = Paused(tables)
    saving = threading.Thread(target=project.save)
    saving.start()
    assert paused.arrived.wait(60)
    if left:
        meanwhile(project)
        paused.go_on.set()
    else:
        paused.go_on.set()
        meanwhile(project)
    saving.join()
    assert project.changes == left
    project.save()
    row = tables.rows["projects"][0]
    expected = {"title": "b", "description": "", "settings": {"x": 9}, **left}
    assert {name: row[name] for name in expected} == expected


def test_an_edit_during_a_load_is_not_lost(connected: Session, tables: Any) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "a", "description": "d"}]
    project = connected.identity.get_or_stub(Project, 1)
    arrived, go_on = threading.Event(), threading.Event()

    def wait(asked: Any) -> None:
        arrived.set()
        assert go_on.wait(60)

    tables.before = wait
    read: list[Any] = []
    reading = threading.Thread(target=lambda: read.append(project.title))
    reading.start()
    assert arrived.wait(60)
    project.title = "mine"
    go_on.set()
    reading.join()
    assert read == ["mine"]
    assert project.title == "mine"
    assert project.description == "d"


def test_a_changed_object_survives_the_users_reference(session: Session, project: Project) -> None:
    keys = [task.id for task in project.tasks]
    for task in project.tasks:
        task.meta["seen"] = True
    del task
    gc.collect()
    assert [one.id for one in session.identity.changed] == keys
    for one in project.tasks:
        assert one.changes == {"meta": {"seen": True}}
        one.save()
    del one
    gc.collect()
    assert session.identity.changed == []
    assert [row["meta"] for row in project.tasks.values("meta")] == [{"seen": True}] * 2


def test_what_was_never_sent_can_be_set_without_loading(session: Session, project: Project) -> None:
    task = project.tasks.only("id").first()
    assert task is not None
    with assert_num_requests(session, 1):
        task.status = "skipped"
        task.save()
    assert task.status == "skipped"


def test_a_relation_is_saved_as_its_id(session: Session, project: Project, task: Task) -> None:
    other = session.projects.create(title="Other", category="text")
    task.project = other
    task.save()
    assert task.project is other
    assert as_the_server_has_it(session, task)["project"] == other.id
    project.data_collection = None
    project.save().refresh()
    assert project.data_collection is None


def test_annotating_stores_the_document_and_takes_over_the_answer(
    session: Session, task: Task
) -> None:
    assert task.data is None
    assert task.status == "pending"
    with assert_num_requests(session, 1):
        assert task.annotate({"labels": ("cat",)}) is task
    assert task.data == {"labels": ["cat"]}
    assert task.status == "completed"
    assert task.changes == {}


def test_annotating_leaves_other_edits_to_be_saved(session: Session, task: Task) -> None:
    task.meta["k"] = 1
    task.annotate({"labels": []})
    assert task.changes == {"meta": {"k": 1}}


def test_a_deleted_object_is_forgotten(session: Session, task: Task) -> None:
    key = task.id
    task.meta["k"] = 1
    with assert_num_requests(session, 1):
        task.delete()
    assert task.id == key
    assert session.identity.changed == []
    with pytest.raises(NotFound, match=f"Task {key}"):
        session.tasks.get(key)
    with pytest.raises(NotFound):
        task.delete()


def test_a_dictionary_of_an_object_costs_nothing(session: Session, task: Task) -> None:
    task.meta["k"] = 1
    with assert_num_requests(session, 0):
        content = task.to_dict()
    assert content["meta"] == {"k": 1}
    assert content["project"] == task.project_id


def test_nested_values_are_edited_as_a_whole(session: Session, unit: DataUnit) -> None:
    collection = unit.data_collection
    (specification,) = collection.file_specifications
    assert specification.name == "text"
    assert not collection.is_changed
    renamed = {"id": specification.id, "name": "words", "file_type": "text"}
    collection.file_specifications[0] = renamed
    assert collection.is_changed
    collection.save()
    assert collection.refresh().file_specifications[0].name == "words"


def test_a_word_that_is_assigned_reads_as_the_enumerations(session: Session, task: Task) -> None:
    task.status = "completed"
    assert task.status is TaskStatus.COMPLETED
    assert task.save().status is TaskStatus.COMPLETED

    task.status = "a word of another server"
    assert task.changes == {"status": "a word of another server"}
