"""The reason of a process's end, in a sentence for people."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from synapse.jobs.spec import Outcome, OutputLine

__all__ = ["outcome_of"]

_LONGEST = 500
_EXCEPTION = re.compile(r"[^\W\d][\w.<>]*(: .*)?")
# Exit codes of the job's process: the code raised; the code can't be imported; the result can't be
# sent. The last line says why.
_RAISED = 1
_BY_DRIVER = (3, 4)
_INSTALL = " Name its package under `requirements` in config.yaml, with `install: true`."
_CUT_SHORT = (
    "The process ended with exit code 0 before its code was done, as os._exit(0) does, so reports "
    "and the result may be lost. Return from the entrypoint, or call sys.exit()."
)
# The beginning of a traceback, and the prefix of each line: exception groups draw a frame.
_TRACEBACKS = {
    "Traceback (most recent": "",
    "  + Exception Group Traceback (most recent": "  | ",
}


def outcome_of(code: int, printed: Sequence[OutputLine], *, has_said_end: bool = True) -> Outcome:
    """Return the outcome of a process that ended by itself.

    Args:
        code: Exit code; the negative signal number after a signal.
        printed: The process's last lines.
        has_said_end: Whether the job's process said that its code is done, see `END`.

    Example:
        >>> outcome_of(3, []).reason
        'It ended with exit code 3.'
        >>> outcome_of(-9, []).reason
        'It was killed by signal 9 (SIGKILL).'
    """
    if code == 0 and not has_said_end:
        return Outcome("failed", _CUT_SHORT)
    if code == 0:
        return Outcome("completed")
    if code < 0:
        return Outcome("failed", f"It was killed by signal {-code} ({_name_signal(-code)}).")
    if code == _RAISED and (raised := _find_exception(printed)) is not None:
        hint = _INSTALL if raised.startswith("ModuleNotFoundError: No module named") else ""
        return Outcome("failed", f"The code raised {_cut(raised).rstrip('.')}.{hint}")
    if code in _BY_DRIVER and printed and printed[-1].level == "error":
        return Outcome("failed", _cut(printed[-1].message))
    return Outcome("failed", f"It ended with exit code {code}.")


def _find_exception(printed: Sequence[OutputLine]) -> str | None:
    """Return the exception's own line from the last traceback."""
    raised, prefix = None, None
    for text in (line.message for line in printed):
        begun = next((start for start in _TRACEBACKS if text.startswith(start)), None)
        if begun is not None:
            raised, prefix = None, _TRACEBACKS[begun]
        elif prefix is not None and raised is None and text.startswith(prefix):
            own = text.removeprefix(prefix)
            raised = own if _EXCEPTION.fullmatch(own) else None
    return raised


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
