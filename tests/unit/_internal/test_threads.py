"""Threads where they can be started, and the same results where they can't."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from synapse._internal.threads import await_result, new_pool, run_each, start, submit


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to start threads, as Python does at the end of the process."""
    monkeypatch.setattr(threading.Thread, "start", refuse)


class TestStart:
    def test_starts(self) -> None:
        done = threading.Event()
        thread = threading.Thread(target=done.set)
        assert start(thread)
        thread.join()
        assert done.is_set()

    @pytest.mark.usefixtures("no_threads")
    def test_says_if_it_cannot(self) -> None:
        assert not start(threading.Thread())

    def test_twice_is_an_error(self) -> None:
        thread = threading.Thread()
        assert start(thread)
        thread.join()
        with pytest.raises(RuntimeError, match="only be started once"):
            start(thread)


class TestPool:
    def test_works(self) -> None:
        pool = new_pool(1, "test")
        assert pool is not None
        with pool:
            future = submit(pool, max, 1, 2)
            assert future is not None
            assert future.result() == 2
        assert submit(pool, max, 1, 2) is None

    @pytest.mark.usefixtures("no_threads")
    def test_without_threads_takes_no_work(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            assert submit(pool, max, 1, 2) is None

    def test_work_that_is_refused_is_not_done_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        may_end, began, done = threading.Event(), threading.Event(), []
        with ThreadPoolExecutor(2) as pool:
            busy = submit(pool, lambda: began.set() or may_end.wait(30))
            began.wait(30)
            monkeypatch.setattr(threading.Thread, "start", refuse)
            refused = submit(pool, done.append, 1)
            may_end.set()
        assert busy is not None
        assert (refused, done) == (None, [])

    def test_work_that_a_thread_took_all_the_same_is_not_refused(self) -> None:
        class Pool(ThreadPoolExecutor):
            def submit(self, *args: Any) -> Any:
                super().submit(*args).result()
                raise RuntimeError("can't start new thread")

        with Pool(1) as pool:
            future = submit(pool, max, 1, 2)
        assert future is not None
        assert future.result() == 2

    def test_an_error_and_a_cancelled_queue_are_the_outcome(self) -> None:
        may_end, began = threading.Event(), threading.Event()
        pool = ThreadPoolExecutor(1)
        failing = submit(pool, lambda: [began.set(), may_end.wait(30), 1 / 0])
        waiting = submit(pool, max, 1, 2)
        began.wait(30)
        pool.shutdown(wait=False, cancel_futures=True)
        may_end.set()
        assert failing is not None
        assert waiting is not None
        with pytest.raises(ZeroDivisionError):
            failing.result()
        assert waiting.cancelled()


class TestResult:
    def test_of_another_thread(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            assert await_result(pool.submit(max, 1, 2)) == 2

    def test_error_of_the_work(self) -> None:
        """Also the one that says that a wait took too long."""

        def fail() -> None:
            threading.Event().wait(0.01)
            raise TimeoutError("the work")

        with ThreadPoolExecutor(1) as pool, pytest.raises(TimeoutError, match="the work"):
            await_result(pool.submit(fail))

    def test_cancelled_work(self) -> None:
        future: Future[int] = Future()
        future.cancel()
        with pytest.raises(CancelledError):
            await_result(future)

    def test_ctrl_c_is_noticed_at_once(self) -> None:
        """Also one whose signal doesn't wake the waiting thread: another thread gets it here."""
        noticed, is_submitted = threading.Event(), threading.Event()

        def work() -> bool:
            assert is_submitted.wait(30)
            signal.raise_signal(signal.SIGINT)
            return noticed.wait(30)

        with handler(noticed), ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)

            def wait() -> None:
                is_submitted.set()
                await_result(future)

            with pytest.raises(KeyboardInterrupt):
                wait()
            assert future.result(30)


@contextmanager
def handler(noticed: threading.Event) -> Iterator[None]:
    """Set an event when the main thread handles Ctrl-C."""

    def notice(*_: object) -> None:
        noticed.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, notice)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class TestEach:
    @pytest.mark.parametrize("workers", [1, 3, 50])
    @pytest.mark.parametrize("count", [0, 1, 20])
    def test_results_come_in_order(self, workers: int, count: int) -> None:
        numbers = range(count)
        assert run_each(str, numbers, workers, "test") == [str(number) for number in numbers]

    def test_in_threads(self) -> None:
        together = threading.Barrier(4)
        assert len(set(run_each(lambda _: together.wait(10), range(4), 4, "test"))) == 4

    @pytest.mark.usefixtures("no_threads")
    def test_without_threads_each_is_used_once(self) -> None:
        used: list[int] = []
        run_each(used.append, range(20), 4, "test")
        assert used == list(range(20))

    def test_stops_at_the_first_failure(self) -> None:
        used: list[int] = []

        def work(number: int) -> None:
            used.append(number)
            if number == 2:
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            run_each(work, range(1000), 1, "test")
        assert used == [0, 1, 2]

    def test_ctrl_c_during_the_wait_is_noticed_at_once(self) -> None:
        """Also one whose signal doesn't wake the waiting thread: another thread gets it here."""
        noticed = threading.Event()
        used: list[int] = []

        def work(number: int) -> None:
            used.append(number)
            if number == 0:
                signal.raise_signal(signal.SIGINT)
                assert noticed.wait(30)

        with handler(noticed), pytest.raises(KeyboardInterrupt):
            run_each(work, range(1000), 1, "test")
        assert used == [0]

    def test_no_thread_is_left_after_ctrl_c(self) -> None:
        """A join that is interrupted takes the thread for ended."""
        never = threading.Event()
        ended: list[int] = []

        def work(number: int) -> None:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            never.wait(0.2)  # a request that is under way
            ended.append(number)

        with pytest.raises(KeyboardInterrupt):
            run_each(work, range(1000), 1, "test")
        assert ended == [0]
