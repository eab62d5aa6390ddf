"""The runner of a cluster: jobs by their ids, requests to stop, and the end of all jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.agent.tickets import Tickets
from synapse.errors import ConfigurationError
from synapse.jobs.protocols import RunnerOptions
from synapse.jobs.ray.runner import RayRunner, build_runner
from synapse.jobs.spec import JobSpec, Outcome
from unit.jobs.local.conftest import Listener

from .head import StandInHead

Build = Callable[..., RayRunner]


@pytest.fixture
def build(head: StandInHead) -> Iterator[Build]:
    """Builds runners of the head, and closes them at the end."""
    runners: list[RayRunner] = []

    def build(**options: Any) -> RayRunner:
        tickets = Tickets("http://127.0.0.1:9")
        runners.append(RayRunner(head.dashboard.url, orders=tickets, patience=5, **options))
        return runners[-1]

    yield build
    for runner in runners:
        runner.close()


def submit(runner: RayRunner, spec: JobSpec) -> Listener:
    listener = Listener()
    runner.submit(spec, listener)
    return listener


def test_malformed_address() -> None:
    with pytest.raises(ConfigurationError):
        RayRunner("not an address", orders=Tickets("http://127.0.0.1:9"))


def test_nothing_is_sent_before_the_first_job(head: StandInHead, build: Build) -> None:
    assert not build().stop("job-1")

    assert head.requests == []


def test_ended_job_can_not_be_stopped(build: Build, spec: JobSpec) -> None:
    runner = build()

    assert submit(runner, spec).end() == Outcome("completed")
    runner.close()

    assert not runner.stop(spec.job_id)


def test_options_reach_the_cluster(head: StandInHead, build: Build, spec: JobSpec) -> None:
    runner = build(
        token="the-clusters-token",
        runtime_env={"env_vars": {"A": "1"}},
        resources={"trainer": 1},
    )

    submit(runner, spec).end()

    assert head.submission is not None
    assert head.submission["runtime_env"]["env_vars"]["A"] == "1"
    assert head.submission["entrypoint_resources"] == {"trainer": 1}
    assert {headers.get("Authorization") for headers in head.dashboard.headers} == {
        "Bearer the-clusters-token"
    }


def test_stop_while_it_runs(head: StandInHead, build: Build, spec: JobSpec) -> None:
    head.status, head.logs, runner = "RUNNING", "up\n", build()
    listener = submit(runner, spec)
    listener.line("up")

    assert runner.stop(spec.job_id)

    assert listener.end() == Outcome("stopped", "It was stopped.")
    assert "POST /api/jobs/job-1/stop" in head.requests


def test_close_ends_the_jobs(head: StandInHead, build: Build, spec: JobSpec) -> None:
    head.status, head.logs, runner = "RUNNING", "up\n", build()
    listener = submit(runner, spec)
    listener.line("up")

    runner.close()

    assert listener.outcome == Outcome("failed", "The agent was shut down while the job ran.")
    assert head.status == "STOPPED"


def test_closed_runner_fails_further_jobs(head: StandInHead, build: Build, spec: JobSpec) -> None:
    runner = build()
    runner.close()

    listener = submit(runner, spec)

    assert listener.end() == Outcome("failed", "The agent is shutting down.")
    assert head.requests == []


def test_machines_are_the_clusters(head: StandInHead, tmp_path: Path) -> None:
    runner, machines = build_runner(
        RunnerOptions(
            folder=tmp_path,
            node_id="node-1",
            workers=1,
            tickets=Tickets("http://127.0.0.1:9"),
            address=head.dashboard.url,
            cluster_token="the-clusters-token",
        )
    )
    machines.end("job-1")
    runner.close()

    assert head.requests == ["POST /api/jobs/job-1/stop"]
    assert head.dashboard.headers[0]["Authorization"] == "Bearer the-clusters-token"
