"""Numbers of a team: the progress of a project, and the requests of a session."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from synapse import Project, Session
from synapse.extending import Event, Retry

__all__ = ["Progress", "RequestMetrics", "measure_progress"]


@dataclass(frozen=True)
class Progress:
    """Progress of a project.

    Attributes:
        total: Number of tasks.
        completed: Number of completed tasks.
    """

    total: int
    completed: int

    @property
    def share(self) -> float:
        """Completed part, from 0 to 1; 1 for a project without tasks."""
        return self.completed / self.total if self.total else 1.0


def measure_progress(session: Session, project: Project) -> Progress:
    """Return the progress of a project. Two requests.

    Args:
        session: The session.
        project: The project.
    """
    tasks = session.tasks.filter(project=project)
    return Progress(tasks.count(), tasks.filter(status="completed").count())


class RequestMetrics:
    """Counts the requests of a session by its hooks, which any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: Counter[int | None] = Counter()
        self._retries = 0
        self._seconds = 0.0

    def count_response(self, event: Event) -> None:
        """Count an attempt; its status is `None` if no response came."""
        with self._lock:
            self._statuses[event.status] += 1
            self._seconds += event.elapsed

    def count_retry(self, retry: Retry) -> None:
        """Count a retry with the pause before it."""
        with self._lock:
            self._retries += 1
            self._seconds += retry.delay

    @property
    def statuses(self) -> dict[int | None, int]:
        """Number of attempts by the status of their response."""
        with self._lock:
            return dict(self._statuses)

    @property
    def retries(self) -> int:
        """Number of retries."""
        return self._retries

    @property
    def seconds(self) -> float:
        """Seconds of all attempts, and of the pauses between them."""
        return self._seconds
