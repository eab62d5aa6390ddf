"""Reads of a completer, which must not send requests."""

from __future__ import annotations

import sys

__all__ = ["is_completing"]

_COMPLETER = "jedi"


def is_completing() -> bool:
    """Return whether the caller was called by jedi, which reads attributes to complete names."""
    if _COMPLETER not in sys.modules:
        return False
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == _COMPLETER:
            return True
        frame = frame.f_back
    return False
