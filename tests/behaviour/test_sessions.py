"""Sessions: the default session, construction and repr."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest

import synapse
from synapse import Project, Session, Task
from synapse.orm import session_base
from synapse.testing import assert_num_requests


@pytest.fixture
def environment(emulator: Any, monkeypatch: Any) -> Any:
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    return emulator


def test_the_first_use_of_a_class_connects_by_the_environment(environment: Any) -> None:
    assert Project.objects.count() == 0
    session = session_base.default()
    assert Task.objects.count() == 0
    assert session_base.default() is session
    assert isinstance(session, Session)
    assert session.request_count == 2
    session.close()


def test_the_first_use_on_two_threads_makes_one_session(environment: Any, monkeypatch: Any) -> None:
    made: list[Session] = []
    both_are_connecting = threading.Barrier(2)

    def connect() -> Session:
        with contextlib.suppress(threading.BrokenBarrierError):
            both_are_connecting.wait(0.2)  # in vain, if only one at a time gets here
        made.append(Session())
        return made[-1]

    monkeypatch.setattr(session_base, "_connect", connect)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(session_base.default())) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == made * 2
    made[0].close()


def test_a_class_follows_the_default_session(backend: Any, project: Project) -> None:
    manager = Project.objects
    assert manager.count() == 1
    other = backend.create_tenant()
    with synapse.connect(backend.url, other.api_token):
        assert manager.count() == 0


def test_an_object_stays_with_its_session(session: Session, project: Project, backend: Any) -> None:
    other = backend.create_tenant()
    connected = synapse.connect(backend.url, other.api_token)
    with connected, assert_num_requests(connected, 0), assert_num_requests(session, 1):
        assert len(list(project.tasks)) == 2


def test_a_tenant_is_chosen_by_its_code(backend: Any, session: Session, emulator: Any) -> None:
    other = backend.create_tenant(member=emulator.api_token)
    session.projects.create(title="Mine", category="text")
    with Session(emulator.url, emulator.api_token, tenant=other.tenant) as there:
        assert there.projects.count() == 0
        assert there.key == (session.key[0], other.tenant)


def test_requests_are_counted(session: Session) -> None:
    with assert_num_requests(session, 2):
        session.projects.count()
        session.projects.exists()
    wrong = pytest.raises(AssertionError, match="Expected 1 requests, but 0 were made")
    with wrong, assert_num_requests(session, 1):
        pass


def test_an_error_inside_is_not_covered_by_the_count(session: Session) -> None:
    with pytest.raises(ZeroDivisionError), assert_num_requests(session, 5):
        raise ZeroDivisionError


def test_the_session_says_who_it_is(session: Session) -> None:
    with assert_num_requests(session, 1):
        me = session.me
    with assert_num_requests(session, 0):
        assert isinstance(me.username, str)
        assert me.username
    assert session.me is me


def test_the_session_says_whether_the_server_is_up(session: Session, emulator: Any) -> None:
    with assert_num_requests(session, 1):
        assert session.health()
    with Session(emulator.url, "wrong-token") as stranger:
        assert stranger.health() == session.health()


def test_the_older_names_are_over_the_same_connection(session: Session) -> None:
    with assert_num_requests(session, 0):
        client = session.client
        assert session.client is client
    with assert_num_requests(session, 1):
        client.list_projects()


def test_two_sessions_can_share_a_connection(session: Session, project: Project) -> None:
    other = Session(transport=session.transport)
    with assert_num_requests(session, 1):
        assert other.projects.get(project.id) == project
    assert other.projects.get(project.id) is not project
    assert other.key == session.key
