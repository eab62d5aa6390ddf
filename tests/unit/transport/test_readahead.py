"""Reading ahead: when it begins, what it asks for, and when it ends. The clock is the test's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from synapse.transport import waiting
from synapse.transport.readahead import ReadAhead
from synapse.transport.response import Response


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cpu = 5.0
        self._of_thread = threading.local()

    def perf_counter(self) -> float:
        return self.now + getattr(self._of_thread, "waited", 0.0)

    def wait_on_thread(self, seconds: float) -> None:
        """Let time pass for this thread, which is not the caller's."""
        self._of_thread.waited = getattr(self._of_thread, "waited", 0.0) + seconds

    def thread_time(self) -> float:
        return self.cpu


class Server:
    """Answers pages by their number; each costs some waiting and some work."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.wait = 0.0
        self.work = 0.0
        self.asked: list[int] = []
        self.threads: set[threading.Thread] = set()
        self.refusals: dict[int, str | None] = {}
        self.held: set[int] = set()
        self.release = threading.Event()
        self.arrived = threading.Semaphore(0)

    def __call__(self, number: int) -> Response:
        self.asked.append(number)
        self.arrived.release()
        self.threads.add(threading.current_thread())
        if threading.current_thread() is threading.main_thread():
            self.clock.now += self.wait + self.work
            self.clock.cpu += self.work
        else:
            self.clock.wait_on_thread(self.wait)
            if number in self.held:
                self.release.wait()
        response = requests.Response()
        response.status_code = 200
        if number in self.refusals:
            response.status_code = 429
            pause = self.refusals.pop(number)
            response.headers.update({} if pause is None else {"Retry-After": pause})
        return Response(response, b"%d" % number, "http://127.0.0.1/", None, "")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


@pytest.fixture
def server(clock: Clock) -> Server:
    return Server(clock)


@pytest.fixture
def ahead(server: Server) -> Iterator[Callable[..., ReadAhead]]:
    """Makes one, and ends its threads."""
    made: list[ReadAhead] = []

    def make(workers: int = 4) -> ReadAhead:
        made.append(ReadAhead(server, workers))
        return made[-1]

    yield make
    server.release.set()
    for one in made:
        one.close()
    for thread in server.threads - {threading.main_thread()}:
        thread.join()


Make = Callable[..., ReadAhead]


def read(reader: ReadAhead, numbers: Any, last: int) -> list[int]:
    return [int(reader.get(number, last).content) for number in numbers]


def is_alone(server: Server) -> bool:
    return server.threads == {threading.main_thread()}


def test_a_server_that_answers_at_once_is_asked_page_by_page(ahead: Make, server: Server) -> None:
    server.work = 1.0
    assert read(ahead(), range(1, 9), 8) == list(range(1, 9))
    assert server.asked == list(range(1, 9))
    assert is_alone(server)


def test_a_server_that_is_clearly_waited_for(ahead: Make, server: Server) -> None:
    server.wait = 0.011
    assert read(ahead(), range(1, 9), 8) == list(range(1, 9))
    assert sorted(server.asked) == list(range(1, 9))
    assert not is_alone(server)


def test_a_short_wait_counts_when_it_comes_twice(ahead: Make, server: Server) -> None:
    server.wait = 0.003
    reader = ahead()
    read(reader, [1, 2], 8)
    assert server.asked == [1, 2]
    read(reader, [3], 8)
    assert not is_alone(server)


def test_a_short_wait_is_forgotten_when_the_next_is_none(ahead: Make, server: Server) -> None:
    reader = ahead()
    for number in range(1, 9):
        server.wait = 0.003 if number % 2 else 0.0
        read(reader, [number], 8)
    assert is_alone(server)


def test_a_wait_shorter_than_any_that_matters(ahead: Make, server: Server) -> None:
    server.wait = 0.0019
    read(ahead(), range(1, 9), 8)
    assert is_alone(server)


def test_a_wait_that_is_short_beside_the_work(ahead: Make, server: Server, clock: Clock) -> None:
    server.wait = 0.1
    reader = ahead()
    for number in range(1, 9):
        read(reader, [number], 8)
        clock.now += 0.201  # what the rows are used for
    assert is_alone(server)


def test_one_worker_never_reads_ahead(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    read(ahead(1), range(1, 9), 8)
    assert server.asked == list(range(1, 9))
    assert is_alone(server)


def test_nothing_is_asked_for_beyond_the_last(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    read(ahead(), range(1, 4), 3)
    assert sorted(server.asked) == [1, 2, 3]


def test_the_last_page_starts_no_thread(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    read(ahead(), [1, 2], 2)
    assert is_alone(server)


def test_no_more_than_the_workers_are_in_flight(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    reader = ahead(3)
    read(reader, [1], 50)
    server.held = set(range(4, 50))
    read(reader, [2], 50)
    # Three threads, each with one of these; others wait for a thread.
    assert set(server.asked) <= {1, 2, 3, 4, 5, 6}
    read(reader, [3], 50)
    assert set(server.asked) <= {1, 2, 3, 4, 5, 6}


def test_threads_go_on_while_the_caller_works(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    reader = ahead(3)
    read(reader, [1, 2], 50)
    assert reader.is_on
    while len(server.asked) < 7:  # twice as many as threads, from page 2 on
        server.arrived.acquire()
    assert set(server.asked) == {1, 2, 3, 4, 5, 6, 7}


def test_a_page_beyond_the_last_known_is_still_given(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    reader = ahead()
    assert read(reader, [1, 2, 3], 3) == [1, 2, 3]
    assert read(reader, [4], 3) == [4]


def test_a_pause_of_the_machine_leaves_no_threads(ahead: Make, server: Server) -> None:
    reader = ahead()
    server.wait = 0.050
    read(reader, [1], 99)
    server.wait = 0.002
    assert read(reader, range(2, 40), 99) == list(range(2, 40))
    assert not reader.is_on
    assert sorted(server.asked) == list(range(1, 40))  # nothing was requested for nothing
    server.wait = 0.050
    read(reader, [40, 41], 99)
    assert reader.is_on


def test_forgetting_asks_again(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    reader = ahead()
    read(reader, [1, 2], 4)
    reader.forget()
    assert read(reader, [2, 3, 4], 4) == [2, 3, 4]
    assert server.asked.count(2) == 2


def test_a_failure_is_raised_where_its_page_is_asked_for(
    ahead: Make, server: Server, clock: Clock
) -> None:
    def fetch(number: int) -> Response:
        if number == 3:
            raise ConnectionError("gone")
        return server(number)

    server.wait = 1.0
    reader = ReadAhead(fetch, 4)
    try:
        assert read(reader, [1, 2], 3) == [1, 2]
        with pytest.raises(ConnectionError, match="gone"):
            reader.get(3, 3)
    finally:
        reader.close()


def test_a_server_that_is_asked_too_much(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    reader = ahead()
    read(reader, [1], 50)
    server.refusals = {2: "2"}
    assert read(reader, [2], 50) == [2]
    server.release.set()
    for thread in server.threads - {threading.main_thread()}:
        thread.join()
    server.asked.clear()
    server.threads.clear()
    assert read(reader, range(3, 9), 50) == list(range(3, 9))
    assert server.asked == list(range(3, 9))
    assert is_alone(server)


def test_a_refusal_alone_is_the_callers(ahead: Make, server: Server) -> None:
    server.refusals = {1: "7"}
    assert ahead().get(1, 50).response.status_code == 429


def test_close_twice(ahead: Make, server: Server) -> None:
    server.wait = 1.0
    reader = ahead()
    read(reader, [1, 2], 50)
    reader.close()
    reader.close()
    assert read(reader, [3], 3) == [3]


def test_without_threads_the_pages_come_one_by_one(
    server: Server, ahead: Callable[..., ReadAhead]
) -> None:
    server.wait = 1.0
    reader = ahead()
    bodies = [reader.get(number, 30).content for number in range(1, 5)]
    assert reader.is_on
    assert reader._pool is not None
    reader._pool.shutdown()  # as Python does at the end of the process
    bodies += [reader.get(number, 30).content for number in range(5, 31)]
    assert bodies == [b"%d" % number for number in range(1, 31)]
    assert not reader.is_on
