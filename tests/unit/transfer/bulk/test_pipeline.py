"""Stages of threads: bounded, in a line, stopped by the first error."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from synapse.transfer.bulk.pipeline import Pipeline, PipelineStopped, Queue


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_all_that_is_put_comes_out() -> None:
    line = Pipeline("test")
    numbers, doubled = line.add_queue(3), line.add_queue(3)
    out: list[int] = []

    def produce() -> None:
        for number in range(100):
            numbers.put(number)
        numbers.close()

    def double(items: list[int]) -> None:
        for item in items:
            doubled.put(2 * item)

    line.add_thread("produce", produce)
    line.add_stage("double", double, numbers, doubled, workers=4)
    line.add_stage("collect", out.extend, doubled, batch_size=10, on_end=lambda: out.append(-1))
    line.run()

    assert sorted(out[:-1]) == list(range(0, 200, 2))
    assert out[-1] == -1


def test_fast_stage_waits_for_a_slow_one() -> None:
    line = Pipeline("test")
    channel = line.add_queue(5)
    put = threading.Semaphore(0)
    go_on = threading.Event()
    count = 0

    def produce() -> None:
        nonlocal count
        for number in range(20):
            channel.put(number)
            count += 1
            put.release()
        channel.close()

    def consume(_: list[int]) -> None:
        go_on.wait(10)

    line.add_thread("produce", produce)
    line.add_stage("consume", consume, channel)
    runner = threading.Thread(target=line.run)
    runner.start()
    for _ in range(5):
        assert put.acquire(timeout=10)
    assert not (put.acquire(timeout=0.05) and put.acquire(timeout=0.05))
    assert count <= 6  # five in the queue, and the one that is consumed
    go_on.set()
    runner.join(10)
    assert count == 20


def test_batch_waits_until_it_is_full_or_nothing_comes() -> None:
    channel: Queue[int] = Queue(10)
    for number in range(3):
        channel.put(number)
    assert channel.take(2, patience=60) == [0, 1]
    threading.Timer(0.01, lambda: [channel.put(3), channel.put(4)]).start()
    assert channel.take(3, patience=60) == [2, 3, 4]
    channel.put(5)
    assert channel.take(3, patience=0.01) == [5]
    channel.put(6)
    channel.close()
    assert channel.take(3, patience=60) == [6]
    assert channel.take(3, patience=60) == []


def test_batch_larger_than_the_queue_is_taken() -> None:
    channel: Queue[int] = Queue(2)
    channel.put(1)
    channel.put(2)
    assert channel.take(10, patience=60) == [1, 2]


def test_more_than_fits_is_put_piece_by_piece() -> None:
    channel: Queue[int] = Queue(3)
    taken: list[int] = []

    def take() -> None:
        while some := channel.take(2):
            taken.extend(some)

    taker = threading.Thread(target=take)
    taker.start()
    channel.put(*range(20))
    channel.close()
    taker.join(10)
    assert taken == list(range(20))


def test_first_error_ends_it() -> None:
    line = Pipeline("test")
    channel = line.add_queue(1)

    def produce() -> None:
        while True:
            channel.put(1)

    def fail(_: list[int]) -> None:
        raise ValueError("broken")

    line.add_thread("produce", produce)
    line.add_stage("fail", fail, channel, workers=2)
    with pytest.raises(ValueError, match="broken"):
        line.run()
    assert line.is_stopped


def test_last_is_not_called_after_a_stop() -> None:
    line = Pipeline("test")
    channel = line.add_queue(1)
    line.add_thread("produce", lambda: line.stop(KeyError("why")))
    line.add_stage("rest", len, channel, on_end=lambda: pytest.fail("called"))
    with pytest.raises(KeyError):
        line.run()


def test_whoever_waits_is_stopped() -> None:
    line = Pipeline("test")
    waits = threading.Event()

    def wait() -> None:
        waits.set()
        with pytest.raises(PipelineStopped):
            line.wait(60)

    def stop() -> None:
        waits.wait(10)
        line.stop()

    line.add_thread("wait", wait)
    line.add_thread("stop", stop)
    line.run()
    with pytest.raises(PipelineStopped):
        line.check()


def test_interrupt_lets_what_is_under_way_end() -> None:
    line = Pipeline("test")
    channel = line.add_queue(10)
    begun, ended = threading.Event(), threading.Event()

    def produce() -> None:
        while True:
            channel.put(1)

    def work(_: list[int]) -> None:
        if not begun.is_set():
            begun.set()
            signal.raise_signal(signal.SIGINT)  # it is the main thread that is interrupted
            line.wait(0) if line.is_stopped else None
            ended.set()

    line.add_thread("produce", produce)
    line.add_stage("work", work, channel)
    with pytest.raises(KeyboardInterrupt):
        line.run()
    assert ended.is_set()
