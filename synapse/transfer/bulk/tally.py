"""Count results during a transfer of many files, and give up during an outage."""

from __future__ import annotations

import threading
import time
from typing import Generic, Literal, TypeVar

from synapse.errors import (
    AuthenticationError,
    InvalidQuery,
    RateLimited,
    RequestTimeout,
    ServerError,
    SessionClosed,
    SynapseError,
)
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.report import DownloadReport, Failure, UploadReport

__all__ = ["OnError", "ReportBuilder", "checked_on_error", "checked_workers", "typed"]

R = TypeVar("R", UploadReport, DownloadReport)

OnError = Literal["collect", "raise"]

# So many failures in a row that are the server's, and not a file's, are an outage.
_OUTAGE = 24
_OURS = (ServerError, RequestTimeout, RateLimited)


class ReportBuilder(Generic[R]):
    """Counts into a report, from several threads.

    Args:
        report: The report.
        line: The pipeline to stop when nothing more can succeed.
        on_error: Whether failures are collected, or the first one ends the transfer.
    """

    def __init__(self, report: R, line: Pipeline, on_error: OnError) -> None:
        self.report: R = report
        self._line = line
        self._on_error = on_error
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._in_a_row = 0

    def add(self, name: str, number: int = 1) -> None:
        """Add to one of the report's numbers."""
        with self._lock:
            setattr(self.report, name, getattr(self.report, name) + number)

    def succeeded(self) -> None:
        """Note a success of the server, which ends a series of failures."""
        self._in_a_row = 0

    def fail(self, path: str, error: Exception) -> None:
        """Note a failure; or stop the line, when nothing more will succeed."""
        with self._lock:
            self.report.failed.append(Failure(path, error))
            self._in_a_row = self._in_a_row + 1 if isinstance(error, _OURS) else 0
            is_outage = self._in_a_row >= _OUTAGE
        is_hopeless = isinstance(error, (AuthenticationError, SessionClosed))
        if self._on_error == "raise" or is_outage or is_hopeless:
            self._line.stop(error)

    def finish(self) -> R:
        """Return the report."""
        self.report.seconds = time.monotonic() - self._started
        return self.report


def checked_on_error(value: object) -> OnError:
    """Check the argument `on_error`.

    Raises:
        UsageError: The value is neither of the two.
    """
    if value == "collect" or value == "raise":
        return value
    raise InvalidQuery(f"on_error is {value!r}: give 'collect' or 'raise'.")


def checked_workers(value: object) -> int:
    """Check the argument `workers`.

    Raises:
        UsageError: The value isn't a whole number from 1 to 256.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 256:
        raise InvalidQuery(f"workers is {value!r}: give a whole number from 1 to 256.")
    return value


def typed(error: SynapseError | OSError) -> SynapseError:
    """Return an error as one of ours."""
    if isinstance(error, SynapseError):
        return error
    return InvalidQuery(f"{error.strerror or error}.")
