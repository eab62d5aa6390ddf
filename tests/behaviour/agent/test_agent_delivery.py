"""The agent delivers each report about a job once, whatever fails on the way."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from agent_world import World, eventually, make_world

from synapse.emulator import Emulator
from synapse.errors import ClientError

pytestmark = pytest.mark.slow

LINES = [f"line {number}" for number in range(40)]


def printed(job: Any) -> list[str]:
    return [line.message for line in job.logs()]


@pytest.mark.parametrize("kind", ["lost", "reset", "cut", "cut-headers", "empty", "html", "500"])
def test_an_answer_that_is_lost(own_world: World, kind: str) -> None:
    """The agent doesn't know whether its lines arrived, and finds out."""
    with own_world.tenant.fault(kind, method="PATCH", path="jobs/*", count=2) as fault:
        job_id = own_world.run("say", lines=40, pause=0.05)
        job = own_world.job(job_id, until="succeeded", timeout=60)

    assert printed(job) == LINES
    assert fault.served == 2


@pytest.fixture
def proxied(
    synapse_backend: Emulator, tmp_path: Path, proxy_to: Callable[..., Any]
) -> Iterator[tuple[World, Any]]:
    """An agent whose way to the backend can be closed."""
    proxy = proxy_to(synapse_backend.url)
    for world in make_world(synapse_backend, tmp_path, backend=proxy.url):
        yield world, proxy


def test_a_backend_that_is_away(proxied: tuple[World, Any]) -> None:
    world, proxy = proxied
    job_id = world.run("say", lines=40, pause=0.05)
    eventually(lambda: world.client.get_job(job_id), lambda job: job["lines"] > 5)

    proxy.refuse()
    eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])
    assert world.client.get_metrics("jobs")["values"]["unreported"] == 1
    assert str(world.session.jobs.get(job_id, refresh=True).status) == "running"
    proxy.listen()

    job = world.job(job_id, until="succeeded", timeout=60)
    assert printed(job) == LINES


@pytest.mark.parametrize("action", ["say", "wait"])
def test_a_job_that_was_stopped_when_the_agent_could_not_be_told(
    synapse_backend: Emulator, tmp_path: Path, proxy_to: Callable[..., Any], action: str
) -> None:
    """The backend can't reach the agent; the agent learns of it when it says something next."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    proxy = proxy_to(f"http://127.0.0.1:{port}")
    for world in make_world(synapse_backend, tmp_path, port=port, url=proxy.url):
        params = {"lines": 3000, "pause": 0.1} if action == "say" else {}
        job_id = world.run(action, **params)
        job = world.job(job_id, until="running")
        proxy.refuse()
        job.stop()
        world.job(job_id, until="stopped")
        proxy.listen()

        ended = eventually(partial(world.client.get_job, job_id), _has_ended)

        assert ended["status"] == "STOPPED"
        assert world.job(job_id, until="stopped").logs().count() < 100


def _has_ended(job: dict[str, Any]) -> bool:
    return job["completed"] is not None


def test_an_agent_that_is_killed_before_it_said_all(proxied: tuple[World, Any]) -> None:
    world, proxy = proxied
    job_id = world.run("say", lines=40, pause=0.05)
    eventually(lambda: world.client.get_job(job_id), lambda job: job["lines"] > 5)
    proxy.refuse()
    eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])

    world.agent.kill()
    proxy.listen()
    world.agent.start()

    job = world.job(job_id, until="succeeded", timeout=60)
    assert printed(job) == LINES


def test_an_agent_that_is_killed_while_a_job_runs(own_world: World) -> None:
    job_id = own_world.run("wait")
    eventually(lambda: own_world.client.get_job(job_id), lambda job: job["lines"] == 1)

    own_world.agent.kill()
    own_world.agent.start()

    job = own_world.job(job_id, until="failed")
    assert printed(job) == ["waiting", "The agent was restarted while the job ran."]
    seen = own_world.client.get_job(job_id)
    assert (seen["status"], seen["message"]) == (
        "FAILED",
        "The agent was restarted while the job ran.",
    )
    assert own_world.client.get_plugin_release("talker@1.0.0")["plugin"] == "talker"


def test_an_agent_that_is_stopped_says_so(own_world: World) -> None:
    job_id = own_world.run("wait")
    eventually(lambda: own_world.client.get_job(job_id), lambda job: job["lines"] == 1)

    own_world.agent.stop()

    job = own_world.job(job_id, until="failed", timeout=1)
    assert printed(job)[:2] == ["waiting", "cleaned up"]
    assert str(job.logs()[-1].level) == "error"


def test_many_lines(own_world: World) -> None:
    job_id = own_world.run("say", lines=20_000)

    job = own_world.job(job_id, until="succeeded", timeout=60)

    assert printed(job) == [f"line {number}" for number in range(20_000)]


def test_a_backend_that_was_restarted(tmp_path: Path) -> None:
    """It has forgotten the agent's address, and hears it again."""
    data = tmp_path / "backend"
    with Emulator(data) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        worlds = make_world(emulator, tmp_path)
        world = next(worlds)
        again = Emulator(data, port=port)
        emulator.stop()
        with again:
            job_id = eventually(lambda: _run(world), bool, timeout=30)

            assert printed(world.job(job_id, until="succeeded")) == LINES[:3]
            world.agent.stop()
            world.client.close()
            world.tenant.close()
            worlds.close()


def _run(world: World) -> str | None:
    try:
        return world.run("say")
    except ClientError:
        return None
