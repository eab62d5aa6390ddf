"""Calls run in a bounded number of threads."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref

import pytest

from synapse._internal.cancellation import check_cancelled, in_force
from synapse.aio import call_threads as threads_module
from synapse.aio.call_threads import CallThreads
from synapse.errors import UsageError


def test_a_call_runs_in_a_thread_of_ours() -> None:
    async def main() -> str:
        return await CallThreads().run(lambda: threading.current_thread().name)

    assert asyncio.run(main()).startswith("synapse-aio")


def test_the_error_of_the_call_is_the_coroutines() -> None:
    error = KeyError("x")

    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        asyncio.run(CallThreads().run(fail))
    assert caught.value is error


@pytest.mark.parametrize("workers", [0, -1, True, "4"])
def test_the_number_of_workers_is_checked(workers: int) -> None:
    with pytest.raises(UsageError, match="workers"):
        CallThreads(workers)


def test_a_closed_runner_calls_in_the_loop() -> None:
    """A closed session raises its own error; at the process's end, Python gives no threads."""
    threads = CallThreads()
    threads.close()

    assert asyncio.run(threads.run(threading.current_thread)) is threading.current_thread()


def test_no_thread_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "new_pool", lambda workers, name: None)

    assert asyncio.run(CallThreads().run(threading.current_thread)) is threading.current_thread()


def test_a_closed_runner_finishes_its_calls() -> None:
    threads, begun, go_on = CallThreads(), threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        go_on.wait()
        return 1

    async def main() -> int:
        task = asyncio.ensure_future(threads.run(work))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        threads.close()
        go_on.set()
        return await task

    assert asyncio.run(main()) == 1


def test_a_call_that_notices_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "_GRACE", 0.001)
    threads, begun, go_on = CallThreads(), threading.Event(), threading.Event()
    outcome = []

    def work() -> None:
        begun.set()
        go_on.wait()
        try:
            check_cancelled()
        except BaseException as error:
            outcome.append(type(error).__name__)
            raise

    async def main() -> None:
        task = asyncio.ensure_future(threads.run(work))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())  # the loop is closed before the thread has ended
    pool = threads._pool
    assert pool is not None
    go_on.set()
    pool.shutdown(wait=True)

    assert outcome == ["CallCancelled"]


def test_the_cause_is_the_calls_own_account() -> None:
    begun = threading.Event()

    def work() -> None:
        cancellation = in_force()
        assert cancellation is not None
        begun.set()
        try:
            cancellation.sleep(3600)
        except BaseException as error:
            raise error from ValueError("two of three")

    async def main() -> None:
        task = asyncio.ensure_future(CallThreads().run(work))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        error: BaseException | None = caught.value
        if sys.version_info < (3, 11):  # a task raises an error of its own, about the call's
            error = caught.value.__context__
        assert error is not None
        assert repr(error.__cause__) == "ValueError('two of three')"

    asyncio.run(main())


def test_a_child_process_starts_threads_of_its_own() -> None:
    threads = CallThreads()
    asyncio.run(threads.run(int))
    pool = threads._pool
    threads.after_fork()

    assert pool is not None
    assert threads._pool is None
    pool.shutdown()


def test_a_call_whose_coroutine_is_told_to_end_never_begins() -> None:
    """A group is told at once; its calls that end first must not make room for the others."""
    threads, begun, go_on = CallThreads(1), threading.Event(), threading.Event()
    calls: list[int] = []

    def work() -> None:
        begun.set()
        go_on.wait()

    async def main() -> None:
        running = asyncio.ensure_future(threads.run(work))
        waiting = asyncio.ensure_future(threads.run(calls.append, 1))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        waiting.cancel()
        go_on.set()  # the thread is free before the loop goes on
        assert threads._pool is not None
        threads._pool.submit(int).result()
        await asyncio.gather(running, waiting, return_exceptions=True)

    asyncio.run(main())

    assert calls == []


def test_calls_inside_calls_have_threads_of_their_own() -> None:
    """A hook may start a loop of its own, and call the session there."""
    threads = CallThreads(1)

    def work(depth: int) -> int:
        return 1 + (asyncio.run(main(depth - 1)) if depth else 0)

    async def main(depth: int) -> int:
        return await asyncio.wait_for(threads.run(work, depth), 5)

    assert asyncio.run(main(3)) == 4
    assert threads._inner is not None
    inner = threads._inner
    threads.close()
    assert inner._is_closed


def test_idle_threads_keep_nothing() -> None:
    threads = CallThreads(1)
    assert asyncio.run(threads.run(int)) == 0
    reference = weakref.ref(threads)
    del threads
    gc.collect()

    assert reference() is None
