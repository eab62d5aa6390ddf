"""Relations between objects, both ways, with the number of requests."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import DataUnit, Project, Session
from synapse.errors import FieldMissing, NotFound
from synapse.testing import assert_num_requests


def test_a_relation_costs_nothing_until_a_field_is_read(emulator: Any, project: Project) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        task = session.tasks[0]
        with assert_num_requests(session, 0):
            owner = task.project
            assert owner.id == task.project_id
            assert repr(owner) == f"<Project {project.id}>"
            assert owner == project
        with assert_num_requests(session, 1):
            assert owner.title == "Streets"
            assert owner.category == "text"


def test_a_relation_to_what_is_gone_is_not_found_when_it_is_read(
    connected: Session, tables: Any
) -> None:
    tables.rows["tasks"] = [{"id": 1, "project": 5}]
    (task,) = connected.tasks
    with pytest.raises(NotFound, match="Project 5"):
        task.project.title  # noqa: B018


def test_objects_are_reached_along_relations_and_back(
    session: Session, project: Project, unit: DataUnit
) -> None:
    task = project.tasks[0]
    assert task.project is project
    assert task.data_unit is unit
    assert list(unit.tasks) == list(project.tasks)
    assert unit.data_collection.data_units.get(unit.id) is unit
    assert list(unit.data_collection.projects) == [project]


def test_the_manager_of_a_relation_is_made_when_it_is_asked_for(
    session: Session, project: Project
) -> None:
    with assert_num_requests(session, 0):
        assert project.tasks is not project.tasks
        assert repr(project.tasks) == f"<TaskManager[Task] of Project {project.id}>"


def test_a_relation_to_several_gives_this_sessions_objects(
    session: Session, project: Project, unit: DataUnit
) -> None:
    tags = [project.task_tags.create(name=name) for name in ("day", "night")]
    task = project.tasks.create(data_unit=unit)
    assert task.tags == []
    task.tag(*tags)
    with assert_num_requests(session, 0):
        assert task.tag_ids == [tag.id for tag in tags]
        assert all(one is other for one, other in zip(task.tags, tags, strict=True))
    assert list(tags[0].tasks) == [task]
    assert tags[0].tasks.get(task.id) is task
    with pytest.raises(NotFound):
        tags[0].tasks.get(project.tasks[0].id)


def test_several_are_expanded_with_the_page(
    emulator: Any, project: Project, unit: DataUnit
) -> None:
    tag = project.task_tags.create(name="day")
    project.tasks.create(data_unit=unit).tag(tag)
    strict = Session(emulator.url, emulator.api_token, lazy="raise")
    with strict, assert_num_requests(strict, 1):
        tasks = list(strict.tasks.expand("tags.project"))
        assert [[one.name for one in task.tags] for task in tasks] == [[], [], ["day"]]
        assert tasks[2].tags[0].project.title == "Streets"


def test_a_relation_that_is_not_sent_is_loaded_by_its_id_too(
    connected: Session, tables: Any
) -> None:
    tables.rows["tasks"] = [{"id": 1}]
    (task,) = connected.tasks
    tables.rows["tasks"][0] = {"id": 1, "project": 5}
    with assert_num_requests(connected, 1):
        assert task.project_id == 5
        assert task.project.id == 5


def test_a_relation_that_is_never_sent_says_so(connected: Session, tables: Any) -> None:
    tables.rows["tasks"] = [{"id": 1}]
    (task,) = connected.tasks
    with assert_num_requests(connected, 1), pytest.raises(FieldMissing, match="'project'"):
        task.project_id  # noqa: B018
