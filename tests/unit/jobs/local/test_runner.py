"""The runner of this machine: an engine in the agent's folder, and its processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synapse.agent.tickets import Tickets
from synapse.jobs.local.runner import build_runner
from synapse.jobs.protocols import Machines, Runner, RunnerOptions
from synapse.jobs.spec import JobSpec, Outcome, ReleaseFile

from .conftest import Listener

WAIT = "import time\ndef run():\n print('up', flush=True)\n time.sleep(60)"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[Runner, Machines]]:
    """The runner with one worker, and its machine."""
    runner, machines = build_runner(
        RunnerOptions(
            folder=tmp_path / "agent",
            node_id="node-1",
            workers=1,
            tickets=Tickets("http://127.0.0.1:9"),
        )
    )
    yield runner, machines
    runner.close()


@pytest.fixture
def submit(
    parts: tuple[Runner, Machines], release: Callable[..., ReleaseFile]
) -> Callable[[str], Listener]:
    """Submits a job that waits, and returns its listener."""

    def submit(job_id: str) -> Listener:
        listener = Listener()
        spec = JobSpec(
            job_id=job_id,
            release=release(WAIT),
            action="train",
            params={},
            base_url="http://127.0.0.1:9",
            credentials={},
        )
        parts[0].submit(spec, listener)
        return listener

    return submit


def test_nothing_is_written_before_the_first_job(
    parts: tuple[Runner, Machines], tmp_path: Path
) -> None:
    assert parts[1].tasks() == []
    assert not (tmp_path / "agent" / "engine" / "jobs").exists()


def test_machine_shows_the_running_job(
    parts: tuple[Runner, Machines], submit: Callable[[str], Listener], tmp_path: Path
) -> None:
    listener = submit("job-1")
    listener.line("up")

    [task] = parts[1].tasks()
    assert (task["job_id"], task["node_id"]) == ("job-1", "node-1")
    assert [path.name for path in (tmp_path / "agent" / "engine" / "jobs").iterdir()] == ["job-1"]


def test_as_many_jobs_run_as_workers(
    parts: tuple[Runner, Machines], submit: Callable[[str], Listener]
) -> None:
    first, second = submit("job-1"), submit("job-2")
    first.line("up")
    assert second.told == []

    assert parts[0].stop("job-1")
    second.line("up")

    assert first.end() == Outcome("stopped", "It was stopped.")
    assert [task["job_id"] for task in parts[1].tasks()] == ["job-2"]


def test_closed_runner_shows_no_job(
    parts: tuple[Runner, Machines], submit: Callable[[str], Listener]
) -> None:
    listener = submit("job-1")
    listener.line("up")

    parts[0].close()

    assert listener.end() == Outcome("failed", "The runner was closed while the job ran.")
    assert parts[1].tasks() == []
