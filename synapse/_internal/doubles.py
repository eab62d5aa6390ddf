"""Reads of `unittest.mock` for a double's spec, which must not send requests."""

from __future__ import annotations

import sys

__all__ = ["is_specifying"]

_PACKAGE = __name__.partition(".")[0]
# The functions of unittest.mock that look at an object to make a double like that.
_SPECIFIERS = frozenset({"__init__", "__new__", "_mock_add_spec", "create_autospec"})


def is_specifying() -> bool:
    """Return whether `unittest.mock` reads an attribute, or a truth value, for a double's spec.

    A double that wraps or calls something of ours doesn't count.
    """
    if "unittest.mock" not in sys.modules:
        return False
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE
    ):
        frame = frame.f_back
    is_mock = frame.f_globals.get("__name__") == "unittest.mock"
    return is_mock and frame.f_code.co_name in _SPECIFIERS
