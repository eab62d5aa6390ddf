"""Split a process's output into lines of bounded length, within a total limit."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from synapse.jobs.spec import OutputLine
from synapse.plugins.log_markers import MARK, PLATFORM_MARK, split_level
from synapse.plugins.process_control import END

__all__ = ["Output"]

# The longest message that followers of a log take by default.
_LONGEST = 10 * 1024
_BATCH = 2000
_PATIENCE = 0.1
# Seconds between two states of a line that writes over itself.
_STATE_PERIOD = 0.5
_LONGEST_MARK = 12
_END = END.encode()


class Output:
    """The lines of a job, on their way from bytes to the reporter.

    A mark of a level begins a line of its own, also behind text without an end. A line that writes
    over itself, as progress bars do, is its last state, and in between a few states a second.

    Only the thread that passes the lines on uses this object.

    Args:
        limit: Limit of the lines in bytes; further output is dropped.
        give: Receives the lines, some at a time.

    Attributes:
        has_end: True if the process said that its code is done.
    """

    def __init__(self, limit: float, give: Callable[[Sequence[OutputLine]], None]) -> None:
        self.has_end = False
        self._left = limit
        self._give = give
        self._rest = b""
        self._level: str | None = None
        self._continued = False
        self._has_states = False
        self._state = b""
        self._next_state: float | None = None
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
        self._cut(self._rest + data)
        if len(self._lines) >= _BATCH:
            self.flush()

    def finish(self) -> None:
        """Complete the last line."""
        if self._rest or self._state:
            self._end_line(self._rest)
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
            *earlier, last = self._split_at_marks(line)
            for part in earlier:
                self._end_line(part)
            self._end_line(last)
            self._left -= 1
        *earlier, rest = self._split_at_marks(rest)
        for part in earlier:
            self._end_line(part)
        rest = self._keep_states(rest)
        while len(rest) > _LONGEST:
            size = _piece_size(rest)
            self._piece(rest[:size])
            rest = rest[size:]
        self._rest = rest + held

    def _split_at_marks(self, line: bytes) -> list[bytes]:
        """Split a line where a mark follows text without an end."""
        if b"\x1e" not in line and b"[LEVEL: " not in line:
            return [line]
        begins = [found.start() for found in MARK.finditer(line)]
        # The platform's mark is plain text, which a marked line may quote.
        found = PLATFORM_MARK.search(line, 0, begins[0] if begins else len(line))
        if found is not None:
            begins.insert(0, found.start())
        begins = [at for at in begins if at or self._continued]
        bounds = [0, *begins, len(line)]
        return [line[start:end] for start, end in itertools.pairwise(bounds)]

    def _keep_states(self, line: bytes) -> bytes:
        """Return the text behind the last carriage return; keep the state that is seen."""
        if b"\r" not in line:
            return line
        states, _, last = line.rpartition(b"\r")
        if self._continued:  # a state of which pieces were given
            first, _, states = states.partition(b"\r")
            self._pieces(first)
            self._continued = False
        self._has_states = True
        while states:
            states, _, state = states.rpartition(b"\r")
            if state:
                self._state = state if state.strip() else b""  # spaces erase
                break
        now = time.monotonic()
        if self._next_state is None:
            self._next_state = now + _STATE_PERIOD
        elif self._state and now >= self._next_state:
            self._pieces(self._state)
            self._continued = False
            self._state, self._next_state = b"", now + _STATE_PERIOD
        return last

    def _end_line(self, line: bytes) -> None:
        if line == _END and not self._continued:
            self.has_end = True
            return
        line = self._keep_states(line)
        if self._has_states:
            line = (line or self._state) if not line or line.strip() else b""
        if line or not self._has_states:
            self._pieces(line)
        self._continued = self._has_states = False
        self._state, self._next_state = b"", None

    def _pieces(self, line: bytes) -> None:
        if not line and self._continued:
            return  # it ended exactly where it was cut
        while len(line) > _LONGEST:
            size = _piece_size(line)
            self._piece(line[:size])
            line = line[size:]
        self._piece(line)

    def _piece(self, piece: bytes) -> None:
        if self.is_full:
            return
        size, piece = len(piece), piece[: int(self._left)]
        self._left -= size
        if size and not piece:
            return
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


def _piece_size(data: bytes) -> int:
    """Return the largest size of a piece that cuts no UTF-8 character, and no mark."""
    at = data.rfind(b"\x1e", _LONGEST - _LONGEST_MARK, _LONGEST)
    if at >= 0 and b"\x1f" not in data[at:_LONGEST]:
        return at
    for size in range(_LONGEST, _LONGEST - 4, -1):
        if data[size] & 0xC0 != 0x80:
            return size
    return _LONGEST  # it isn't UTF-8
