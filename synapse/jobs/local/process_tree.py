"""The processes of a job: those below the supervisor, and those that left the session."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Collection, Iterable, Iterator

import psutil

from synapse.jobs.local.supervisor import VARIABLE as MARK

__all__ = ["MARK", "ProcessTree", "end_marked"]

# Seconds between searches for processes that left the session: a search reads every process.
_PERIOD = 1.0


class ProcessTree:
    """All processes that belong to a job, without the supervisor, which ends after them.

    Where the supervisor is a child subreaper, on Linux, all of them are below it. Elsewhere those
    whose parent has ended are found by their session or by their mark.

    The supervisor must not be reaped while this object is used: as long as it exists, if only as a
    zombie, no other process gets the number.

    Args:
        supervisor: The supervisor's process id, which is also the session's.
        mark: Value of the variable `MARK` in the environment of the processes.
    """

    def __init__(self, supervisor: int, mark: str) -> None:
        self._supervisor = supervisor
        self._mark = mark
        self._strays: set[psutil.Process] = set()
        self._lock = threading.Lock()  # for the strays: requests for the processes come any time
        self._looked = 0.0

    def processes(self) -> list[psutil.Process]:
        """Return the processes, those that have ended but weren't reaped included."""
        self._find_strays()
        return [process for process in self._members() if process.is_running()]

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
        """Ask those of the command's process group to end, by the supervisor."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._supervisor, signal.SIGTERM)

    def kill(self) -> None:
        """End all; the supervisor ends by itself then."""
        # A killed process may have started another one a moment before.
        for _ in range(10):
            self._find_strays()
            alive = [process for process in self._members() if _is_alive(process)]
            for process in alive:
                with contextlib.suppress(psutil.Error, OSError):
                    process.kill()
            if not alive:
                return
            psutil.wait_procs(alive, timeout=0.2)

    def sweep(self) -> None:
        """End the processes that an ended supervisor left behind, in whatever session."""
        self._remember(_find_marked({self._mark}))
        self.kill()

    def _members(self) -> list[psutil.Process]:
        with self._lock:
            strays = list(self._strays)
        return [*self._session(), *strays]

    def _session(self) -> Iterator[psutil.Process]:
        for pid in psutil.pids():
            with contextlib.suppress(psutil.Error, OSError):
                if pid != self._supervisor and os.getsid(pid) == self._supervisor:
                    yield psutil.Process(pid)

    def _find_strays(self) -> None:
        found = []
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self._supervisor).children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    if os.getsid(process.pid) != self._supervisor:
                        found.append(process)
        self._remember(found)

    def _remember(self, strays: Iterable[psutil.Process]) -> None:
        with self._lock:
            self._strays.update(strays)


def end_marked(marks: Collection[str]) -> None:
    """End the remaining processes of jobs whose parent was killed."""
    # A killed process may have started another one a moment before.
    for _ in range(10):
        left = _find_marked(marks)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not left:
            return
        psutil.wait_procs(left, timeout=1)


def _find_marked(marks: Collection[str]) -> list[psutil.Process]:
    found = []
    # `process_iter` keeps objects: if the system gives a number away again, such an object is not
    # the process of that number, and ending it does nothing.
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
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
