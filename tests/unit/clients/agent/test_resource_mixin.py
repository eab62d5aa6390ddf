"""Capacity and policy: rows that scripts read by key or by attribute."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.clients.agent.resource_mixin import ResourceClientMixin


@pytest.fixture
def mixin(transport: Any) -> ResourceClientMixin:
    return ResourceClientMixin(transport=transport)


@pytest.mark.parametrize("name", ["get_cluster_resources", "get_runtime_policy"])
def test_records(mixin: ResourceClientMixin, transport: Any, name: str) -> None:
    transport.responses = [{"cpu": {"total": 4}}]

    record = getattr(mixin, name)()

    assert record["cpu"]["total"] == record.cpu.total == 4


def test_feasibility_of_one_replica(mixin: ResourceClientMixin, transport: Any) -> None:
    mixin.check_feasibility("task", 1, metadata={"a": 1})

    ((method, path, options),) = transport.calls
    assert (method, path) == ("POST", "resources/feasibility/")
    assert options["json"] == {
        "kind": "task",
        "num_cpus": 1,
        "num_gpus": 0.0,
        "memory_bytes": None,
        "replicas": 1,
        "metadata": {"a": 1},
    }


def test_changed_policy_is_a_record(mixin: ResourceClientMixin, transport: Any) -> None:
    transport.responses = [{"max_concurrent_jobs": 4}]

    assert mixin.update_runtime_policy({"max_concurrent_jobs": 4}).max_concurrent_jobs == 4
    assert transport.lines == ["PATCH resources/policy/"]
