"""Read the progress and the metrics that the platform's package reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["read_metrics", "read_progress"]


def read_progress(record: Any) -> float | None:
    """Return the overall percentage of the package's `progress_record`; `None` for other records.

    Example:
        >>> read_progress({"record": {"steps": {}}, "current_progress": {"overall": 40.0}})
        40.0
    """
    current = record.get("current_progress") if isinstance(record, Mapping) else None
    overall = current.get("overall") if isinstance(current, Mapping) else None
    if isinstance(overall, bool) or not isinstance(overall, (int, float)):
        return None
    return float(min(100, max(0, overall)))


def read_metrics(record: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the metrics by step of the package's `metrics_record`; other records unchanged.

    Example:
        >>> read_metrics({"record": {"steps": {"train": {"loss": 0.5}}}})
        {'train': {'loss': 0.5}}
    """
    if record is None:
        return {}
    inner = record.get("record")
    steps = inner.get("steps") if isinstance(inner, Mapping) else None
    return steps if len(record) == 1 and isinstance(steps, Mapping) else record
