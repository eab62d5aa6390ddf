"""Subclasses of resources in the place of the resources."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse import Project, Session, Task
from synapse.errors import ConfigurationError, UsageError
from synapse.extending import field
from synapse.orm import session_base
from synapse.orm.extensions import find_extensions

ADDRESS = "http://127.0.0.1:9/"


class ReviewMixin:
    """A verb for any resource with a status."""

    status: Any

    def approve(self) -> None:
        self.status = "completed"


class ReviewTask(ReviewMixin, Task):
    """A task that can be approved."""

    @property
    def score(self) -> float:
        return float(self.extra["score"])


class OtherTask(Task):
    """Another library's task."""


class BothTask(ReviewTask, OtherTask):
    """A task with the verbs of both."""


class OwnProject(Project):
    """A project with verbs of its own."""


class ReviewSession(Session):
    """A session whose tasks can be approved."""

    resource_classes = (ReviewTask, OwnProject)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReviewSession]:
    monkeypatch.setenv("SYNAPSE_BASE_URL", ADDRESS)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "a-token")
    with ReviewSession(ADDRESS, "a-token") as session:
        yield session
        assert session.request_count == 0


def test_every_way_to_a_task_leads_to_the_subclass(session: ReviewSession) -> None:
    row = {"id": 1, "status": "pending", "score": 0.5, "project": 7}
    task = session.identity.load(Task, [row])[0]

    assert type(task) is ReviewTask
    assert session.identity.get_or_stub(ReviewTask, 1) is task
    assert session.identity.related("Task", 1, via="task") is task
    session.identity.cache(task)
    assert session.tasks.get(1) is task
    assert session[ReviewTask].get(1) is task
    assert session.manager(Task).get(1) is task
    task.approve()  # type: ignore[attr-defined] # the class of this session's tasks has it
    assert session.identity.changed == [task]
    assert task.score == 0.5  # type: ignore[attr-defined] # as above
    assert repr(task).startswith("<Task 1")
    session.identity.forget(task)
    assert session.identity.get(Task, 1) is None


def test_what_depends_on_a_deleted_object_is_stale(session: ReviewSession) -> None:
    project = session.identity.load(Project, [{"id": 7}])[0]
    task = session.identity.load(Task, [{"id": 1, "project": 7, "data_unit": None}])[0]
    session.identity.cache(task)
    assert session.tasks.get(1) is task

    session.identity.forget(project)

    assert session.identity.get_cached(ReviewTask, 1) is None


def test_objects_compare_by_the_declared_class(session: ReviewSession) -> None:
    task = session.identity.get_or_stub(Task, 1)
    with Session(ADDRESS, "a-token") as plain:
        other = plain.identity.get_or_stub(Task, 1)
        assert task == other
        assert len({task, other}) == 1


def test_relations_take_the_subclass(session: ReviewSession) -> None:
    task = session.identity.get_or_stub(Task, 1)
    assignment = session.identity.load(synapse.Assignment, [{"id": 5, "task": 1}])[0]

    assert session.assignments.filter(task=task)._state.filters == (("task", 1),)
    assert type(session.identity.related("Task", 1, via="task")) is ReviewTask
    assert assignment.task is task


def test_pickles_come_back_in_a_session_of_the_class(session: ReviewSession) -> None:
    task = session.identity.get_or_stub(Task, 1)
    content = pickle.dumps(task)
    assert pickle.loads(content) is task
    with Session(ADDRESS, "a-token") as plain:
        session_base.set_default(plain)
        assert pickle.loads(content) is task
        assert pickle.loads(pickle.dumps(plain)) is plain
    session_base.set_default(None)
    session.close()

    found = pickle.loads(content)

    assert type(found) is ReviewTask
    assert type(found._session) is ReviewSession
    assert found._session is not session
    found._session.close()


def test_classes_of_several_libraries_combine() -> None:
    class TeamSession(ReviewSession):
        resource_classes = (BothTask,)

    class TornSession(ReviewSession):
        resource_classes = (OtherTask,)

    assert find_extensions(TeamSession) == {Task: BothTask, Project: OwnProject}
    assert find_extensions(Session) == {}
    with pytest.raises(ConfigurationError, match=r"ReviewTask and OtherTask for Task\. Make a"):
        TornSession(ADDRESS, "a-token")


class FieldTask(Task):
    """A class that can't work: only declared classes have slots for fields."""

    score: float = field()


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Task, "a resource itself"),
        (int, "extends no resource"),
        ("Task", "extends no resource"),
        (FieldTask, r"'score' is a field"),
    ],
)
def test_classes_that_extend_nothing_are_refused(cls: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_extensions(type("TeamSession", (Session,), {"resource_classes": (cls,)}))


def test_session_refuses_classes_of_another(session: ReviewSession) -> None:
    with Session(ADDRESS, "a-token") as plain:
        for ask in (
            lambda: plain[ReviewTask],
            lambda: plain.manager(ReviewTask),
            lambda: plain.identity.get_or_stub(ReviewTask, 1),
        ):
            with pytest.raises(UsageError, match=r"resource_classes = \(ReviewTask,\)"):
                ask()
    with pytest.raises(UsageError, match="OtherTask extends Task"):
        session[OtherTask]
