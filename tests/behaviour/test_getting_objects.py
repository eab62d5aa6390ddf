"""Get objects, with the number of requests."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from synapse import DataUnit, Project, Session, Task, TaskStatus
from synapse.errors import FieldMissing, FieldValueError, MultipleFound, NotFound, UsageError
from synapse.testing import assert_num_requests


def test_getting_twice_gives_one_object_with_one_request(
    session: Session, project: Project, emulator: Any
) -> None:
    with Session(emulator.url, emulator.api_token) as other, assert_num_requests(other, 1):
        assert other.projects.get(project.id) is other.projects.get(project.id)


def test_a_refresh_asks_always(session: Session, project: Project) -> None:
    with assert_num_requests(session, 2):
        assert session.projects.get(project.id, refresh=True) is project
        assert project.refresh() is project


def test_an_object_stays_fresh_for_as_long_as_was_said(emulator: Any, project: Project) -> None:
    with Session(emulator.url, emulator.api_token, cache_ttl=0) as session:
        first = session.projects.get(project.id)
        with assert_num_requests(session, 1):
            assert session.projects.get(project.id) is first


def test_what_was_only_listed_is_not_fresh(emulator: Any, project: Project) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        (listed,) = session.projects
        with assert_num_requests(session, 1):
            assert session.projects.get(project.id) is listed


def test_every_task_of_a_project_has_that_project(session: Session, project: Project) -> None:
    with assert_num_requests(session, 1):
        tasks = list(project.tasks)
        assert len(tasks) == 2
        assert all(task.project is project for task in tasks)
        assert [task.project_id for task in tasks] == [project.id] * 2


def test_a_listed_object_is_the_one_that_was_got(session: Session, project: Project) -> None:
    task = project.tasks[0]
    assert session.tasks.get(task.id) is task
    assert next(iter(session.tasks)) is task
    assert task.data_unit.tasks[0] is task


def test_an_unknown_id_is_not_found_and_named(session: Session) -> None:
    with pytest.raises(NotFound, match="Project 987654") as caught:
        session.projects.get(987654)
    assert caught.value.resource == "Project 987654"


def test_what_is_gone_is_not_taken_from_the_cache(emulator: Any, project: Project) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        mine = session.projects.get(project.id)
        project.delete()
        assert session.projects.get(project.id) is mine
        with pytest.raises(NotFound):
            mine.refresh()
        with pytest.raises(NotFound):
            session.projects.get(project.id)
        mine_again = session.projects.create(title="x", category="text")
        session.projects.get(mine_again.id)
        mine_again.delete()
        with pytest.raises(NotFound):
            session.projects.get(mine_again.id, refresh=True)


def test_a_thing_of_another_owner_is_not_found_through_this_one(
    session: Session, project: Project, unit: DataUnit
) -> None:
    other = session.projects.create(title="Other", category="text")
    task = other.tasks.create(data_unit=unit)
    assert other.tasks.get(task.id) is task
    with pytest.raises(NotFound, match=f"not one of Project {project.id}"):
        project.tasks.get(task.id)
    with pytest.raises(NotFound):
        project.tasks.get(id=task.id)


def test_a_part_of_an_object_is_found_in_its_scope_too(emulator: Any, project: Project) -> None:
    key = project.tasks[0].id
    for query in ("only", "omit"):
        with Session(emulator.url, emulator.api_token) as session:
            owner = session.projects.get(project.id)
            manager = owner.tasks.only("status") if query == "only" else owner.tasks.omit("project")
            with assert_num_requests(session, 1):
                task = manager.get(key)
                assert task.status is TaskStatus.PENDING
                assert task.project is owner


def test_what_does_not_say_whose_it_is_is_looked_for_in_the_list(
    connected: Session, tables: Any
) -> None:
    tables.rows["projects"] = [{"id": 1}, {"id": 2}]
    tables.rows["tasks"] = [{"id": 5}]
    owners = {"1": 1, "2": 0}
    tables.before = lambda asked: (
        (200, {"count": owners[asked.one("project")], "next": None, "results": []})
        if asked.one("project")
        else None
    )
    first, second = connected.projects
    assert first.tasks.get(5).id == 5
    with pytest.raises(NotFound, match="not one of Project 2"):
        second.tasks.get(5)


def test_what_was_got_in_part_is_loaded_when_the_rest_is_read(
    emulator: Any, project: Project
) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        mine = session.projects.only("title").get(project.id)
        with assert_num_requests(session, 0):
            assert mine.title == "Streets"
        with assert_num_requests(session, 1):
            assert mine.category == "text"
            assert mine.description == ""
        with assert_num_requests(session, 0):
            assert session.projects.get(project.id) is mine


def test_what_was_omitted_is_loaded_when_it_is_read(emulator: Any, project: Project) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        mine = session.projects.omit("category", "title").get(project.id)
        with assert_num_requests(session, 1):
            assert mine.title == "Streets"
            assert mine.category == "text"


def test_getting_by_filters_finds_exactly_one(session: Session, project: Project) -> None:
    with assert_num_requests(session, 1):
        assert session.projects.get(title="Streets") is project
    with assert_num_requests(session, 1):
        assert session.projects.filter(title="Streets").get() is project
    with assert_num_requests(session, 1):
        assert session.projects.filter(title="Streets").get(project.id) is project


def test_getting_by_filters_that_nothing_matches_names_them(session: Session) -> None:
    with pytest.raises(NotFound, match="no Project matches title='Nowhere'"):
        session.projects.get(title="Nowhere")


def test_getting_by_filters_that_several_match_says_so(session: Session, project: Project) -> None:
    with pytest.raises(MultipleFound, match=r"More than one Task matches .*first\(\)"):
        project.tasks.get(status="pending")
    with pytest.raises(MultipleFound, match="matches the query"):
        project.tasks.all().get()


def test_an_id_that_a_filter_excludes_is_not_found(session: Session, project: Project) -> None:
    one, other = project.tasks
    with pytest.raises(NotFound):
        project.tasks.filter(id=[one.id]).get(other.id)
    assert project.tasks.filter(id=[one.id]).in_bulk([other.id]) == {}
    assert project.tasks.filter(id=[one.id]).get(one.id) is one


def test_the_one_of_a_slice_can_be_got(session: Session, project: Project) -> None:
    assert project.tasks[1:2].get() is project.tasks[1]
    with pytest.raises(UsageError, match="slice"):
        project.tasks[1:2].get(status="pending")


def test_unset_none_and_missing_are_three_things(connected: Session, tables: Any) -> None:
    tables.rows["tasks"] = [{"id": 1, "status": "pending"}]
    (task,) = connected.tasks
    tables.rows["tasks"][0] |= {"data": None}
    with assert_num_requests(connected, 0):
        assert task.status is TaskStatus.PENDING
    with assert_num_requests(connected, 1):
        assert task.data is None
    with assert_num_requests(connected, 0):
        assert not hasattr(task, "files")
        with pytest.raises(FieldMissing, match="doesn't send 'files' for Task 1"):
            task.files  # noqa: B018


@pytest.mark.parametrize("name", ["_ipython_display_", "__array__", "__fspath__", "titel", "shape"])
def test_asking_for_a_private_or_unknown_name_makes_no_request(
    session: Session, project: Project, name: str
) -> None:
    stub = project.tasks.only("id").first()
    with assert_num_requests(session, 0):
        assert not hasattr(stub, name)


def test_describing_comparing_and_hashing_make_no_request(
    session: Session, project: Project
) -> None:
    stub = project.tasks.only("id").first()
    assert stub is not None
    with assert_num_requests(session, 0):
        assert repr(stub) == f"<Task {stub.id}>"
        assert stub == stub
        assert hash(stub)
        assert not stub.is_changed
        assert stub.to_dict() == {"id": stub.id}
        assert "status" in dir(stub)


def test_a_page_with_bad_and_unknown_values_is_read_all_the_same(
    connected: Session, tables: Any
) -> None:
    usual = {"status": "pending", "is_discarded": False}
    rows: list[dict[str, Any]] = [{"id": n, **usual, "meta": {}} for n in range(1, 101)]
    rows[49] |= {"status": "paused", "is_discarded": "perhaps", "mood": "good"}
    tables.rows["tasks"] = rows
    tasks = list(connected.tasks)
    assert [task.id for task in tasks] == list(range(1, 101))
    odd = tasks[49]
    assert odd.status == "paused"
    assert odd.extra == {"mood": "good"}
    assert {task.status for task in tasks} == {TaskStatus.PENDING, "paused"}
    assert [task.is_discarded for task in tasks if task is not odd] == [False] * 99
    with pytest.raises(FieldValueError, match=r"Task 50 has a is_discarded .*'perhaps'"):
        odd.is_discarded  # noqa: B018
    odd.meta["k"] = 1
    assert odd.save().meta == {"k": 1}
    assert tables.asked[-1].body == {"meta": {"k": 1}}


def test_an_unknown_choice_can_be_asked_for_and_set(connected: Session, tables: Any) -> None:
    tables.rows["tasks"] = [{"id": 1, "status": "paused"}]
    with pytest.raises(UsageError, match="params="):
        connected.tasks.filter(status="paused")
    (task,) = connected.tasks.filter(params={"status": "paused"})
    task.status = "resumed"
    task.save()
    assert tables.rows["tasks"][0]["status"] == "resumed"


def count_tasks(session: Session) -> int:
    """Count the tasks in memory, without those that other tests have left."""
    tasks = [one for one in gc.get_objects() if type(one) is Task]
    return sum(task._session is session for task in tasks)


def test_iterating_holds_two_pages_at_most_and_gives_each_once(
    connected: Session, tables: Any
) -> None:
    tables.rows["tasks"] = [{"id": n, "status": "pending", "meta": {}} for n in range(10_000)]
    most, ids = 0, []
    # Strictly one page after the other; reading ahead fetches rows, not objects.
    for task in connected.tasks.iterate(workers=1):
        ids.append(task.id)
        if len(ids) % 1050 == 0:
            most = max(most, count_tasks(connected))
    assert ids == list(range(10_000))
    assert 100 <= most <= 200
    assert len(tables.asked) == 102  # the server was asked for bounds and for cursors once


def test_iterating_holds_two_pages_of_objects_at_most_when_it_reads_ahead(
    connected: Session, tables: Any
) -> None:
    tables.rows["tasks"] = [{"id": n} for n in range(2_000)]
    most = 0
    for task in connected.tasks.iterate(workers=8):
        if task.id % 210 == 0:
            most = max(most, count_tasks(connected))
    assert 100 <= most <= 200


@pytest.mark.slow
def test_ten_thousand_tasks_go_to_the_backend_and_come_back_once(
    session: Session, project: Project, unit: DataUnit
) -> None:
    made = project.tasks.bulk_create(
        ({"data_unit": unit.id} for _ in range(9_998)), batch_size=2_500
    )
    assert len(made) == 9_998
    ids = [row["id"] for row in project.tasks.page_size(1000).values("id")]
    assert len(ids) == len(set(ids)) == 10_000
    assert ids == sorted(ids)


def test_class_level_access_goes_through_the_default_session(
    session: Session, project: Project
) -> None:
    with assert_num_requests(session, 2):
        assert {task.project for task in Project.tasks.all()} == {project}
        assert Task.objects.count() == 2
    assert Project.objects.get(project.id) is project


def test_an_object_with_no_endpoint_of_its_own_is_not_loaded(
    session: Session, tmp_path: Any
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("abc")
    uploaded = session.data_files.upload(path)
    del uploaded._raw["checksum"]
    with assert_num_requests(session, 0), pytest.raises(FieldMissing):
        uploaded.checksum  # noqa: B018
