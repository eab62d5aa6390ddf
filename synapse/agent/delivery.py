"""Deliver the jobs' events to the backend: in order, in batches, each once.

A `PATCH` of output lines appends, so a request whose response was lost must not simply be repeated.
The backend is asked how many lines arrived; the rest is sent again when the lost request can no
longer be running.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from synapse._internal import log_events
from synapse.agent.store import FINAL, KeptJob, Store
from synapse.errors import (
    AuthenticationError,
    BadRequest,
    ClientError,
    Conflict,
    ConnectionFailed,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    ServerError,
    SessionClosed,
)
from synapse.jobs.spec import Outcome, OutputLine
from synapse.orm.convert import parse_time

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = ["Delivery", "JobReporter", "count_arrived"]


_State: TypeAlias = Literal["told", "more", "later"]
_Stamped: TypeAlias = "tuple[str, datetime | None]"

_LINES = 500
_BYTES = 1 << 20
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 10.0
# A little while in which further lines come, so that a job that prints much makes few requests.
_GATHER = 0.2


class JobReporter:
    """The `Reporter` of one job: stores each event, and then delivers the event.

    Args:
        store: The agent's store.
        reports: The delivery.
        job_id: The job's id.
    """

    def __init__(self, store: Store, reports: Delivery, job_id: str) -> None:
        self._store = store
        self._reports = reports
        self._job_id = job_id
        # Lines that aren't written down yet: when the disk is full, say, they wait here.
        self._waiting: list[OutputLine] = []

    def started(self) -> None:
        """Report that the job's code begins to run."""
        self._store.begin(self._job_id)
        self._reports.wake()

    def printed(self, lines: Sequence[OutputLine]) -> None:
        """Report new output lines."""
        self._waiting.extend(lines)
        self._write()
        self._reports.wake()

    def _write(self) -> None:
        if self._waiting:
            self._store.append(self._job_id, self._waiting)
            self._waiting.clear()

    def ended(self, outcome: Outcome) -> None:
        """Report the outcome."""
        try:
            self._write()
        except sqlite3.Error as error:
            log_events.AGENT_OUTPUT_LOST.log(
                "The last lines of job %s can't be written.",
                self._job_id,
                exc_info=True,
                job_id=self._job_id,
            )
            outcome = Outcome("failed", f"What it printed could not be kept: {error}.")
        self._store.end(self._job_id, outcome)
        self._reports.wake()


class Delivery:
    """Delivers stored events that the backend lacks, on a thread of its own.

    While the backend is away, delivery is tried again at growing intervals, and nothing is lost:
    undelivered events stay in the store, also for the next process.

    Args:
        store: The agent's store.
        session: Session with the backend, with the agent's token and without retries.
        stop: Ends a job here that the backend ended without the agent's knowledge.
        settled: Seconds after which a request without a response can no longer be running.
    """

    def __init__(
        self,
        store: Store,
        session: Session,
        *,
        stop: Callable[[str], object],
        settled: float = 10.0,
    ) -> None:
        self._store = store
        self._client = session.client
        self._stop = stop
        self._settled = settled
        # The last lines sent for each job, and the time, while their arrival is uncertain. Requests
        # of an earlier process may still be running as well.
        now = time.monotonic()
        self._doubts: dict[str, float] = {
            job.id: now for job in store.list_unreported() if job.lines
        }
        self._sizes: dict[str, int] = {}
        self._failures = 0
        self._waking = threading.Condition()
        self._is_awake = True
        self._is_closing = False
        self._until = 0.0
        self._thread = threading.Thread(target=self._run, name="agent-reports", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def wake(self, *, at_once: bool = False) -> None:
        """Announce events; `at_once` if the backend is known to be up."""
        with self._waking:
            self._is_awake = True
            if at_once:
                self._failures = 0
            self._waking.notify()

    def check(self) -> None:
        """Stop jobs that the backend has ended; one request for each running job.

        For a job with much output, the response to the lines reveals that earlier.

        Raises:
            ClientError: The backend is away, or at fault.
        """
        for job in self._store.jobs(["running"]):
            with contextlib.suppress(NotFound):
                if _has_ended(self._client.get_job(job.id)):
                    self._end_here(job)

    def close(self, timeout: float = 5.0) -> None:
        """Deliver for some seconds at most; the next process delivers the rest."""
        with self._waking:
            self._is_closing = True
            self._until = time.monotonic() + timeout
            self._waking.notify()
        self._thread.join(timeout + 15)

    def _run(self) -> None:
        while True:
            with self._waking:
                self._is_awake = False
            try:
                is_told = self._pass_on()
            except SessionClosed:
                return
            except ClientError as error:
                is_told = False
                self._failures += 1
                # Logged at the beginning, and then ever less often.
                if self._failures & (self._failures - 1) == 0:
                    log_events.AGENT_REPORTS_DELAYED.log(
                        "The backend can't be told of the jobs; trying again: %s",
                        error,
                        failures=self._failures,
                        reason=error,
                    )
            if self._is_closing:
                if time.monotonic() >= self._until or not self._store.list_unreported():
                    return
                time.sleep(0.1)
            else:
                self._wait(is_told=is_told)

    def _wait(self, *, is_told: bool) -> None:
        with self._waking:
            if is_told:
                self._waking.wait_for(lambda: self._is_awake or self._is_closing)
                self._waking.wait_for(lambda: self._is_closing, _GATHER)
                return
            seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._failures, 8))
            seconds *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
            before = self._failures
            self._waking.wait_for(lambda: self._failures < before or self._is_closing, seconds)

    def _pass_on(self) -> bool:
        """Deliver all events; return whether that was possible.

        Raises:
            ClientError: The backend is away, or at fault.
        """
        while True:
            faults: list[ClientError] = []
            states = {self._attempt(job, faults) for job in self._store.list_unreported()}
            if faults:
                raise faults[0]
            if "more" not in states:
                self._failures = 0
                return "later" not in states

    def _attempt(self, job: KeptJob, faults: list[ClientError]) -> _State:
        """Deliver one job's events; a fault of one job doesn't delay the others."""
        try:
            return self._report(job)
        except (ConnectionFailed, RequestTimeout, AuthenticationError):
            raise
        except ClientError as error:
            faults.append(error)
            return "later"

    def _report(self, job: KeptJob) -> _State:
        """Send one batch of a job.

        Returns:
            `told` when done, `more` for another batch, or `later` to continue later.

        Raises:
            ClientError: The backend is away, or at fault.
        """
        since = self._doubts.get(job.id)
        try:
            if since is not None and not self._is_certain(job, since):
                return "later"
        except NotFound:
            self._give_up(job)
            return "told"
        kept = self._store.job(job.id)
        if kept is None:
            return "told"
        lines = self._batch(kept)
        body = _body(kept, lines)
        if not body:
            return "told"
        try:
            answer = self._client.update_job(kept.id, body)
        except ClientError as error:
            self._settle(error, kept, lines, body)
            return "more"
        if not kept.is_final and isinstance(answer, Mapping) and _has_ended(answer):
            self._end_here(kept)
        self._sizes.pop(kept.id, None)
        if lines:
            self._store.record_sent(kept.id, kept.sent + len(lines))
        if "status" in body:
            self._store.record_told(kept.id, body["status"])
        return "more" if kept.sent + len(lines) < kept.lines else "told"

    def _batch(self, job: KeptJob) -> list[OutputLine]:
        found = self._store.lines(job.id, job.sent, self._sizes.get(job.id, _LINES))
        size = 0
        for number, line in enumerate(found):
            size += len(line.message) + 100
            if size > _BYTES and number:
                return found[:number]
        return found

    def _settle(
        self, error: ClientError, job: KeptJob, lines: list[OutputLine], body: dict[str, Any]
    ) -> None:
        """Decide how to continue after a failed delivery.

        Raises:
            ClientError: The delivery has to be tried again later.
        """
        if isinstance(error, NotFound):
            self._give_up(job)
        elif isinstance(error, Conflict) and "status" in body:
            # The job has ended for the backend, for example by a stop there. That state stays.
            _log_refusal("Job %s has ended otherwise at the backend: %s", job, error.detail)
            self._store.record_told(job.id, job.status)
            if not job.is_final:
                self._end_here(job)
        elif isinstance(error, (BadRequest, Conflict, PayloadTooLarge)) and lines:
            self._halve(error, job, lines)
        elif isinstance(error, BadRequest):
            _log_refusal("The backend refuses the status of job %s: %s", job, str(error))
            self._store.record_told(job.id, job.status)
        else:
            if lines and _may_have_arrived(error):
                # A request with any response is no longer running.
                ago = self._settled if _was_answered(error) else 0.0
                self._doubts[job.id] = time.monotonic() - ago
            raise error

    def _give_up(self, job: KeptJob) -> None:
        """Report nothing more on a job that the backend doesn't have."""
        _log_refusal("The backend has no job %s; nothing more is reported on it (%s).", job, "404")
        self._store.give_up(job.id)
        self._doubts.pop(job.id, None)

    def _end_here(self, job: KeptJob) -> None:
        """Stop a job that the backend has ended: the stop request, or the response, was lost."""
        if self._stop(job.id):
            log_events.AGENT_JOB_STOPPED.log(
                "The backend has ended job %s; it is stopped here, too.", job.id, job_id=job.id
            )

    def _halve(self, error: ClientError, job: KeptJob, lines: list[OutputLine]) -> None:
        """Send less at a time, and leave out a line that is refused by itself."""
        if len(lines) > 1:
            self._sizes[job.id] = len(lines) // 2
            return
        _log_refusal(f"The backend refuses line {job.sent + 1} of job %s: %s", job, str(error))
        self._store.record_sent(job.id, job.sent + 1)

    def _is_certain(self, job: KeptJob, since: float) -> bool:
        """Find out how much of the last batch arrived; return whether that is final.

        Raises:
            ClientError: The backend is away, or has no such job.
        """
        answer = self._client.list_job_console_logs(job.id)
        rows = answer.get("results", answer) if isinstance(answer, dict) else answer
        before = self._store.lines(job.id, max(job.sent - 1, 0), 1)[: job.sent]
        lines = self._store.lines(job.id, job.sent, _LINES)
        held = [_read_row(row) for row in rows]
        if set(held).isdisjoint((line.message, line.created) for line in (*before, *lines)):
            held = [
                (message, None) for message, _ in held
            ]  # the backend replaces the times of lines
            wanted: list[_Stamped] = [(line.message, None) for line in lines]
        else:
            wanted = [(line.message, line.created) for line in lines]
        count = count_arrived(held, wanted, job.sent)
        if count:
            self._store.record_sent(job.id, job.sent + count)
        elif time.monotonic() - since < self._settled and job.sent < job.lines:
            return False
        del self._doubts[job.id]
        return True


def _read_row(row: Any) -> _Stamped:
    if not isinstance(row, dict):
        return str(row), None
    created = row.get("created")
    return str(row.get("message")), parse_time(created) if created else None


def count_arrived(held: Sequence[object], lines: Sequence[object], sent: int) -> int:
    """Return how many of some lines a log has, of a batch whose response was lost.

    Others may have added lines as well: the longest beginning of the batch behind the older lines
    counts.

    Args:
        held: The current log.
        lines: The lines that should follow.
        sent: Least number of lines in the log before.

    Example:
        >>> count_arrived(["a", "b", "c"], ["b", "c", "d"], 1)
        2
        >>> count_arrived(["a", "a"], ["a"], 2)
        0
    """
    best = 0
    for start in range(sent, len(held)):
        length = 0
        for there, wanted in zip(held[start:], lines, strict=False):
            if there != wanted:
                break
            length += 1
        best = max(best, length)
        if start + best >= len(held):
            break
    return best


def _body(job: KeptJob, lines: Sequence[OutputLine]) -> dict[str, Any]:
    """Return a report: lines, and the status that the backend is to know after them."""
    body: dict[str, Any] = {}
    if lines:
        body["console_logs"] = [
            {
                "message": line.message,
                "created": line.created.isoformat(),
                **({"level": line.level} if line.level else {}),
            }
            for line in lines
        ]
    is_last = job.sent + len(lines) >= job.lines
    status = job.status if is_last or not job.is_final else "running"
    if status not in (job.told, "queued"):
        body["status"] = status
    return body


def _has_ended(row: Mapping[str, Any]) -> bool:
    """Return whether the backend's job is in a final state, in any spelling."""
    return str(row.get("status")).lower() in (*FINAL, "succeeded")


def _may_have_arrived(error: ClientError) -> bool:
    if isinstance(error, ConnectionFailed):
        return error.was_sent
    return isinstance(error, (ServerError, RequestTimeout))


def _was_answered(error: ClientError) -> bool:
    """Return whether the server itself answered, not a proxy in front, and not nobody."""
    return not isinstance(error, (ConnectionFailed, RequestTimeout)) and error.status_code not in (
        502,
        503,
        504,
    )


def _log_refusal(message: str, job: KeptJob, reason: str) -> None:
    log_events.AGENT_REPORT_REFUSED.log(message, job.id, reason, job_id=job.id, reason=reason)
