"""The processes of a job: those of the session, and those that left the session."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator

import psutil

__all__ = ["MARK", "ProcessTree", "end_marked"]

#: Environment variable that marks every process of a job, so that orphans can be found.
MARK = "SYNAPSE_JOB_ID"

# Seconds between searches for processes that left the session: a search reads every process.
_PERIOD = 1.0


class ProcessTree:
    """The leader of a session, and all processes that belong to the job.

    The leader must not be reaped while this object is used: as long as the leader exists, if only
    as a zombie, no other process gets the number.

    Args:
        leader: The process id, which is also the session's.
        mark: Value of the variable `MARK` in the environment of all processes.
    """

    def __init__(self, leader: int, mark: str) -> None:
        self._leader = leader
        self._mark = mark
        self._strays: set[psutil.Process] = set()
        self._looked = 0.0

    def memory(self) -> int:
        """Return an upper bound of the memory in bytes: shared pages count for each process."""
        if time.monotonic() - self._looked >= _PERIOD:
            self._looked = time.monotonic()
            self._find_strays()
        return sum(_measure(process, "rss") for process in self._members())

    def exact_memory(self) -> int:
        """Return the memory in bytes, with shared pages divided; this takes longer."""
        return sum(_measure(process, "pss") for process in self._members())

    def terminate(self) -> None:
        """Ask those of the leader's group to end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader, signal.SIGTERM)

    def kill(self) -> None:
        """End all, the leader too."""
        self._find_strays()
        self._kill_until_none_is_left()

    def sweep(self) -> None:
        """End the processes that an ended leader left behind, in whatever session."""
        self._strays.update(_find_marked({self._mark}))
        self._kill_until_none_is_left()

    def _kill_until_none_is_left(self) -> None:
        # A killed process may have started another one a moment before.
        for _ in range(10):
            alive = [process for process in self._members() if _is_alive(process)]
            for process in alive:
                with contextlib.suppress(psutil.Error, OSError):
                    process.kill()
            if not alive:
                return
            psutil.wait_procs([each for each in alive if each.pid != self._leader], timeout=0.2)

    def _members(self) -> list[psutil.Process]:
        return [*self._session(), *self._strays]

    def _session(self) -> Iterator[psutil.Process]:
        for pid in psutil.pids():
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(pid) == self._leader:
                    yield psutil.Process(pid)

    def _find_strays(self) -> None:
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self._leader).children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    if os.getsid(process.pid) != self._leader:
                        self._strays.add(process)


def end_marked(marks: Collection[str]) -> None:
    """End the remaining processes of jobs whose parent was killed."""
    left = _find_marked(marks)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=1)


def _find_marked(marks: Collection[str]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) in marks:
                found.append(process)
    return found


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _measure(process: psutil.Process, name: str) -> int:
    try:
        if name == "rss":
            return int(process.memory_info().rss)
        info = process.memory_full_info()
        return int(getattr(info, "pss", info.uss))  # only Linux knows the first
    except (psutil.Error, OSError):
        return 0
