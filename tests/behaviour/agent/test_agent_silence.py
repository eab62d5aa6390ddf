"""Agents that come back without their jobs, and agents that don't come back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import World, make_world

import synapse
from synapse.emulator import Emulator

REASON = "The agent has sent no heartbeat for 12 s."
RESET = "The agent was reset, and lost the job."


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[World]:
    """An agent of a backend that waits for twelve seconds."""
    with Emulator(agent_timeout=12) as emulator:
        yield from make_world(emulator, tmp_path)


def test_agent_that_returns_with_an_empty_folder_has_lost_its_jobs(watched: World) -> None:
    job = watched.job(watched.run("wait"), until="running")

    watched.agent.kill()
    shutil.rmtree(watched.folder / "agent")
    watched.agent.start()

    with pytest.raises(synapse.JobFailed) as raised:
        job.wait(timeout=60, progress=False)
    assert raised.value.lines[-1] == RESET


def test_agent_that_never_returns_ends_the_waiting(watched: World) -> None:
    job = watched.job(watched.run("wait"), until="running")

    watched.agent.kill()

    with pytest.raises(synapse.JobFailed) as raised:
        job.wait(timeout=60, progress=False)
    assert raised.value.lines[-1] == REASON
