"""Run stages in threads, connected by bounded queues.

A fast stage waits for a slow one, so a long run needs no more memory than the queues hold.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from synapse._internal.cancellation import carry, check_cancelled
from synapse._internal.threads import ThreadGroup

__all__ = ["Pipeline", "PipelineStopped", "Queue"]

T = TypeVar("T")


class PipelineStopped(BaseException):
    """The pipeline stopped. Ends a stage's thread, and never leaves the pipeline."""


class Queue(Generic[T]):
    """A bounded queue between stages.

    Args:
        size: Number of items at which `put` waits.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[T] = deque()
        lock = threading.Lock()
        self._filled = threading.Condition(lock)
        self._emptied = threading.Condition(lock)
        # Items that wake a waiting thread: a thread that waits for a batch sleeps until it is full.
        self._wanted = 1
        self._is_closed = False
        self._is_aborted = False

    def put(self, *items: T) -> None:
        """Add items; wait while the queue is full.

        Raises:
            PipelineStopped: The pipeline stopped.
        """
        start = 0
        with self._emptied:
            while start < len(items):
                while len(self._items) >= self._size and not self._is_aborted:
                    self._emptied.wait()
                if self._is_aborted:
                    raise PipelineStopped
                end = start + self._size - len(self._items)
                added = items[start:end]
                self._items.extend(added)
                start += len(added)
                if len(self._items) >= self._wanted:
                    self._filled.notify(len(added))

    def take(self, batch_size: int, patience: float = 0.0) -> list[T]:
        """Remove and return items; none if the queue is closed and empty.

        Args:
            batch_size: Largest number of items.
            patience: Seconds to wait for a full batch. Only one thread may wait for a batch.

        Raises:
            PipelineStopped: The pipeline stopped.
        """
        until = 0.0
        with self._filled:
            while True:
                if self._is_aborted:
                    raise PipelineStopped
                count = len(self._items)
                if count >= batch_size or self._is_closed:
                    break
                if count:
                    until = until or time.monotonic() + patience
                    left = until - time.monotonic()
                    if left <= 0 or count >= self._size:
                        break
                    self._wanted = min(batch_size, self._size)
                    self._filled.wait(left)
                    self._wanted = 1
                else:
                    self._filled.wait()
            batch = [self._items.popleft() for _ in range(min(batch_size, len(self._items)))]
            # Only when half empty: a waiting thread would otherwise wake for each item.
            if len(self._items) <= self._size // 2:
                self._emptied.notify_all()
            if self._items:
                self._filled.notify()
            return batch

    def remove_bound(self) -> None:
        """Let `put` never wait, as no other thread takes items meanwhile."""
        with self._emptied:
            self._size = sys.maxsize
            self._emptied.notify_all()

    def close(self) -> None:
        """Announce that no more items will come."""
        with self._filled:
            self._is_closed = True
            self._filled.notify_all()

    def abort(self) -> None:
        """Raise `PipelineStopped` in every waiting and later call."""
        with self._filled:
            self._is_aborted = True
            self._filled.notify_all()
            self._emptied.notify_all()


class Pipeline:
    """Run stages until all are done, one fails, or Ctrl-C.

    Args:
        name: Prefix of the threads' names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queues: list[Queue[Any]] = []
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._is_stopped = threading.Event()
        self._group = ThreadGroup()

    def add_queue(self, size: int) -> Queue[Any]:
        """Create a queue that is aborted when the pipeline stops."""
        queue: Queue[Any] = Queue(size)
        self._queues.append(queue)
        return queue

    def add_stage(
        self,
        name: str,
        work: Callable[[list[Any]], object],
        source: Queue[Any],
        target: Queue[Any] | None = None,
        *,
        workers: int = 1,
        batch_size: int = 1,
        patience: float = 0.0,
        on_end: Callable[[], object] | None = None,
    ) -> None:
        """Add a stage.

        Args:
            name: Name of the threads.
            work: Function that processes a batch and passes items on.
            source: Queue of the items.
            target: Queue to close after the last thread has ended without error.
            workers: Number of threads.
            batch_size: Largest number of items per call of `work`.
            patience: Seconds to wait for a full batch.
            on_end: Function called by the last thread, before `target` is closed.
        """
        running = [workers]

        def run() -> None:
            while batch := source.take(batch_size, patience):
                work(batch)
                batch.clear()
            with self._lock:
                running[0] -= 1
                if running[0]:
                    return
            if on_end is not None:
                on_end()
            if target is not None:
                target.close()

        for number in range(workers):
            self.add_thread(f"{name}-{number}", run)

    def add_thread(self, name: str, run: Callable[[], object]) -> None:
        """Add a thread, whose exceptions stop the pipeline."""

        def guarded() -> None:
            try:
                run()
            except PipelineStopped:
                pass
            except BaseException as error:
                self.stop(error)
            finally:
                self._group.count_end()

        # Daemons, so that a second Ctrl-C ends the program even while a request hangs.
        self._threads.append(
            threading.Thread(target=carry(guarded), name=f"{self._name}-{name}", daemon=True)
        )

    @property
    def is_stopped(self) -> bool:
        """Whether no new work may begin."""
        return self._is_stopped.is_set()

    def check(self) -> None:
        """Leave the stage if the pipeline has stopped.

        Raises:
            PipelineStopped: The pipeline has stopped.
        """
        if self._is_stopped.is_set():
            raise PipelineStopped

    def wait(self, seconds: float) -> None:
        """Wait, and leave the stage if the pipeline stops meanwhile.

        Raises:
            PipelineStopped: The pipeline has stopped.
        """
        if self._is_stopped.wait(seconds):
            raise PipelineStopped

    def stop(self, error: BaseException | None = None) -> None:
        """Stop all threads after their current step; `run` raises the first error."""
        with self._lock:
            if self._error is None:
                self._error = error
        self._is_stopped.set()
        for queue in self._queues:
            queue.abort()

    def run(self) -> None:
        """Run until every thread has ended.

        Where no thread can be started, at the end of the process, this thread runs the stages one
        by one.

        Raises:
            BaseException: The first error of a thread or of `stop`; or Ctrl-C, after all current
                steps have ended.
        """
        try:
            # Those before a stage that runs here put items for it, those behind wait for its own.
            alone = [thread for thread in self._threads if not self._group.start(thread)]
            for queue in self._queues if alone else ():
                queue.remove_bound()
            for thread in alone:
                thread.run()
            self._group.wait(check_cancelled)
        except BaseException:
            self.stop()
            self._group.wait()
            raise
        if self._error is not None:
            raise self._error
