"""The runners by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import ConfigurationError
from synapse.jobs import registry
from synapse.jobs.protocols import RunnerOptions


class NoTickets:
    def issue(self, order: object, /) -> str:
        raise AssertionError(order)

    def url(self, ticket: str, /) -> str:
        raise AssertionError(ticket)

    def revoke(self, ticket: str, /) -> None:
        raise AssertionError(ticket)


def options(folder: Path, address: str | None = None) -> RunnerOptions:
    return RunnerOptions(
        folder=folder, node_id="node-1", workers=1, tickets=NoTickets(), address=address
    )


def test_local_jobs_run_on_this_machine(tmp_path: Path) -> None:
    runner, machines = registry.build_runner("local", options(tmp_path))

    assert machines.kind == "local"
    assert [node["node_id"] for node in machines.nodes()] == ["node-1"]
    runner.close()


def test_a_ray_cluster_is_not_asked_before_a_job_comes(tmp_path: Path) -> None:
    runner, machines = registry.build_runner("ray", options(tmp_path, "http://127.0.0.1:1"))

    assert machines.kind == "ray"
    runner.close()


def test_a_ray_cluster_needs_an_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Pass --ray"):
        registry.build_runner("ray", options(tmp_path))


def test_an_unknown_runner_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Runner 'lokal' does not exist; did you mean"):
        registry.build_runner("lokal", options(tmp_path))
