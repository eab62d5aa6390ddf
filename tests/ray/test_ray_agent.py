"""An agent whose jobs run on a real Ray head: the same endpoints, and the same ends."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from head import RayHead

import synapse
from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient
from synapse.emulator import Emulator
from synapse.testing.agents import RunningAgent
from synapse.testing.tenants import EmulatorTenant

CONFIG = """
code: ray-talker
name: Ray talker
version: 1.0.0
category: export
actions:
  say: {entrypoint: "talker:say"}
  wait: {entrypoint: "talker:wait"}
  fail: {entrypoint: "talker:fail"}
"""
CODE = """
import time

def say(context):
    for number in range(context.params["lines"]):
        print("line", number)
    return {"user": context.session.me.username}

def wait():
    print("waiting")
    time.sleep(600)

def fail():
    raise RuntimeError("boom")
"""


def make_release(folder: Path) -> Path:
    path = folder / "talker.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.yaml", CONFIG)
        archive.writestr("talker.py", CODE)
    return path


@attrs.frozen
class World:
    session: synapse.Session
    plugin: synapse.Plugin
    agent: synapse.Agent
    client: AgentClient


@pytest.fixture(scope="module")
def world(
    head: RayHead, synapse_backend: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("agent")
    tenant = EmulatorTenant(synapse_backend)
    session = tenant.session(cache_ttl=0)
    plugin = session.plugins.create(code="ray-talker", name="Ray talker", category="export")
    plugin.release("1.0.0", make_release(folder))
    with (
        RunningAgent(tenant.url, tenant.agent_token, data=folder / "data", ray=head.url) as running,
        AgentClient(running.url, running.token) as client,
    ):
        yield World(session, plugin, session.agents.get(running.token), client)
    tenant.close()


def eventually(ask: Callable[[], Any], is_so: Callable[[Any], bool], timeout: float = 60) -> Any:
    until = time.monotonic() + timeout
    while not is_so(found := ask()):
        assert time.monotonic() < until, f"It is still {found!r}."
        time.sleep(0.2)
    return found


def ended(world: World, job: synapse.Job) -> synapse.Job:
    return eventually(  # type: ignore[no-any-return] # what it was given
        lambda: world.session.jobs.get(job.id, refresh=True),
        lambda one: str(one.status) not in ("queued", "running"),
    )


def test_cluster(world: World) -> None:
    assert world.agent.health().runner == "ray"
    # A head that has just started may not know its own node yet.
    nodes = eventually(lambda: [*world.agent.nodes.all()], bool)
    assert [node.is_alive for node in nodes] == [True]
    assert world.client.get_node(nodes[0].id)["node_id"] == nodes[0].id
    assert isinstance(world.client.list_tasks(), list)
    assert world.agent.serve_applications.all() == []


def test_job(world: World) -> None:
    job = world.plugin.run("say", params={"lines": 3}, agent=world.agent)

    job = ended(world, job)

    assert str(job.status) == "succeeded", [line.message for line in job.logs()]
    assert job.result == {"user": world.session.me.username}
    said = [line.message for line in job.logs()]
    assert [line for line in said if line.startswith("line ")] == ["line 0", "line 1", "line 2"]
    assert list(world.client.tail_job_logs(job.id)) == said


def test_failure(world: World) -> None:
    job = ended(world, world.plugin.run("fail", agent=world.agent))

    assert str(job.status) == "failed"
    said = [line.message for line in job.logs()]
    assert "RuntimeError: boom" in said
    assert world.agent.jobs.get(job.id).message == said[-1]


def test_stop(world: World) -> None:
    job = world.plugin.run("wait", agent=world.agent)
    eventually(
        lambda: [line.message for line in job.logs()], lambda said: "waiting" in said, timeout=90
    )

    world.client.stop_job(job.id)

    assert str(ended(world, job).status) == "stopped"


def test_an_agent_that_is_killed_leaves_nothing_running(
    head: RayHead, synapse_backend: Emulator, ray_client: RayClient, tmp_path: Path
) -> None:
    tenant = EmulatorTenant(synapse_backend)
    session = tenant.session(cache_ttl=0)
    plugin = session.plugins.create(code="ray-talker", name="Ray talker", category="export")
    plugin.release("1.0.0", make_release(tmp_path))
    with RunningAgent(
        tenant.url, tenant.agent_token, data=tmp_path / "data", ray=head.url
    ) as running:
        job = plugin.run("wait", agent=session.agents.get(running.token))
        eventually(
            lambda: [line.message for line in job.logs()], lambda said: "waiting" in said, 90
        )

        running.kill()
        running.start()

        eventually(lambda: str(session.jobs.get(job.id, refresh=True).status), "failed".__eq__)
        eventually(lambda: ray_client.get_job(job.id)["status"], "STOPPED".__eq__)
    tenant.close()
