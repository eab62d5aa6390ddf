"""An exception of a signal handler leaves a request without showing credentials."""

from __future__ import annotations

import gc
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from threaded_server import ThreadedServer

import synapse
from synapse.clients.agent import AgentClient
from synapse.transport import Transport
from synapse.transport.websocket import messages

TOKEN = "tok-5up3r-s3cret"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"

_is_raised = threading.Event()

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals here")


class Interrupted(Exception):
    """The handler's own exception, as that of a time limit."""


class SignallingServer(ThreadedServer):
    """Sends a signal to the main thread instead of the rest of the answer.

    Attributes:
        start_of_answer: The bytes before that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.start_of_answer = b""
        self.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        if _is_raised.is_set():
            return  # the client asks again after an OSError
        connection.sendall(self.start_of_answer)
        main = threading.main_thread().ident
        assert main is not None
        # A signal between two calls of the system interrupts neither, so one may not be enough.
        while not _is_raised.is_set():
            signal.pthread_kill(main, signal.SIGUSR1)
            _is_raised.wait(0.1)
        self.closing.wait()


@pytest.fixture
def server() -> Iterator[SignallingServer]:
    one = SignallingServer()
    yield one
    one.close()


def raise_from_handler(error: BaseException) -> Any:
    def handle(number: int, frame: Any) -> None:
        if not _is_raised.is_set():
            _is_raised.set()
            raise error

    return handle


@pytest.fixture(params=[Interrupted, KeyboardInterrupt, SystemExit, ValueError, OSError])
def kind(request: pytest.FixtureRequest) -> Iterator[type[BaseException]]:
    """The kind of exception that the handler raises."""
    _is_raised.clear()
    before = signal.signal(signal.SIGUSR1, raise_from_handler(request.param("mine")))
    # Python drops what is raised while other tools' callbacks of the collector run.
    gc.disable()
    yield request.param
    gc.enable()
    signal.signal(signal.SIGUSR1, before)


def ask(transport: Transport) -> None:
    transport.request("POST", "a/", json={"a": 1})


class Much:
    """A body of more than the connection's buffers hold."""

    def __iter__(self) -> Iterator[bytes]:
        yield from [bytes(1_000_000)] * 50


def send_much(transport: Transport) -> None:
    headers = {"Content-Length": "50000000"}
    transport.request("POST", "a/", body=Much(), headers=headers)


def read_lines(transport: Transport) -> None:
    list(transport.lines("a/"))


def read_file(transport: Transport) -> None:
    with transport.stream("a/") as response:
        response.raw.read()


def open_websocket(transport: Transport) -> None:
    list(messages(transport, "a/"))


@pytest.mark.parametrize("way", [ask, send_much, read_lines, read_file, open_websocket])
@pytest.mark.parametrize("start_of_answer", [b"", b"HTTP/1.1 200 OK\r\nX-A: b", HEAD + b"[1,"])
def test_shows_no_credential_in_the_variables(
    server: SignallingServer,
    kind: type[BaseException],
    way: Callable[[Transport], None],
    start_of_answer: bytes,
) -> None:
    server.start_of_answer = start_of_answer
    with synapse.Session(
        server.url, TOKEN, headers={"X-Gateway": f"Bearer gateway-{TOKEN}"}, retries=0
    ) as session:
        with pytest.raises((kind, synapse.SynapseError)) as caught:
            way(session.transport)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(shown.format())
    assert "mine" in text or kind is OSError
    assert (TOKEN in text) is False


def test_of_an_agents_client(server: SignallingServer, kind: type[BaseException]) -> None:
    with AgentClient(server.url, TOKEN) as client:
        with pytest.raises((kind, synapse.SynapseError)) as caught:
            client.health_check()
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert (TOKEN in "".join(shown.format())) is False
