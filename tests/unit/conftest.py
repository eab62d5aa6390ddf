"""A server on loopback that answers exactly the bytes that a test gives it."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import ssl
import struct
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from threaded_server import ThreadedServer

from synapse.config import Secret, Settings, Timeout
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

TOKEN = "tok-5up3r-s3cret"


class FakeNotebook:
    """A notebook's kernel, with the outputs of the running cell.

    Attributes:
        outputs: The last state of each output, by its id.
        updates: Number of messages.
        cell: Id of the run of the cell.
    """

    _cells = 0

    def __init__(self) -> None:
        self.outputs: dict[str, dict[str, str]] = {}
        self.updates = 0
        self.config: dict[str, Any] = {"IPKernelApp": {}}
        self.run_cell()

    def run_cell(self) -> None:
        """Begin another cell."""
        FakeNotebook._cells += 1
        self.parent_header = {"header": {"msg_id": f"cell {FakeNotebook._cells}"}}

    @property
    def texts(self) -> list[str]:
        """The texts of the outputs."""
        return [bundle["text/plain"] for bundle in self.outputs.values()]

    def publish(self, data: dict[str, str], *, transient: dict[str, str], update: bool) -> None:
        """Take a message as a frontend does."""
        key = transient["display_id"]
        assert update is (key in self.outputs)
        self.outputs[key] = data
        self.updates += 1


@attrs.frozen
class Received:
    """One request, as it came over the wire."""

    raw: bytes

    @property
    def method(self) -> str:
        return self._lines[0].split(" ")[0]

    @property
    def target(self) -> str:
        return self._lines[0].split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case."""
        pairs = [line.split(": ", 1) for line in self._lines[1:]]
        names = [name.lower() for name, _ in pairs]
        assert len(names) == len(set(names)), f"a header came twice: {names}"
        return {name.lower(): value for name, value in pairs}

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def _lines(self) -> list[str]:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")


@attrs.frozen
class Answer:
    """What the server does with one request.

    Attributes:
        raw: The bytes that it answers.
        then: What comes after: `keep` the connection, `close` or `reset` it, or `stall`.
        early: Answer when the request's headers are there, without waiting for its body.
    """

    raw: bytes = b""
    then: str = "keep"
    early: bool = False


class ScriptedServer(ThreadedServer):
    """Takes any number of connections, and gives the next answer to each request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.requests: list[Received] = []
        self.reset_on_accept = False
        self._tls = tls
        self._strict = True
        self._by_query: dict[str, Answer] = {}
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}/"

    def answer(self, raw: bytes = b"", then: str = "keep", *, early: bool = False) -> None:
        """Script the next answer as raw bytes."""
        self._answers.put(Answer(raw, then, early))

    def reply(
        self,
        status: int | str = 200,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        then: str = "keep",
        early: bool = False,
    ) -> None:
        """Script the next answer: a well-formed one. What isn't bytes is sent as JSON."""
        self.answer(_reply(status, body, headers or {}), then, early=early)

    def answer_to(self, query: str, body: Any) -> None:
        """Script the answer to whichever request has this query, as JSON."""
        self._by_query[query] = Answer(_reply(200, body, {}))

    @property
    def last(self) -> Received:
        return self.requests[-1]

    def tolerate_garbage(self) -> None:
        """Take what isn't HTTP for the end of a connection, not for a test's mistake."""
        self._strict = False

    def serve(self, connection: socket.socket) -> None:
        if self.reset_on_accept:
            _reset(connection)
        elif self._tls:
            with contextlib.suppress(OSError):
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.opened.add(connection)
            with connection:
                self._converse(connection)
            self.opened.discard(connection)
        else:
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        unread = b""
        while True:
            while b"\r\n\r\n" not in unread:
                if not (more := connection.recv(65536)):
                    return
                unread += more
                if not self._strict and not unread[:1].isalpha():
                    return
            answer = self._next(Received(unread).target.partition("?")[2])
            length = _body_length(unread)
            if answer.early:
                connection.sendall(answer.raw)
            while len(unread) < length:
                if not (more := connection.recv(65536)):
                    self.requests.append(Received(unread))
                    return
                unread += more
            self.requests.append(Received(unread[:length]))
            unread = unread[length:]
            if not answer.early:
                connection.sendall(answer.raw)
            if answer.then == "stall":
                self.closing.wait()
            elif answer.then == "reset":
                _reset(connection)
            if answer.then != "keep":
                return

    def _next(self, query: str) -> Answer:
        if query in self._by_query:
            return self._by_query[query]
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            self.failures.append(AssertionError("a request came for which there is no answer"))
            return Answer(b"HTTP/1.1 599 Unscripted\r\nContent-Length: 0\r\n\r\n")


def _reply(status: int | str, body: Any, headers: dict[str, str]) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    lines = [f"HTTP/1.1 {status if isinstance(status, str) else f'{status} Status'}"]
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def _body_length(head: bytes) -> int:
    """Return where the request ends, counted from its first byte."""
    start = head.index(b"\r\n\r\n") + 4
    received = Received(head[: start - 4])
    assert "transfer-encoding" not in received.headers, "a body came without its length"
    return start + int(received.headers.get("content-length", "0"))


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture(autouse=True)
def no_network_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer's machine says about proxies and certificates out of every test."""
    bundles = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    for name in ("NO_PROXY", "no_proxy", "NETRC", *bundles):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_server() -> Iterator[Callable[..., ScriptedServer]]:
    """Makes scripted servers, and closes them at the end."""
    made: list[ScriptedServer] = []

    def make(tls: ssl.SSLContext | None = None) -> ScriptedServer:
        made.append(ScriptedServer(tls))
        return made[-1]

    yield make
    for running in made:
        running.close()


@pytest.fixture
def server(make_server: Callable[..., ScriptedServer]) -> ScriptedServer:
    """A scripted server."""
    return make_server()


@pytest.fixture
def other_server(make_server: Callable[..., ScriptedServer]) -> ScriptedServer:
    """A second scripted server: another origin."""
    return make_server()


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """Makes settings with an API token; further tokens are given by kind."""

    def make(
        base_url: str, *, tenant: str | None = None, timeout: Timeout | None = None, **tokens: str
    ) -> Settings:
        credentials = {
            kind: Secret(token, f"the argument {kind}")
            for kind, token in (tokens or {"api_token": TOKEN}).items()
        }
        return Settings(base_url, credentials, tenant=tenant, timeout=timeout or Timeout())

    return make


@pytest.fixture
def connect(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., Transport]]:
    """Makes transports that repeat nothing unless told to, and closes them at the end."""
    made: list[Transport] = []
    once = Options(retry=RetryPolicy(attempts=1))

    def make(base_url: str, *, options: Options = once, **settings: Any) -> Transport:
        made.append(Transport(make_settings(base_url, **settings), options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def transport(server: ScriptedServer, connect: Callable[..., Transport]) -> Transport:
    """A transport to the scripted server."""
    return connect(server.url)


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """A port that is taken, and on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def token() -> str:
    """The token that the transports of these tests have."""
    return TOKEN


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> FakeNotebook:
    """This process as a notebook's kernel."""
    fake = FakeNotebook()
    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: fake
    display: Any = types.ModuleType("IPython.display")
    display.publish_display_data = fake.publish
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.delenv("SYNAPSE_PROGRESS", raising=False)
    return fake
