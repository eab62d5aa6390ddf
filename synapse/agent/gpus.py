"""The GPUs of this machine, as the driver's `nvidia-smi` reports them."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

__all__ = ["list_gpus", "summarize_gpus"]

_FIELDS = ("index", "name", "uuid", "utilization.gpu", "memory.used", "memory.total")
_MIB = 1 << 20
# Seconds; a driver that hangs must not hang the agent.
_TIMEOUT = 5.0


def list_gpus() -> list[dict[str, Any]]:
    """Return the GPUs of this machine; none without a working `nvidia-smi`.

    Sizes are bytes, `utilization_gpu` is from 0 to 100, and `memory_used_ratio` from 0 to 1.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []  # the driver is broken: no job can use its GPUs
    rows = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    return [_parse_gpu(row) for row in rows if len(row) == len(_FIELDS)]


def summarize_gpus(gpus: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return totals of GPUs; a GPU without load counts as available."""
    loads = [gpu["utilization_gpu"] or 0.0 for gpu in gpus]
    total = sum(gpu["memory_total"] for gpu in gpus)
    return {
        "total_gpus": len(gpus),
        "available_gpus": sum(not load for load in loads),
        "total_memory_bytes": total,
        "available_memory_bytes": total - sum(gpu["memory_used"] for gpu in gpus),
        "max_utilization": max(loads, default=0.0),
        "avg_utilization": sum(loads) / len(loads) if loads else 0.0,
    }


def _parse_gpu(row: Sequence[str]) -> dict[str, Any]:
    index, name, uuid, load, used, total = row
    used_bytes = int(_parse_number(used) or 0) * _MIB
    total_bytes = int(_parse_number(total) or 0) * _MIB
    return {
        "index": int(index),
        "name": name,
        "uuid": uuid,
        "utilization_gpu": _parse_number(load),
        "memory_used": used_bytes,
        "memory_total": total_bytes,
        "memory_used_ratio": used_bytes / total_bytes if total_bytes else None,
    }


def _parse_number(text: str) -> float | None:
    """Return a number; `None` for values that the GPU doesn't support, such as `[N/A]`."""
    try:
        return float(text)
    except ValueError:
        return None
