"""Relations: ids without a load, managers in a scope, and managers on the class."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Project, Session, Task, TaskTag
from synapse.errors import SynapseError
from synapse.orm import session_base
from synapse.orm.relations import ForeignKeyId, ToMany


@pytest.mark.parametrize("value", [5, "a-b", None])
def test_id_is_read_from_the_row(make: Any, value: Any) -> None:
    assert make(Task, project=value).project_id == value


@pytest.mark.parametrize(
    ("tags", "ids"), [([], []), ([7, "x"], [7, "x"]), ([{"id": 7, "name": "day"}], [7])]
)
def test_ids_of_several_are_a_list(make: Any, tags: list[Any], ids: list[Any]) -> None:
    assert make(Task, tags=tags).tag_ids == ids


def test_id_of_an_expanded_row_is_its_id(make: Any) -> None:
    assert make(Task, project={"id": 5, "title": "Streets"}).project_id == 5


def test_id_of_an_unsaved_assignment_is_the_new_one(make: Any) -> None:
    task = make(Task, project=5)
    task.project = make(Project, id=7)

    assert task.project_id == 7


def test_descriptor_of_an_id_is_on_the_class() -> None:
    assert isinstance(Task.project_id, ForeignKeyId)
    assert Task.project_id.relation == "project"


def test_manager_of_an_object_has_the_scope_of_the_object(make: Any) -> None:
    project = make(Project, id=5)

    assert repr(project.tasks) == "<TaskManager[Task] of Project 5>"
    assert ("project", 5) in project.tasks._params(1)


def test_manager_of_an_object_uses_its_session(offline: Session, make: Any) -> None:
    with Session("http://127.0.0.1:8", "no-token") as default:
        session_base.set_default(default)

        assert make(Project).tasks._session is offline


@pytest.mark.parametrize("name", ["objects", "tasks"])
def test_manager_of_a_class_uses_the_default_session(offline: Session, name: str) -> None:
    manager: Any = getattr(Project, name)
    session_base.set_default(offline)

    assert manager._session is offline
    assert "project" not in dict(manager._params(1))


def test_each_access_builds_a_manager(make: Any) -> None:
    project = make(Project)

    assert project.tasks is not project.tasks


def test_unknown_target_is_named_on_access(make: Any) -> None:
    relation: ToMany[Any] = ToMany("Taks", by="project")
    with pytest.raises(SynapseError, match="did you mean 'Task'"):
        relation.__get__(make(Project), Project)


def test_relation_to_several_is_read_only(make: Any) -> None:
    task = make(Task, tags=[7])
    with pytest.raises(AttributeError, match=r"use tag\(\) and untag\(\)"):
        task.tags = [make(TaskTag, id=8)]

    assert task.tag_ids == [7]


def test_a_relation_can_be_assigned_by_its_id(make: Any) -> None:
    task = make(Task, id=1, project=5)
    task.project_id = 7
    assert task.project.id == 7


def test_the_manager_of_all_is_on_the_class_only(make: Any) -> None:
    with pytest.raises(AttributeError, match="objects is on the class"):
        make(Project).objects  # noqa: B018 - reading it raises
