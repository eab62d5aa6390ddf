"""Requests in flight: the order of outcomes, the window, interrupts, and missing threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synapse._internal.cancellation import CallCancelled, Cancellation, check_cancelled
from synapse.errors import RateLimited
from synapse.transport.in_flight import InFlight
from synapse.transport.waiting import WaitMeter


class FakeTransport:
    """Counts throttles, as a transport does."""

    throttle_count = 0


class Stop(BaseException):
    """Stands for Ctrl-C."""


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start threads at once."""
    monkeypatch.setattr(WaitMeter, "advance", lambda meter: True)


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


def fly(
    transport: Any, send: Callable[[int], Any], items: Any, workers: int = 3
) -> InFlight[int, Any]:
    return InFlight(transport, send, items, workers, "test")


def test_outcomes_have_the_order_of_the_items(transport: FakeTransport) -> None:
    second = threading.Event()

    def send(number: int) -> int:
        if number == 0:
            second.wait(30)
        elif number == 1:
            second.set()
        elif number == 2:
            raise KeyError(number)
        return number * 10

    outcomes = list(fly(transport, send, range(4)))
    assert [one.result for one in outcomes] == [0, 10, None, 30]
    assert isinstance(outcomes[2].error, KeyError)


def test_no_item_is_taken_that_has_no_place(transport: FakeTransport) -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            if number == 2:
                opened.set()
            yield number

    opened = threading.Event()
    flights = fly(transport, lambda number: opened.wait(30) and number, items())
    assert next(flights).item == 0
    assert taken == [0, 1, 2]
    assert [one.item for one in flights] == list(range(1, 10))


def test_without_threads_the_work_is_done_here(
    transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    outcomes = list(fly(transport, lambda number: threading.current_thread(), range(5)))
    assert {one.result for one in outcomes} == {threading.current_thread()}


def test_one_worker_needs_no_thread(transport: FakeTransport) -> None:
    outcomes = list(fly(transport, lambda number: threading.current_thread(), range(5), 1))
    assert {one.result for one in outcomes} == {threading.current_thread()}


@pytest.mark.parametrize(("wait", "stays"), [(3600.0, False), (0.0, True)])
def test_threads_end_unless_their_requests_wait_as_long_as_the_one_before(
    transport: FakeTransport, monkeypatch: pytest.MonkeyPatch, *, wait: float, stays: bool
) -> None:
    begun: list[WaitMeter] = []

    def advance(meter: WaitMeter) -> bool:
        begun.append(meter)
        return len(begun) == 1

    monkeypatch.setattr(WaitMeter, "advance", advance)
    flights = fly(transport, lambda number: threading.current_thread(), range(20))
    flights._meter.wait = wait
    here = threading.current_thread()
    by_threads = [one.result is not here for one in flights]

    assert by_threads[:3] == [True] * 3
    assert by_threads[-1] is stays


def test_an_error_of_the_source_leaves_what_is_in_flight(transport: FakeTransport) -> None:
    opened = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        yield 1
        opened.set()
        raise OSError("gone")

    flights = fly(transport, lambda number: opened.wait(30) and number, items())
    with pytest.raises(OSError, match="gone"):
        next(flights)
    assert all(one.error is None for one in flights.land())
    assert list(flights) == []


def test_an_interrupt_of_the_work_is_raised_and_stays_the_outcome(
    transport: FakeTransport,
) -> None:
    def send(number: int) -> int:
        if number == 0:
            raise Stop
        return number

    flights = fly(transport, send, range(1))
    with pytest.raises(Stop):
        next(flights)
    (outcome,) = flights.land()
    assert (outcome.item, type(outcome.error), outcome.is_open) == (0, Stop, False)


def test_an_outcome_that_was_not_settled_lands_again(transport: FakeTransport) -> None:
    flights = fly(transport, lambda number: number, range(2), 1)
    assert next(flights).item == 0
    assert [one.item for one in flights.land()] == [0]
    flights = fly(transport, lambda number: number, range(2), 1)
    next(flights)
    flights.settle()
    assert list(flights.land()) == []


def test_throttling_halves_the_window(transport: FakeTransport) -> None:
    def send(number: int) -> None:
        if number in (2, 5):
            transport.throttle_count += 1

    flights = fly(transport, send, range(40), 4)
    windows = {outcome.item: flights._workers for outcome in flights}
    assert windows[0] == 4
    assert windows[4] in (1, 2)  # the sixth item may have been sent already
    assert windows[20] == 1


def test_a_throttled_item_is_sent_again_alone(transport: FakeTransport) -> None:
    opened, sent = threading.Event(), []
    here = threading.current_thread()

    def send(number: int) -> int:
        sent.append(number)
        if number == 0 and threading.current_thread() is not here:
            opened.wait(30)
            raise RateLimited(429)
        if number == 2:
            opened.set()
        return number

    outcomes = list(fly(transport, send, range(6)))
    assert [one.result for one in outcomes] == list(range(6))
    assert sorted(sent[:3]) == [0, 1, 2]
    assert sent[3:] == [0, 3, 4, 5]


def test_throttling_of_one_at_a_time_is_final(transport: FakeTransport) -> None:
    def send(number: int) -> None:
        raise RateLimited(429)

    (outcome,) = fly(transport, send, [0], 1)
    assert isinstance(outcome.error, RateLimited)


def test_cancelling_reaches_the_threads(transport: FakeTransport) -> None:
    cancellation, begun = Cancellation(), threading.Barrier(3)

    def send(number: int) -> None:
        begun.wait(30)
        cancellation.cancel()
        check_cancelled()

    def run() -> list[Any]:
        flights = fly(transport, send, range(9))
        with pytest.raises(CallCancelled):
            next(flights)
        return list(flights.land())

    outcomes = cancellation.run(run)
    assert [one.item for one in outcomes] == [0, 1, 2]
    assert {type(one.error) for one in outcomes} == {CallCancelled}
