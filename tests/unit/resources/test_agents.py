"""Agents: known by their token."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.resources.agents import Agent, connect_path

from .conftest import ScriptedSession

ROW = {"id": 4, "name": "gpu", "url": None, "is_active": True}


def test_getting_an_agent_by_its_token(scripted: ScriptedSession) -> None:
    scripted.reply(ROW)

    agent = scripted.session.agents.get("agent-token")

    assert scripted.requests == [("POST", "/agents/agent-token/connect/")]
    assert scripted.session.agents.get(4) is agent


def test_an_answer_without_an_address(scripted: ScriptedSession) -> None:
    scripted.reply({"id": 4, "name": "gpu"})

    agent = scripted.session.agents.connect("agent-token", name="gpu")

    with pytest.raises(UsageError, match="has no address"):
        agent.health()


def test_an_unknown_id_is_one_request(scripted: ScriptedSession) -> None:
    scripted.reply({**ROW, "id": 5})

    agent = scripted.session.agents.get(5)

    assert (agent.id, agent.name) == (5, "gpu")
    assert scripted.requests == [("GET", "/agents/5/")]


def test_list_of_agents(scripted: ScriptedSession) -> None:
    scripted.reply({"count": 2, "next": None, "results": [ROW, {**ROW, "id": 5}]})

    assert [agent.id for agent in scripted.session.agents.all()] == [4, 5]
    assert scripted.requests[0][1].partition("?")[0] == "/agents/"


def test_an_agent_without_an_address_or_a_token(scripted: ScriptedSession) -> None:
    scripted.reply(ROW)
    agent = scripted.session.agents.get("agent-token")
    with pytest.raises(UsageError, match="has no address"):
        agent.health()

    other = scripted.session.identity.load(Agent, [{**ROW, "id": 9}])[0]
    with pytest.raises(UsageError, match="needs its token"):
        other.health()


@pytest.mark.parametrize("token", ["", "..", "a/b", "a\nb", None])
def test_a_malformed_token_is_not_shown(token: str) -> None:
    with pytest.raises(UsageError, match="token is malformed") as caught:
        connect_path(token)

    assert repr(token) not in str(caught.value)
