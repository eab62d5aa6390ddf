"""Agents that come back without their jobs, and agents that don't come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import World, make_world

import synapse
from synapse.emulator import Emulator

pytestmark = pytest.mark.slow

REASON = "The agent has sent no heartbeat for 3 s."
RESET = "The agent was reset, and lost the job."


@pytest.fixture
def watched(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """An agent of a backend that waits for some seconds."""
    with Emulator(agent_timeout=request.param) as emulator:
        yield from make_world(emulator, tmp_path)


@pytest.mark.parametrize("watched", [40], indirect=True)
def test_agent_that_returns_with_an_empty_folder_has_lost_its_jobs(watched: World) -> None:
    job = watched.job(watched.run("wait"), until="running")

    watched.agent.kill()
    (watched.folder / "agent").rename(watched.folder / "lost")
    watched.agent.start()

    with pytest.raises(synapse.JobFailed) as raised:
        job.wait(timeout=60, progress=False)
    assert raised.value.lines[-1] == RESET


@pytest.mark.parametrize("watched", [3], indirect=True)  # less than between two heartbeats
def test_agent_that_never_returns_ends_the_waiting(watched: World) -> None:
    job = watched.session.jobs.get(watched.run("wait"))
    watched.agent.kill()

    with pytest.raises(synapse.JobFailed) as raised:
        job.wait(timeout=60, progress=False)
    assert raised.value.lines[-1] == REASON
