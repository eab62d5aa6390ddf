"""Suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from synapse._internal.short_traceback import shortened

__all__ = ["attribute_error", "suggestion"]

# Minimum similarity for a suggestion. Lower values suggest `delete` for `select`.
_NEAR = 0.7


def suggestion(
    word: Any, known: Iterable[str], elsewhere: Mapping[str, tuple[str, str]] | None = None
) -> str:
    """Return `; did you mean 'x'?` for a misspelled name, else `.` and the known names.

    Args:
        word: The name that the user wrote.
        known: The names that exist.
        elsewhere: Habits from other libraries: for each name there, the name here that replaces
            it and a phrase that explains the replacement.
    """
    import difflib  # only a mistake needs it

    names = sorted(set(known))
    needed, how = (elsewhere or {}).get(word, ("", ""))
    if needed in names:
        return f": {how}."
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=_NEAR)
    if not near and len(str(word)) > 2:
        near = [name for name in names if name.startswith(str(word))][:1]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f". There are: {', '.join(names)}." if names else "."


def attribute_error(message: str, name: str) -> AttributeError:
    """Return the error for a missing attribute, without Python's own suggestion after ours."""
    return shortened(AttributeError(message, name=name, obj=None))
