"""Copies of sessions, clients and objects that hold them: one set of connections."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

import synapse
from synapse.clients.agent import AgentClient
from synapse.clients.backend import BackendClient


@dataclasses.dataclass
class Job:
    """A program's own class with a client inside."""

    client: Any
    notes: list[str]


@pytest.fixture(params=["client", "session", "own client", "agent client", "transport", "manager"])
def holder(request: pytest.FixtureRequest, session: synapse.Session, emulator: Any) -> Any:
    """Anything with connections."""
    if request.param == "own client":
        return BackendClient(emulator.url, emulator.api_token)
    if request.param == "agent client":
        return AgentClient("http://127.0.0.1:9", "token")
    if request.param == "session":
        return synapse.Session(emulator.url, emulator.api_token)  # not the default one
    shared = {"client": session.client, "transport": session.transport}
    return shared.get(request.param, session.projects.filter(title="a"))


def test_an_object_with_a_client_can_be_copied(holder: Any) -> None:
    original = Job(holder, ["a"])

    copied = copy.deepcopy(original)
    copied.notes.append("b")

    assert original.notes == ["a"]
    if not isinstance(holder, synapse.resources.projects.ProjectManager):
        assert copied.client is holder
        assert copy.copy(holder) is holder
        assert dataclasses.asdict(original)["client"] is holder


def test_a_copy_of_a_client_asks_with_the_same_token(
    emulator: Any, project: synapse.Project
) -> None:
    client = BackendClient(emulator.url, emulator.api_token)
    (copied,) = copy.deepcopy([client])
    assert copied.get_project(project.id)["title"] == "Streets"
    assert emulator.api_token not in repr(copied)


def test_unknown_keys_of_a_server_can_be_copied(session: synapse.Session) -> None:
    (project,) = session.identity.load(synapse.Project, [{"id": 1, "x": {"y": [1]}}])
    copied = copy.deepcopy(project.extra)
    copied["x"]["y"].append(2)  # type: ignore[index] # a mapping here
    assert project.extra == {"x": {"y": [1]}}
