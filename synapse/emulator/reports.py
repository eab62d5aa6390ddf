"""What is noted of a job while it runs here, and how it is ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from synapse.emulator.models import ConsoleLine, Job, LogLevel, Token

if TYPE_CHECKING:
    from synapse.engine.order import Line, Outcome

__all__ = ["DatabaseReporter", "end_job"]

# A transaction takes the database for itself, so each is a short one.
_BATCH = 500
_ATTEMPTS = 5
_LEVELS = {Job.Status.FAILED: LogLevel.ERROR, Job.Status.STOPPED: LogLevel.WARNING}


class DatabaseReporter:
    """Writes what the engine says of a job into the database, on the engine's threads.

    Args:
        key: The job's id.
    """

    def __init__(self, key: uuid.UUID) -> None:
        self._key = key

    def started(self) -> None:
        """Note that it runs."""
        _again(self._start)

    def printed(self, lines: Sequence[Line]) -> None:
        """Note what it printed."""
        for start in range(0, len(lines), _BATCH):
            rows = [
                ConsoleLine(
                    job_id=self._key, message=line.message, level=line.level, created=line.created
                )
                for line in lines[start : start + _BATCH]
            ]
            _again(lambda rows=rows: ConsoleLine.objects.bulk_create(rows))  # type: ignore[misc] # of a default

    def ended(self, outcome: Outcome) -> None:
        """Note how it ended."""
        _again(lambda: end_job(self._key, Job.Status(outcome.status), outcome.reason))

    def _start(self) -> None:
        waiting = Job.objects.filter(pk=self._key, status=Job.Status.QUEUED)
        waiting.update(status=Job.Status.RUNNING, updated=timezone.now())


@transaction.atomic
def end_job(key: uuid.UUID, status: Job.Status, reason: str | None) -> None:
    """End a job, unless it has ended; the reason becomes its last line, unless it is that already.

    Args:
        key: The job's id.
        status: One that nothing comes after.
        reason: Why, in a sentence.
    """
    job = Job.objects.select_for_update().filter(pk=key).exclude(status__in=Job.FINAL).first()
    if job is None:
        return
    if reason is not None and reason != _last_line(job):
        ConsoleLine.objects.create(job=job, message=reason, level=_LEVELS.get(status))
    job.status = status
    job.completed = timezone.now()
    job.save(update_fields=["status", "completed", "updated"])
    Token.objects.filter(job=job).delete()


def _last_line(job: Job) -> str | None:
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
