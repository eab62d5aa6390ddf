"""Return a pair to code that unpacks into two names, and rows to all other code.

Scripts write both `rows, count = client.list_tasks(list_all=True)` and
`for row in client.list_tasks(list_all=True)`. Python calls `__iter__` for both and doesn't say why.
CPython's frames tell: at an unpacking, the calling frame is at the instruction `UNPACK_SEQUENCE`
with the number of names. Other interpreters, and callers without Python code, get the rows.

This module is the only one that looks at frames for that.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

__all__ = ["PairOrRows", "find_pair_unpacking"]

_IS_CPYTHON = sys.implementation.name == "cpython"
_UNPACK_TWO = bytes([dis.opmap.get("UNPACK_SEQUENCE", 0), 2])
_EXTENDED_ARG = dis.opmap.get("EXTENDED_ARG", 0)


def find_pair_unpacking(frame: FrameType) -> tuple[int, int] | None:
    """Return the place where a frame unpacks a value into exactly two names.

    Args:
        frame: The frame that called `__iter__` or `__next__`.

    Returns:
        A value that is the same for the same frame at the same instruction; `None` at any other
        instruction, and outside CPython.
    """
    if not _IS_CPYTHON or not _UNPACK_TWO[0]:
        return None
    code, position = frame.f_code.co_code, frame.f_lasti
    if code[position : position + 2] != _UNPACK_TWO:
        return None
    # More than 255 names: the byte is only the last of the number.
    if position >= 2 and code[position - 2] == _EXTENDED_ARG:
        return None
    return id(frame), position


class PairOrRows(Iterator[Any]):
    """An iterator that becomes a pair or rows at the first step.

    `a, b = map(list, [rows, more])` calls `__iter__` at the same instruction, from inside `map`.
    But `list` asks for the length first, and iterators that are made there step elsewhere.

    Args:
        place: The result of `find_pair_unpacking` for the call of `__iter__`.
        make_pair: Returns the two values.
        make_rows: Returns an iterator of the rows.
    """

    def __init__(
        self,
        place: tuple[int, int],
        make_pair: Callable[[], tuple[Any, Any]],
        make_rows: Callable[[], Iterator[Any]],
    ) -> None:
        self._place: tuple[int, int] | None = place
        self._make_pair = make_pair
        self._make_rows = make_rows
        self._values: Iterator[Any] | None = None

    def choose_rows(self) -> None:
        """Become rows, unless the first step was made."""
        self._place = None

    def __next__(self) -> Any:
        if self._values is None:
            is_pair = self._place is not None and self._place == find_pair_unpacking(
                sys._getframe(1)
            )
            self._values = iter(self._make_pair()) if is_pair else self._make_rows()
        return next(self._values)
