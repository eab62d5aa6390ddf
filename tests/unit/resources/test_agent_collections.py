"""Lists of an agent."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import InvalidQuery, InvalidResponse
from synapse.resources.agent_collections import AgentJobs, AgentReleases, Nodes


class Client:
    """An agent's client with two pages of jobs."""

    def __init__(self) -> None:
        self.params: list[dict[str, Any]] = []
        self.nodes: Any = [{"id": "n1"}]

    def list_jobs(self, params: dict[str, Any]) -> dict[str, Any]:
        self.params.append(params)
        number = params["page"]
        return {"results": [{"id": f"j{number}"}], "next": "x" if number == 1 else None}

    def get_job(self, job_id: str) -> dict[str, Any]:
        return {"id": job_id}

    def list_plugin_releases(self, params: Any) -> Any: ...

    def get_plugin_release(self, release: str) -> Any: ...

    def create_plugin_release(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"key": f"{data['plugin']}@{data['version']}"}

    def list_nodes(self, params: Any) -> Any:
        return self.nodes

    def get_node(self, node_id: str) -> Any: ...


@pytest.fixture
def client() -> Any:
    """An agent's client."""
    return Client()


def test_each_page_is_one_request(client: Any) -> None:
    assert [job.id for job in AgentJobs(client)] == ["j1", "j2"]
    assert client.params == [{"page": 1, "page_size": 100}, {"page": 2, "page_size": 100}]
    assert AgentJobs(client).get("j7").id == "j7"


def test_a_filter_asks_for_each_spelling(client: Any) -> None:
    list(AgentJobs(client).filter(status="succeeded"))

    assert client.params[0]["status"] == ["completed", "SUCCEEDED"]
    with pytest.raises(InvalidQuery, match="'runing' is not a status; did you mean 'running'"):
        AgentJobs(client).filter(status="runing")


def test_a_plain_list_is_the_only_page(client: Any) -> None:
    assert [node.id for node in Nodes(client).all()] == ["n1"]

    client.nodes = "none"
    with pytest.raises(InvalidResponse, match="not a list"):
        Nodes(client).all()


def test_fetching_a_release(client: Any) -> None:
    assert AgentReleases(client).fetch("digits", "1.0.0").key == "digits@1.0.0"
