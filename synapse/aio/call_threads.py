"""Run calls in a bounded number of threads, and await them in any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from synapse._internal.cancellation import CallCancelled, Cancellation
from synapse._internal.fork import repair_in_child
from synapse._internal.threads import new_pool, submit
from synapse._internal.validate import validate_int

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["WORKERS", "CallThreads"]

R = TypeVar("R")

WORKERS = 32
# Seconds for which a cancelled coroutine waits for its thread, so that the error can say how far
# the call got, and that a cancelled task sends nothing more when somebody has awaited it.
_GRACE = 1.0


class CallThreads:
    """Threads for the calls of coroutines; they start when needed.

    They belong to no event loop: several may use them at a time.

    Args:
        workers: Largest number of calls at a time. Further ones wait for their turn.
    """

    def __init__(self, workers: int = WORKERS) -> None:
        self.workers = validate_int("workers", workers)
        self._pool: ThreadPoolExecutor | None = None
        self._is_closed = False
        repair_in_child(self)

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """Call a function in a thread, with the coroutine's context variables.

        When the coroutine is cancelled, a call that hasn't begun never begins. A running one ends
        its pauses and reads, and begins no further request. The cause of the
        `CancelledError` is the call's own account of how far it got, if the call has one.
        """
        cancellation, context = Cancellation(), copy_context()
        if self._pool is None and not self._is_closed:
            self._pool = new_pool(self.workers, "synapse-aio")
        future = None
        if self._pool is not None:
            future = submit(self._pool, context.run, cancellation.run, function, *args)
        if future is None:  # the session is closed, or the process ends
            return context.run(cancellation.run, function, *args)
        try:
            await _wait_for(future)
        except asyncio.CancelledError as cancelled:
            cancellation.cancel()
            if not future.cancel():
                cancelled.__cause__ = await _find_account(future)
            raise
        result: R = future.result()
        return result

    def close(self) -> None:
        """End the threads after their current calls. Waits for nothing."""
        pool, self._pool, self._is_closed = self._pool, None, True
        if pool is not None:
            pool.shutdown(wait=False)

    def after_fork(self) -> None:
        """Forget the threads, which are in the parent only."""
        self._pool = None


class _Waiter(asyncio.Future[None]):
    """A coroutine's wait for a call, which never begins once the coroutine was told to end.

    The loop tells the coroutine itself later, one after the other when a group is cancelled. By
    then a call that ended early would have made room for another one of the group.
    """

    def __init__(self, call: Future[Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._call = call

    def cancel(self, msg: Any = None) -> bool:
        self._call.cancel()  # a running one goes on
        return super().cancel(msg)


async def _wait_for(future: Future[Any]) -> None:
    """Wait until a future is done. Cancelling the coroutine leaves a running call alone."""
    loop = asyncio.get_running_loop()
    waiter = _Waiter(future, loop)

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(tell)
    await waiter


async def _find_account(future: Future[Any]) -> BaseException | None:
    """Wait a moment for a cancelled call; return its error, if that says how far the call got."""
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_wait_for(future), _GRACE)
    failure = future.exception() if future.done() else None
    return failure.__cause__ if isinstance(failure, CallCancelled) else failure
