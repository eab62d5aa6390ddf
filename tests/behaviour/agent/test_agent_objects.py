"""An agent as an object of the session."""

from __future__ import annotations

import pickle

import attrs
import pytest
from agent_world import World, eventually

import synapse
from synapse import errors
from synapse.emulator.errors import EmulatorError
from synapse.resources.agent_values import AgentJob, AgentRelease, Metrics, Node
from synapse.resources.enums import JobStatus
from synapse.testing import assert_num_requests
from synapse.testing.agents import RunningAgent


@pytest.fixture
def agent(world: World) -> synapse.Agent:
    return world.session.agents.get(world.agent.token)


def test_by_token_and_then_by_id(world: World, agent: synapse.Agent) -> None:
    with assert_num_requests(world.session, 0):
        assert world.session.agents.get(agent.id) is agent
    assert agent.url == world.agent.url
    assert agent.status == "connected"


def test_by_an_id_that_no_agent_has(world: World) -> None:
    with pytest.raises(errors.NotFound, match="Agent 999"):
        world.session.agents.get(999)


def test_the_agents_of_the_tenant(world: World, agent: synapse.Agent) -> None:
    assert agent in list(world.session.agents.all())
    with world.tenant.session() as other:
        listed = other.agents.get(agent.id)
        assert (listed.name, listed.url) == (agent.name, agent.url)
        with pytest.raises(errors.UsageError, match="needs its token"):
            listed.health()


def test_an_agent_whose_token_isnt_known(world: World, agent: synapse.Agent) -> None:
    other = world.tenant.session()

    with pytest.raises(errors.UsageError, match="needs its token"):
        _ = other.identity.load(synapse.Agent, [{"id": agent.id, "url": agent.url}])[0].jobs


def test_no_pickle_has_the_token(world: World, agent: synapse.Agent) -> None:
    pickled = pickle.dumps([agent, *agent.nodes])

    assert world.agent.token.encode() not in pickled


def test_an_agent_without_an_address(synapse_emulator: object, session: synapse.Session) -> None:
    token = getattr(synapse_emulator, "agent_token")  # noqa: B009 - a fixture of the plugin's

    agent = session.agents.connect(token)

    with pytest.raises(errors.UsageError, match="The server has no address of"):
        agent.health()


def test_nodes(agent: synapse.Agent) -> None:
    (node,) = agent.nodes

    assert isinstance(node, Node)
    assert node.is_alive
    assert node.is_head
    assert (node.resources or {})["CPU"] >= 1
    assert agent.nodes.get(node.id).id == node.id


def test_figures(agent: synapse.Agent) -> None:
    figures = agent.metrics("memory")

    assert isinstance(figures, Metrics)
    assert 0 < figures["available"] <= figures["total"]
    assert agent.health().is_ok


def test_releases_and_jobs(world: World, agent: synapse.Agent) -> None:
    release = agent.plugin_releases.fetch(world.plugin, "1.0.0")
    assert isinstance(release, AgentRelease)
    assert agent.plugin_releases.get("talker@1.0.0") == release
    assert release in list(agent.plugin_releases)

    job = release.run("say", params={"lines": 3})

    assert isinstance(job, AgentJob)
    assert list(job.follow()) == ["line 0", "line 1", "line 2"]
    job = job.refresh()
    assert job.status is JobStatus.SUCCEEDED
    assert job.is_final
    assert job.logs() == ["line 0", "line 1", "line 2"]
    assert job.id in [one.id for one in agent.jobs]
    assert job.id in [one.id for one in agent.jobs.filter(status="SUCCEEDED")]
    assert job.id not in [one.id for one in agent.jobs.filter(status=JobStatus.FAILED)]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        job.status = JobStatus.FAILED  # type: ignore[misc] # is what is tested


def test_stop(world: World, agent: synapse.Agent) -> None:
    job = agent.plugin_releases.fetch("talker", "1.0.0").run("wait")
    eventually(job.refresh, lambda one: one.lines == 1)
    (first, *_) = [task for task in agent.tasks if task.job_id == job.id]
    assert agent.tasks.get(first.id).pid == first.pid

    job.stop()

    assert eventually(job.refresh, lambda one: one.is_final).status is JobStatus.STOPPED
    world.job(job.id, until="stopped")


def test_nothing_is_served(agent: synapse.Agent) -> None:
    assert agent.serve_applications.all() == []


def test_misspelt_state(agent: synapse.Agent) -> None:
    with pytest.raises(errors.UsageError, match="did you mean 'running'"):
        agent.jobs.filter(status="runing")


def test_closed_with_the_session(world: World) -> None:
    session = world.tenant.session()
    agent = session.agents.get(world.agent.token)
    agent.health()

    session.close()

    with pytest.raises(errors.SessionClosed):
        agent.health()


def test_the_fixture(synapse_agent: RunningAgent, synapse_session: synapse.Session) -> None:
    agent = synapse_session.agents.get(synapse_agent.token)

    assert agent.url == synapse_agent.url
    assert agent.health().is_ok


def test_an_agent_that_cant_be_started(world: World) -> None:
    with pytest.raises(EmulatorError, match="knows no agent with this token"):
        RunningAgent(world.tenant.url, "not-known").start()
