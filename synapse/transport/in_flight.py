"""Send many requests, several of them in flight, and return the outcomes in order.

The caller's thread reads the items, so a generator runs where its owner expects, and only as far
as there is room in the window. Threads start when waiting for the server takes most of the time,
as for pages. They are on trial at first: one long wait may have been a pause of this machine. When
the server throttles, the window shrinks, down to one request after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from synapse._internal.threads import await_result, new_pool, submit
from synapse.errors import RateLimited
from synapse.transport.waiting import ThreadTrial, WaitMeter

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from synapse.transport.transport import Transport

__all__ = ["InFlight", "ItemOutcome"]

T = TypeVar("T")
R = TypeVar("R")


@attrs.define
class ItemOutcome(Generic[T, R]):
    """The end of an item's requests.

    Attributes:
        item: The item.
        result: The function's result, if it returned.
        error: The exception, if it didn't; an interrupt, if nobody waited for the end.
        is_open: Whether the item's requests may still go on.
    """

    item: T
    result: R | None = None
    error: BaseException | None = None
    is_open: bool = False


@attrs.define(eq=False)
class _Flight(Generic[T, R]):
    """An item that was taken from the source."""

    outcome: ItemOutcome[T, R]
    future: Future[None] | None = None
    has_ended: bool = False

    def land(self) -> None:
        """Wait for the end of the item's requests."""
        if self.future is not None:
            await_result(self.future)


class InFlight(Generic[T, R]):
    """Outcomes of a function for each of many items, in the order of the items.

    Iterating raises the exceptions of the source of items, and interrupts. A caller that stops
    early, also after such an exception, must read `land()`: it yields the outcomes of all other
    items that were taken. An outcome counts as used after `settle()`, or with the next one.

    Args:
        transport: The transport of the requests.
        send: Makes an item's requests, in any thread.
        items: The items; at most `workers` are held.
        workers: Largest number of items in flight; 1 never starts a thread.
        name: Prefix of the threads' names.
    """

    def __init__(
        self,
        transport: Transport,
        send: Callable[[T], R],
        items: Iterable[T],
        workers: int,
        name: str,
    ) -> None:
        self._transport = transport
        self._send = send
        self._items = iter(items)
        self._workers = workers
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._flying: deque[_Flight[T, R]] = deque()
        self._is_returned = False
        self._meter = WaitMeter()
        self._throttles = transport.throttle_count
        self._trial = ThreadTrial(0.0, workers)

    def __iter__(self) -> Iterator[ItemOutcome[T, R]]:
        return self

    def __next__(self) -> ItemOutcome[T, R]:
        self.settle()
        self._fill()
        if not self._flying:
            self._close()
            raise StopIteration
        flight = self._flying[0]
        flight.land()
        if isinstance(flight.outcome.error, RateLimited) and flight.future is not None:
            self._send_again(flight)
        error = flight.outcome.error
        if error is not None and not isinstance(error, Exception):
            raise error
        if self._pool is not None and self._trial.has_failed:
            self._close()  # another long wait begins threads again
            self._meter = WaitMeter()
        self._is_returned = True
        return flight.outcome

    def settle(self) -> None:
        """Count the last outcome as used, so that `land()` doesn't yield it again."""
        if self._is_returned:
            self._is_returned = False
            self._flying.popleft()

    def land(self) -> Iterator[ItemOutcome[T, R]]:
        """Take no further item, and yield the outcomes of the items in flight.

        Waits for their requests. An interrupt ends the waiting: it is the error of the items that
        were still in flight.
        """
        interrupt: BaseException | None = None
        self._workers = 1
        unsent = [each for each in self._flying if each.future and each.future.cancel()]
        while self._flying:
            flight = self._flying.popleft()
            if flight in unsent:
                continue
            try:
                if interrupt is None:
                    flight.land()
            except BaseException as failure:
                interrupt = failure
            if flight.has_ended:
                yield flight.outcome
            else:  # not the thread's own outcome, which may still change
                error = interrupt or KeyboardInterrupt()
                yield ItemOutcome(flight.outcome.item, error=error, is_open=True)
        self._close()

    def _fill(self) -> None:
        """Send as many items as there is room for, but no more once the first has landed."""
        self._slow_down()
        if self._workers == 1 and not self._flying:
            self._close()
        if self._pool is None and self._workers > 1 and self._meter.advance():
            self._pool = new_pool(self._workers, self._name)
            self._trial = ThreadTrial(self._meter.wait, self._workers)
        while len(self._flying) < self._workers:
            try:
                item = next(self._items)
            except StopIteration:
                self._workers = 0
                return
            flight: _Flight[T, R] = _Flight(ItemOutcome(item))
            self._flying.append(flight)
            if self._pool is not None:
                # In the caller's context, with the deadline and the token of the caller's block.
                run = partial(self._run, flight)
                flight.future = submit(self._pool, copy_context().run, self._trial.measure, run)
            if flight.future is None:
                self._meter.measure(lambda flight=flight: self._run(flight))  # type: ignore[misc] # the default binds the variable
            first = self._flying[0].future
            if first is None or first.done():
                return

    def _slow_down(self) -> None:
        """Halve the window when the server has throttled since the last call."""
        throttles = self._transport.throttle_count
        if throttles != self._throttles and self._workers > 1:
            self._workers //= 2
        self._throttles = throttles

    def _send_again(self, flight: _Flight[T, R]) -> None:
        """Repeat a throttled item when the others have landed, then go on one at a time."""
        self._workers = min(self._workers, 1)
        for other in self._flying:
            other.land()
        flight.outcome.error, flight.future, flight.has_ended = None, None, False
        self._run(flight)

    def _run(self, flight: _Flight[T, R]) -> None:
        outcome = flight.outcome
        try:
            outcome.result = self._send(outcome.item)
        except BaseException as error:  # raised again by the caller's thread, or reported there
            outcome.error = error
        flight.has_ended = True

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None
