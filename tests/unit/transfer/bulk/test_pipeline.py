"""Pipelines: bounded queues, batches, and an end at the first error."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from synapse._internal.cancellation import CallCancelled, Cancellation, in_force
from synapse.transfer.bulk.pipeline import Pipeline, PipelineStopped, Queue


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_all_that_is_put_comes_out() -> None:
    pipeline = Pipeline("test")
    numbers, doubled = pipeline.add_queue(3), pipeline.add_queue(3)
    out: list[int] = []

    def produce() -> None:
        for number in range(100):
            numbers.put(number)
        numbers.close()

    def double(items: list[int]) -> None:
        for item in items:
            doubled.put(2 * item)

    pipeline.add_thread("produce", produce)
    pipeline.add_stage("double", double, numbers, doubled, workers=4)
    pipeline.add_stage("collect", out.extend, doubled, batch_size=10, on_end=lambda: out.append(-1))
    pipeline.run()

    assert sorted(out[:-1]) == list(range(0, 200, 2))
    assert out[-1] == -1


def test_fast_stage_waits_for_a_slow_one() -> None:
    pipeline = Pipeline("test")
    queue = pipeline.add_queue(5)
    put = threading.Semaphore(0)
    go_on = threading.Event()
    count = 0

    def produce() -> None:
        nonlocal count
        for number in range(20):
            queue.put(number)
            count += 1
            put.release()
        queue.close()

    def consume(_: list[int]) -> None:
        go_on.wait(10)

    pipeline.add_thread("produce", produce)
    pipeline.add_stage("consume", consume, queue)
    runner = threading.Thread(target=pipeline.run)
    runner.start()
    for _ in range(5):
        assert put.acquire(timeout=10)
    assert not (put.acquire(timeout=0.05) and put.acquire(timeout=0.05))
    assert count <= 6  # five in the queue, one in the consumer
    go_on.set()
    runner.join(10)
    assert count == 20


def test_batch_waits_until_it_is_full_or_nothing_comes() -> None:
    queue: Queue[int] = Queue(10)
    for number in range(3):
        queue.put(number)
    assert queue.take(2, patience=60) == [0, 1]
    threading.Timer(0.01, lambda: [queue.put(3), queue.put(4)]).start()
    assert queue.take(3, patience=60) == [2, 3, 4]
    queue.put(5)
    assert queue.take(3, patience=0.01) == [5]
    queue.put(6)
    queue.close()
    assert queue.take(3, patience=60) == [6]
    assert queue.take(3, patience=60) == []


def test_batch_larger_than_the_queue_is_taken() -> None:
    queue: Queue[int] = Queue(2)
    queue.put(1)
    queue.put(2)
    assert queue.take(10, patience=60) == [1, 2]


def test_more_than_fits_is_put_piece_by_piece() -> None:
    queue: Queue[int] = Queue(3)
    taken: list[int] = []

    def take() -> None:
        while some := queue.take(2):
            taken.extend(some)

    taker = threading.Thread(target=take)
    taker.start()
    queue.put(*range(20))
    queue.close()
    taker.join(10)
    assert taken == list(range(20))


def test_first_error_ends_it() -> None:
    pipeline = Pipeline("test")
    queue = pipeline.add_queue(1)

    def produce() -> None:
        while True:
            queue.put(1)

    def fail(_: list[int]) -> None:
        raise ValueError("broken")

    pipeline.add_thread("produce", produce)
    pipeline.add_stage("fail", fail, queue, workers=2)
    with pytest.raises(ValueError, match="broken"):
        pipeline.run()
    assert pipeline.is_stopped


def test_last_is_not_called_after_a_stop() -> None:
    pipeline = Pipeline("test")
    queue = pipeline.add_queue(1)
    pipeline.add_thread("produce", lambda: pipeline.stop(KeyError("why")))
    pipeline.add_stage("rest", len, queue, on_end=lambda: pytest.fail("called"))
    with pytest.raises(KeyError):
        pipeline.run()


def test_whoever_waits_is_stopped() -> None:
    pipeline = Pipeline("test")
    waits = threading.Event()

    def wait() -> None:
        waits.set()
        with pytest.raises(PipelineStopped):
            pipeline.wait(60)

    def stop() -> None:
        waits.wait(10)
        pipeline.stop()

    pipeline.add_thread("wait", wait)
    pipeline.add_thread("stop", stop)
    pipeline.run()
    with pytest.raises(PipelineStopped):
        pipeline.check()


def test_interrupt_lets_what_is_under_way_end() -> None:
    pipeline = Pipeline("test")
    queue = pipeline.add_queue(10)
    begun, ended = threading.Event(), threading.Event()

    def produce() -> None:
        while True:
            queue.put(1)

    def work(_: list[int]) -> None:
        if not begun.is_set():
            begun.set()
            signal.raise_signal(signal.SIGINT)  # interrupts the main thread
            with pytest.raises(PipelineStopped):
                pipeline.wait(60)
            ended.set()

    pipeline.add_thread("produce", produce)
    pipeline.add_stage("work", work, queue)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run()
    assert ended.is_set()


class TestWithoutThreads:
    """Python starts no threads at the end of the process, and a system may have no more."""

    def refuse_from(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        start, started = threading.Thread.start, [0]

        def refuse(thread: threading.Thread) -> None:
            started[0] += 1
            if started[0] > number:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refuse)

    def build(self, out: list[int]) -> Pipeline:
        pipeline = Pipeline("test")
        numbers, doubled = pipeline.add_queue(3), pipeline.add_queue(3)

        def produce() -> None:
            for number in range(100):
                numbers.put(number)
            numbers.close()

        pipeline.add_thread("produce", produce)
        pipeline.add_stage(
            "double",
            lambda batch: doubled.put(*(2 * number for number in batch)),
            numbers,
            doubled,
            workers=3,
            batch_size=7,
        )
        pipeline.add_stage("collect", out.extend, doubled, patience=30, batch_size=7)
        return pipeline

    @pytest.mark.parametrize("threads", range(6))
    def test_the_rest_of_the_stages_run_one_by_one(
        self, monkeypatch: pytest.MonkeyPatch, threads: int
    ) -> None:
        self.refuse_from(monkeypatch, threads)
        out: list[int] = []
        self.build(out).run()
        assert sorted(out) == list(range(0, 200, 2))

    @pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
    def test_an_error_ends_them(
        self, monkeypatch: pytest.MonkeyPatch, error: BaseException
    ) -> None:
        self.refuse_from(monkeypatch, 0)
        out: list[int] = []
        pipeline = self.build(out)

        def fail() -> None:
            raise error

        pipeline.add_thread("fail", fail)
        with pytest.raises(type(error)):
            pipeline.run()
        assert pipeline.is_stopped


def test_a_cancelled_coroutine_stops_all_threads() -> None:
    cancellation = Cancellation()
    pipeline = Pipeline("test")
    numbers = pipeline.add_queue(1)
    tokens = []

    def produce() -> None:
        tokens.append(in_force())
        cancellation.cancel()
        while True:
            numbers.put(1)

    pipeline.add_thread("produce", produce)

    with pytest.raises(CallCancelled):
        cancellation.run(pipeline.run)
    assert tokens == [None]  # added outside of the call


def test_the_threads_have_the_token_of_the_coroutine() -> None:
    cancellation, tokens = Cancellation(), []

    def work() -> None:
        pipeline = Pipeline("test")
        pipeline.add_thread("look", lambda: tokens.append(in_force()))
        pipeline.run()

    cancellation.run(work)

    assert tokens == [cancellation]
