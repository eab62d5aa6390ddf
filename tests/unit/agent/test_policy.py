"""The policy of an agent: changes are checked, and all or none happen."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.agent.http_errors import Refusal
from synapse.agent.policy import ResourcePolicy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_concurrent_jobs", 0),
        ("max_concurrent_serve_replicas", 100),
        ("gatekeeping_enabled", False),
        ("cpu_max_utilization_percent", 100),
        ("gpu_max_memory_percent", 12.5),
        ("resource_cache_ttl_seconds", 0),
    ],
)
def test_change(name: str, value: Any) -> None:
    policy = ResourcePolicy().update({name: value})

    assert getattr(policy, name) == value
    assert policy != ResourcePolicy()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"max_concurrent_job": 1}, "no such limit; did you mean 'max_concurrent_jobs'"),
        ({"max_concurrent_jobs": -1}, "whole number from 0"),
        ({"max_concurrent_jobs": True}, "whole number from 0"),
        ({"max_concurrent_jobs": 1.5}, "whole number from 0"),
        ({"gatekeeping_enabled": 1}, "true or false"),
        ({"cpu_max_utilization_percent": 101}, "from 0 to 100"),
        ({"memory_max_utilization_percent": "90"}, "from 0 to 100"),
        ({"resource_cache_ttl_seconds": -0.1}, "from 0 to 3600"),
        ({"max_concurrent_jobs": None}, "whole number from 0"),
    ],
)
def test_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refusal) as caught:
        ResourcePolicy().update({"max_concurrent_ray_jobs": 1, **values})

    assert caught.value.status == 400
    ((name, (said,)),) = caught.value.body.items()
    assert name in values
    assert problem in said
