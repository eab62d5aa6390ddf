"""Rows and words of the backend that scripts import."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.clients.backend import models
from synapse.clients.backend.models import AgentRecord, WireJobStatus
from synapse.clients.record import Record

SCRIPT = f"curl https://example.com/agents/{'0a' * 20}/node_install_script"


@pytest.mark.parametrize(
    ("row", "token", "is_connected"),
    [
        ({}, None, False),
        ({"status": "connected", "token": "abc"}, "abc", True),
        ({"status": "CONNECTED", "node_install_script": SCRIPT}, "0a" * 20, True),
        ({"status": None, "node_install_script": "curl https://example.com"}, None, False),
    ],
)
def test_agent(row: dict[str, Any], token: str | None, is_connected: bool) -> None:
    agent = AgentRecord(row)

    assert (agent.token, agent.extract_token(), agent.is_connected) == (token, token, is_connected)
    assert agent.url is None


def test_states_are_those_of_the_wire() -> None:
    assert [str(status) for status in WireJobStatus] == [
        *("PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED")
    ]
    assert models.JobStatus("SUCCEEDED") == "SUCCEEDED"


def test_request_models_are_mappings() -> None:
    request = models.UpdateJobRequest(status=models.JobStatus.RUNNING, meta=None)

    assert isinstance(request, Record)
    assert request.model_dump(exclude_none=True) == {"status": "RUNNING"}
