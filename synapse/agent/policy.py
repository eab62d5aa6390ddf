"""The limits by which an agent says whether there is room for more work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from synapse._internal.hints import suggestion
from synapse._internal.validate import is_int, is_number
from synapse.agent.http_errors import Refusal

__all__ = ["ResourcePolicy"]


@attrs.frozen(kw_only=True)
class ResourcePolicy:
    """Limits for feasibility checks.

    Attributes:
        max_concurrent_jobs: Jobs at a time.
        max_concurrent_ray_jobs: Jobs at a time on a Ray cluster; 0 for `max_concurrent_jobs`.
        max_concurrent_serve_replicas: Replicas of all served applications together.
        gatekeeping_enabled: Whether these limits count. The machines' capacity always does.
        cpu_max_utilization_percent: Load of the CPUs above which no work fits.
        memory_max_utilization_percent: Used memory above which no work fits.
        gpu_max_utilization_percent: Load of the busiest GPU above which no work fits.
        gpu_max_memory_percent: Used GPU memory above which no work fits.
        resource_cache_ttl_seconds: Seconds for which figures of the machines may be reused.
    """

    max_concurrent_jobs: int = 3
    max_concurrent_ray_jobs: int = 0
    max_concurrent_serve_replicas: int = 16
    gatekeeping_enabled: bool = True
    cpu_max_utilization_percent: float = 90.0
    memory_max_utilization_percent: float = 90.0
    gpu_max_utilization_percent: float = 90.0
    gpu_max_memory_percent: float = 90.0
    resource_cache_ttl_seconds: float = 5.0

    def update(self, values: Mapping[str, Any]) -> ResourcePolicy:
        """Return the policy with changed values.

        Raises:
            Refusal: A name is unknown or a value invalid; the response names each.
        """
        problems = {name: [problem] for name in values if (problem := self._check(name, values))}
        if problems:
            raise Refusal(400, problems)
        return attrs.evolve(self, **values)

    def _check(self, name: str, values: Mapping[str, Any]) -> str | None:
        names = list(attrs.fields_dict(ResourcePolicy))
        if name not in names:
            return f"The policy has no such limit{suggestion(name, names)}"
        default, value = getattr(ResourcePolicy(), name), values[name]
        if isinstance(default, bool):
            return None if isinstance(value, bool) else "Give true or false."
        if isinstance(default, int):
            return None if is_int(value) and value >= 0 else "Give a whole number from 0."
        largest = 100 if name.endswith("_percent") else 3600
        is_valid = is_number(value) and 0 <= value <= largest
        return None if is_valid else f"Give a number from 0 to {largest}."
