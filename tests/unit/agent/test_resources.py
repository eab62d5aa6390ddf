"""Capacity and feasibility, on machines that the tests describe."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from synapse.agent.http_errors import Refusal
from synapse.agent.resources import ClusterResources
from synapse.agent.store import Store

GIB = 1 << 30


@attrs.define
class Cluster:
    """Machines with the given rows."""

    rows: list[dict[str, Any]]
    kind: str = "ray"
    served: list[dict[str, Any]] = attrs.field(factory=list)
    asked: int = 0

    def nodes(self) -> list[dict[str, Any]]:
        self.asked += 1
        return self.rows

    def applications(self) -> list[dict[str, Any]]:
        return self.served


def node(name: str, cpus: float, **options: Any) -> dict[str, Any]:
    total = {"CPU": 8, "memory": 32 * GIB, **options.pop("total", {})}
    available = {"CPU": cpus, "memory": options.pop("memory", 16 * GIB)}
    row = {"node_id": name, "node_name": name, "state": "ALIVE", "resources_total": total}
    return {**row, "resources_available": available, **options}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(
        [
            node("a", 4, is_head_node=True),
            node("b", 6, total={"GPU": 2, "accelerator_type:L4": 1}),
            node("c", 8, state="DEAD"),
        ]
    )


@pytest.fixture
def resources(store: Store, cluster: Any) -> ClusterResources:
    return ClusterResources(store, cluster)


def test_snapshot(resources: ClusterResources, cluster: Cluster) -> None:
    deployments = {"detector": {"replicas": [{}, {}]}, "router": {"replicas": [{}]}}
    cluster.served = [{"name": "detect", "deployments": deployments}, {"name": "idle"}]

    snapshot = resources.snapshot()

    assert snapshot["cpu"] == {"total": 16, "used": 6, "available": 10}
    assert snapshot["memory"]["available"] == 32 * GIB
    assert snapshot["gpu"]["total_gpus"] == 2
    assert snapshot["node_counts"] == {"total": 3, "alive": 2, "dead": 1}
    assert snapshot["total_serve_replicas"] == 3
    assert snapshot["running_jobs"] == 0
    assert [each["is_head_node"] for each in snapshot["nodes"]] == [True, False, False]
    second = snapshot["nodes"][1]
    assert second["accelerator_type"] == "L4"
    assert [gpu["index"] for gpu in second["gpus"]] == [0, 1]


def test_machine_that_says_little(resources: ClusterResources, cluster: Cluster) -> None:
    cluster.rows = [{"node_id": "a", "state": "ALIVE", "resources_total": {"CPU": 4}}]

    (described,) = resources.snapshot()["nodes"]

    assert described["cpu"] == {"total": 4, "used": 0.0, "available": 4}
    assert described["memory"] == {"total": 0.0, "used": 0.0, "available": 0.0}
    assert described["gpus"] == []


def test_cache(resources: ClusterResources, cluster: Cluster) -> None:
    first = resources.snapshot()

    assert resources.snapshot() == first
    assert cluster.asked == 1
    resources.snapshot(use_cache=False)
    assert cluster.asked == 2
    resources.update_policy({"resource_cache_ttl_seconds": 0})
    resources.snapshot()
    assert cluster.asked == 3


def test_policy_is_kept(store: Store, cluster: Any) -> None:
    changed = ClusterResources(store, cluster).update_policy({"max_concurrent_jobs": 7})

    again = ClusterResources(store, cluster)
    assert again.policy() == changed
    assert changed["max_concurrent_jobs"] == 7
    with pytest.raises(Refusal):
        again.update_policy({"max_concurrent_jobs": 8, "unknown": 1})
    assert again.policy() == changed


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"num_cpus": 6}, None),
        ({"num_cpus": 0}, None),
        ({"num_cpus": 5, "num_gpus": 2}, None),
        ({"num_cpus": 3, "replicas": 3}, None),
        ({"num_cpus": 1, "memory_bytes": 16 * GIB, "replicas": 2}, None),
        ({"num_cpus": 7}, "No machine has 7 CPUs free for replica 1 of 1."),
        ({"num_cpus": 4, "replicas": 3}, "No machine has 4 CPUs free for replica 3 of 3."),
        ({"num_cpus": 1, "num_gpus": 3}, "1 CPUs and 3 GPUs"),
        ({"num_cpus": 1, "memory_bytes": 17 * GIB}, "bytes of memory"),
        ({"num_cpus": 1, "replicas": 4}, "0 jobs are here already, and the policy allows 3."),
        ({"num_cpus": 1, "kind": "task", "replicas": 4}, None),
        ({"num_cpus": 1, "kind": "serve", "replicas": 17}, "allows 16"),
        ({"num_cpus": 1, "kind": "container"}, "not containers"),
    ],
)
def test_feasibility(resources: ClusterResources, wish: dict[str, Any], reason: str | None) -> None:
    answer = resources.check({"kind": "job", **wish})

    assert answer["feasible"] is (reason is None)
    assert reason is None or reason in " ".join(answer["reasons"])
    assert answer["requested"]["num_cpus"] == wish["num_cpus"]
    assert answer["available"]["num_cpus"] == 10


def test_serving_needs_a_cluster(resources: ClusterResources, cluster: Cluster) -> None:
    cluster.kind = "local"

    answer = resources.check({"kind": "serve", "num_cpus": 1})

    assert "no Ray cluster" in answer["reasons"][0]


@pytest.mark.parametrize(
    ("policy", "is_feasible"),
    [
        ({"cpu_max_utilization_percent": 37}, False),
        ({"cpu_max_utilization_percent": 38}, True),
        ({"memory_max_utilization_percent": 49}, False),
        ({"max_concurrent_jobs": 0}, False),
        ({"max_concurrent_jobs": 0, "max_concurrent_ray_jobs": 1}, True),
        ({"max_concurrent_jobs": 0, "gatekeeping_enabled": False}, True),
    ],
)
def test_limits(resources: ClusterResources, policy: dict[str, Any], is_feasible: bool) -> None:
    resources.update_policy(policy)

    assert resources.check({"kind": "job", "num_cpus": 1})["feasible"] is is_feasible


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"kind", "num_cpus"}),
        ({"kind": "dance", "num_cpus": 1}, {"kind"}),
        ({"kind": ["job"], "num_cpus": 1}, {"kind"}),
        ({"kind": "job", "num_cpus": -1}, {"num_cpus"}),
        ({"kind": "job", "num_cpus": "1"}, {"num_cpus"}),
        ({"kind": "job", "num_cpus": 1, "num_gpus": True}, {"num_gpus"}),
        ({"kind": "job", "num_cpus": 1, "memory_bytes": 1.5, "replicas": 0}, None),
    ],
)
def test_refused(
    resources: ClusterResources, body: dict[str, Any], fields: set[str] | None
) -> None:
    with pytest.raises(Refusal) as caught:
        resources.check(body)

    assert set(caught.value.body) == (fields or {"memory_bytes", "replicas"})
