"""Wait for jobs by polling their states, also while the server is unreachable."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from synapse._internal import cancellation, log_events
from synapse._internal.backoff import Backoff, bounded_pause
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.validate import validate_seconds
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
from synapse.transport.deadline_blocks import block_in_force, deadline

if TYPE_CHECKING:
    from synapse.resources.jobs import Job
    from synapse.transfer.progress import ProgressArgument

__all__ = ["failure_of", "have_ended", "wait_for"]

# Seconds between two polls: at first, and at most.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0
_LAST_LINES = 20
# Seconds for which a server may answer 500 before waiting ends. An unreachable or busy server is
# waited for until the timeout.
_PATIENCE = 300.0
# Least time for a request in seconds, so that the last poll has a chance.
_MIN_REQUEST = 1.0


def have_ended(jobs: Iterable[Job]) -> bool:
    """Return whether all jobs have ended, by their last known states. Makes no request."""
    return all(job.is_finished for job in jobs)


def wait_for(
    jobs: Sequence[Job],
    ask: Callable[[list[Job]], object],
    timeout: float | None = None,
    progress: ProgressArgument = True,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = cancellation.sleep,
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
    timeout = _validate_timeout(timeout)
    end = None if timeout is None else clock() + timeout
    display = JobProgressDisplay(jobs, progress)
    poller = _Poller(ask, clock)
    backoff = Backoff(first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, factor=1.5)
    try:
        with explain_interrupt(lambda: _describe_stop(jobs)):
            display.update()
            while pending := [job for job in jobs if not job.is_finished]:
                retry_after = poller.poll(pending, end)
                display.update()
                if have_ended(pending):
                    return
                left = math.inf if end is None else end - clock()
                if timeout is not None and left <= 0:
                    raise _timeout_error(jobs, timeout, poller.failure)
                sleep(min(max(backoff.next(), retry_after), left))
    finally:
        display.close()


def _describe_stop(jobs: Sequence[Job]) -> str:
    """Return the message after Ctrl-C: the jobs go on, and what to call."""
    running = [job for job in jobs if not job.is_finished]
    if not running:
        return ""
    if len(running) == 1:
        return (
            f"Stopped waiting. {running[0]._label()} goes on: "
            f"session.jobs.get({running[0]._key!r}).wait() waits again, .stop() stops the job."
        )
    return (
        f"Stopped waiting. {len(running)} jobs go on: session.jobs.wait(jobs) waits again, "
        "job.stop() stops one."
    )


class _Poller:
    """Polls jobs, and tolerates a server that is unreachable."""

    def __init__(self, ask: Callable[[list[Job]], object], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._unknown: set[tuple[str, str]] = set()
        self.failure: ClientError | None = None
        self._since = 0.0

    def poll(self, jobs: list[Job], end: float | None) -> float:
        """Poll once; return the seconds after which the server wants the next request."""
        left = None if end is None else max(_MIN_REQUEST, end - self._clock())
        try:
            if left is None:
                self._ask(jobs)
            else:
                with deadline(left):
                    self._ask(jobs)
        except ClientError as error:
            if not _should_keep_waiting(error):
                raise
            if self.failure is None:
                self._since = self._clock()
                log_events.WAIT_DISTURBED.log(
                    "Still waiting for jobs, despite: %s",
                    error,
                    status=error.status_code,
                    reason=error.detail,
                )
            if error.status_code == 500 and self._clock() - self._since > _PATIENCE:
                raise
            self.failure = error
            return bounded_pause(error.retry_after) if isinstance(error, RateLimited) else 0.0
        if self.failure is not None:
            log_events.WAIT_RESUMED.log("The server is reachable again.")
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
            f"{job._label()} has the unknown state {state!r}. Waiting continues until the job "
            "succeeds, fails or is stopped.",
            stacklevel=5,
        )


def failure_of(job: Job) -> JobError | None:
    """Return the error for an ended job that didn't succeed, or `None`.

    Makes no request for a job that succeeded, else one to three, for the last lines.
    """
    state = job._state
    if state is JobStatus.SUCCEEDED:
        return None
    kind, verb = (
        (JobStopped, "was stopped") if state is JobStatus.STOPPED else (JobFailed, "failed")
    )
    message = f"{job._label()} {verb}."
    return kind(message, job_id=job._key, status=str(state), lines=_last_lines(job))


def _should_keep_waiting(error: ClientError) -> bool:
    # More than the transient errors: polling again is cheap, and a server under repair answers
    # with any 5xx. 501 and 505 are answers of a server that works.
    is_passing = error.is_transient or error.status_code >= 500
    block = block_in_force()
    is_late = block is not None and time.monotonic() >= block.moment
    return is_passing and error.status_code not in (501, 505) and not is_late


def _timeout_error(jobs: Sequence[Job], timeout: float, failure: ClientError | None) -> JobTimeout:
    running = [job for job in jobs if not job.is_finished]
    job = running[0]
    percent = "" if job._percent is None else f", {job._percent:g} % done"
    others = f", and so are {len(running) - 1} others" if len(running) > 1 else ""
    message = f"{job._label()} is still {job._state}{percent} after {timeout:g} s{others}."
    if job._state is JobStatus.QUEUED:
        message += " No agent runs the job yet. Check that its release has actions."
    if failure is not None:
        message += f" The server couldn't be reached at the end: {failure.detail}."
    lines = _last_lines(job) if failure is None else []
    return JobTimeout(message, job_id=job._key, status=str(job._state), lines=lines)


def _last_lines(job: Job) -> list[str]:
    """Return the last printed lines; failing to fetch them must not hide the job's failure."""
    try:
        return [line.message for line in job.logs().last(_LAST_LINES)]
    except ClientError as error:
        log_events.JOB_LINES_MISSING.log(
            "The last lines of %s can't be fetched: %s",
            job._label(),
            error,
            job_id=job._key,
            reason=error.detail,
        )
        return []


def _validate_timeout(timeout: float | None) -> float | None:
    if timeout is None or timeout == math.inf:
        return None
    return validate_seconds("timeout", timeout, allow_zero=True, error=UsageError)
