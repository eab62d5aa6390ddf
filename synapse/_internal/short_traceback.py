"""Tracebacks in notebooks that end at the user's line.

IPython renders an exception by its method `_render_traceback_`, if that exists. Only the rendering
is short: the exception keeps its traceback and its causes, for `logging`, `raise ... from`,
`pickle` and `%debug`.
"""

from __future__ import annotations

import copy
import os
import sys
import traceback
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import TypeVar

from synapse._internal.audience import get_shell, in_notebook

__all__ = ["cut_traceback", "render", "render_last", "shortened"]

VARIABLE = "SYNAPSE_TRACEBACK"
_E = TypeVar("_E", bound=BaseException)
_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


def render(error: BaseException) -> list[str]:
    """Return an exception's traceback for IPython: in a notebook, up to the user's line.

    The environment variable `SYNAPSE_TRACEBACK=full` turns the cut off.
    """
    shell = get_shell()
    if shell is None:
        return traceback.format_exception(type(error), error, error.__traceback__)
    shown, full = error, error.__traceback__
    kept, hidden = full, 0
    if in_notebook() and os.environ.get(VARIABLE, "").strip().lower() != "full":
        kept, hidden = cut_traceback(full)
    if hidden:
        shown = copy.copy(error)
        shown.__cause__, shown.__context__ = _outer(error.__cause__), _outer(error.__context__)
        shown.__suppress_context__ = error.__suppress_context__
    formatter = shell.InteractiveTB
    lines: list[str] = formatter.structured_traceback(type(shown), shown, kept)
    formatter.tb = full  # for %debug
    if hidden and formatter.mode != "Minimal":
        frames = "1 frame" if hidden == 1 else f"{hidden} frames"
        note = f"    [... {frames} of the SDK hidden; %env {VARIABLE}=full and %tb show all]\n"
        lines = [*lines[:-1], note, *lines[-1:]]
    return lines


def render_last() -> list[str]:
    """Return the traceback of the exception that is being shown, for exceptions of other classes.

    A module function rather than a bound method, so that the exception can be pickled.
    """
    error = sys.exc_info()[1] or getattr(sys, "last_value", None)
    return render(error) if error is not None else []


def shortened(error: _E) -> _E:
    """Return one of Python's own errors, raised on purpose, with the short traceback.

    Other errors of Python inside the SDK are faults of the SDK, and are shown with all frames.

    Example:
        >>> shortened(IndexError("no object at index 7"))
        IndexError('no object at index 7')
    """
    if in_notebook():
        error._render_traceback_ = render_last  # type: ignore[attr-defined] # IPython's hook
    return error


def cut_traceback(full: TracebackType | None) -> tuple[TracebackType | None, int]:
    """Return a copy of a traceback that ends at the user's line, and the number of frames behind.

    Args:
        full: The traceback, which stays the same.
    """
    kept: list[TracebackType] = []
    rest: list[TracebackType] = []
    part = full
    while part is not None:
        is_inside = bool(rest)
        if _is_own(part.tb_frame) or (is_inside and _is_library(part.tb_frame)):
            rest.append(part)
        else:  # also a function of the user's that the SDK calls
            kept += [*rest, part]
            rest = []
        part = part.tb_next
    if not kept or not rest:
        return full, 0
    result: TracebackType | None = None
    for part in reversed(kept):
        result = TracebackType(result, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return result, len(rest)


def _outer(error: BaseException | None) -> BaseException | None:
    """Return a cause that the user's code raised or caught; `None` for one inside the SDK."""
    trace = error.__traceback__ if error is not None else None
    if trace is None or not _is_own(trace.tb_frame):
        return error
    # The SDK also catches errors of functions that the user passed.
    is_users = any(not _is_own(each) and not _is_library(each) for each, _ in walk_tb(trace))
    return error if is_users else None


def _is_own(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _is_library(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(("<frozen", *_library_folders()))


@lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    import sysconfig  # only tracebacks need the paths

    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({f"{paths[name]}{os.sep}" for name in names})
