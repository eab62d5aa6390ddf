"""Resources: names, texts, equality, edits, and rows that arrive later."""

from __future__ import annotations

import copy
from typing import Any
from unittest import mock

import pytest

from synapse import (
    DataCollection,
    DataUnit,
    Project,
    Session,
    Task,
)
from synapse.errors import InvalidResponse

ROW: dict[str, Any] = {
    "title": "Streets",
    "category": "image",
    "settings": {"a": {"b": [1, 2]}},
}


@pytest.fixture
def project(make: Any) -> Any:
    return make(Project, **ROW)


def other_session(**options: Any) -> Session:
    return Session(**{"base_url": "http://127.0.0.1:9", "api_token": "no-token", **options})


@pytest.mark.parametrize("row", [5, None, [], {"id": 2}, {"id": "2"}])
def test_response_about_another_object_is_refused(project: Any, row: Any) -> None:
    with pytest.raises(InvalidResponse, match="the response is another object"):
        project._take(row)

    assert project.title == "Streets"


def test_response_without_a_sent_field_confirms_it(project: Any) -> None:
    project.title = "Roads"
    project._take({"id": 1}, sent=project.changes, saved=True)

    assert project.title == "Roads"
    assert not project.is_changed


def test_edit_during_a_save_remains(project: Any) -> None:
    project.title = "Roads"
    sent = project.changes
    project.title = "Lanes"
    project._take({"id": 1, "title": "Roads"}, sent=sent, saved=True)

    assert project.changes == {"title": "Lanes"}


def test_failed_tentative_values_are_restored(offline: Session, project: Any) -> None:
    project.title = "Roads"
    with pytest.raises(KeyError), project._tentatively({"title": "Lanes", "category": "text"}):
        raise KeyError

    assert project.changes == {"title": "Roads"}
    assert offline.identity.changed == [project]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("refresh_from_db", r"refresh\(\)"),
        ("reload", r"refresh\(\)"),
        ("update", r"then save\(\)"),
        ("pk", "use id"),
        ("model_dump", r"to_dict\(\)"),
        ("get", "read its attributes"),
    ],
)
def test_name_of_another_library_is_translated(project: Any, name: str, how: str) -> None:
    with pytest.raises(AttributeError, match=how):
        getattr(project, name)


@pytest.mark.parametrize("arguments", [(), ("x",)])
@pytest.mark.parametrize("cls", [Project, DataUnit])
def test_constructor_names_the_managers_verbs(cls: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=rf"use session\.{cls.__schema__.plural}\.get\(id\)"):
        cls(*arguments)


@pytest.mark.parametrize("name", ["titel", "tasks", "is_changed", "save", "_xyz", "changes"])
def test_only_fields_can_be_set(project: Project, name: str) -> None:
    with pytest.raises(AttributeError, match=f"no field '{name}' to set"):
        setattr(project, name, 5)


def test_setting_a_misspelled_field_says_what_was_meant(project: Any) -> None:
    with pytest.raises(AttributeError, match="did you mean 'title'"):
        project.titel = 5


def test_what_the_server_sends_beyond_the_fields_is_extra_and_read_only(make: Any) -> None:
    project = make(Project, title="a", unheard_of={"x": 1})
    assert project.extra == {"unheard_of": {"x": 1}}
    with pytest.raises(TypeError):
        project.extra["y"] = 1
    assert project.to_dict() == {"id": 1, "title": "a", "unheard_of": {"x": 1}}


def test_a_dict_of_an_object_has_edits_and_ids(make: Any) -> None:
    task = make(Task, project={"id": 5, "title": "x"}, data_unit=6, tags=[7], data=None)
    task.data = {"a": (1,)}
    assert task.data_unit.id == 6
    assert task.to_dict() == {
        "id": 1,
        "project": 5,
        "data_unit": 6,
        "tags": [7],
        "data": {"a": [1]},
    }
    task.to_dict()["data"]["a"].append(2)
    assert task.data == {"a": (1,)}


def test_the_directory_of_an_object_has_its_fields_and_verbs(project: Project) -> None:
    assert {"title", "data_collection_id", "tasks", "save", "delete"} <= set(dir(project))


def test_an_object_shows_its_class_id_and_name(make: Any) -> None:
    assert repr(make(Project, id=5, title="Streets")) == "<Project 5 title='Streets'>"
    assert repr(make(Task, id=5, status="pending")) == "<Task 5 status='pending'>"
    assert repr(make(DataUnit, id=5)) == "<DataUnit 5>"
    assert repr(make(DataCollection, id=5, name=None)) == "<DataCollection 5>"


def test_an_object_shows_its_unsaved_name(make: Any) -> None:
    project = make(Project, id=5, title="Streets")
    project.title = "Roads"
    assert repr(project) == "<Project 5 title='Roads'>"


def test_objects_are_slotted(project: Any) -> None:
    assert not hasattr(project, "__dict__")


def test_a_later_row_updates_what_nobody_changed(offline: Session, project: Any) -> None:
    settings = project.settings
    project.category = "text"
    offline.identity.load(Project, [{"id": 1, "title": "Roads", "category": "audio", "x": 1}])
    assert project.title == "Roads"
    assert project.category == "text"
    assert project.settings is settings
    assert project.extra == {"x": 1}


def test_a_later_row_that_says_the_same_of_an_edited_field_leaves_the_edit(
    offline: Session, project: Any
) -> None:
    project.title = "Roads"
    project.settings["k"] = 1
    offline.identity.load(Project, [{"id": 1, **ROW}])
    assert project.changes == {"title": "Roads", "settings": {**ROW["settings"], "k": 1}}


def test_a_later_row_that_says_what_was_edited_ends_the_change(
    offline: Session, project: Any
) -> None:
    project.title = "Roads"
    offline.identity.load(Project, [{"id": 1, "title": "Roads"}])
    assert not project.is_changed


def test_a_later_row_replaces_what_only_the_server_sets(offline: Session, make: Any) -> None:
    task = make(Task, files={"a": {"url": "x"}})
    assert list(task.files) == ["a"]
    offline.identity.load(Task, [{"id": 1, "files": {"b": {"url": "y"}}}])
    assert list(task.files) == ["b"]


def test_deleting_a_field_gives_up_what_was_assigned_and_nothing_else(make: Any) -> None:
    task = make(Task, status="pending", priority="low")
    task.status, task.priority = "skipped", "high"
    del task.status
    assert task.status == "pending"
    assert task.changes == {"priority": "high"}
    del task.status
    assert task.status == "pending"
    with pytest.raises(AttributeError, match=r"^Task\.created is read-only: it stays\.$"):
        del task.created


def test_a_field_can_be_patched_for_a_while(offline: Session, make: Any) -> None:
    task = make(Task, status="pending")
    for value in ("skipped", "pending"):
        with mock.patch.object(task, "status", value):
            assert task.status == value
    assert task.status == "pending"
    assert offline.identity.changed == []


def test_equality_is_by_server_tenant_class_and_id() -> None:
    with other_session() as one, other_session() as other:
        (mine,) = one.identity.load(Task, [{"id": 1}])
        (theirs,) = other.identity.load(Task, [{"id": 1}])
        assert mine is not theirs
        assert mine == theirs
        assert hash(mine) == hash(theirs)
        assert len({mine, theirs}) == 1
        assert mine != other.identity.load(Task, [{"id": 2}])[0]


@pytest.mark.parametrize("options", [{"base_url": "http://127.0.0.1:8"}, {"tenant": "vision"}])
def test_things_of_another_server_or_tenant_are_other_things(options: dict[str, Any]) -> None:
    with other_session() as one, other_session(**options) as other:
        (mine,) = one.identity.load(Task, [{"id": 1}])
        (theirs,) = other.identity.load(Task, [{"id": 1}])
        assert mine != theirs
        assert len({mine, theirs}) == 2


def test_an_object_equals_nothing_else(make: Any) -> None:
    assert make(Task) != 1
    assert make(Task) != {"id": 1}
    assert make(Task) == make(Task)


def test_a_copy_of_an_object_is_the_object(make: Any) -> None:
    task = make(Task)
    assert copy.copy(task) is task
    assert copy.deepcopy([task])[0] is task


def test_a_relation_is_not_assigned_an_object_of_another_class(make: Any) -> None:
    task = make(Task, id=1, project=5)
    with pytest.raises(TypeError, match=r"Task\.project takes a Project or its id, not a DataUnit"):
        task.project = make(DataUnit)
    assert not task.is_changed


@pytest.mark.parametrize("value", [1.5, True, {"id": 5, "title": "forged"}, [5]])
def test_a_relation_is_not_assigned_what_is_no_id(make: Any, value: Any) -> None:
    task = make(Task, id=1, project=5)
    with pytest.raises(TypeError, match="takes a Project or its id"):
        task.project = value


def test_a_relation_to_an_object_of_another_session_is_this_sessions_own(make: Any) -> None:
    task = make(Task, id=1, project=5)
    with other_session() as other:
        (theirs,) = other.identity.load(Project, [{"id": 7}])
        task.project = theirs
    assert task.project == theirs
    assert task.project is not theirs
    assert task.project is make(Project, id=7)


def test_a_relation_is_not_assigned_what_is_on_another_server(make: Any) -> None:
    task = make(Task, id=1, project=5)
    with other_session(base_url="http://127.0.0.1:8") as other:
        (theirs,) = other.identity.load(Project, [{"id": 7}])
        with pytest.raises(ValueError, match="on another server"):
            task.project = theirs
