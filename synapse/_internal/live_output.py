"""Show objects that change: in one output of a notebook's cell, or as one line a minute.

A cell has one output for everything that changes in it, so that a loop over a thousand files leaves
one small output in the saved notebook. A saved notebook keeps the last state.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any
from uuid import uuid4

from synapse._internal import log_events
from synapse._internal.audience import Audience, find_audience, get_shell
from synapse._internal.described import Described, Description
from synapse._internal.lazy_import import load

__all__ = [
    "CellOutput",
    "ChangingView",
    "LiveOutput",
    "MinuteLines",
    "describe_seconds",
    "open_output",
    "write_line",
]

_LOG = log_events.PROGRESS.logger
_MINUTE = 60.0
# Seconds between two updates of a notebook's output.
_PAUSE = 0.25
_MOST_ENDED = 5
_MOST_RUNNING = 8


class ChangingView(Described):
    """An object that a live output shows.

    Attributes:
        outcome: State in a word, such as `running`, `done` or `failed`.
    """

    outcome = "running"

    @abstractmethod
    def __str__(self) -> str:
        """Return the state in one line."""


class LiveOutput:
    """Place that shows a changing view; shows nothing here. Thread-safe."""

    def update(self, view: ChangingView) -> None:
        """Show the view, unless the last time is too recent."""

    def finish(self, view: ChangingView) -> None:
        """Show the last state."""


def open_output(delay: float = 0.5, *, audience: Audience | None = None) -> LiveOutput | None:
    """Return the output where progress is seen: a notebook's, or lines; `None` if nobody looks.

    Args:
        delay: Seconds before a notebook's output appears.
        audience: Who looks; found out if `None`. A terminal gets lines.
    """
    audience = audience or find_audience()
    if audience is Audience.NOBODY:
        return None
    return CellOutput(delay) if audience is Audience.NOTEBOOK else MinuteLines()


def write_line(text: str) -> None:
    """Write a line of progress: to the log where INFO is logged, else to standard error.

    A level above INFO of the logger `synapse.progress` or `synapse` turns the lines off.
    """
    if log_events.PROGRESS.is_enabled and _LOG.hasHandlers():
        log_events.PROGRESS.log("%s", text)
        return
    level = _LOG.level or logging.getLogger("synapse").level
    if level > logging.INFO or sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # closed, or the reader is gone
        log_events.PROGRESS_HIDDEN.log(
            "Standard error takes no lines.", reason="standard error is closed"
        )


class MinuteLines(LiveOutput):
    """Write one line a minute, and one at the end if there was a line before.

    Args:
        clock: Returns the time in seconds.
        write: Writes a line.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], object] = write_line,
    ) -> None:
        self._clock = clock
        self._write = write
        self._last = clock()
        self._has_written = False
        self._lock = threading.Lock()

    def update(self, view: ChangingView) -> None:
        """Write a line if a minute has passed."""
        with self._lock:
            now = self._clock()
            if now - self._last < _MINUTE:
                return
            self._last = now
            self._has_written = True
            self._write(str(view))

    def finish(self, view: ChangingView) -> None:
        """Write the last state, unless the whole took less than a minute."""
        with self._lock:
            if self._has_written:
                self._write(str(view))


class CellOutput(LiveOutput):
    """Show a view in the output of the notebook's cell.

    Args:
        delay: Seconds before the view appears; shorter ones are never shown.
        clock: Returns the time in seconds.
    """

    def __init__(self, delay: float = 0.5, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() + delay
        self._is_shown = False
        self._cell = _find_cell()

    def update(self, view: ChangingView) -> None:
        """Show the view, at most four times a second."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _PAUSE
            self._is_shown = True
            self._cell.show(self, view)

    def finish(self, view: ChangingView) -> None:
        """Replace the view by its last state, if it was shown."""
        if self._is_shown:
            self._cell.end(self, view)


class _Cell:
    """The one output of a run of a cell: running views, and the last of those that have ended."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self._id = uuid4().hex
        self._is_shown = False
        # Frontends sort outputs by the cell's context, which other threads don't have.
        self._context = copy_context()
        self._running: dict[LiveOutput, ChangingView] = {}
        self._ended: deque[tuple[str, str, Description]] = deque()
        self._earlier: Counter[str] = Counter()
        self._lock = threading.RLock()

    def show(self, place: LiveOutput, view: ChangingView) -> None:
        with self._lock:
            self._running[place] = view
            self._publish()

    def end(self, place: LiveOutput, view: ChangingView) -> None:
        with self._lock:
            self._running.pop(place, None)
            self._ended.append((view.outcome, str(view), view._describe()))
            if len(self._ended) > _MOST_ENDED:
                self._earlier[self._ended.popleft()[0]] += 1
            self._publish()

    def _publish(self) -> None:
        try:
            bundle = self._make_bundle()
            publish = load("IPython.display").publish_display_data
            self._context.copy().run(
                publish, bundle, transient={"display_id": self._id}, update=self._is_shown
            )
            self._is_shown = True
        except Exception as error:  # a display must not end what it shows
            log_events.PROGRESS_HIDDEN.log(
                "The notebook's output can't be updated: %s", error, reason=error
            )

    def _make_bundle(self) -> dict[str, str]:
        make_html = load("synapse.display.bundle").make_html
        muted = load("synapse.display.markup").muted
        running = list(self._running.values())
        texts = [text for _, text, _ in self._ended]
        parts = [make_html(described) for _, _, described in self._ended]
        for view in running[:_MOST_RUNNING]:
            texts.append(str(view))
            parts.append(make_html(view._describe()))
        if self._earlier:
            states = ", ".join(f"{count:,} {state}" for state, count in self._earlier.items())
            note = f"… and {self._earlier.total():,} earlier: {states}."
            texts.insert(0, note)
            parts.insert(0, muted(note))
        if len(running) > _MOST_RUNNING:
            note = f"… and {len(running) - _MOST_RUNNING:,} more running."
            texts.append(note)
            parts.append(muted(note))
        return {"text/plain": "\n".join(texts), "text/html": "".join(parts)}


_current: _Cell | None = None
_choosing = threading.Lock()


def _find_cell() -> _Cell:
    """Return the output of the cell that runs now."""
    global _current
    shell = get_shell()
    header = getattr(shell, "parent_header", None) or {}
    key = header.get("header", header).get("msg_id") or getattr(shell, "execution_count", None)
    with _choosing:
        if _current is None or _current.key != key:
            _current = _Cell(key)
        return _current


def describe_seconds(seconds: float) -> str:
    """Return a duration for people.

    Example:
        >>> [describe_seconds(seconds) for seconds in (0.25, 42, 200, 7500)]
        ['0.2 s', '42 s', '3 min 20 s', '2 h 5 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"
