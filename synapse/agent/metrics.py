"""The agent's figures, a panel for each subject."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from synapse.agent.store import Store
from synapse.errors import MissingExtra

try:
    import psutil
except ModuleNotFoundError as error:
    raise MissingExtra("The agent", "agent") from error

__all__ = ["PANELS", "panel"]


def _cpu(_: Store) -> dict[str, Any]:
    one, five, fifteen = psutil.getloadavg()
    return {
        "count": psutil.cpu_count() or 1,
        "percent": psutil.cpu_percent(interval=0.1),
        "load": [one, five, fifteen],
    }


def _memory(_: Store) -> dict[str, Any]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "total": memory.total,
        "available": memory.available,
        "used": memory.used,
        "percent": memory.percent,
        "swap_total": swap.total,
        "swap_used": swap.used,
    }


def _disk(store: Store) -> dict[str, Any]:
    disk = psutil.disk_usage(str(store.folder))
    return {"total": disk.total, "used": disk.used, "free": disk.free, "percent": disk.percent}


def _network(_: Store) -> dict[str, Any]:
    counted = psutil.net_io_counters()
    return {"bytes_sent": counted.bytes_sent, "bytes_received": counted.bytes_recv}


def _jobs(store: Store) -> dict[str, Any]:
    states = ("queued", "running", "completed", "failed", "stopped")
    return {
        **{state: store.count([state]) for state in states},
        "unreported": len(store.list_unreported()),
    }


def _process(_: Store) -> dict[str, Any]:
    own = psutil.Process(os.getpid())
    with own.oneshot():
        return {
            "pid": own.pid,
            "memory": own.memory_info().rss,
            "threads": own.num_threads(),
            "started": datetime.fromtimestamp(own.create_time(), timezone.utc).isoformat(),
        }


#: The panels by their names. Sizes are bytes, percentages from 0 to 100.
PANELS: dict[str, Callable[[Store], dict[str, Any]]] = {
    "cpu": _cpu,
    "memory": _memory,
    "disk": _disk,
    "network": _network,
    "jobs": _jobs,
    "process": _process,
}


def panel(name: str, store: Store) -> dict[str, Any]:
    """Return the current figures of a panel.

    Raises:
        KeyError: No such panel exists.
    """
    values = PANELS[name](store)
    return {"panel": name, "time": datetime.now(timezone.utc).isoformat(), "values": values}
