"""Request pages ahead of use, while waiting costs more than working.

Several pages in flight hide the latency of the server. Where the server answers as fast as the
caller works, threads only get into each other's way. So reading ahead begins after two pages in a
row were waited for. Reading ahead ends when a pause of this machine, and not the server's latency,
was the cause, and for good when the server throttles.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from synapse._internal.threads import await_result, new_pool, submit
from synapse.errors import RequestTimeout
from synapse.transport.deadline_blocks import Block, block_in_force
from synapse.transport.response import Response
from synapse.transport.waiting import ThreadTrial, WaitMeter

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["ReadAhead"]


class ReadAhead:
    """Responses for numbered pages, in the order of use.

    Responses wait as bytes: rows exist only for the page in use.

    Args:
        fetch: Requests a page by number.
        workers: Number of pages in flight; 1 never starts a thread.

    Attributes:
        window: Number of pages that are in flight, or have arrived and wait for their turn. With
            as many arrived pages as others in flight, no thread waits for the caller.
    """

    def __init__(self, fetch: Callable[[int], Response], workers: int) -> None:
        self._fetch = fetch
        self._workers = workers
        self.window = 2 * workers
        self._pool: ThreadPoolExecutor | None = None
        self._flying: dict[int, tuple[Future[Response], Block | None]] = {}
        self._pid = 0
        self._meter = WaitMeter()
        self._trial = ThreadTrial(0.0, workers)

    def get(self, number: int, last: int) -> Response:
        """Return the response for a page.

        Args:
            number: The page.
            last: The last known page; nothing beyond is requested ahead.
        """
        if self._pool is not None and self._pid != os.getpid():
            # The threads are the parent's, and so are the answers that they wait for.
            self._pool, self._flying = None, {}
        if self._pool is None and self._workers > 1 and last > number and self._meter.advance():
            self._pool = new_pool(self._workers, "synapse-pages")
            self._trial = ThreadTrial(self._meter.wait, self._workers)
            self._pid = os.getpid()
            if self._pool is None:  # the process ends
                self.stop()
        if self._trial.has_failed:
            last = 0  # request nothing further, and use the pages in flight
            if number not in self._flying:
                self.close()
                self._meter, self._trial = WaitMeter(), ThreadTrial(0.0, self._workers)
        if self._pool is None:
            return self._get_alone(number)
        for ahead in range(number, min(number + self.window, last + 1)):
            if ahead not in self._flying:
                # In the caller's context, with the deadline of the caller's block.
                within = copy_context()
                fetch = partial(self._fetch, ahead)
                future = submit(self._pool, within.run, self._trial.measure, fetch)
                if future is None:  # the process ends
                    self.stop()
                    return self._get_alone(number)
                self._flying[ahead] = future, block_in_force()
        flying = self._flying.pop(number, None)
        answer = self._landed(*flying, number) if flying is not None else self._fetch(number)
        if answer.was_throttled or answer.response.status_code == 429:
            # Reading ahead caused the throttling: from now on one page at a time.
            self.stop()
            if answer.response.status_code == 429:
                answer = self._fetch(number)
        return answer

    @property
    def is_on(self) -> bool:
        """Whether pages are requested ahead."""
        return self._pool is not None

    def leave_out(self, seconds: float) -> None:
        """Leave out time that went neither into a page nor into work of the caller."""
        self._meter.leave_out(seconds)

    def stop(self) -> None:
        """Fetch one page after the other from now on."""
        self.close()
        self._workers = 1

    def forget(self) -> None:
        """Drop the pages that were requested ahead: the list has changed."""
        for future, _ in self._flying.values():
            future.cancel()
        self._flying.clear()

    def close(self) -> None:
        """End the threads. Running requests finish by themselves; nothing waits for them."""
        self.forget()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _landed(self, flying: Future[Response], block: Block | None, number: int) -> Response:
        try:
            return await_result(flying)
        except RequestTimeout:
            if block is None or not block.is_left:
                raise
        # The deadline was that of a block that has been left since.
        return self._fetch(number)

    def _get_alone(self, number: int) -> Response:
        return self._meter.measure(lambda: self._fetch(number))
