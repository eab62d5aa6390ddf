"""Threads where they can be started, and the same results where they can't."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from synapse._internal.threads import new_pool, run_each, start, submit


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to start threads, as Python does at the end of the process."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

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
