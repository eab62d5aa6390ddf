"""Requests for reading a field: allowed, warned about, or forbidden."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from synapse import Project, Session, Task
from synapse.errors import LazyLoadError, LazyLoadWarning
from synapse.testing import assert_num_requests


@pytest.fixture
def many(tables: Any) -> Any:
    """Ten tasks over ten data units."""
    tables.rows["tasks"] = [{"id": n, "data_unit": 100 + n, "project": 1} for n in range(10)]
    tables.rows["data_units"] = [
        {"id": 100 + n, "checksum": f"c{n}", "meta": {}, "data_collection": 1} for n in range(10)
    ]
    return tables


def session_with(tables: Any, lazy: Any) -> Session:
    return Session(tables.url, "some-token", lazy=lazy)


def test_loading_in_a_loop_warns_once_with_what_to_write(many: Any) -> None:
    def loop(session: Session) -> None:
        for task in session.tasks:
            assert task.data_unit.checksum

    with session_with(many, "warn") as session:
        with pytest.warns(LazyLoadWarning) as caught:
            loop(session)
        loop(session)  # with warnings as errors
    (warning,) = caught
    assert '.expand("data_unit")' in str(warning.message)
    assert "DataUnit" in str(warning.message)
    assert warning.filename == __file__


def test_each_place_is_warned_of(many: Any) -> None:
    def here(session: Session) -> list[str | None]:
        return [task.data_unit.checksum for task in session.tasks[:5]]

    def there(session: Session) -> list[str | None]:
        return [task.data_unit.checksum for task in session.tasks[5:]]

    with session_with(many, "warn") as session:
        for loop in (here, there):
            with pytest.warns(LazyLoadWarning):
                loop(session)


def test_loading_now_and_then_does_not_warn(many: Any) -> None:
    with session_with(many, "warn") as session:
        first, second = session.tasks[:2]
        with assert_num_requests(session, 2):
            assert first.data_unit.checksum == "c0"
            assert second.data_unit.checksum == "c1"


def test_a_field_that_was_left_out_is_warned_of_too(many: Any) -> None:
    many.before = lambda asked: (
        (200, {"count": 9, "next": None, "results": [{"id": n} for n in range(9)]})
        if asked.path == "sdk/tasks"
        else None
    )
    with (
        session_with(many, "warn") as session,
        pytest.warns(LazyLoadWarning, match=r"don't leave 'project' out of the query"),
    ):
        assert {task.project_id for task in session.tasks.only("id")} == {1}


def test_an_object_is_loaded_once(many: Any) -> None:
    with session_with(many, "allow") as session:
        unit = session.tasks[0].data_unit
        with assert_num_requests(session, 1):
            assert unit.checksum == "c0"
            assert unit.meta == {}
            assert unit.data_collection_id == 1


def test_loading_can_be_allowed_silently(many: Any) -> None:
    with session_with(many, "allow") as session, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len([task.data_unit.checksum for task in session.tasks]) == 10


def test_loading_can_be_forbidden(many: Any) -> None:
    with session_with(many, "raise") as session:
        task = session.tasks[0]
        with assert_num_requests(session, 0):
            with pytest.raises(LazyLoadError, match=r'\.expand\("data_unit"\)'):
                task.data_unit.checksum  # noqa: B018
            assert task.data_unit_id == 100
            assert task.data_unit.id == 100


def test_what_was_forbidden_to_load_can_be_got(many: Any) -> None:
    with session_with(many, "raise") as session:
        (task,) = session.tasks[:1]
        many.rows["tasks"][0]["status"] = "pending"
        with pytest.raises(LazyLoadError, match=r"Task\.objects\.get\(0\)"):
            task.status  # noqa: B018
        assert session.tasks.get(0) is task
        assert task.status == "pending"
        assert session.data_units.get(100).checksum == "c0"


def test_expanding_leaves_nothing_to_load(
    session: Session, project: Project, emulator: Any
) -> None:
    with Session(emulator.url, emulator.api_token, lazy="raise") as strict:
        query = strict.tasks.expand("project", "data_unit.data_collection")
        with assert_num_requests(strict, 1):
            for task in query:
                assert task.project.title == "Streets"
                assert task.data_unit.files["text"].size == 8
                assert task.data_unit.data_collection.name == "Samples"
                assert isinstance(task, Task)
        assert len({id(task.project) for task in query}) == 1


def test_an_object_can_be_got_with_what_it_is_related_to(emulator: Any, project: Project) -> None:
    key = project.tasks[0].id
    strict = Session(emulator.url, emulator.api_token, lazy="raise")
    with strict, assert_num_requests(strict, 1):
        task = strict.tasks.expand("data_unit.data_collection").get(key)
        assert task.data_unit.data_collection.category == "text"
