"""A pipeline of stages, each with threads that pass their work on.

Bounded queues between the stages make a fast stage wait for a slow one, so memory doesn't grow with
the length of the source.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Pipeline", "Queue", "Stopped"]

T = TypeVar("T")

# How often the main thread looks up: where a lock can't be interrupted, Ctrl-C is seen then.
_TICK = 0.25


class Stopped(BaseException):
    """The line was stopped. Ends a stage's thread, and reaches nobody outside of the line."""


class Queue(Generic[T]):
    """A bounded queue between stages.

    Args:
        size: Number of items above which `put` waits.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[T] = deque()
        lock = threading.Lock()
        self._filled = threading.Condition(lock)
        self._emptied = threading.Condition(lock)
        # How many items make it worth waking whoever waits: a batch's taker isn't woken for each.
        self._wanted = 1
        self._is_closed = False
        self._is_broken = False

    def put(self, *items: T) -> None:
        """Add items, waiting for room.

        Raises:
            Stopped: The pipeline was stopped.
        """
        start = 0
        with self._emptied:
            while start < len(items):
                while len(self._items) >= self._size and not self._is_broken:
                    self._emptied.wait()
                if self._is_broken:
                    raise Stopped
                end = start + self._size - len(self._items)
                added = items[start:end]
                self._items.extend(added)
                start += len(added)
                if len(self._items) >= self._wanted:
                    self._filled.notify(len(added))

    def take(self, most: int, patience: float = 0.0) -> list[T]:
        """Take at least one item; an empty list marks the end.

        Args:
            most: Largest number of items.
            patience: Seconds to wait for more items. Only one thread may wait like that.

        Raises:
            Stopped: The pipeline was stopped.
        """
        until = 0.0
        with self._filled:
            while True:
                if self._is_broken:
                    raise Stopped
                there = len(self._items)
                if there >= most or self._is_closed:
                    break
                if there:
                    until = until or time.monotonic() + patience
                    left = until - time.monotonic()
                    if left <= 0 or there >= self._size:
                        break
                    self._wanted = min(most, self._size)
                    self._filled.wait(left)
                    self._wanted = 1
                else:
                    self._filled.wait()
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            # Not at each item: whoever waits for room would be woken for one of them.
            if len(self._items) <= self._size // 2:
                self._emptied.notify_all()
            if self._items:
                self._filled.notify()
            return taken

    def close(self) -> None:
        """Mark the end: no further item comes."""
        with self._filled:
            self._is_closed = True
            self._filled.notify_all()

    def break_off(self) -> None:
        """Wake and stop everybody who waits here, and everybody who comes."""
        with self._filled:
            self._is_broken = True
            self._filled.notify_all()
            self._emptied.notify_all()


class Pipeline:
    """The stages, and their end: all is done, one failed, or the user stops.

    Args:
        name: Prefix of the threads' names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._channels: list[Queue[Any]] = []
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._is_stopped = threading.Event()
        self._running = 0
        self._all_ended = threading.Event()
        self._all_ended.set()

    def channel(self, size: int) -> Queue[Any]:
        """Make a queue that is broken off when the line stops."""
        made: Queue[Any] = Queue(size)
        self._channels.append(made)
        return made

    def stage(
        self,
        name: str,
        work: Callable[[list[Any]], object],
        source: Queue[Any],
        target: Queue[Any] | None = None,
        *,
        workers: int = 1,
        most: int = 1,
        patience: float = 0.0,
        last: Callable[[], object] | None = None,
    ) -> None:
        """Add a stage.

        Args:
            name: Name of the threads.
            work: Receives the items, and passes results on.
            source: Queue of the items.
            target: Queue to close when the last thread has ended well.
            workers: Number of threads.
            most: Number of items that `work` gets at once.
            patience: Seconds to wait for that number.
            last: Called by the last thread, before `target` is closed.
        """
        left = [workers]

        def run() -> None:
            while taken := source.take(most, patience):
                work(taken)
                taken.clear()
            with self._lock:
                left[0] -= 1
                if left[0]:
                    return
            if last is not None:
                last()
            if target is not None:
                target.close()

        for number in range(workers):
            self.thread(f"{name}-{number}", run)

    def thread(self, name: str, run: Callable[[], object]) -> None:
        """Add a single thread; its error stops the pipeline."""

        def guarded() -> None:
            try:
                run()
            except Stopped:
                pass
            except BaseException as error:
                self.stop(error)
            finally:
                self._ended()

        # Daemons, so that a second Ctrl-C ends the program even if a server keeps one waiting.
        self._threads.append(
            threading.Thread(target=guarded, name=f"{self._name}-{name}", daemon=True)
        )

    @property
    def is_stopped(self) -> bool:
        """True if no new work may begin."""
        return self._is_stopped.is_set()

    def check(self) -> None:
        """Leave the stage if the pipeline was stopped.

        Raises:
            Stopped: The pipeline was stopped.
        """
        if self._is_stopped.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, unless the pipeline is stopped meanwhile.

        Raises:
            Stopped: The pipeline was stopped.
        """
        if self._is_stopped.wait(seconds):
            raise Stopped

    def stop(self, error: BaseException | None = None) -> None:
        """End every thread after its current item; `run` raises the first error."""
        with self._lock:
            if self._error is None:
                self._error = error
        self._is_stopped.set()
        for channel in self._channels:
            channel.break_off()

    def run(self) -> None:
        """Run until every thread has ended.

        Raises:
            BaseException: The first error of a thread or of `stop`; or a Ctrl-C, after which
                running items have been finished.
        """
        try:
            for thread in self._threads:
                self._start(thread)
            self._wait_for_all()
        except BaseException:
            self.stop()
            self._wait_for_all()
            raise
        if self._error is not None:
            raise self._error

    def _start(self, thread: threading.Thread) -> None:
        with self._lock:
            self._running += 1
            self._all_ended.clear()
        try:
            thread.start()
        except BaseException:
            if thread.ident is None:
                self._ended()
            raise

    def _ended(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._all_ended.set()

    def _wait_for_all(self) -> None:
        # Not by joining: a join that Ctrl-C interrupts takes its thread for ended from then on.
        while not self._all_ended.wait(_TICK):
            pass
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
