"""Create, update and delete objects, singly and in bulk."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Category, DataUnit, FileSpecification, Project, Session
from synapse.errors import BulkError, ValidationError
from synapse.testing import assert_num_requests


def test_what_was_created_is_known(session: Session) -> None:
    with assert_num_requests(session, 1):
        project = session.projects.create(title="Streets", category=Category.IMAGE)
        assert project.title == "Streets"
        assert project.category is Category.IMAGE
        assert session.projects.get(project.id) is project
        assert not project.is_changed


def test_relations_are_created_by_object_or_id(
    session: Session, project: Project, unit: DataUnit
) -> None:
    made = [
        session.tasks.create(project=project, data_unit=unit),
        session.tasks.create(project_id=project.id, data_unit_id=unit.id),
        project.tasks.create(data_unit=unit),
        project.tasks.create(project=project, data_unit=unit),
    ]
    assert all(task.project is project for task in made)
    assert all(task.data_unit is unit for task in made)


def test_nested_values_are_created(session: Session) -> None:
    collection = session.data_collections.create(
        name="a", category="image", file_specifications=[FileSpecification(name="image")]
    )
    assert collection.file_specifications[0].name == "image"


def test_an_invalid_field_is_refused_with_its_reasons(session: Session) -> None:
    with pytest.raises(ValidationError, match="new Project") as caught:
        session.projects.create(category="nonsense")
    assert set(caught.value.fields) == {"title", "category"}
    assert caught.value.fields["title"] == ["This field is required."]
    assert caught.value.status_code == 400


def test_many_are_created_in_order_out_of_a_generator(
    session: Session, project: Project, unit: DataUnit
) -> None:
    taken = []

    def items() -> Any:
        for number in range(25):
            taken.append(number)
            yield {"data_unit": unit, "meta": {"n": number}}

    with assert_num_requests(session, 3):
        made = project.tasks.bulk_create(items(), batch_size=10)
    assert [task.meta["n"] for task in made] == list(range(25))
    assert [task.id for task in made] == sorted(task.id for task in made)
    assert list(project.tasks[2:]) == made
    assert all(task.project is project for task in made)


def test_a_refused_batch_says_which_items_and_why_and_what_was_made(
    session: Session, project: Project, unit: DataUnit
) -> None:
    items: list[Any] = [{"data_unit": unit} for _ in range(8)]
    items[5] = {"data_unit": unit, "status": "wrong"}
    items[6] = {"data_unit": 10**9}
    with pytest.raises(BulkError) as caught:
        project.tasks.bulk_create(items, batch_size=4)
    error = caught.value
    assert set(error.errors) == {5, 6}
    assert "status" in error.errors[5]
    assert "data_unit" in error.errors[6]
    assert error.created == list(project.tasks[2:])
    assert len(error.created) == 4
    assert isinstance(error.cause, ValidationError)
    assert "from 4 to 7 was not made: the server refused 2 of them" in str(error)


def test_a_query_is_updated_object_by_object(session: Session, project: Project) -> None:
    first, second = project.tasks
    first.status = "skipped"
    first.save()
    with assert_num_requests(session, 2):
        assert project.tasks.all().update(status="skipped") == 2
    assert second.status == "skipped"
    assert project.tasks.filter(status="skipped").update(priority="high", meta={"k": []}) == 2
    assert project.tasks.filter(priority="high").count() == 2
    first.meta["k"].append(1)
    assert second.meta == {"k": []}


def test_a_slice_is_updated(project: Project) -> None:
    assert project.tasks[1:].update(status="skipped") == 1
    assert [task.status for task in project.tasks] == ["pending", "skipped"]


def test_a_query_is_deleted_object_by_object(session: Session, project: Project) -> None:
    task = project.tasks[0]
    with assert_num_requests(session, 2):
        assert project.tasks.filter(id=task).delete() == 1
    assert task not in list(project.tasks)
    assert project.tasks.all().delete() == 1
    assert not project.tasks
