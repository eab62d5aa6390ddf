"""Start threads, and go on without them where none can be started.

At the end of the process, in `atexit` and in threads that outlive the main thread, Python refuses
new threads or new work for a pool, depending on its version. So does a system that has no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["new_pool", "run_each", "start", "submit"]

T = TypeVar("T")
R = TypeVar("R")


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
    """Submit work that may be done twice; return `None` if the pool takes none."""
    try:
        return pool.submit(work, *args)
    except RuntimeError:
        return None


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

    threads = [
        threading.Thread(target=copy_context().run, args=(run,), name=f"{name}-{number}")
        for number in range(min(workers, len(items)))
    ]
    started = [thread for thread in threads if start(thread)]
    try:
        if not started:
            run()
        for thread in started:
            thread.join()
    except BaseException as failure:  # Ctrl-C
        failures.insert(0, failure)
        for thread in started:
            thread.join()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(items))]
