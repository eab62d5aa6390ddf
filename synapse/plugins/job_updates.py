"""Merge a job's reports, and send them on a thread that delays nobody."""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from synapse.errors import ClientError, SynapseError, UsageError

__all__ = ["JobUpdates", "UpdateSender", "as_json"]

_PERIOD = 0.5
_LONGEST_REST = 10.0
_NOTHING = object()


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
        self._result: Any = _NOTHING
        self._unsent: set[str] = set()
        self._lock = threading.Lock()

    @property
    def result(self) -> Any:
        """The reported result; `None` before a report."""
        return None if self._result is _NOTHING else self._result

    @property
    def has_result(self) -> bool:
        """True if a result was reported, `None` included."""
        return self._result is not _NOTHING

    @property
    def has_unsent(self) -> bool:
        """True if a report wasn't taken for sending."""
        return bool(self._unsent)

    def set_progress(self, done: float, total: float, category: str | None) -> None:
        """Note how far a category is.

        Raises:
            UsageError: One of the numbers can't be meant.
        """
        for name, value in (("done", done), ("total", total)):
            if not _is_count(value):
                raise UsageError(f"{name} is {value!r}: give a number from 0.")
        done, total = as_json(done), as_json(total)
        percent = 100.0 if total == 0 else min(100.0, 100.0 * done / total)
        with self._lock:
            self.progress_record[str(category or "default")] = {
                "done": done,
                "total": total,
                "percent": round(percent, 2),
            }
            every = [one["percent"] for one in self.progress_record.values()]
            self.progress = round(sum(every) / len(every), 2)
            self._unsent |= {"progress", "progress_record"}

    def add_metrics(self, category: str | None, values: Mapping[str, Any]) -> None:
        """Note metrics; those of the same names are replaced.

        Raises:
            UsageError: JSON can't hold one, or they are given as a mapping.
        """
        if isinstance(category, Mapping):
            raise UsageError("The category is a mapping: give measurements as metrics(**values).")
        found = {name: as_json(value, name) for name, value in values.items()}
        with self._lock:
            if category is None:
                self.metrics_record.update(found)
            else:
                before = self.metrics_record.get(str(category))
                kept = before if isinstance(before, dict) else {}
                self.metrics_record[str(category)] = {**kept, **found}
            self._unsent.add("metrics_record")

    def set_result(self, value: Any) -> None:
        """Store the result.

        Raises:
            UsageError: JSON can't hold the result.
        """
        found = as_json(value, "result")
        with self._lock:
            self._result = found
            self._unsent.add("result")

    def take(self) -> dict[str, Any]:
        """Return the newest values to send; they count as sent from now on."""
        with self._lock:
            taken = {name: getattr(self, name) for name in sorted(self._unsent)}
            self._unsent.clear()
            return {
                name: dict(value) if isinstance(value, dict) else value
                for name, value in taken.items()
            }

    def give_back(self, names: Mapping[str, Any]) -> None:
        """Mark taken values as unsent again."""
        with self._lock:
            self._unsent.update(names)


class UpdateSender:
    """Sends reports on a thread of its own: the newest values, not too often.

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
        reports: JobUpdates,
        send: Callable[[dict[str, Any], float], None],
        *,
        period: float = _PERIOD,
    ) -> None:
        self.refusal: SynapseError | None = None
        self._reports = reports
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
                self._thread = threading.Thread(
                    target=self._run, name="synapse-reports", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def close(self, patience: float = 30.0) -> None:
        """Send the rest now, in this thread; may be called again for later values.

        Args:
            patience: Seconds for which an unreachable backend is tried.
        """
        if os.getpid() != self._process:
            return  # a copy that the code forked: the thread, and what it holds, are elsewhere
        with self._starting:
            self._closed.set()
        self._wake.set()
        end = time.monotonic() + patience
        with self._sending:  # that the thread is at
            faults = 0
            while not self._send_once(max(1.0, end - time.monotonic())):
                faults += 1
                left = end - time.monotonic()
                if left <= 0:
                    break
                time.sleep(min(_rest(faults), left))

    def _run(self) -> None:
        faults = 0
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            with self._sending:
                if self._closed.is_set():
                    return
                faults = 0 if self._send_once(_LONGEST_REST) else faults + 1
            self._closed.wait(max(self._period, _rest(faults)))
            if self._reports.has_unsent:
                self._wake.set()

    def _send_once(self, seconds: float) -> bool:
        """Send the newest values; return whether nothing is left to send again."""
        values = self._reports.take()
        if not values:
            return True
        try:
            self._send(values, seconds)
        except SynapseError as error:
            self.refusal = error
            if _may_pass(error):
                self._reports.give_back(values)
                return False
        except BaseException:
            self._reports.give_back(values)  # ended by a signal
            raise
        else:
            self.refusal = None
        return True


def as_json(value: Any, path: str = "the value") -> Any:
    """Convert a value to JSON: also numpy's numbers, times and objects of the SDK.

    NaN and infinity, which JSON doesn't know, become `None`.

    Args:
        value: The code's value.
        path: Name of the value, for messages.

    Raises:
        UsageError: JSON can't hold the value; the message names the part.

    Example:
        >>> as_json({"loss": float("nan"), "sizes": (1, 2)})
        {'loss': None, 'sizes': [1, 2]}
    """
    from synapse.orm.convert import to_wire

    try:
        return _plain(to_wire(value), path)
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply for JSON.") from error


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, f"{path}.{position}") for position, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{path} is no Unicode text: {value[:60]!r}.") from error
    elif value is not None and not isinstance(value, (int, float, bool)):
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise UsageError(
            f"{path} is a {kind}, which JSON can't hold: give numbers, text, lists and mappings."
        )
    return value


def _is_count(value: Any) -> bool:
    try:
        return bool(math.isfinite(value) and value >= 0)
    except (TypeError, ValueError, OverflowError):
        return False


def _may_pass(error: SynapseError) -> bool:
    """Return whether sending again later may succeed."""
    if not isinstance(error, ClientError):
        return False
    return error.status_code in (408, 429) or error.status_code >= 500


def _rest(faults: int) -> float:
    """Return how long to wait after so many faults in a row."""
    if faults == 0:
        return 0.0
    longest = min(_LONGEST_REST, 0.5 * 2.0 ** min(faults, 10))
    return random.uniform(0.5, 1.0) * longest  # noqa: S311 # no secret
