"""Create, update and delete objects, singly and in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from synapse import Category, DataUnit, FileSpecification, Project, Session
from synapse.errors import (
    BulkError,
    FieldValueError,
    InvalidResponse,
    SessionClosed,
    UsageError,
    ValidationError,
)
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
        made = project.tasks.bulk_create(items(), batch_size=10, workers=1)
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
        project.tasks.bulk_create(items, batch_size=4, workers=1)
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


BAD_ITEMS = [
    ({"meta": {"score": float("nan")}}, r"meta\.score is nan", FieldValueError),
    ({"meta": {"score": [1, pd.NaT]}}, r"meta\.score\.1 is NaT", FieldValueError),
    ({"meta": {"a": {"b": b"x"}}}, r"meta\.a\.b is a bytes", FieldValueError),
    ({"meta": "text"}, r"Task\.meta takes a dict, not the str 'text'", FieldValueError),
    ({"meta": {1: 1, "1": 2}}, "the same key '1'", FieldValueError),
    ({"statsu": 1}, "did you mean 'status'", UsageError),
    ({"created": "2027-01-31"}, "set by the server alone", UsageError),
    (5, "5 is not a mapping", UsageError),
]


@pytest.mark.parametrize(("bad", "reason", "kind"), BAD_ITEMS)
@pytest.mark.parametrize("make", [list, tuple])
def test_the_items_of_a_list_are_checked_before_the_first_request(
    session: Session,
    project: Project,
    unit: DataUnit,
    make: Any,
    bad: Any,
    reason: str,
    kind: type[Exception],
) -> None:
    bad = {**bad, "data_unit": unit} if isinstance(bad, dict) else bad
    items = make([*({"data_unit": unit} for _ in range(7)), bad])
    with assert_num_requests(session, 0), pytest.raises(kind, match=f"^item 7: .*{reason}"):
        project.tasks.bulk_create(items, batch_size=3)


@pytest.mark.parametrize(("bad", "reason", "kind"), BAD_ITEMS)
def test_an_item_of_a_generator_says_position_path_and_what_was_made(
    session: Session,
    project: Project,
    unit: DataUnit,
    bad: Any,
    reason: str,
    kind: type[Exception],
) -> None:
    bad = {**bad, "data_unit": unit} if isinstance(bad, dict) else bad
    items = iter([*({"data_unit": unit} for _ in range(7)), bad])
    message = f"^item 7: .*{reason}.* 6 were made before it"
    with pytest.raises(BulkError, match=message) as caught:
        project.tasks.bulk_create(items, batch_size=3, workers=1)
    assert caught.value.created == list(project.tasks[2:])
    assert len(caught.value.created) == 6
    assert set(caught.value.errors) == {7}
    assert isinstance(caught.value.__cause__, kind)


def test_a_wrong_file_of_a_unit_says_its_position(session: Session, unit: DataUnit) -> None:
    units = unit.data_collection.data_units
    with assert_num_requests(session, 0), pytest.raises(UsageError, match=r"^item 1: "):
        units.bulk_create([{"files": {}}, {"files": {"text": "a path"}}])


@pytest.mark.parametrize("error", [KeyError("label"), OSError("gone"), FieldValueError("bad")])
def test_an_error_of_the_source_says_what_was_made(
    project: Project, unit: DataUnit, error: Exception
) -> None:
    def read() -> Iterator[Any]:
        yield from ({"data_unit": unit} for _ in range(5))
        raise error

    message = r"stopped .* 4 tasks were made.* Item 4 and later"
    with pytest.raises(BulkError, match=message) as caught:
        project.tasks.bulk_create(read(), batch_size=2, workers=1)
    assert caught.value.created == list(project.tasks[2:])
    assert caught.value.__cause__ is error
    with pytest.raises(type(error)):
        project.tasks.bulk_create(read())


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", ["source", "request"])
def test_a_stop_says_what_was_made(
    emulator: Any, project: Project, stop: type[BaseException], place: str
) -> None:
    sent = 0

    def read() -> Iterator[Any]:
        for number in range(7):
            if place == "source" and number == 5:
                raise stop
            yield {"project": project.id, "meta": {"n": number}}

    def on_request(event: Any) -> None:
        nonlocal sent
        sent += event.method == "POST"
        if place == "request" and sent == 3:
            raise stop

    with (
        Session(emulator.url, emulator.api_token, on_request=on_request) as session,
        pytest.raises(stop) as caught,
    ):
        session.tasks.bulk_create(read(), batch_size=2, workers=1)
    cause = caught.value.__cause__
    assert isinstance(cause, BulkError)
    assert [one.meta["n"] for one in cause.created] == [0, 1, 2, 3]
    last = "from 4 to 5 may have been made or not" if place == "request" else "Item 4 and later"
    assert last in str(cause)
    assert stop is SystemExit or "4 tasks were made" in str(caught.value)


def test_a_stop_before_anything_was_sent_stays_as_it_is(session: Session) -> None:
    def read() -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt) as caught:
        session.tasks.bulk_create(read())
    assert caught.value.__cause__ is None


def test_a_closed_session_is_no_half_made_batch(emulator: Any) -> None:
    session = Session(emulator.url, emulator.api_token)
    session.close()
    with pytest.raises(SessionClosed):
        session.tasks.bulk_create([{}])


def test_an_item_that_cannot_be_meant_in_a_later_batch_says_what_was_made(
    project: Project, unit: DataUnit
) -> None:
    items: Iterator[Any] = iter([{"data_unit": unit}, {"data_unit": unit}, {"statsu": 1}])
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


def test_reasons_have_the_positions_of_the_input(project: Project, unit: DataUnit) -> None:
    items = [{"data_unit": unit} for _ in range(5)] + [{"data_unit": 999_999}]
    with pytest.raises(BulkError, match=r"item 5: data_unit: .* 4 were made before it") as caught:
        project.tasks.bulk_create(items, batch_size=2)
    assert list(caught.value.errors) == [5]


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


def test_a_query_is_deleted_object_by_object(session: Session, project: Project) -> None:
    task = project.tasks[0]
    with assert_num_requests(session, 2):
        assert project.tasks.filter(id=task).delete() == 1
    assert task not in list(project.tasks)
    assert project.tasks.all().delete() == 1
    assert not project.tasks


def test_units_are_put_into_groups(session: Session, unit: DataUnit) -> None:
    files = {"text": {"checksum": unit.files["text"].checksum, "path": "a.txt"}}
    units = unit.data_collection.data_units
    made = units.bulk_create(
        [
            {"files": files, "groups": ["north", "camera 1"]},
            {"files": files, "groups": ("north", "camera 1")},
            {"files": files, "groups": ["north", "camera 2"]},
            {"files": files},
        ]
    )
    first, second, other, none = (session.data_units.get(one.id, refresh=True) for one in made)
    assert first.group == second.group != other.group
    assert none.group is None
    with pytest.raises(UsageError, match="Pass a list of names"):
        units.create(files=files, groups="north")
