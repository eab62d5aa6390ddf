"""The loops of coroutines: an iterator that is read in threads, a page at a time."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from synapse._internal.short_traceback import shortened

if TYPE_CHECKING:
    from synapse.aio.call_threads import CallThreads

__all__ = ["AsyncItems"]

T = TypeVar("T")


class AsyncItems(AsyncIterator[T]):
    """The items of `async for`.

    A page is fetched when the loop asks for its first item, and held until the loop has had its
    last one; only what reads ahead without asyncio does so here. No thread waits for the loop, so
    that loops in loops can't block each other. A loop that is left needs no clean-up.

    Args:
        threads: The threads.
        open_chunks: Returns the iterator of chunks. Called in a thread, before the first item.
        name: Name of the items, for `repr`.
    """

    def __init__(
        self, threads: CallThreads, open_chunks: Callable[[], Iterator[Iterable[T]]], name: str
    ) -> None:
        self._threads = threads
        self._open_chunks = open_chunks
        self._name = name
        self._chunks: Iterator[Iterable[T]] | None = None
        self._items: Iterator[T] = iter(())
        self._in_use = threading.Lock()
        self._is_reading = False
        self._has_ended = False

    def __aiter__(self) -> AsyncItems[T]:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            if self._has_ended and not self._is_reading:
                raise StopAsyncIteration
            if self._is_reading:
                raise shortened(
                    RuntimeError(
                        f"{self!r} is being read by another task. Give each task a loop of its "
                        "own, or pass the items on in an asyncio.Queue."
                    )
                )
            self._is_reading, self._has_ended = True, True  # an error or a cancellation ends it
            try:
                chunk = await self._threads.run(self._read)
            finally:
                self._is_reading = False
            if chunk is not None:
                self._items, self._has_ended = iter(chunk), False

    async def aclose(self) -> None:
        """End the loop, and release the connection of a stream. Makes no request."""
        self._items, self._has_ended = iter(()), True
        if self._chunks is not None:
            await self._threads.run(self._close)

    def _read(self) -> Iterable[T] | None:
        with self._in_use:
            if self._chunks is None:
                self._chunks = self._open_chunks()
            return next(self._chunks, None)

    def _close(self) -> None:
        close: Any = getattr(self._chunks, "close", None)
        # A cancelled call may still read, for the time of connecting; its end is the iterator's.
        if close is not None and self._in_use.acquire(blocking=False):
            try:
                close()
            finally:
                self._in_use.release()

    def __repr__(self) -> str:
        return f"<async items of {self._name}>"
