"""Ctrl-C, and the interrupt of a notebook's kernel: say how to go on.

The advice is the message of the `KeyboardInterrupt` itself, so every host shows it at the end of
the traceback, and a caller can print it. The class stays the same: the interpreter's exit code
depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from synapse._internal.short_traceback import shortened

__all__ = ["explain_interrupt"]


class _Advice(str):
    """Text of this module, which an outer call may replace."""

    __slots__ = ()


@contextmanager
def explain_interrupt(explain: Callable[[], str]) -> Iterator[None]:
    """Add a message to a `KeyboardInterrupt` of the block.

    The outermost call decides, because the user repeats that call.

    Args:
        explain: Returns the message; empty for none.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        is_ours = not error.args or isinstance(error.args[0], _Advice)
        text = explain() if is_ours else ""
        if text:
            error.args = (_Advice(text),)
        shortened(error)
        raise
