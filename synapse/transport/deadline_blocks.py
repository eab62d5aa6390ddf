"""Deadlines over a block of the user's code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from synapse._internal.cancellation import sleep
from synapse.transport.options import checked_deadline

__all__ = ["Block", "block_in_force", "deadline", "pause"]


_block: ContextVar[Block | None] = ContextVar("synapse_block", default=None)


class Block:
    """A deadline over a block of the user's code.

    Attributes:
        moment: End of the block's time, on `time.monotonic`'s clock.
        seconds: Length of the whole block.
        outer: The block around this one, if any.
        is_left: Whether the block's code has ended. Generators may leave blocks in another order
            than they entered them.
    """

    __slots__ = ("is_left", "moment", "outer", "seconds")

    def __init__(self, moment: float, seconds: float, outer: Block | None) -> None:
        self.moment = moment
        self.seconds = seconds
        self.outer = outer
        self.is_left = False


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound all requests of a block, in this thread. Makes no request.

    The deadline covers the whole block: all requests with their retries and waits, paging with
    reading ahead, and sending or fetching one file. A session's own `deadline` still bounds each
    call; of nested blocks, the one that ends first counts. Requests of other threads aren't bound,
    so neither is the sending or fetching of many files. Put the block around a loop, not into a
    generator: a generator's block stays in force between its items.

    Args:
        seconds: Seconds, above 0.

    Raises:
        ConfigurationError: The argument isn't a number of seconds above 0.
        RequestTimeout: In the block: time ran out before a response arrived.

    Example:
        >>> with deadline(5):
        ...     session.projects.count()
        0
    """
    checked = checked_deadline(seconds)
    if checked is None:
        yield
        return
    own = Block(time.monotonic() + checked, checked, _entered(_block.get()))
    _block.set(own)
    try:
        yield
    finally:
        own.is_left = True
        # Not the previous value: a generator may have left that block meanwhile, or run in another
        # context.
        _block.set(_entered(_block.get()))


def block_in_force() -> Block | None:
    """Return the innermost deadline block around the caller, if any.

    Of nested blocks, the one that ends first is returned.
    """
    block = _block.get()
    if block is None:  # nearly always, and this runs for each read of a connection
        return None
    nearest = block = _entered(block)
    while block is not None:
        block.outer = _entered(block.outer)
        block = block.outer
        if block is not None and nearest is not None and block.moment < nearest.moment:
            nearest = block
    return nearest


def _entered(block: Block | None) -> Block | None:
    """Return the innermost block that wasn't left, from one on outwards."""
    while block is not None and block.is_left:
        block = block.outer
    return block


def pause(seconds: float) -> bool:
    """Sleep before a retry, unless the block's time ends first.

    Returns:
        Whether the pause was made; if not, no time is left for a retry.
    """
    block = block_in_force()
    if block is not None and time.monotonic() + seconds >= block.moment:
        return False
    sleep(seconds)
    return True
