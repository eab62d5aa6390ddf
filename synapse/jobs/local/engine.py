"""The engine: jobs that wait for their turn, and the threads that run them."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from pathlib import Path
from urllib.parse import quote, unquote

import psutil

from synapse._internal.private_files import make_folder_private
from synapse._internal.threads import ThreadGroup
from synapse.jobs.local.job import JobRun
from synapse.jobs.local.process_tree import end_marked
from synapse.jobs.local.protection import remove
from synapse.jobs.local.release_cache import ReleaseCache
from synapse.jobs.protocols import Reporter
from synapse.jobs.spec import JobSpec, Outcome

__all__ = ["Engine"]


class Engine:
    """Runs jobs on this machine, each in a process of its own; safe under threads.

    A job runs as this process's user, in a clean environment and within limits. That isn't a
    sandbox: a job can do whatever the user can.

    Args:
        folder: Folder for code, environments and the jobs' own folders. One engine at a time may
            use the folder.
        workers: Number of jobs that run at a time; more wait, in their order of arrival.
        python: The interpreter; jobs import the SDK from this process's place.
        platform_python: The interpreter that is tried first for jobs of the platform's package;
            `python` if None.
        grace: Seconds between a stop request and the kill.

    Example:
        >>> engine = Engine(Path("jobs"))
        >>> engine.stop("a-job-that-isn't-here")
        False
        >>> engine.close()
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        workers: int = 2,
        python: str = sys.executable,
        platform_python: str | None = None,
        grace: float = 5.0,
    ) -> None:
        if os.name != "posix":
            raise NotImplementedError(
                "Jobs run on Linux and macOS only: run this in WSL or a container."
            )
        self._folder = Path(folder).absolute()
        make_folder_private(self._folder)
        self._workers = max(1, workers)
        self._python = python
        self._platform_python = platform_python or python
        self._grace = grace
        self._releases = ReleaseCache(self._folder / "releases")
        self._lock = threading.Condition()
        self._waiting: deque[JobRun] = deque()
        self._running: dict[str, JobRun] = {}
        self._started = 0
        self._group = ThreadGroup()
        self._closed: str | None = None
        self._clean()

    def submit(self, order: JobSpec, reporter: Reporter) -> None:
        """Accept a job, and run the job when a worker is free. Returns at once.

        Args:
            order: The job spec, with a checked action and parameters.
            reporter: The reporter, called from one thread at a time, in order, the end last.

        Raises:
            ValueError: A job with this id hasn't ended here.
            RuntimeError: The engine has no thread for jobs, and the system refuses new threads.
        """
        job = JobRun(order, reporter)
        with self._lock:
            if self._find(order.job_id) is not None:
                raise ValueError(f"The job {order.job_id} is here already.")
            closed = self._closed
            if closed is None:
                if self._started < self._workers and not self._start_worker() and not self._started:
                    raise RuntimeError(
                        f"No thread can be started for the job {order.job_id}. Submit the job "
                        "again when the machine has free threads."
                    )
                self._waiting.append(job)
                self._lock.notify()
        if closed is not None:
            _end_unrun(job, Outcome("failed", closed), ThreadGroup())

    def stop(self, job_id: str) -> bool:
        """Request a job's end, which the reporter confirms. Returns at once.

        A second request changes nothing.

        Returns:
            Whether the job was waiting or running here.
        """
        with self._lock:
            waiting = next((job for job in self._waiting if job.order.job_id == job_id), None)
            if waiting is not None:
                self._waiting.remove(waiting)
            running = self._running.get(job_id)
        if waiting is not None:
            _end_unrun(waiting, Outcome("stopped", "It was stopped before it ran."), ThreadGroup())
            return True
        return running is not None and running.verdict.reach(Outcome("stopped", "It was stopped."))

    def has(self, job_id: str) -> bool:
        """Return whether a job is waiting or running here."""
        with self._lock:
            return self._find(job_id) is not None

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the processes of running jobs, by the jobs' ids."""
        with self._lock:
            trees = {key: job.tree for key, job in self._running.items()}
        return {key: tree.processes() for key, tree in trees.items() if tree is not None}

    def close(self, reason: str = "The runner was closed while the job ran.") -> None:
        """End all jobs and wait for them. No job runs afterwards.

        Args:
            reason: Reason of the jobs' failure.
        """
        with self._lock:
            self._closed = self._closed or reason
            waiting = list(self._waiting)
            self._waiting.clear()
            running = list(self._running.values())
            self._lock.notify_all()
        for job in running:
            job.verdict.fail(reason)
        for job in waiting:
            _end_unrun(job, Outcome("failed", reason), self._group)
        self._group.wait()
        self._releases.close()

    def _clean(self) -> None:
        """End and remove the remains of a killed process."""
        folder = self._folder / "jobs"
        left = {unquote(path.name) for path in folder.iterdir()} if folder.is_dir() else set()
        if left:
            end_marked(left)
            remove(folder)

    def _find(self, job_id: str) -> JobRun | None:
        waiting = (job for job in self._waiting if job.order.job_id == job_id)
        return self._running.get(job_id) or next(waiting, None)

    def _start_worker(self) -> bool:
        name = f"synapse-job-{self._started + 1}"
        # A daemon thread: a process that forgets to close the engine must be able to end, and the
        # jobs end with the process.
        if not self._group.start(threading.Thread(target=self._work, name=name, daemon=True)):
            self._group.count_end()
            return False
        self._started += 1
        return True

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._run(job)
        finally:
            self._group.count_end()

    def _run(self, job: JobRun) -> None:
        key = job.order.job_id
        try:
            job.run(
                self._folder / "jobs" / quote(key, safe=""),
                releases=self._releases,
                python=self._python,
                platform_python=self._platform_python,
                grace=self._grace,
            )
        finally:
            with self._lock:
                del self._running[key]

    def _next(self) -> JobRun | None:
        with self._lock:
            while not self._waiting:
                if self._closed is not None:
                    return None
                self._lock.wait()
            job = self._waiting.popleft()
            self._running[job.order.job_id] = job
            return job


def _end_unrun(job: JobRun, outcome: Outcome, group: ThreadGroup) -> None:
    """Report the end of a job that never began, on a new thread if possible."""

    def end() -> None:
        try:
            job.end(outcome)
        finally:
            group.count_end()

    thread = threading.Thread(target=end, name="synapse-unrun", daemon=True)
    if not group.start(thread):
        thread.run()
