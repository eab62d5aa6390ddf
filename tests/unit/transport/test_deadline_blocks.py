"""`synapse.deadline`: one bound over all that is asked for in a block."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.errors import ConfigurationError, RequestTimeout, ServerError
from synapse.transport.deadline_blocks import block_in_force, pause

# Without the deadline, each of these would go on for 30 s or more.
SHORT = 0.3


class Server:
    """Answers with what it is told to, or keeps its callers waiting."""

    def __init__(self) -> None:
        self.answer: Callable[[str], tuple[int, bytes] | None] = lambda _: (200, b"{}")
        self.asked: list[str] = []
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append(self.path)
                answer = outer.answer(self.path)
                if answer is None:
                    outer._closing.wait(60)
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Retry-After", "30")
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def do_PUT(self) -> None:
                self.do_GET()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def session(server: Server) -> Iterator[synapse.Session]:
    with synapse.Session(server.url, "token", cache_ttl=0) as made:
        yield made


def page(number: int, pages: int) -> bytes:
    """Make a page of one task."""
    following = None if number == pages else f"http://x/?page={number + 1}"
    results = [{"id": number, "status": "pending"}]
    body = {"count": pages, "next": following, "previous": None, "results": results}
    return json.dumps(body).encode()


def test_ends_a_call_that_gets_no_answer(server: Server, session: synapse.Session) -> None:
    server.answer = lambda _: None

    with synapse.deadline(SHORT), pytest.raises(RequestTimeout, match=r"within 0\.3 s") as caught:
        session.projects.get(1)

    assert caught.value.attempts == 1


def test_is_over_the_block_and_not_over_each_call(server: Server, session: synapse.Session) -> None:
    def go_on() -> None:
        while True:
            session.health()

    with synapse.deadline(SHORT), pytest.raises(RequestTimeout, match=r"0\.3 s") as caught:
        go_on()

    assert len(server.asked) > 1
    assert caught.value.resource == "health"


def test_what_there_is_no_time_for_is_not_sent(server: Server, session: synapse.Session) -> None:
    with synapse.deadline(SHORT):
        while pause(0.01):
            pass
        time.sleep(0.02)
        with pytest.raises(RequestTimeout, match="nothing was sent"):
            session.projects.create(title="Streets")

    assert server.asked == []
    assert session.request_count == 0


def test_no_wait_for_another_attempt_goes_beyond_it(
    server: Server, session: synapse.Session
) -> None:
    server.answer = lambda _: (503, b"{}")

    with synapse.deadline(25), pytest.raises(ServerError, match="503"):
        session.projects.get(1)

    assert len(server.asked) == 1


def test_reaches_pages_that_are_read_ahead(server: Server, session: synapse.Session) -> None:
    def answer(path: str) -> tuple[int, bytes] | None:
        number = int(path.partition("page=")[2].partition("&")[0] or 1)
        if number > 6:
            return None
        time.sleep(0.02)  # so that reading ahead pays
        return 200, page(number, 100)

    server.answer = answer
    got: list[int] = []

    with synapse.deadline(2 * SHORT), pytest.raises(RequestTimeout):
        got.extend(task.id for task in session.tasks.all().page_size(1))

    assert got == [1, 2, 3, 4, 5, 6]


def test_a_page_read_ahead_in_a_block_that_was_left_is_asked_for_again(
    server: Server, session: synapse.Session
) -> None:
    stalls = threading.Event()
    stalls.set()

    def answer(path: str) -> tuple[int, bytes] | None:
        number = int(path.partition("page=")[2].partition("&")[0] or 1)
        if number == 5 and stalls.is_set():
            return None
        time.sleep(0.02)
        return 200, page(number, 8)

    server.answer = answer
    tasks = iter(session.tasks.all().page_size(1))

    with synapse.deadline(SHORT):
        got = [next(tasks).id for _ in range(4)]
        while pause(0.01):
            pass
    stalls.clear()
    got += [task.id for task in tasks]

    assert got == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_page_read_ahead_in_a_block_that_was_left_is_asked_for_again_in_another(
    server: Server,
) -> None:
    stalls = threading.Event()
    stalls.set()

    def answer(path: str) -> tuple[int, bytes] | None:
        number = int(path.partition("page=")[2].partition("&")[0] or 1)
        if number == 5 and stalls.is_set():
            return None
        time.sleep(0.02)
        return 200, page(number, 8)

    server.answer = answer
    with synapse.Session(server.url, "token", deadline=None) as session:
        tasks = iter(session.tasks.all().page_size(1))

        with synapse.deadline(SHORT):
            got = [next(tasks).id for _ in range(4)]
        stalls.clear()
        time.sleep(2 * SHORT)
        with synapse.deadline(60):
            got += [task.id for task in tasks]

    assert got == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("chunked", [True, False])
def test_ends_the_sending_of_a_file(
    server: Server, session: synapse.Session, tmp_path: Path, chunked: bool
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(1 << 20))
    server.answer = lambda _: None

    # And not that nothing was sent, which would be true of one more request only.
    with synapse.deadline(SHORT), pytest.raises(RequestTimeout, match="no answer within"):
        session.data_files.upload(path, chunked=chunked)


def test_the_nearer_of_two_counts(server: Server, session: synapse.Session) -> None:
    server.answer = lambda _: None

    with (
        synapse.deadline(SHORT),
        synapse.deadline(60),
        pytest.raises(RequestTimeout, match=r"0\.3 s"),
    ):
        session.projects.get(1)


def test_the_sessions_own_still_counts(server: Server) -> None:
    server.answer = lambda _: None

    with (
        synapse.Session(server.url, "token", deadline=SHORT) as session,
        synapse.deadline(60),
        pytest.raises(RequestTimeout, match=r"0\.3 s"),
    ):
        session.projects.get(1)


def test_is_of_its_thread_alone(session: synapse.Session) -> None:
    seen: list[object] = []

    with synapse.deadline(60):
        thread = threading.Thread(target=lambda: seen.append(block_in_force()))
        thread.start()
        thread.join()

    assert seen == [None]


def test_is_over_after_the_block(session: synapse.Session) -> None:
    with synapse.deadline(0.001):
        pass
    time.sleep(0.002)

    assert session.health() == {}


class TestInGenerators:
    """Their blocks are left in any order, and wherever they are closed."""

    @staticmethod
    def bound(seconds: float) -> Iterator[float | None]:
        with synapse.deadline(seconds):
            while True:
                block = block_in_force()
                yield None if block is None else block.seconds

    def test_nothing_is_in_force_when_all_are_left(self) -> None:
        first, second = self.bound(60), self.bound(60)
        next(first), next(second)

        first.close()
        second.close()

        assert block_in_force() is None

    def test_one_stays_in_force_when_the_one_before_is_left(self) -> None:
        first, second = self.bound(60), self.bound(50)
        next(first), next(second)

        first.close()

        assert next(second) == 50

    def test_of_those_entered_the_nearest_counts(self) -> None:
        first, second, third = self.bound(60), self.bound(20), self.bound(50)
        next(first), next(second)

        assert next(third) == 20
        second.close()
        assert next(third) == 50

    def test_closed_in_another_context(self) -> None:
        one = self.bound(60)
        copy_context().run(next, one)

        one.close()

        assert block_in_force() is None

    def test_many_that_overlap_are_not_kept(self) -> None:
        before = self.bound(60)
        next(before)
        for _ in range(20):
            after = self.bound(60)
            next(after)
            before.close()
            before = after

        length, block = 0, block_in_force()
        while block is not None:
            length, block = length + 1, block.outer
        assert length == 1


@pytest.mark.parametrize("seconds", [0, -1, "5", True, float("nan")])
def test_what_is_no_time_is_refused(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="seconds above 0"), synapse.deadline(seconds):
        pass
