"""Start threads, and go on without them where none can be started.

At the end of the process, in `atexit` and in threads that outlive the main thread, Python refuses
new threads or new work for a pool, depending on its version. So does a system that has no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["ThreadGroup", "await_result", "new_pool", "run_each", "start", "submit"]

T = TypeVar("T")
R = TypeVar("R")

# Seconds between two looks for signals and cancellation.
_TICK = 0.25


def start(thread: threading.Thread) -> bool:
    """Start a thread; return whether that was possible."""
    try:
        thread.start()
    except RuntimeError:
        if thread.ident is not None:  # started twice, which is a mistake of ours
            raise
        return False
    return True


def new_pool(workers: int, name: str) -> ThreadPoolExecutor | None:
    """Return a pool of threads, or `None` where none can be made."""
    try:
        # Imported at first use, since few scripts need it; the import itself fails at the end.
        from concurrent.futures import ThreadPoolExecutor
    except RuntimeError:
        return None
    return ThreadPoolExecutor(workers, thread_name_prefix=name)


def submit(pool: ThreadPoolExecutor, work: Callable[..., R], *args: Any) -> Future[R] | None:
    """Submit work; return `None` if the pool takes none, which then never does the work.

    A pool that can't start another thread raises an error, and keeps the work in the queue of the
    threads that it has. So the work has a future of its own, which decides who does the work.
    """
    from concurrent.futures import Future

    future: Future[R] = Future()

    def run() -> None:
        if future.set_running_or_notify_cancel():
            _fulfil(future, work, args)

    try:
        queued = pool.submit(run)
    except RuntimeError:
        return None if future.cancel() else future
    queued.add_done_callback(lambda queued: queued.cancelled() and future.cancel())
    return future


def _fulfil(future: Future[R], work: Callable[..., R], args: tuple[Any, ...]) -> None:
    try:
        future.set_result(work(*args))
    except BaseException as failure:  # raised again in the caller's thread
        future.set_exception(failure)
    finally:
        del future  # the failure refers to this frame


def await_result(future: Future[R]) -> R:
    """Return a future's result, or raise its exception; Ctrl-C ends the wait.

    `Future.result` without a timeout isn't enough, for the reasons of `ThreadGroup`.
    """
    if not future.done():
        from concurrent.futures import TimeoutError as NotYet  # another class before Python 3.11

        while not future.done():
            with suppress(NotYet):
                future.exception(_TICK)
    return future.result()


class ThreadGroup:
    """Threads whose common end a caller waits for, and notices Ctrl-C meanwhile.

    `Thread.join` is not enough: a join that Ctrl-C interrupts marks the thread as ended, a join on
    Windows isn't interrupted, and one elsewhere isn't if the signal comes just before it sleeps.
    """

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._running = 0
        self._have_ended = threading.Event()
        self._have_ended.set()

    def start(self, thread: threading.Thread) -> bool:
        """Start a thread that calls `count_end()` last.

        Returns:
            Whether that was possible. If not, the caller calls `thread.run()`.
        """
        with self._lock:
            self._running += 1
            self._have_ended.clear()
        self._threads.append(thread)
        try:
            return start(thread)
        except BaseException:
            if thread.ident is None:
                self.count_end()
            raise

    def count_end(self) -> None:
        """Note that one of the threads is about to end."""
        with self._lock:
            self._running -= 1
            if not self._running:
                self._have_ended.set()

    def wait(self, check: Callable[[], object] = int) -> None:
        """Wait until all threads have ended.

        Args:
            check: Called now and then; an exception ends the wait.
        """
        while not self._have_ended.wait(_TICK):
            check()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()


def run_each(work: Callable[[T], R], items: Sequence[T], workers: int, name: str) -> list[R]:
    """Call a function with each item, in threads where possible; return the results in order.

    Args:
        work: The function.
        items: The items, each of which is used once.
        workers: Largest number of threads.
        name: Prefix of the threads' names.

    Raises:
        BaseException: The first failure; no further item is begun after a failure.
    """
    results: dict[int, R] = {}
    failures: list[BaseException] = []
    remaining = iter(range(len(items)))
    taking = threading.Lock()
    group = ThreadGroup()

    def run() -> None:
        try:
            while not failures:
                with taking:
                    number = next(remaining, None)
                if number is None:
                    return
                results[number] = work(items[number])
        except BaseException as failure:  # raised again in the caller's thread
            failures.append(failure)
        finally:
            group.count_end()

    threads = [
        threading.Thread(target=copy_context().run, args=(run,), name=f"{name}-{number}")
        for number in range(min(workers, len(items)))
    ]
    try:
        for thread in [thread for thread in threads if not group.start(thread)]:
            thread.run()
        group.wait()
    except BaseException as failure:  # Ctrl-C
        failures.insert(0, failure)
        group.wait()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(items))]
