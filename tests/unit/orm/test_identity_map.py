"""The identity map: one object per thing and session, held weakly unless it is changed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from synapse import DataCollection, Job, Log, Project, Session, Task
from synapse.errors import FieldValueError, InvalidResponse
from synapse.orm.fields import MISSING


def other_session(**options: Any) -> Session:
    return Session(**{"base_url": "http://127.0.0.1:9", "api_token": "no-token", **options})


@pytest.fixture
def small() -> Iterator[Session]:
    """A session that holds two objects at most."""
    with other_session(cache_size=2) as session:
        yield session


def gone(reference: weakref.ref[Any]) -> bool:
    gc.collect()
    return reference() is None


def test_rows_of_one_id_are_one_object(offline: Session) -> None:
    one, other, again = offline.identity.load(Task, [{"id": 1}, {"id": 2}, {"id": 1}])
    assert one is again
    assert one is not other


def test_objects_of_different_classes_share_no_id(offline: Session, make: Any) -> None:
    assert make(Project, id=1) is not make(Task, id=1)
    assert make(Project, id=1) != make(Task, id=1)


def test_a_relation_is_the_sessions_one_object(make: Any) -> None:
    project = make(Project, id=5)
    tasks = [make(Task, id=n, project=5) for n in range(3)]
    assert all(task.project is project for task in tasks)
    assert all(task.project_id == 5 for task in tasks)


def test_a_relation_to_what_is_not_known_yet_is_one_object_too(make: Any) -> None:
    one, other = make(Task, id=1, project=5), make(Task, id=2, project=5)
    assert one.project is other.project
    assert one.project.id == 5


def test_an_expansion_that_was_not_asked_for_brings_no_old_values(make: Any) -> None:
    project = make(Project, id=5, title="new")
    task = make(Task, id=1, project={"id": 5, "title": "old"})
    assert task.project is project
    assert project.title == "new"
    assert task.project_id == 5


def test_an_expansion_that_was_not_asked_for_is_used(make: Any) -> None:
    assert make(Task, id=1, project={"id": 5, "title": "Streets"}).project.title == "Streets"


def test_an_expansion_fills_the_related_objects_at_every_depth(offline: Session) -> None:
    row = {"id": 1, "data_unit": {"id": 2, "data_collection": {"id": 3, "name": "x"}}}
    (task,) = offline.identity.load(Task, [row], {"data_unit": {"data_collection": {}}})
    assert task.data_unit.data_collection.name == "x"
    assert task.data_unit_id == 2
    assert task._raw["data_unit"] == 2


def test_what_can_be_expanded_but_is_no_relation_stays_in_the_row(offline: Session) -> None:
    row = {"id": 1, "file_specifications": [{"name": "image"}]}
    (one,) = offline.identity.load(DataCollection, [row], {"file_specifications": {}})
    assert one.file_specifications[0].name == "image"


def test_an_expansion_of_null_is_none(offline: Session) -> None:
    (task,) = offline.identity.load(Task, [{"id": 1, "data_unit": None}], {"data_unit": {}})
    assert task.data_unit is None


def test_an_expansion_does_not_undo_an_unsaved_assignment(offline: Session, make: Any) -> None:
    task = make(Task, id=1, project=5)
    task.project = 6
    offline.identity.load(Task, [{"id": 1, "project": {"id": 5}}], {"project": {}})
    assert task.project_id == 6
    assert task.changes == {"project": 6}


def test_what_nobody_uses_is_let_go(make: Any) -> None:
    reference = weakref.ref(make(Task, id=1, meta={"a": 1}))
    assert gone(reference)


def test_what_was_only_read_is_let_go(make: Any) -> None:
    task = make(Task, id=1, meta={"a": 1}, status="pending")
    assert task.meta == {"a": 1}
    assert task.status == "pending"
    reference = weakref.ref(task)
    del task
    assert gone(reference)


@pytest.mark.parametrize(
    "edit",
    [
        lambda task: setattr(task, "status", "skipped"),
        lambda task: task.meta.update(k=1),
        lambda task: task.meta["a"].append(1),
        lambda task: setattr(task, "project", 7),
    ],
)
def test_a_changed_object_survives_the_users_reference(
    offline: Session, make: Any, edit: Any
) -> None:
    task = make(Task, id=1, status="pending", meta={"a": []}, project=6)
    edit(task)
    changes = task.changes
    assert changes
    del task
    gc.collect()
    (again,) = offline.identity.load(Task, [{"id": 1, "status": "pending"}])
    assert again.changes == changes
    assert offline.identity.changed == [again]


@pytest.mark.parametrize(
    "undo",
    [lambda task: task.revert(), lambda task: setattr(task, "status", "pending")],
)
def test_an_object_without_a_change_left_is_let_go(make: Any, undo: Any) -> None:
    task = make(Task, id=1, status="pending")
    task.status = "skipped"
    undo(task)
    reference = weakref.ref(task)
    del task
    assert gone(reference)


def unreported(session: Session, number: int) -> None:
    """Leave an object behind that has a mapping of the user's own, saved and then edited."""
    (task,) = session.identity.load(Task, [{"id": number, "meta": {}}])
    task.meta = {"a": 1}
    task._take({"id": number, "meta": {"a": 1}}, sent=task.changes, saved=True)
    assert not task.is_changed
    task.meta["b"] = 2


def test_an_edit_of_a_mapping_of_the_users_own_survives_too(small: Session) -> None:
    for number in range(6):
        unreported(small, number)
    gc.collect()
    assert {task.id for task in small.identity.changed} == set(range(6))
    (task,) = small.identity.load(Task, [{"id": 0, "status": "pending"}])
    assert task.changes == {"meta": {"a": 1, "b": 2}}


def test_an_edit_of_a_mapping_survives_that_was_what_the_server_says_at_first(
    offline: Session, make: Any
) -> None:
    task = make(Task, meta={})
    task.meta = {}
    task.meta["a"] = 1
    del task
    gc.collect()
    (task,) = offline.identity.changed
    assert task.changes == {"meta": {"a": 1}}


def test_unchanged_objects_with_a_mapping_of_the_users_own_are_held_in_bounds(
    small: Session,
) -> None:
    references = []
    for number in range(6):
        (task,) = small.identity.load(Task, [{"id": number, "meta": {}}])
        task.meta = {"a": 1}
        task._take({"id": number, "meta": {"a": 1}}, sent=task.changes, saved=True)
        references.append(weakref.ref(task))
        del task
    gc.collect()
    assert sum(reference() is not None for reference in references) == 2


def test_the_map_forgets_the_ids_of_what_was_let_go(offline: Session) -> None:
    for start in range(0, 20_000, 100):
        offline.identity.load(Task, [{"id": start + n} for n in range(100)])
    assert len(offline.identity._refs[Task]) < 2_000


def test_fetched_objects_are_held_in_bounds(small: Session) -> None:
    references = []
    for number in range(5):
        (task,) = small.identity.load(Task, [{"id": number}])
        small.identity.cache(task)
        references.append(weakref.ref(task))
        del task
    gc.collect()
    assert [reference() is not None for reference in references] == [False] * 3 + [True] * 2


@pytest.mark.parametrize("options", [{"cache_ttl": 0}, {"cache_size": 0}])
def test_the_cache_can_be_switched_off(options: dict[str, Any]) -> None:
    with other_session(**options) as session:
        (task,) = session.identity.load(Task, [{"id": 1}])
        session.identity.cache(task)
        assert session.identity.get_cached(Task, 1) is None


def test_a_forgotten_object_is_not_the_sessions_any_more(offline: Session, make: Any) -> None:
    task = make(Task, id=1, status="pending")
    task.status = "skipped"
    offline.identity.cache(task)
    offline.identity.forget(task)
    assert task.status == "skipped"
    assert make(Task, id=1) is not task
    assert offline.identity.get_cached(Task, 1) is None
    assert offline.identity.changed == []


def test_forgetting_what_was_never_known_is_nothing(offline: Session, make: Any) -> None:
    task = make(Task, id=1)
    offline.identity.forget(task)
    offline.identity.forget(task)


NO_ROWS = [5, None, "x", ["id"], {}, {"title": "no id"}, {"id": [1]}, {"id": None}]
# In Python they are the same key as 1.
NO_IDS = [{"id": True}, {"id": 1.0}]


@pytest.mark.parametrize("row", NO_ROWS + NO_IDS)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_row_that_is_no_object_with_an_id_is_refused(
    offline: Session, row: Any, is_known: bool
) -> None:
    known = offline.identity.load(Task, [{"id": 1}]) if is_known else []
    with pytest.raises(InvalidResponse, match="Task that is not an object with an id"):
        offline.identity.load(Task, [row])
    assert [repr(task) for task in known] == ["<Task 1>"] * len(known)


def test_ids_may_be_texts(offline: Session) -> None:
    one, other = offline.identity.load(Task, [{"id": "a-b"}, {"id": "1"}])
    assert repr(one) == "<Task a-b>"
    assert offline.identity.get(Task, "1") is other
    assert offline.identity.get(Task, 1) is other
    assert other.id == other._key == 1


@pytest.mark.parametrize("value", [7, "x"])
def test_a_relation_can_be_assigned_an_id(make: Any, value: Any) -> None:
    task = make(Task, id=1, project=5)
    task.project = value
    assert repr(task.project) == f"<Project {value}>"
    assert task.changes == {"project": value}


@pytest.mark.parametrize("value", ["7", "007", 7.0, np.int64(7), np.float64(7)])
def test_one_id_is_one_object_whatever_its_type(offline: Session, make: Any, value: Any) -> None:
    project = make(Project, id=7)
    task = make(Task, id=1, project=5)
    task.project = value
    assert task.project is project
    assert task.project_id == 7
    assert task.changes == {"project": 7}
    task.project_id = value
    assert task.project is project
    assert offline.identity.get(Project, value) is project
    assert offline.identity.get_or_stub(Project, value) is project
    assert task in {task}


@pytest.mark.parametrize("said", ["7", {"id": "7"}, 7])
def test_an_id_of_the_server_is_one_object_whatever_its_type(make: Any, said: Any) -> None:
    task = make(Task, id="1", project=said, data_unit=6)
    assert task.project_id == 7
    assert task.project is make(Project, id=7) is make(Project, id="7")
    assert task.project.id == 7
    assert not task.is_changed
    task.project = 7
    assert not task.is_changed
    assert task is make(Task, id=1)


@pytest.mark.parametrize("value", [5, "5", np.int64(5)])
def test_a_text_id_is_a_text_whatever_its_type(offline: Session, make: Any, value: Any) -> None:
    job = make(Job, id="5")
    assert offline.identity.get(Job, value) is job
    log = make(Log, id=1, job=value if isinstance(value, str) else int(value))
    assert log.job is job
    assert log.job_id == "5"


def test_a_relation_can_be_assigned_an_object(make: Any) -> None:
    task, project = make(Task, id=1, project=5), make(Project, id=7)
    task.project = project
    assert task.project is project
    assert task.project_id == 7


def test_a_relation_can_be_assigned_none(make: Any) -> None:
    project = make(Project, id=1, data_collection=5)
    project.data_collection = None
    assert project.data_collection is None
    assert project.data_collection_id is None
    assert project.changes == {"data_collection": None}


# -- Converting ahead ------------------------------------------------------------------------------


def load_page(session: Session, first: int, **values: Any) -> list[Task]:
    rows = [{"id": first + n, "status": "pending", "created": TIME} for n in range(3)]
    return session.identity.load(Task, [{**row, **values} for row in rows])


TIME = "2026-01-31T12:00:00Z"


def is_filled(task: Task, name: str) -> bool:
    return bool(Task.__schema__.fields[name].current(task) is not MISSING)


def test_what_a_loop_reads_is_converted_with_the_next_page(offline: Session) -> None:
    *_, last = load_page(offline, 1)
    assert not is_filled(last, "status")
    assert (last.status, last.created is None) == ("pending", False)

    page = load_page(offline, 11, status="completed")

    assert [is_filled(task, "status") for task in page] == [True] * 3
    assert [is_filled(task, "created") for task in page] == [True] * 3
    assert not is_filled(page[0], "assignee")
    assert {task.status for task in page} == {"completed"}
    assert {type(task.status) for task in page} == {type(last.status)}
    assert {task.created for task in page} == {last.created}
    assert not any(task.is_changed for task in page)


def test_what_no_loop_reads_stays_json(offline: Session) -> None:
    first, *_ = load_page(offline, 1)
    assert first.status == "pending"  # the last one of the page was not read

    assert not any(is_filled(task, "status") for task in load_page(offline, 11))


def test_a_bad_value_raises_for_its_reader_only(offline: Session) -> None:
    *_, last = load_page(offline, 1)
    assert last.created is not None

    rows = [{"id": 11, "created": TIME}, {"id": 12, "created": "late"}, {"id": 13}]
    one, bad, without = offline.identity.load(Task, rows)

    assert one.created == last.created
    with pytest.raises(FieldValueError, match="Task 12 has a created that can't be read"):
        _ = bad.created
    assert not is_filled(without, "created")


def test_known_objects_keep_their_edits(offline: Session) -> None:
    *_, last = load_page(offline, 1)
    assert last.status == "pending"
    last.status = "completed"

    again = load_page(offline, 2, status="in_progress")  # ids 2 to 4; 3 is the edited one

    assert again[1] is last
    assert [task.status for task in again] == ["in_progress", "completed", "in_progress"]
    assert [task.is_changed for task in again] == [False, True, False]
