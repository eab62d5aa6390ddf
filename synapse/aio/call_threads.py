"""Run calls in a bounded number of threads, and await them in any event loop."""

from __future__ import annotations

import asyncio
import threading
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

# Whose thread this is.
_here = threading.local()


class CallThreads:
    """Threads for the calls of coroutines; they start when needed.

    They belong to no event loop: several may use them at a time.

    Args:
        workers: Largest number of calls at a time. Further ones wait for their turn.
    """

    def __init__(self, workers: int = WORKERS) -> None:
        self.workers = validate_int("workers", workers)
        self._pool: ThreadPoolExecutor | None = None
        self._root: CallThreads | None = None
        self._inner: CallThreads | None = None
        self._is_closed = False
        repair_in_child(self)

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """Call a function in a thread, with the coroutine's context variables.

        When the coroutine is cancelled, a call that hasn't begun never begins. A running one ends
        its pauses and reads, and begins no further request. The cause of the
        `CancelledError` is the call's own account of how far it got, if the call has one.
        """
        here: CallThreads | None = getattr(_here, "threads", None)
        if here is not None and here is not self and here._root is self:
            return await here.run(function, *args)  # at the depth of this thread
        if here is self and not self._is_closed:
            # Calls inside calls, each waiting for a thread of the same pool, would wait for ever.
            if self._inner is None:
                self._inner = CallThreads(self.workers)
                self._inner._root = self._root or self
            return await self._inner._submit(function, *args)
        return await self._submit(function, *args)

    async def _submit(self, function: Callable[..., R], *args: Any) -> R:
        cancellation, context = Cancellation(), copy_context()
        if self._pool is None and not self._is_closed:
            self._pool = new_pool(self.workers, "synapse-aio")
        future = None
        if self._pool is not None:
            future = submit(self._pool, self._work, context.run, cancellation.run, function, *args)
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
        if self._inner is not None:
            self._inner.close()

    def after_fork(self) -> None:
        """Forget the threads, which are in the parent only."""
        self._pool = None

    def _work(self, function: Callable[..., R], *args: Any) -> R:
        _here.threads = self
        try:
            return function(*args)
        finally:
            del _here.threads  # or idle threads would outlive a session that nobody closed


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
