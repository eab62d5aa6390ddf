"""Objects and sessions without a server."""

from __future__ import annotations

import pickle
from typing import Any
from unittest.mock import create_autospec

import pytest

from synapse import Job, Project, Session, Task, TaskTag
from synapse.errors import FieldValueError, SynapseError, UsageError
from synapse.testing import UnexpectedRequest, make, make_session


class QuickTask(Task):
    """A task with a verb of its own."""

    def finish(self) -> None:
        self.status = "completed"


class OwnSession(Session):
    """A project's own class."""

    resource_classes = (QuickTask,)


def test_fields_have_their_types_and_changes_are_known() -> None:
    task = make(Task, id="1", status="pending", priority="high", meta={"a": [1]})

    assert (task.id, task.status, task.meta["a"]) == (1, "pending", [1])
    assert not task.is_changed
    task.meta["a"].append(2)
    assert task.changes == {"meta": {"a": [1, 2]}}
    assert task.revert().meta == {"a": [1]}
    assert repr(task) == "<Task 1 status='pending'>"


def test_relations_are_objects_or_ids() -> None:
    project = make(Project, id=7, title="Streets")
    tag = make(TaskTag, id=3, name="dark")
    tags = [make(TaskTag, id=4, name="wet"), tag]

    task = make(Task, id=1, project=project, tags=tags)

    assert task.project is project
    assert task.project_id == 7
    assert [each.id for each in task.tags] == [4, 3]
    assert make(Task, id=2, project_id=7).project == project
    assert make(Task, id=3, project=7, session=project._session).project is project  # type: ignore[arg-type] # it is one of make_session()


def test_relations_of_other_sessions_stay_the_objects() -> None:
    project, tag = make(Project, id=7, title="Streets"), make(TaskTag, id=3, project=None)

    task = make(Task, id=1, project=project, tags=[tag], session=make_session())

    assert task.project is project
    assert task.project_id == 7
    assert task.to_dict()["project"] == 7


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda task: task.data, "GET tasks/1/"),
        (lambda task: task.refresh(), "GET tasks/1/"),
        (lambda task: task.delete(), "DELETE tasks/1/"),
        (lambda task: task.project.title, "GET projects/7/"),
        (lambda task: list(task.project.tasks), "GET sdk/tasks/?project=7&page_size=100"),
        (lambda task: task.annotate({"a": 1}), "PUT tasks/1/annotate_task_data/"),
    ],
    ids=["field", "refresh", "delete", "relation", "list", "verb"],
)
def test_whatever_asks_says_what_it_would_send(ask: Any, expected: str) -> None:
    task = make(Task, id=1, status="pending", project=7)

    with pytest.raises(UnexpectedRequest, match="no server") as caught:
        ask(task)

    assert caught.value.request.startswith(expected)


def test_saving_says_what_it_would_change() -> None:
    task = make(Task, id=1, status="pending")
    task.status = "completed"

    with pytest.raises(UnexpectedRequest) as caught:
        task.save()

    assert caught.value.request == 'PATCH tasks/1/ {"status":"completed"}'
    assert task.changes == {"status": "completed"}
    assert not isinstance(caught.value, SynapseError)
    same = pickle.loads(pickle.dumps(caught.value))
    assert (str(same), same.request) == (str(caught.value), caught.value.request)


def test_no_way_leads_to_a_network() -> None:
    session = make_session()
    for send in (
        lambda: session.request("POST", "labels/", json={"a": 1}),
        lambda: session.options(retries=0, headers={"X-A": "b"}).tasks.count(),
        lambda: list(session.pages("labels/")),
        lambda: session.health(),
        lambda: session.client.list_tasks(),
        lambda: session.transport.handshake("ws/"),
        lambda: next(iter(session.transport.lines("x/"))),
        lambda: session.transport.put(
            "https://storage.example/x", [b""], headers={"Content-Length": "0"}
        ),
        lambda: session.transport.stream("https://storage.example/x").__enter__(),
    ):
        with pytest.raises(UnexpectedRequest):
            send()


def test_long_bodies_and_secrets_are_not_quoted() -> None:
    session = make_session()

    with pytest.raises(UnexpectedRequest) as caught:
        session.request("POST", "labels/", json={"a": "b" * 10_000})
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (Task, {}, "Pass id=1"),
        (Task, {"id": 1, "statsu": "x"}, r"did you mean 'status'\? Pass"),
        (Task, {"id": 1, "status_id": 3}, "no field 'status_id'"),
        (Task, {"id": 1, "project": 3, "project_id": 3}, "one value"),
        (Task, {"id": 1, "project": make(TaskTag, id=1)}, "takes a Project"),
        (Task, {"id": 1, "meta": "text"}, "takes a dict"),
        (int, {"id": 1}, "not a resource"),
    ],
)
def test_mistakes_are_named(cls: Any, values: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make(cls, **values)


def test_values_of_wrong_types_are_named() -> None:
    with pytest.raises(FieldValueError, match="created"):
        make(Task, id=1, created="yesterday")


def test_session_with_a_server_is_refused() -> None:
    with Session("http://127.0.0.1:9/", "a-token") as session:
        with pytest.raises(UsageError, match="make_session"):
            make(Task, id=1, session=session)
        assert session.request_count == 0


def test_own_classes_have_their_verbs() -> None:
    task = make(QuickTask, id=1, status="pending")
    session = make_session(OwnSession)

    task.finish()

    assert task.changes == {"status": "completed"}
    project = make(Project, id=7, title="Streets")
    assert make(QuickTask, id=3, project=project).project is project
    assert isinstance(make(Task, id=2, session=session), QuickTask)
    assert type(session) is OwnSession


def test_extra_keys_and_doubles() -> None:
    job = make(Job, id="j-1", status="running", extra={"queue": "gpu"})

    assert job.extra["queue"] == "gpu"
    double = create_autospec(job, spec_set=True)
    double.wait.return_value = double
    assert double.wait() is double


def test_an_agent_is_not_reached_either() -> None:
    session = make_session()
    session.meet_agent(1, "http://127.0.0.1:1/", "agent-token")
    api = session.agent_api(1)

    assert api is not None
    with pytest.raises(UnexpectedRequest, match="GET health/"):
        api.health_check()


def test_options_in_force_change_nothing() -> None:
    session = make_session()
    project = make(Project, session=session, id=1)

    with session.options(timeout=1) as copy:
        assert make(Task, id=1, project=project)._session is session
        assert make(Task, session=copy, id=2).id == 2
