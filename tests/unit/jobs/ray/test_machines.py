"""A cluster as the agent shows it, and a cluster that doesn't answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synapse.clients.agent.ray import RayClient
from synapse.jobs.protocols import MachinesUnavailable
from synapse.jobs.ray.machines import RayMachines
from unit.clients.agent.dashboard import Answer, Dashboard


@pytest.fixture
def machines(dashboard: Dashboard) -> Iterator[RayMachines]:
    with RayClient(dashboard.url) as client:
        yield RayMachines(client)


def list_rows(*rows: dict[str, Any]) -> Answer:
    """Return the state API's response with these rows."""
    count = len(rows)
    listing = {"result": rows, "total": count, "num_filtered": count, "num_after_truncation": count}
    return 200, {"data": {"result": listing}}


def test_nodes_and_tasks_are_the_clusters(dashboard: Dashboard, machines: RayMachines) -> None:
    rows = {"/api/v0/nodes": {"node_id": "n1"}, "/api/v0/tasks": {"task_id": "t1"}}
    dashboard.answer = lambda _, path, __: list_rows(rows[path.partition("?")[0]])

    assert machines.nodes() == [{"node_id": "n1"}]
    assert machines.tasks() == [{"task_id": "t1"}]


def serve(dashboard: Dashboard, *names: str, source: str = "declarative") -> dict[str, Any]:
    """Have the dashboard serve applications, and return what it stores."""

    def describe(name: str) -> dict[str, Any]:
        config = {"name": name, "import_path": "a:b"}
        return {"name": name, "status": "RUNNING", "source": source, "deployed_app_config": config}

    stored: dict[str, Any] = {"applications": {name: describe(name) for name in names}}

    def answer(method: str, path: str, body: Any) -> Answer:
        if method == "PUT":
            kept = {application["name"] for application in body["applications"]}
            for name in stored["applications"].keys() - kept:
                del stored["applications"][name]
        return 200, stored

    dashboard.answer = answer
    return stored


def test_applications_are_sorted_by_name(dashboard: Dashboard, machines: RayMachines) -> None:
    serve(dashboard, "b", "a")

    assert [application["name"] for application in machines.applications()] == ["a", "b"]


def test_one_application_is_deleted(dashboard: Dashboard, machines: RayMachines) -> None:
    stored = serve(dashboard, "a", "b")

    assert machines.delete_application("a")

    assert list(stored["applications"]) == ["b"]


def test_unknown_application_is_not_deleted(dashboard: Dashboard, machines: RayMachines) -> None:
    stored = serve(dashboard, "a")

    assert not machines.delete_application("c")

    assert list(stored["applications"]) == ["a"]


def test_job_is_stopped_on_the_cluster(dashboard: Dashboard, machines: RayMachines) -> None:
    dashboard.answer = lambda *_: (200, {"stopped": True, "status": "STOPPED"})

    machines.end("job-1")

    assert dashboard.asked[0] == ("POST", "/api/jobs/job-1/stop", None)


@pytest.mark.parametrize("answer", [(404, "Job job-1 does not exist"), None], ids=["gone", "away"])
def test_end_of_a_job_that_can_not_be_stopped_is_no_error(
    dashboard: Dashboard, machines: RayMachines, answer: Answer | None
) -> None:
    dashboard.answer = lambda *_: answer

    machines.end("job-1")

    assert dashboard.asked[0][1] == "/api/jobs/job-1/stop"


def test_cluster_that_answers_has_no_problem(dashboard: Dashboard, machines: RayMachines) -> None:
    dashboard.answer = lambda *_: (200, {"ray_version": "2.50.0"})

    assert machines.problem() is None
    assert [path for _, path, _ in dashboard.asked] == ["/api/version"]


def test_cluster_that_refuses_the_token_has_a_problem(
    dashboard: Dashboard, machines: RayMachines
) -> None:
    dashboard.answer = lambda *_: (403, "Forbidden: Invalid token")

    problem = machines.problem()

    assert problem == "The Ray cluster can't be asked: Forbidden: Invalid token."


@pytest.mark.parametrize(
    "ask",
    [
        RayMachines.nodes,
        RayMachines.tasks,
        RayMachines.applications,
        lambda machines: machines.delete_application("a"),
    ],
    ids=["nodes", "tasks", "applications", "delete_application"],
)
def test_cluster_that_refuses_is_unavailable(
    dashboard: Dashboard, machines: RayMachines, ask: Callable[[RayMachines], Any]
) -> None:
    dashboard.answer = lambda *_: (403, "Forbidden: Invalid token")

    with pytest.raises(MachinesUnavailable, match=r"^The Ray cluster can't be asked: .*Forbidden"):
        ask(machines)


def test_cluster_that_is_away_is_unavailable(refusing_port: int) -> None:
    with (
        RayClient(f"http://127.0.0.1:{refusing_port}") as client,
        pytest.raises(MachinesUnavailable, match="the connection was refused"),
    ):
        RayMachines(client).nodes()
