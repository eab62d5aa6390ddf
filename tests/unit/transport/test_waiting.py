"""When several requests in flight help. The clock is the test's."""

from __future__ import annotations

import pytest

from synapse.transport import waiting
from synapse.transport.waiting import ThreadTrial, WaitMeter


class Clock:
    """Stands in for the module `time`."""

    now = cpu = 100.0

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.cpu


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def measure(meter: WaitMeter, clock: Clock, wait: float, work: float = 0.0) -> str:
    def request() -> str:
        clock.now += wait + work
        clock.cpu += work
        return "response"

    return meter.measure(request)


def test_before_the_first_request_nothing_is_known(clock: Clock) -> None:
    assert not WaitMeter().advance()


@pytest.mark.parametrize(
    ("wait", "work", "used", "decisions"),
    [
        (0.0, 1.0, 0.0, [False, False]),
        (0.011, 0.0, 0.0, [True, True]),
        (0.003, 0.0, 0.0, [False, True]),
        (0.0019, 0.0, 0.0, [False, False]),
        (0.1, 0.201, 0.0, [False, False]),
        (0.1, 0.0, 0.201, [False, False]),
        (0.1, 0.1, 0.09, [True, True]),
    ],
)
def test_threads_help_where_waiting_takes_over_half(
    clock: Clock, wait: float, work: float, used: float, decisions: list[bool]
) -> None:
    meter = WaitMeter()
    made = []
    for _ in decisions:
        assert measure(meter, clock, wait, work) == "response"
        clock.now += used
        made.append(meter.advance())
    assert made == decisions
    assert meter.wait == pytest.approx(wait)


def test_time_that_was_left_out_is_no_work_of_the_caller(clock: Clock) -> None:
    meter = WaitMeter()
    meter.leave_out(1.0)  # before the first request, this has no meaning
    assert not meter.advance()
    measure(meter, clock, wait=0.1)
    clock.now += 0.3

    assert not meter.advance()
    meter.leave_out(0.3)
    assert meter.advance()


@pytest.mark.parametrize(
    ("seconds", "has_failed"),
    [
        ([0.01, 0.01], False),
        ([0.04, 0.1, 0.04], True),
        ([0.1, 0.01, 0.1], False),
        ([0.1, 0.06, 0.01], False),
        ([0.1, 0.1, 0.1, 0.01, 0.01, 0.01], False),
    ],
)
def test_the_first_requests_of_threads_show_a_pause(
    clock: Clock, seconds: list[float], *, has_failed: bool
) -> None:
    trial = ThreadTrial(0.1, 3)
    for taken in seconds:

        def request(taken: float = taken) -> None:
            clock.now += taken

        trial.measure(request)
    assert trial.has_failed is has_failed


def test_a_request_that_fails_is_measured(clock: Clock) -> None:
    trial = ThreadTrial(0.1, 1)
    with pytest.raises(ZeroDivisionError):
        trial.measure(lambda: 1 / 0)
    assert trial.has_failed
