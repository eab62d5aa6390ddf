"""Create, update and delete objects, singly and in bulk."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Category, DataUnit, FileSpecification, Project, Session, Task
from synapse.errors import BulkError, InvalidResponse, UsageError, ValidationError
from synapse.testing import assert_num_requests


def test_what_was_created_is_known(session: Session) -> None:
    with assert_num_requests(session, 1):
        project = session.projects.create(title="Streets", category=Category.IMAGE)
        assert project.title == "Streets"
        assert project.category is Category.IMAGE
        assert session.projects.get(project.id) is project
        assert not project.is_changed


def test_what_the_sdk_does_not_know_goes_along(connected: Session, tables: Any) -> None:
    connected.projects.create(title="a", extra={"mood": "good"})
    assert tables.asked[-1].body == {"title": "a", "mood": "good"}


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


def test_what_cannot_be_created_is_refused_before_asking(
    session: Session, project: Project, unit: DataUnit
) -> None:
    other = session.projects.create(title="Other", category="text")
    with assert_num_requests(session, 0):
        with pytest.raises(UsageError, match="set by the server alone"):
            session.projects.create(title="a", created="now")
        with pytest.raises(UsageError, match=r"did you mean 'title'\? .*extra="):
            session.projects.create(titel="a")
        with pytest.raises(UsageError, match=f"of Project {project.id}, not of another project"):
            project.tasks.create(project=other)
        with pytest.raises(UsageError, match=r"Task\.project takes a Project or its id, not a"):
            session.tasks.create(project=unit)


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


def test_a_generator_is_read_batch_by_batch(connected: Session, tables: Any) -> None:
    posted: list[int] = []
    ahead: list[int] = []

    def answer(asked: Any) -> tuple[int, Any]:
        posted.extend(item["data"]["n"] for item in asked.body)
        return 201, [{"id": item["data"]["n"]} for item in asked.body]

    def items() -> Any:
        for number in range(30):
            ahead.append(number - len(posted))
            yield {"data": {"n": number}}

    tables.before = answer
    assert len(connected.tasks.bulk_create(items(), batch_size=10)) == 30
    assert max(ahead) == 9


def test_creating_none_asks_nothing(session: Session) -> None:
    with assert_num_requests(session, 0):
        assert session.tasks.bulk_create([]) == []


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


def test_an_item_that_cannot_be_meant_is_refused_before_asking(
    session: Session, project: Project, unit: DataUnit
) -> None:
    with assert_num_requests(session, 0):
        for bad in ({"statsu": 1}, 5, "ab"):
            with pytest.raises(UsageError, match="item 1: "):
                project.tasks.bulk_create([{"data_unit": unit}, bad])
        with pytest.raises(UsageError, match="is not a mapping"):
            project.tasks.bulk_create({"data_unit": unit})
        with pytest.raises(UsageError, match="batch_size is 0"):
            project.tasks.bulk_create([], batch_size=0)


def test_an_item_that_cannot_be_meant_in_a_later_batch_says_what_was_made(
    project: Project, unit: DataUnit
) -> None:
    items: list[Any] = [{"data_unit": unit}, {"data_unit": unit}, {"statsu": 1}]
    with pytest.raises(BulkError, match=r"item 2: .*did you mean 'status'.* 2 were made") as caught:
        project.tasks.bulk_create(items, batch_size=2)
    assert caught.value.created == list(project.tasks[2:])
    assert "statsu" in caught.value.errors[2]


@pytest.mark.parametrize(
    "answer",
    [(500, {"detail": "broken"}), (201, {"id": 1}), (201, [{"id": 1}]), (201, [5, 6])],
)
def test_a_batch_of_which_nobody_knows_is_not_called_refused(
    connected: Session, tables: Any, answer: Any
) -> None:
    tables.before = lambda asked: answer
    with pytest.raises(BulkError, match="may have been made or not") as caught:
        connected.tasks.bulk_create([{}, {}])
    assert caught.value.errors == {}


def test_reasons_by_position_are_read_too(connected: Session, tables: Any) -> None:
    tables.before = lambda asked: (400, {"1": {"status": ["wrong"]}, "detail": "x", "2": {}})
    with pytest.raises(BulkError) as caught:
        connected.tasks.bulk_create([{}, {}, {}])
    assert caught.value.errors == {1: {"status": ["wrong"]}}


@pytest.mark.parametrize("answer", ["no", None, 5])
def test_a_batch_that_is_refused_without_reasons_by_position_is_refused_as_a_whole(
    connected: Session, tables: Any, answer: Any
) -> None:
    tables.before = lambda asked: (400, answer)
    with pytest.raises(BulkError, match="from 0 to 1 was not made: the server refused them"):
        connected.tasks.bulk_create([{}, {}])


def test_an_answer_that_is_no_object_is_refused(connected: Session, tables: Any) -> None:
    tables.before = lambda asked: (201, ["what?"])
    with pytest.raises(InvalidResponse):
        connected.projects.create(title="a")


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


@pytest.mark.parametrize("name", ["statsu", "created", "id", "files", "tasks"])
def test_only_fields_that_can_be_set_are_updated(
    session: Session, project: Project, name: str
) -> None:
    with assert_num_requests(session, 0), pytest.raises(UsageError, match=f"no field '{name}'"):
        project.tasks.all().update(**{name: 1})


def test_a_query_is_deleted_object_by_object(session: Session, project: Project) -> None:
    task = project.tasks[0]
    with assert_num_requests(session, 2):
        assert project.tasks.filter(id=task).delete() == 1
    assert task not in list(project.tasks)
    assert project.tasks.all().delete() == 1
    assert not project.tasks


def test_a_bare_manager_is_not_written_to(session: Session, project: Project) -> None:
    with assert_num_requests(session, 0):
        with pytest.raises(UsageError, match=r"\.all\(\)\.delete"):
            project.tasks.delete()
        with pytest.raises(UsageError, match=r"\.all\(\)\.update"):
            session.tasks.update(status="skipped")
    assert Task.objects.count() == 2
