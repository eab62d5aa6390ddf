"""Merge a job's reports, and send them on a thread that delays nobody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from synapse._internal.backoff import Backoff
from synapse._internal.json_values import to_report_json
from synapse._internal.threads import start
from synapse._internal.validate import is_number
from synapse.errors import ClientError, FieldValueError, SynapseError, UsageError

__all__ = ["JobUpdates", "UpdateSender", "to_json"]

_PERIOD = 0.5
_LONGEST_PAUSE = 10.0
_MISSING = object()


class JobUpdates:
    """Progress, metrics and result of one job so far; safe under threads.

    Attributes:
        progress: Percentage over all categories, from 0 to 100; `None` before the first report.
        progress_record: For each category, `done`, `total` and `percent`.
        metrics_record: The metrics, merged.
    """

    def __init__(self) -> None:
        self.progress: float | None = None
        self.progress_record: dict[str, dict[str, float]] = {}
        self.metrics_record: dict[str, Any] = {}
        self._result: Any = _MISSING
        self._unsent: set[str] = set()
        self._lock = threading.Lock()

    @property
    def result(self) -> Any:
        """The reported result; `None` before a report."""
        return None if self._result is _MISSING else self._result

    @property
    def has_result(self) -> bool:
        """True if a result was reported, `None` included."""
        return self._result is not _MISSING

    @property
    def has_unsent(self) -> bool:
        """True if a report wasn't taken for sending."""
        return bool(self._unsent)

    def set_progress(self, done: float, total: float, category: str | None) -> None:
        """Note how far a category is.

        Raises:
            UsageError: One of the numbers can't be meant.
        """
        done, total = _to_count("done", done), _to_count("total", total)
        percent = 100.0 if total == 0 else min(100.0, 100.0 * done / total)
        with self._lock:
            self.progress_record[str(category or "default")] = {
                "done": done,
                "total": total,
                "percent": round(percent, 2),
            }
            percents = [record["percent"] for record in self.progress_record.values()]
            self.progress = round(sum(percents) / len(percents), 2)
            self._unsent |= {"progress", "progress_record"}

    def add_metrics(self, category: str | None, values: Mapping[str, Any]) -> None:
        """Note metrics; those of the same names are replaced.

        Raises:
            UsageError: JSON can't hold one, or they are given as a mapping.
        """
        if isinstance(category, Mapping):
            raise UsageError(
                "The category is a mapping. Pass the measurements as metrics(**values)."
            )
        metrics = {name: to_json(value, name) for name, value in values.items()}
        with self._lock:
            if category is None:
                self.metrics_record.update(metrics)
            else:
                earlier = self.metrics_record.get(str(category))
                earlier = earlier if isinstance(earlier, dict) else {}
                self.metrics_record[str(category)] = {**earlier, **metrics}
            self._unsent.add("metrics_record")

    def set_result(self, value: Any) -> None:
        """Store the result.

        Raises:
            UsageError: JSON can't hold the result.
        """
        result = to_json(value, "result")
        with self._lock:
            self._result = result
            self._unsent.add("result")

    def take_unsent(self) -> dict[str, Any]:
        """Return the newest values to send; they count as sent from now on."""
        with self._lock:
            values = {name: getattr(self, name) for name in sorted(self._unsent)}
            self._unsent.clear()
            return {name: dict(v) if isinstance(v, dict) else v for name, v in values.items()}

    def mark_unsent(self, names: Mapping[str, Any]) -> None:
        """Mark taken values as unsent again."""
        with self._lock:
            self._unsent.update(names)


class UpdateSender:
    """Sends reports from a thread: the newest values, not too often.

    Values lost on the way are sent again, with newer ones.

    Args:
        reports: The reports.
        send: Sends values within some seconds, or raises.
        period: Least number of seconds between two calls of `send`.

    Attributes:
        refusal: The backend's refusal of the last values, if any.
    """

    def __init__(
        self,
        updates: JobUpdates,
        send: Callable[[dict[str, Any], float], None],
        *,
        period: float = _PERIOD,
    ) -> None:
        self.refusal: SynapseError | None = None
        self._updates = updates
        self._send = send
        self._period = period
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._sending = threading.Lock()
        self._process = os.getpid()

    def notify(self) -> None:
        """Wake the thread. Returns at once."""
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                thread = threading.Thread(target=self._run, name="synapse-reports", daemon=True)
                if start(thread):  # otherwise `close` sends everything
                    self._thread = thread
        self._wake.set()

    def close(self, patience: float = 30.0) -> None:
        """Send the rest now, in this thread; may be called again for later values.

        Args:
            patience: Seconds for which an unreachable backend is tried.
        """
        if os.getpid() != self._process:
            return  # a child that the code forked: the thread is in the parent
        with self._starting:
            self._closed.set()
        self._wake.set()
        end = time.monotonic() + patience
        backoff = _new_backoff()
        with self._sending:
            while not self._send_once(max(1.0, end - time.monotonic())):
                left = end - time.monotonic()
                if left <= 0:
                    break
                time.sleep(min(backoff.next(), left))

    def _run(self) -> None:
        backoff = _new_backoff()
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            with self._sending:
                if self._closed.is_set():
                    return
                is_sent = self._send_once(_LONGEST_PAUSE)
            if is_sent:
                backoff.reset()
            pause = self._period if is_sent else max(self._period, backoff.next())
            self._closed.wait(pause)
            if self._updates.has_unsent:
                self._wake.set()

    def _send_once(self, seconds: float) -> bool:
        """Send the newest values; return whether nothing is left to send again."""
        values = self._updates.take_unsent()
        if not values:
            return True
        try:
            self._send(values, seconds)
        except SynapseError as error:
            self.refusal = error
            if _should_resend(error):
                self._updates.mark_unsent(values)
                return False
        except BaseException:
            self._updates.mark_unsent(values)  # a signal
            raise
        else:
            self.refusal = None
        return True


def to_json(value: Any, path: str = "the value") -> Any:
    """Convert a part of a report to JSON: also numpy's numbers, times and objects of the SDK.

    NaN, infinity and missing values become `None`: a loss that diverged must not end the training.

    Args:
        value: The code's value.
        path: Name of the value, for messages.

    Raises:
        UsageError: JSON can't hold the value; the message names the part.

    Example:
        >>> to_json({"loss": float("nan"), "sizes": (1, 2)})
        {'loss': None, 'sizes': [1, 2]}
    """
    try:
        return to_report_json(value, path)
    except FieldValueError as error:
        raise UsageError(str(error)) from None


def _to_count(name: str, value: Any) -> float:
    number = to_json(value, name)
    if not is_number(number) or number < 0:
        raise UsageError(f"{name}={value!r} is not valid. Pass a number, 0 or more.")
    count: float = number
    return count


def _should_resend(error: SynapseError) -> bool:
    # More than the transient errors: the last report would be lost, and sending twice does no harm.
    return isinstance(error, ClientError) and (error.is_transient or error.status_code >= 500)


def _new_backoff() -> Backoff:
    return Backoff(first=1.0, longest=_LONGEST_PAUSE)
