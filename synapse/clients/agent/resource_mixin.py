"""Capacity of an agent's machines, and room for more work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from synapse.clients.base import BaseClient
from synapse.clients.record import Record

__all__ = ["ResourceClientMixin", "ResourceKind"]

ResourceKind = Literal["job", "serve", "container", "task"]


class ResourceClientMixin(BaseClient):
    """GPUs, capacity, feasibility and policy of an agent."""

    def get_gpu_status(self) -> dict[str, Any]:
        """Return the GPUs of the agent's machine. One request."""
        return self._get_mapping("gpu_status/")

    def get_cluster_resources(self, use_cache: bool = True) -> Record:
        """Return capacity and use of the machines, by key or by attribute. One request.

        Args:
            use_cache: Whether the agent may return figures that are some seconds old.
        """
        params = {"use_cache": "true" if use_cache else "false"}
        return Record(self._get_mapping("resources/cluster/", params=params))

    def check_feasibility(
        self,
        kind: ResourceKind,
        num_cpus: float,
        num_gpus: float = 0.0,
        memory_bytes: int | None = None,
        replicas: int = 1,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return whether the machines have room for work now. One request.

        Args:
            kind: Kind of the work.
            num_cpus: CPUs of each replica.
            num_gpus: GPUs of each replica.
            memory_bytes: Memory of each replica, in bytes.
            replicas: Number of replicas.
            metadata: Further values for the agent.

        Returns:
            `feasible`, and the `reasons` against it.

        Raises:
            ValidationError: The agent refused a value.
        """
        body = {
            "kind": kind,
            "num_cpus": num_cpus,
            "num_gpus": num_gpus,
            "memory_bytes": memory_bytes,
            "replicas": replicas,
            "metadata": dict(metadata or {}),
        }
        answer: dict[str, Any] = self._post("resources/feasibility/", data=body)
        return answer

    def get_gatekeeping_policy(self) -> dict[str, Any]:
        """Return the limits of feasibility checks. One request."""
        return self._get_mapping("resources/policy/")

    def update_gatekeeping_policy(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Change some limits of feasibility checks, and return all. One request.

        Args:
            patch: New values by name.

        Raises:
            ValidationError: A name is unknown or a value invalid; nothing was changed.
        """
        policy: dict[str, Any] = self._patch("resources/policy/", data=dict(patch))
        return policy

    def get_runtime_policy(self) -> Record:
        """Return the limits of feasibility checks, by key or by attribute. One request."""
        return Record(self.get_gatekeeping_policy())

    def update_runtime_policy(self, patch: Mapping[str, Any]) -> Record:
        """Change limits as `update_gatekeeping_policy` does. One request.

        Args:
            patch: New values by name.
        """
        return Record(self.update_gatekeeping_policy(patch))

    def _get_mapping(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        row: dict[str, Any] = self._get(path, params=params)
        return row
