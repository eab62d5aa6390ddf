"""Lists of an agent."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import InvalidQuery
from synapse.resources.agent_collections import AgentJobs, AgentReleases


class Client:
    """An agent's client with two jobs and a release."""

    def __init__(self) -> None:
        self.params: list[dict[str, Any]] = []
        self.is_whole: list[bool] = []

    def list_jobs(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        self.params.append(params)
        return [{"id": "j1"}, {"id": "j2"}]

    def get_job(self, job_id: str) -> dict[str, Any]:
        return {"id": job_id}

    def list_plugin_releases(self, params: Any, *, list_all: bool = False) -> Any:
        self.is_whole.append(list_all)
        return iter([{"key": "digits@1.0.0"}])

    def get_plugin_release(self, lookup: str) -> Any: ...

    def create_plugin_release(self, plugin: str, version: str) -> dict[str, Any]:
        return {"key": f"{plugin}@{version}"}


@pytest.fixture
def client() -> Any:
    """An agent's client."""
    return Client()


def test_a_list_is_one_request(client: Any) -> None:
    assert [job.id for job in AgentJobs(client)] == ["j1", "j2"]
    assert client.params == [{}]
    assert AgentJobs(client).get("j7").id == "j7"


def test_releases_come_from_all_pages(client: Any) -> None:
    assert [release.key for release in AgentReleases(client).all()] == ["digits@1.0.0"]
    assert client.is_whole == [True]


def test_a_filter_asks_for_each_spelling(client: Any) -> None:
    list(AgentJobs(client).filter(status="succeeded"))

    assert client.params[0]["status"] == ["completed", "SUCCEEDED"]
    with pytest.raises(InvalidQuery, match="'runing' is not a status; did you mean 'running'"):
        AgentJobs(client).filter(status="runing")


def test_fetching_a_release(client: Any) -> None:
    assert AgentReleases(client).fetch("digits", "1.0.0").key == "digits@1.0.0"
