"""Split a process's output into lines of bounded length, within a total limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from synapse.jobs.spec import OutputLine
from synapse.plugins.log_markers import split_level

__all__ = ["Output"]

# The longest message that followers of a log take by default.
_LONGEST = 10 * 1024
_BATCH = 2000
_PATIENCE = 0.1


class Output:
    """The lines of a job, on their way from bytes to the reporter.

    Only the thread that passes the lines on uses this object.

    Args:
        limit: Limit in bytes; further output is dropped.
        give: Receives the lines, some at a time.
    """

    def __init__(self, limit: float, give: Callable[[Sequence[OutputLine]], None]) -> None:
        self._left = limit
        self._give = give
        self._rest = b""
        self._level: str | None = None
        self._continued = False
        self._lines: list[OutputLine] = []
        self._due: float | None = None

    @property
    def is_full(self) -> bool:
        """True if the output passed the limit."""
        return self._left < 0

    @property
    def patience(self) -> float:
        """Seconds that waiting lines may still wait."""
        return _PATIENCE if self._due is None else max(0.0, self._due - time.monotonic())

    def feed(self, data: bytes) -> None:
        """Add output, and pass lines on when they are many or old."""
        if self.is_full:
            return
        kept = data if len(data) <= self._left else data[: int(self._left)]
        self._left -= len(data)
        self._cut(self._rest + kept)
        if len(self._lines) >= _BATCH:
            self.flush()

    def finish(self) -> None:
        """Complete the last line."""
        if self._rest:
            self._pieces(self._rest.removesuffix(b"\r"))
            self._rest = b""
        self._continued = False

    def flush(self, *, due: bool = False) -> None:
        """Pass the waiting lines on.

        Args:
            due: Only if a line has waited long enough.
        """
        if self._lines and not (due and self.patience > 0):
            lines, self._lines, self._due = self._lines, [], None
            self._give(lines)

    def _cut(self, data: bytes) -> None:
        # The other half of a character may still arrive.
        held = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(held)].replace(b"\r\n", b"\n")
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._pieces(self._bars(line))
            self._continued = False
        rest = self._bars(rest)
        while len(rest) > _LONGEST:
            size = _whole_characters(rest, _LONGEST)
            self._piece(rest[:size])
            rest = rest[size:]
        self._rest = rest + held

    def _bars(self, line: bytes) -> bytes:
        """Take the states of a progress bar, which writes over itself, for lines."""
        if b"\r" not in line:
            return line
        *states, last = line.split(b"\r")
        for state in states:
            if state or self._continued:
                self._pieces(state)
            self._continued = False
        return last

    def _pieces(self, line: bytes) -> None:
        if not line and self._continued:
            return  # it ended exactly where it was cut
        while len(line) > _LONGEST:
            size = _whole_characters(line, _LONGEST)
            self._piece(line[:size])
            line = line[size:]
        self._piece(line)

    def _piece(self, piece: bytes) -> None:
        text = piece.decode(errors="replace").replace("\x00", "\ufffd")
        if self._continued:
            self._add(text, self._level)
        else:
            message, self._level = split_level(text)
            self._add(message, self._level)
        self._continued = True

    def _add(self, message: str, level: str | None) -> None:
        if self._due is None:
            self._due = time.monotonic() + _PATIENCE
        self._lines.append(OutputLine(message, level, datetime.now(timezone.utc)))


def _whole_characters(data: bytes, size: int) -> int:
    """Return the largest size up to a limit that cuts no UTF-8 character."""
    for shorter in range(size, size - 4, -1):
        if data[shorter] & 0xC0 != 0x80:
            return shorter
    return size  # it isn't UTF-8
