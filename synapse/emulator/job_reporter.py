"""Write a running job's events to the database, and end jobs."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from synapse._internal import log_events
from synapse.emulator.models import ConsoleLine, Job, LogLevel, Token

if TYPE_CHECKING:
    from synapse.jobs.spec import Outcome, OutputLine

__all__ = ["DatabaseReporter", "announce_end", "end_job", "settle_end"]


# A transaction locks the whole database, so each one is short.
_BATCH = 500
_ATTEMPTS = 5
_LEVELS = {Job.Status.FAILED: LogLevel.ERROR, Job.Status.STOPPED: LogLevel.WARNING}


class DatabaseReporter:
    """Writes the engine's events into the database, on the engine's threads.

    Args:
        key: The job's id.
    """

    def __init__(self, key: uuid.UUID) -> None:
        self._key = key
        # Lines that wait for the database, for example while its disk is full.
        self._waiting: deque[OutputLine] = deque()

    def started(self) -> None:
        """Store that the job runs."""
        _again(self._start)

    def printed(self, lines: Sequence[OutputLine]) -> None:
        """Store output lines."""
        self._waiting.extend(lines)
        self._write()

    def ended(self, outcome: Outcome) -> None:
        """Store the outcome."""
        status, reason = Job.Status(outcome.status), outcome.reason
        try:
            self._write()
        except DatabaseError as error:
            log_events.EMULATOR_FAILED.log(
                "The last lines of job %s could not be written.",
                self._key,
                exc_info=True,
                reason=error,
            )
            status, reason = Job.Status.FAILED, f"What it printed could not be kept: {error}."
        _again(lambda: end_job(self._key, status, reason))

    def _write(self) -> None:
        while self._waiting:
            batch = list(islice(self._waiting, _BATCH))
            _again(partial(self._write_batch, batch))
            for _ in batch:
                self._waiting.popleft()

    def _write_batch(self, lines: Sequence[OutputLine]) -> None:
        ConsoleLine.objects.bulk_create(
            ConsoleLine(
                job_id=self._key, message=line.message, level=line.level, created=line.created
            )
            for line in lines
        )

    def _start(self) -> None:
        waiting = Job.objects.filter(pk=self._key, status=Job.Status.QUEUED)
        waiting.update(status=Job.Status.RUNNING, updated=timezone.now())


@transaction.atomic
def end_job(key: uuid.UUID, status: Job.Status, reason: str | None) -> None:
    """End a job, unless it has ended; the reason becomes the last line, unless it already is.

    Args:
        key: The job's id.
        status: A final status.
        reason: The reason, in a sentence.
    """
    Token.objects.filter(job=key).delete()
    job = Job.objects.select_for_update().filter(pk=key).exclude(status__in=Job.FINAL).first()
    if job is None:
        return
    if reason is not None and reason != _read_last_line(job):
        ConsoleLine.objects.create(job=job, message=reason, level=_LEVELS.get(status))
    job.status = settle_end(key, status)
    job.completed = timezone.now()
    job.save(update_fields=["status", "completed", "updated"])


def announce_end(key: uuid.UUID, status: str) -> None:
    """Keep the final status that a job's own code reports until the process has ended."""
    _announced().update({key: status})


def settle_end(key: uuid.UUID, status: str) -> Job.Status:
    """Return the final status of a job whose process ended with a status.

    A success counts as a failure if the job's code announced a failure.
    """
    announced = _announced().pop(key, None)
    is_refuted = status == Job.Status.COMPLETED and announced == Job.Status.FAILED
    return Job.Status.FAILED if is_refuted else Job.Status(status)


def _announced() -> dict[uuid.UUID, str]:
    announced: dict[uuid.UUID, str] = apps.get_app_config("emulator").announced  # type: ignore[attr-defined] # ours
    return announced


def _read_last_line(job: Job) -> str | None:
    return job.console_lines.order_by("-pk").values_list("message", flat=True).first()


def _again(write: Callable[[], object]) -> None:
    """Write, on a thread that isn't a request's; a database that is busy is asked again."""
    for attempt in range(_ATTEMPTS):
        close_old_connections()
        try:
            write()
            return
        except DatabaseError:
            connection.close()
            if attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
