"""Fail the jobs whose agent has been silent for too long, or has lost them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from synapse._internal import log_events
from synapse.emulator.dispatch import agents
from synapse.emulator.job_reporter import end_job
from synapse.emulator.models import Job, User

__all__ = ["AgentWatch"]

_LONGEST_PERIOD = 30.0
# Longer than all attempts to give an agent a job.
_GIVEN = timedelta(minutes=3)


class AgentWatch:
    """Looks at the agents' heartbeats, on a thread of its own.

    A heartbeat before the timeout changes nothing: the agent's jobs go on. After the timeout the
    jobs have failed, their tokens have ended, and an agent that comes back stops them.

    Args:
        timeout: Seconds without a heartbeat until an agent's jobs fail.
        clock: Returns the time.
    """

    def __init__(self, timeout: float, *, clock: Callable[[], datetime] = timezone.now) -> None:
        self._timeout = timeout
        self._clock = clock
        # While the server was down, no agent could send anything.
        self._since = clock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="synapse-agent-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Fail the jobs of silent agents, and those that their agents don't have."""
        limit = self._clock() - timedelta(seconds=self._timeout)
        if self._since <= limit:
            self._fail_silent(limit)
        # Before that, the agent may still be given the job.
        given = Q(status=Job.Status.RUNNING) | Q(created__lt=self._clock() - _GIVEN)
        for job in _open_jobs().filter(given, agent__connected__gt=limit):
            if agents().has_lost(job):
                end_job(job.pk, Job.Status.FAILED, "The agent was reset, and lost the job.")

    def _fail_silent(self, limit: datetime) -> None:
        silent = Q(connected=None) | Q(connected__lte=limit)
        for agent in User.objects.filter(silent, is_agent=True):
            agents().forget(agent)
        reason = f"The agent has sent no heartbeat for {self._timeout:g} s."
        for job in _open_jobs().filter(Q(agent__connected=None) | Q(agent__connected__lte=limit)):
            end_job(job.pk, Job.Status.FAILED, reason)

    def _run(self) -> None:
        period = min(self._timeout / 4, _LONGEST_PERIOD)
        while not self._closing.wait(period):
            self._try_to_check()

    def _try_to_check(self) -> None:
        try:
            self.check()
        except (
            DatabaseError
        ) as error:  # busy, or its disk is full: the next look finds the same jobs
            log_events.EMULATOR_FAILED.log(
                "The jobs of silent agents could not be ended.", exc_info=True, reason=error
            )
        finally:
            connection.close()


def _open_jobs() -> QuerySet[Job]:
    return Job.objects.filter(runner=Job.Runner.AGENT).exclude(status__in=Job.FINAL)
