"""Values that an agent shows."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from synapse.errors import InvalidResponse, UsageError
from synapse.resources.agent_values import (
    AgentHealth,
    AgentJob,
    AgentRelease,
    Node,
    build_value,
    fetch_metrics,
)
from synapse.resources.enums import JobStatus


class Client:
    """An agent's client with fixed responses."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def get_job(self, job_id: str) -> dict[str, Any]:
        self.calls.append(("get_job", job_id))
        return {"job_id": job_id, "status": "STOPPED"}

    def get_job_logs(self, job_id: str) -> str:
        return f"one\n{job_id}\n"

    def stop_job(self, job_id: str) -> None:
        self.calls.append(("stop_job", job_id))

    def run_plugin_release(self, release: str, data: Any) -> dict[str, Any]:
        self.calls.append((release, data))
        return {"job_id": "j2"} if data["params"] else {}

    def get_metrics(self, panel: str) -> dict[str, Any]:
        return {"panel": panel, "values": {"used": 0.5}}


@pytest.fixture
def client() -> Any:
    """An agent's client."""
    return Client()


def test_fields_are_found_under_each_name(client: Any) -> None:
    job = build_value(AgentJob, {"submission_id": "j1", "status": "PENDING"}, client)
    node = build_value(Node, {"node_id": "n1", "state": "ALIVE"}, client)

    assert (job.id, job.status, job.is_final) == ("j1", JobStatus.QUEUED, False)
    assert (node.id, node.is_alive) == ("n1", True)


@pytest.mark.parametrize("row", [None, [], {}, {"job_id": "j", "created": "yesterday"}])
def test_a_malformed_response(row: Any, client: Any) -> None:
    with pytest.raises(InvalidResponse, match="the response is not a AgentJob"):
        build_value(AgentJob, row, client)


def test_stopping_and_reading_a_job(client: Any) -> None:
    job = build_value(AgentJob, {"id": "j1"}, client)

    assert job.stop().status is JobStatus.STOPPED
    assert job.logs() == ["one", "j1"]
    assert client.calls == [("stop_job", "j1"), ("get_job", "j1")]


def test_running_a_release(client: Any) -> None:
    release = build_value(AgentRelease, {"key": "digits@1"}, client)

    assert release.run("train", params={"epochs": 3}).id == "j2"
    assert client.calls[0] == (
        "digits@1",
        {"params": {"epochs": 3}, "debug": False, "action": "train"},
    )
    with pytest.raises(InvalidResponse, match="no job_id"):
        release.run()


def test_metrics_by_name(client: Any) -> None:
    assert fetch_metrics(client, "cpu")["used"] == 0.5


def test_a_value_without_a_client(client: Any) -> None:
    job = build_value(AgentJob, {"id": "j1"}, client)

    with pytest.raises(UsageError, match="has no agent"):
        AgentJob(id="j1").refresh()
    with pytest.raises(UsageError, match="has no agent"):
        pickle.loads(pickle.dumps(job)).refresh()
    assert AgentHealth(status="ok").is_ok
