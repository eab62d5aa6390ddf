"""The machine of local jobs, as an agent's endpoints show the machine."""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from synapse.errors import MissingExtra

try:
    import psutil
except ModuleNotFoundError as error:
    raise MissingExtra("The agent", "agent") from error

__all__ = ["ThisMachine"]


class ThisMachine:
    """Jobs as processes of this machine.

    Args:
        node_id: The machine's id.
        processes: Gives the processes of each job that runs, by the job's id.
    """

    kind = "local"

    def __init__(
        self, node_id: str, processes: Callable[[], Mapping[str, Sequence[psutil.Process]]]
    ) -> None:
        self._node_id = node_id
        self._processes = processes

    def nodes(self) -> list[dict[str, Any]]:
        """Return this machine."""
        memory = psutil.virtual_memory()
        cores = psutil.cpu_count() or 1
        return [
            {
                "node_id": self._node_id,
                "node_name": socket.gethostname(),
                "node_ip": "127.0.0.1",
                "is_head_node": True,
                "state": "ALIVE",
                "resources_total": {"CPU": cores, "memory": memory.total},
                "resources_available": {
                    "CPU": round(cores * (1 - psutil.cpu_percent(interval=0.1) / 100), 2),
                    "memory": memory.available,
                },
                "labels": {"system": platform.system(), "python": platform.python_version()},
            }
        ]

    def tasks(self) -> list[dict[str, Any]]:
        """Return the processes of the jobs that run."""
        tasks: list[dict[str, Any] | None] = []
        for job, processes in self._processes().items():
            pids = {process.pid for process in processes}
            tasks += [self._task(job, process, pids) for process in processes]
        return [task for task in tasks if task is not None]

    def applications(self) -> list[dict[str, Any]]:
        """Return nothing: this machine serves none."""
        return []

    def delete_application(self, name: str) -> bool:
        """Return `False`: nothing is served here."""
        del name
        return False

    def end(self, job_id: str) -> None:
        """Do nothing: a job's process ends with the agent that started the job."""
        del job_id

    def problem(self) -> str | None:
        """Return `None`: a machine that answers is usable."""
        return None

    def _task(
        self, job: str, process: psutil.Process, pids: Container[int]
    ) -> dict[str, Any] | None:
        try:
            with process.oneshot():
                created = process.create_time()
                return {
                    "task_id": f"{process.pid}-{int(created * 1000)}",
                    "name": process.name(),
                    "type": "PROCESS",
                    "state": "RUNNING" if process.status() != psutil.STATUS_ZOMBIE else "FINISHED",
                    "job_id": job,
                    "node_id": self._node_id,
                    "worker_pid": process.pid,
                    "parent_pid": process.ppid() if process.ppid() in pids else None,
                    "memory": process.memory_info().rss,
                    "created": datetime.fromtimestamp(created, timezone.utc).isoformat(),
                }
        except psutil.Error:
            return None
