"""Deadlines over connecting, sending, headers and bodies, at servers that never quite stop."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from synapse import errors
from synapse.config import Timeout
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy
from synapse.transport.socket_deadlines import _bind, _Bound

pytestmark = pytest.mark.usefixtures("each_exchange")

Connect = Callable[..., Transport]

LONG = Timeout(30, 30)
# What a machine that is busy may take on top; without the deadline, each of these takes 30 s.
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


class Dripper:
    """Sends something, and then a byte now and then for as long as somebody listens."""

    def __init__(self, start: bytes, drop: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.connections = 0
        self._start, self._drop = start, drop
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._closing.is_set():
                    return
                self.connections += 1
                try:
                    connection.recv(65536)
                    connection.sendall(self._start)
                    while not self._closing.wait(0.01):
                        connection.sendall(self._drop)
                except OSError:
                    pass

    def close(self) -> None:
        self._closing.set()
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def drip() -> Iterator[Callable[[bytes, bytes], Dripper]]:
    """Makes such servers."""
    made: list[Dripper] = []

    def make(start: bytes, drop: bytes) -> Dripper:
        made.append(Dripper(start, drop))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of what takes a connection, and reads nothing from it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def late(transport: Transport, method: str = "GET", **options: Any) -> errors.RequestTimeout:
    """Make a request that runs into a deadline, and return how it says so."""
    with pytest.raises(errors.RequestTimeout) as caught:
        transport.request(method, "a/", **options)
    assert caught.value.status_code == 408
    return caught.value


REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"


class TestInterimAnswers:
    @pytest.mark.parametrize("status", [100, 102, 103, 104, 110, 199])
    @pytest.mark.parametrize("way", ["request", "lines", "stream"])
    def test_are_skipped(self, server: Any, transport: Transport, status: int, way: str) -> None:
        interim = f"HTTP/1.1 {status} Wait\r\nLink: </a>\r\n\r\n".encode()
        server.answer(interim * 2 + REPLY + b"1")
        server.reply(body=2)
        if way == "request":
            assert transport.request("POST", "a/", json={}) == 1
        elif way == "lines":
            assert list(transport.lines("a/")) == ["1"]
        else:
            with transport.stream("a/") as response:
                assert response.raw.read() == b"1"
        assert transport.request("GET", "b/") == 2
        assert server.connections == 1

    def test_are_skipped_before_a_refusal(self, server: Any, transport: Transport) -> None:
        server.answer(b"HTTP/1.1 103 H\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(errors.NotFound):
            transport.request("GET", "a/")

    def test_without_end_break_the_connection(self, server: Any, transport: Transport) -> None:
        server.answer(b"HTTP/1.1 103 H\r\n\r\n" * 1001 + REPLY + b"1")
        with pytest.raises(errors.ConnectionFailed, match="more than 1,000 interim answers"):
            transport.request("GET", "a/")
        server.reply(body=2)
        assert transport.request("GET", "b/") == 2


class TestUnfitConnections:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(REPLY + b"1" + REPLY + b"9", id="a second answer"),
            pytest.param(REPLY + b"1" + b"\r\n", id="a line"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n" + REPLY,
                id="chunks",
            ),
        ],
    )
    def test_have_bytes_behind_the_answer(
        self, server: Any, transport: Transport, answer: bytes
    ) -> None:
        server.answer(answer)
        server.reply(body=2)
        assert transport.request("GET", "a/") == 1
        assert transport.request("GET", "b/") == 2
        assert server.connections == 2

    def test_speak_another_protocol(self, server: Any, transport: Transport) -> None:
        server.answer(b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n")
        server.reply(body=2)
        with pytest.raises(errors.ClientError) as caught:
            transport.request("GET", "a/")
        assert caught.value.status_code == 101
        assert transport.request("GET", "b/") == 2
        assert server.connections == 2


class TestDrip:
    @pytest.mark.parametrize(
        ("start", "drop"),
        [
            pytest.param(b"", b"H", id="status line"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", id="headers"),
            pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="continue"),
            pytest.param(HEAD, b" ", id="body"),
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b" ", id="body without a length"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="chunks"
            ),
            pytest.param(b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\n", b"x", id="error"),
        ],
    )
    def test_ends_at_the_deadline(
        self, drip: Callable[..., Dripper], connect: Connect, start: bytes, drop: bytes
    ) -> None:
        transport = connect(drip(start, drop).url, timeout=LONG)
        error = late(transport, deadline=0.3)
        assert error.detail == "no answer within 0.3 s, its deadline"

    def test_ends_at_the_sessions_deadline(
        self, drip: Callable[..., Dripper], connect: Connect
    ) -> None:
        options = Options(retry=RetryPolicy(attempts=5), deadline=0.4)
        server = drip(HEAD, b" ")
        error = late(connect(server.url, timeout=LONG, options=options))
        assert error.detail == "no answer within 0.4 s, its deadline"
        assert (error.attempts, server.connections) == (1, 1)


class TestStall:
    def test_of_the_answer(self, server: Any, connect: Connect) -> None:
        server.answer(then="stall")
        error = late(connect(server.url, timeout=LONG), deadline=0.2)
        assert error.detail == "no answer within 0.2 s, its deadline"

    def test_the_deadline_is_over_all_attempts(self, server: Any, connect: Connect) -> None:
        server.answer(then="stall")
        server.answer(then="stall")
        policy = RetryPolicy(attempts=9, base=0.001)
        transport = connect(server.url, timeout=Timeout(5, 0.3), options=Options(retry=policy))
        error = late(transport, deadline=0.5)
        assert error.attempts == len(server.requests) == 2
        assert error.elapsed >= 0.5

    @pytest.mark.parametrize("kind", ["bytes", "blocks"])
    def test_of_the_server_while_it_is_sent_to(
        self, deaf: str, connect: Connect, kind: str
    ) -> None:
        block = bytes(1_000_000)
        body = block * 16 if kind == "bytes" else [block] * 16
        error = late(
            connect(deaf, timeout=LONG),
            "POST",
            body=body,
            headers={"Content-Length": "16000000"},
            deadline=0.3,
        )
        assert error.detail == "no answer within 0.3 s, its deadline"

    def test_of_the_server_without_a_deadline(self, deaf: str, connect: Connect) -> None:
        error = late(connect(deaf, timeout=Timeout(30, 0.3)), "POST", body=bytes(16_000_000))
        assert error.detail == "the server took nothing for 0.3 s"

    def test_what_is_sent_slowly_isnt_cut_off(self, connect: Connect) -> None:
        # Each piece within the timeout, all of them together in longer.
        body = bytes(32 * 1024 * 1024)
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def read() -> None:
                connection, _ = listener.accept()
                with connection:
                    for _ in range(100):
                        connection.recv(65536)
                        never.wait(0.01)
                    while connection.recv(1024 * 1024)[-1:] != b"!":
                        pass
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")

            never = threading.Event()
            thread = threading.Thread(target=read)
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            started = time.monotonic()
            transport = connect(url, timeout=Timeout(0.1, 0.8))
            assert transport.request("PUT", "a/", body=body + b"!") == 1
            assert time.monotonic() - started > 0.8
            thread.join()


class TestConnecting:
    def full(self) -> tuple[socket.socket, list[socket.socket]]:
        """Return a listener whose queue is full, so that connecting waits."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        waiting: list[socket.socket] = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        return listener, waiting

    def test_ends_at_the_deadline(self, connect: Connect) -> None:
        listener, waiting = self.full()
        with listener:
            transport = connect(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=LONG)
            error = late(transport, deadline=0.3)
        for one in waiting:
            one.close()
        assert error.detail == "no answer within 0.3 s, its deadline"

    def test_of_tls_ends_at_the_deadline(self, deaf: str, connect: Connect) -> None:
        pem = Path(__file__).with_name("loopback.pem")
        options = Options(verify=str(pem), retry=RetryPolicy(attempts=1))
        transport = connect(deaf.replace("http:", "https:"), timeout=LONG, options=options)
        error = late(transport, deadline=0.3)
        assert error.detail == "no answer within 0.3 s, its deadline"

    def test_after_the_deadline_nothing_is_sent(self, server: Any, connect: Connect) -> None:
        options = Options(on_request=lambda event: time.sleep(0.02), retry=RetryPolicy(attempts=1))
        transport = connect(server.url, options=options)
        error = late(transport, "POST", deadline=0.01)
        assert error.detail == "no answer within 0.01 s, its deadline"
        assert server.requests == []


class TestWithout:
    def test_a_call_that_streams_is_bound_by_its_own_deadline_only(
        self, server: Any, connect: Connect
    ) -> None:
        options = Options(deadline=0.001, retry=RetryPolicy(attempts=1))
        transport = connect(server.url, options=options)
        server.reply(body=1)
        sent = transport.request("PUT", "a/", body=[b"x"], headers={"Content-Length": "1"})
        assert sent == 1
        late(transport, "PUT", body=[b"x"], headers={"Content-Length": "1"}, deadline=0.000001)

    def test_no_deadline_at_all(self, server: Any, connect: Connect) -> None:
        transport = connect(server.url, options=Options(deadline=None))
        server.reply(body=1)
        assert transport.request("GET", "a/") == 1

    def test_a_connection_that_was_nearly_late_is_as_good_as_another(
        self, server: Any, transport: Transport
    ) -> None:
        server.reply(body=1)
        server.reply(body=2)
        assert transport.request("GET", "a/", deadline=5) == 1
        assert transport.request("POST", "a/", body=bytes(1_000_000)) == 2
        assert server.connections == 1


def test_connections_of_other_pools_know_the_deadline() -> None:
    class Connection(HTTPConnection):
        """As one by way of a SOCKS proxy."""

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    made = _bind(Pool)

    assert issubclass(made, Pool)
    assert issubclass(made.ConnectionCls, Connection)
    assert issubclass(made.ConnectionCls, _Bound)
    assert made.ConnectionCls.send is _Bound.send
    assert _bind(made) is made
