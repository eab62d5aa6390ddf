"""The capacity of an agent's machines, and whether more work has room on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import attrs

from synapse._internal.validate import is_int, is_number
from synapse.agent.gpus import list_gpus, summarize_gpus
from synapse.agent.http_errors import Refusal
from synapse.agent.policy import ResourcePolicy
from synapse.agent.store import Store
from synapse.jobs.protocols import Machines

__all__ = ["ClusterResources"]

_KINDS = ("job", "task", "serve", "container")
_POLICY = "policy"


class ClusterResources:
    """The resources of the machines that jobs run on.

    Args:
        store: The agent's store, which keeps the policy.
        cluster: The machines.
    """

    def __init__(self, store: Store, cluster: Machines) -> None:
        self._store = store
        self._cluster = cluster
        self._lock = threading.Lock()
        self._cached: dict[str, Any] | None = None
        self._cached_at = 0.0

    def policy(self) -> dict[str, Any]:
        """Return the policy."""
        return attrs.asdict(self._policy())

    def update_policy(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Change and store values of the policy, all or none.

        Raises:
            Refusal: A name or a value is invalid.
        """
        with self._lock:
            policy = attrs.asdict(self._policy().update(values))
            self._store.keep_setting(_POLICY, policy)
        return policy

    def snapshot(self, *, use_cache: bool = True) -> dict[str, Any]:
        """Return capacity and use of the machines; cached for the policy's time.

        Raises:
            MachinesUnavailable: The machines don't answer.
        """
        with self._lock:
            age = time.monotonic() - self._cached_at
            is_fresh = age < self._policy().resource_cache_ttl_seconds
            if self._cached is None or not (use_cache and is_fresh):
                self._cached = self._measure()
                self._cached_at = time.monotonic()
            return self._cached

    def check(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether the machines have room for work now, and why not.

        Raises:
            Refusal: The request is invalid; the response names each field.
            MachinesUnavailable: The machines don't answer.
        """
        wish = _Wish.parse(body)
        snapshot = self.snapshot(use_cache=False)
        reasons = [*self._find_limits(wish, snapshot), *_find_shortages(wish, snapshot["nodes"])]
        return {
            "kind": wish.kind,
            "feasible": not reasons,
            "reasons": reasons,
            "requested": attrs.asdict(wish),
            "available": {
                "num_cpus": snapshot["cpu"]["available"],
                "num_gpus": snapshot["gpu"]["available_gpus"],
                "memory_bytes": snapshot["memory"]["available"],
            },
        }

    def _policy(self) -> ResourcePolicy:
        return ResourcePolicy(**(self._store.setting(_POLICY) or {}))

    def _measure(self) -> dict[str, Any]:
        gpus = list_gpus() if self._cluster.kind == "local" else None
        nodes = [_describe_node(row, gpus) for row in self._cluster.nodes()]
        alive = [node for node in nodes if node["state"] == "ALIVE"]
        replicas = [_count_replicas(row) for row in self._cluster.applications()]
        return {
            "collected_at": datetime.now(timezone.utc).isoformat(),
            "stale": False,
            "cpu": _sum_counters([node["cpu"] for node in alive]),
            "memory": _sum_counters([node["memory"] for node in alive]),
            "gpu": summarize_gpus([gpu for node in alive for gpu in node["gpus"]]),
            "object_store": None,
            "running_jobs": self._store.count(["running"]),
            "total_serve_replicas": sum(replicas),
            "node_counts": {
                "total": len(nodes),
                "alive": len(alive),
                "dead": len(nodes) - len(alive),
            },
            "nodes": nodes,
        }

    def _find_limits(self, wish: _Wish, snapshot: Mapping[str, Any]) -> list[str]:
        """Return the limits that the work would pass."""
        if wish.kind == "container":
            return ["This agent runs jobs, not containers."]
        if wish.kind == "serve" and self._cluster.kind == "local":
            return ["This agent serves no applications: it has no Ray cluster."]
        policy = self._policy()
        if not policy.gatekeeping_enabled:
            return []
        jobs = policy.max_concurrent_jobs
        if self._cluster.kind != "local":
            jobs = policy.max_concurrent_ray_jobs or jobs
        counts = {
            "job": (self._store.count(["queued", "running"]), jobs, "jobs"),
            "serve": (
                snapshot["total_serve_replicas"],
                policy.max_concurrent_serve_replicas,
                "replicas",
            ),
        }
        reasons = []
        if wish.kind in counts:
            now, most, name = counts[wish.kind]
            if now + wish.replicas > most:
                reasons.append(f"{now} {name} are here already, and the policy allows {most}.")
        gpu = snapshot["gpu"]
        used_gpu_memory = gpu["total_memory_bytes"] - gpu["available_memory_bytes"]
        loads = [
            ("CPU", _percent(snapshot["cpu"]), policy.cpu_max_utilization_percent),
            ("memory", _percent(snapshot["memory"]), policy.memory_max_utilization_percent),
        ]
        if wish.num_gpus:
            loads += [
                ("GPU", gpu["max_utilization"], policy.gpu_max_utilization_percent),
                (
                    "GPU memory",
                    _percent({"used": used_gpu_memory, "total": gpu["total_memory_bytes"]}),
                    policy.gpu_max_memory_percent,
                ),
            ]
        return reasons + [
            f"The {name} is {now:.0f} % in use, and the policy allows {most:g} %."
            for name, now, most in loads
            if now > most
        ]


@attrs.frozen(kw_only=True)
class _Wish:
    """The work that a feasibility check is about; each replica needs the resources."""

    kind: str
    num_cpus: float
    num_gpus: float = 0.0
    memory_bytes: int | None = None
    replicas: int = 1

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> _Wish:
        """Return the checked body of a request.

        Raises:
            Refusal: A value is missing or invalid.
        """
        values = {name: body[name] for name in attrs.fields_dict(cls) if body.get(name) is not None}
        problems: dict[str, Any] = {}
        if values.get("kind") not in _KINDS:
            problems["kind"] = [f"Give one of {', '.join(_KINDS)}."]
        if "num_cpus" not in values:
            problems["num_cpus"] = ["This field is required."]
        for name in {"num_cpus", "num_gpus"} & set(values):
            if not is_number(values[name]) or values[name] < 0:
                problems[name] = ["Give a number from 0."]
        for name, least in {"memory_bytes": 0, "replicas": 1}.items():
            if name in values and (not is_int(values[name]) or values[name] < least):
                problems[name] = [f"Give a whole number from {least}."]
        if problems:
            raise Refusal(400, problems)
        return cls(**values)


def _find_shortages(wish: _Wish, nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Place each replica on the first machine with room; name the resource that no machine has."""
    free = [
        {
            "CPUs": node["cpu"]["available"],
            "GPUs": sum(not gpu["utilization_gpu"] for gpu in node["gpus"]),
            "bytes of memory": node["memory"]["available"],
        }
        for node in nodes
        if node["state"] == "ALIVE"
    ]
    need = {
        "CPUs": wish.num_cpus,
        "GPUs": wish.num_gpus,
        "bytes of memory": wish.memory_bytes or 0,
    }
    for number in range(wish.replicas):
        room = next((node for node in free if all(node[key] >= need[key] for key in need)), None)
        if room is None:
            wanted = " and ".join(f"{value:,g} {key}" for key, value in need.items() if value)
            return [f"No machine has {wanted} free for replica {number + 1} of {wish.replicas}."]
        for key in need:
            room[key] -= need[key]
    return []


def _describe_node(row: Mapping[str, Any], gpus: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Return a machine's capacity; a cluster's GPUs are known by their number only."""
    total: Mapping[str, Any] = row.get("resources_total") or {}
    available: Mapping[str, Any] = row.get("resources_available") or {}
    models = [key.partition(":")[2] for key in total if key.startswith("accelerator_type:")]
    model = models[0] if models else None
    if gpus is None:
        gpus = [
            {
                "index": index,
                "name": model or "",
                "uuid": "",
                "utilization_gpu": None,
                "memory_used": 0,
                "memory_total": 0,
                "memory_used_ratio": None,
            }
            for index in range(int(total.get("GPU") or 0))
        ]
    return {
        "node_id": row["node_id"],
        "host_name": row.get("node_name"),
        "ip": row.get("node_ip"),
        "is_head_node": bool(row.get("is_head_node")),
        "state": "ALIVE" if row.get("state") == "ALIVE" else "DEAD",
        "accelerator_type": model or (gpus[0]["name"] if gpus else None),
        "cpu": _count(total.get("CPU"), available.get("CPU")),
        "memory": _count(total.get("memory"), available.get("memory")),
        "gpus": gpus,
    }


def _count(total: float | None, available: float | None) -> dict[str, float]:
    """Return a counter; a machine that doesn't say how much is available has all of it."""
    total = total or 0.0
    free = total if available is None else available
    return {"total": total, "used": max(total - free, 0.0), "available": free}


def _sum_counters(counters: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {
        name: sum(counter[name] for counter in counters) for name in ("total", "used", "available")
    }


def _percent(counter: Mapping[str, float]) -> float:
    return 100 * counter["used"] / counter["total"] if counter["total"] else 0.0


def _count_replicas(application: Mapping[str, Any]) -> int:
    """Return the number of replicas of an application, from Ray's states of its deployments."""
    deployments = application.get("deployments")
    if not isinstance(deployments, Mapping):
        return 0
    return sum(
        len(deployment.get("replicas") or ())
        for deployment in deployments.values()
        if isinstance(deployment, Mapping)
    )
