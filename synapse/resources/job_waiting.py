"""Waiting for jobs: asking how they are until they have ended, also while the server is away."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from synapse._internal.backoff import Backoff
from synapse.errors import (
    ClientError,
    JobError,
    JobFailed,
    JobStopped,
    JobTimeout,
    RateLimited,
    UsageError,
)
from synapse.resources.enums import JobStatus
from synapse.resources.job_progress import JobProgressDisplay
from synapse.transport.deadlines import deadline
from synapse.transport.line_follower import may_pass

if TYPE_CHECKING:
    from synapse.resources.jobs import Job
    from synapse.transfer.progress import ProgressArgument

__all__ = ["ended", "failure_of", "wait_for"]

_LOG = logging.getLogger("synapse.jobs")
# Seconds between two questions: at first, and at most.
_FIRST = 0.2
_LONGEST = 3.0
_LAST_LINES = 20
# Seconds for which a server may fail at answering before that is taken for lasting; one that can't
# be reached, or says that it is busy, is waited for as long as there is time.
_PATIENCE = 300.0
# What an answer may take though the time is over: a question that is asked has to have a chance.
_LEAST = 1.0


def ended(jobs: Iterable[Job]) -> bool:
    """Return whether all jobs have ended, by their last known states. Makes no request."""
    return all(job.is_finished for job in jobs)


def wait_for(
    jobs: Sequence[Job],
    ask: Callable[[list[Job]], object],
    timeout: float | None = None,
    progress: ProgressArgument = True,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until jobs have reached a final state.

    Args:
        jobs: The jobs.
        ask: Fetches some of the jobs and updates them.
        timeout: Longest wait in seconds; `None` for no limit.
        progress: Display, see `Job.wait`.
        clock: Returns the time in seconds.
        sleep: Sleeps for a number of seconds.

    Raises:
        UsageError: The timeout isn't a number of seconds, 0 or more.
        JobTimeout: A job hadn't ended in time.
        ClientError: The server refused. A server that is unreachable for a while is waited for.
    """
    timeout = _checked(timeout)
    end = None if timeout is None else clock() + timeout
    shown = JobProgressDisplay(jobs, progress)
    questions = _Questions(ask, clock)
    pauses = Backoff(first=_FIRST, longest=_LONGEST, factor=1.5)
    try:
        shown.update()
        while pending := [job for job in jobs if not job.is_finished]:
            asked_to_wait = questions.put(pending, end)
            shown.update()
            if ended(pending):
                return
            left = math.inf if end is None else end - clock()
            if left <= 0:
                raise _timeout(jobs, timeout, questions)
            sleep(min(max(pauses.next(), asked_to_wait), left))
    except KeyboardInterrupt:
        going = [job for job in jobs if not job.is_finished]
        if going:
            what = f"{going[0]._label()} goes" if len(going) == 1 else f"{len(going)} jobs go"
            _LOG.warning("%s on; stop() of a job stops it.", what)
        raise
    finally:
        shown.close()


class _Questions:
    """Asks about jobs, and bears with a server that is away."""

    def __init__(self, ask: Callable[[list[Job]], object], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._unknown: set[tuple[str, str]] = set()
        self.failure: ClientError | None = None
        self._since = 0.0

    def put(self, jobs: list[Job], end: float | None) -> float:
        """Ask once; return for how many seconds the server wants to be left alone."""
        left = None if end is None else max(_LEAST, end - self._clock())
        try:
            if left is None:
                self._ask(jobs)
            else:
                with deadline(left):
                    self._ask(jobs)
        except ClientError as error:
            if not may_pass(error):
                raise
            if self.failure is None:
                self._since = self._clock()
                _LOG.warning("Waiting for jobs goes on, though: %s", error)
            if error.status_code == 500 and self._clock() - self._since > _PATIENCE:
                raise
            self.failure = error
            return (error.retry_after or 0.0) if isinstance(error, RateLimited) else 0.0
        if self.failure is not None:
            _LOG.info("The server answers again.")
            self.failure = None
        for job in jobs:
            self._warn_of_unknown(job)
        return 0.0

    def _warn_of_unknown(self, job: Job) -> None:
        state = job._state
        if isinstance(state, JobStatus) or (job._key, state) in self._unknown:
            return
        self._unknown.add((job._key, state))
        warnings.warn(
            f"{job._label()} is {state!r}, which isn't known here; it is waited for until it has "
            "succeeded, failed or been stopped.",
            stacklevel=5,
        )


def failure_of(job: Job) -> JobError | None:
    """Return the error for an ended job that didn't succeed, or `None`.

    Makes no request for a job that succeeded, else one to three, for the last lines.
    """
    state = job._state
    if state is JobStatus.SUCCEEDED:
        return None
    lines = _last_lines(job)
    if state is JobStatus.STOPPED:
        what = f"{job._label()} was stopped."
        return JobStopped(what, job_id=job._key, status=str(state), lines=lines)
    what = f"{job._label()} failed."
    return JobFailed(what, job_id=job._key, status=str(state), lines=lines)


def _timeout(jobs: Sequence[Job], timeout: float | None, questions: _Questions) -> JobTimeout:
    going = [job for job in jobs if not job.is_finished]
    first = going[0]
    done = "" if first._percent is None else f", {first._percent:g} % done"
    others = f", and so are {len(going) - 1} others" if len(going) > 1 else ""
    what = f"{first._label()} is still {first._state}{done} after {timeout:g} s{others}."
    if first._state is JobStatus.QUEUED:
        what += " Nothing runs it yet: a release with actions does, when there is room for it."
    if questions.failure is not None:
        what += f" The server couldn't be asked at last: {questions.failure.detail}."
    lines = _last_lines(first) if questions.failure is None else []
    return JobTimeout(what, job_id=first._key, status=str(first._state), lines=lines)


def _last_lines(job: Job) -> list[str]:
    """Return the last printed lines; failing to fetch them must not hide the job's failure."""
    try:
        return [line.message for line in job.logs().last(_LAST_LINES)]
    except ClientError as error:
        _LOG.info("The last lines of %s can't be had: %s", job._label(), error)
        return []


def _checked(timeout: float | None) -> float | None:
    if timeout is None or timeout == math.inf:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise UsageError(f"timeout={timeout!r}: give seconds from 0, or None for no end.")
    return timeout
