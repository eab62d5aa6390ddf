"""A server that records requests, and a proxy that loses responses.

Both speak HTTP over real sockets on loopback.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest
from threaded_server import ThreadedServer

from synapse.clients.backend import BackendClient
from synapse.config import Secret, Settings, Timeout
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

TOKEN = "tok-5up3r-s3cret"


@attrs.frozen
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """What the body says: JSON; a form's fields, with a file as its name and bytes; or none."""
        if not self.content:
            return None
        kind = self.headers["content-type"]
        if not kind.startswith("multipart/form-data"):
            return json.loads(self.content)
        form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.content)
        fields: dict[str, Any] = {}
        for part in form.get_payload():
            name = part.get_param("name", header="content-disposition")
            value = part.get_payload(decode=True)
            filename = part.get_filename()
            fields[name] = value.decode() if filename is None else (filename, value)
        return fields

    @property
    def line(self) -> tuple[str, str]:
        return self.method, self.path


@attrs.frozen
class Reply:
    """What the recorder answers."""

    status: int = 200
    body: Any = attrs.field(factory=dict)
    headers: dict[str, str] = attrs.field(factory=dict)


class Recorder:
    """Writes down each request, and answers what it is told to.

    Attributes:
        asked: The requests so far.
        answer: What it answers: one reply for all, or a function of the request.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Reply | Callable[[Asked], Reply] = Reply()
        self.failures: list[BaseException] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def respond(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = parse_qsl(url.query, keep_blank_values=True)
                asked = Asked(self.command, url.path.lstrip("/"), query, headers, content)
                recorder.asked.append(asked)
                try:
                    given = recorder.answer
                    reply = given if isinstance(given, Reply) else given(asked)
                except Exception as error:
                    recorder.failures.append(error)
                    reply = Reply(500, {"detail": repr(error)})
                body = reply.body
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(reply.status)
                kind = {"Content-Type": "application/json", "Content-Length": str(len(body))}
                for name, value in {**kind, **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.001,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [asked.line for asked in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self.failures:
            raise self.failures[0]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """The server, which answers `{}` to everything."""
    running = Recorder()
    yield running
    running.close()


@attrs.frozen
class Passing:
    """An exchange that goes through the proxy."""

    method: str
    path: str
    span: str | None

    @property
    def step(self) -> str:
        """What it is: the method, and which bytes."""
        return f"{self.method} {self.span}" if self.span else self.method


class Proxy(ThreadedServer):
    """Passes requests on, one at a time per connection, and does a fault to those it is told to.

    A fault is one of

    * `lost`: the server gets the request, and the client no answer: the connection ends;
    * `cut`: the client gets the first bytes of the answer's head;
    * `unsent`: the connection ends before the server gets anything;
    * `stalled`: the server gets the request, and the client waits.

    Attributes:
        passed: The exchanges so far.
    """

    def __init__(self, target: str) -> None:
        super().__init__()
        url = urlsplit(target)
        self._target = (url.hostname or "", url.port or 80)
        self._faults: dict[int, str] = {}
        self._decide: Callable[[Passing], str | None] = lambda passing: None
        self.passed: list[Passing] = []
        self.url = f"http://{self.host}:{self.port}"
        self.start()

    @property
    def steps(self) -> list[str]:
        return [passing.step for passing in self.passed]

    def fault(self, number: int, kind: str = "lost") -> None:
        """Do a fault to the n-th exchange, from 1."""
        self._faults[number] = kind

    def fault_when(self, decide: Callable[[Passing], str | None]) -> None:
        """Do to each exchange what a function says of it."""
        self._decide = decide

    def serve(self, connection: socket.socket) -> None:
        with socket.create_connection(self._target) as server:
            while (request := _message(connection)) and self._exchange(request, connection, server):
                pass

    def _exchange(self, request: bytes, client: socket.socket, server: socket.socket) -> bool:
        head = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        spans = [line.partition(": ")[2] for line in head if line.startswith("Content-Range: ")]
        passing = Passing(method, path, spans[0] if spans else None)
        fault = self._faults.pop(len(self.passed) + 1, None) or self._decide(passing)
        self.passed.append(passing)
        if fault == "unsent":
            return False
        server.sendall(request)
        answer = _message(server)
        if fault == "stalled":
            self.closing.wait()
        elif fault == "cut":
            client.sendall(answer[:20])
        elif fault is None:
            client.sendall(answer)
        return fault is None


def _message(connection: socket.socket) -> bytes:
    """Read one request or answer; nothing when the connection has ended."""
    content = b""
    while b"\r\n\r\n" not in content:
        if not (more := connection.recv(1 << 16)):
            return b""
        content += more
    head, _, body = content.partition(b"\r\n\r\n")
    names = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    length = next((int(value) for name, _, value in names if name == b"content-length"), 0)
    parts, missing = [content], length - len(body)
    while missing > 0:
        if not (more := connection.recv(min(missing, 1 << 20))):
            return b""
        parts.append(more)
        missing -= len(more)
    return b"".join(parts)


@pytest.fixture
def proxy(emulator: Any) -> Iterator[Proxy]:
    """A proxy in front of the emulator."""
    running = Proxy(emulator.url)
    yield running
    running.close()


@pytest.fixture
def client_of(emulator: Any) -> Iterator[Callable[..., BackendClient]]:
    """Makes clients of a server with the tenant's token, and closes them at the end."""
    made: list[BackendClient] = []

    def make(url: str, **options: Any) -> BackendClient:
        made.append(BackendClient(url, emulator.api_token, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def impatient(url: str) -> BackendClient:
    """Make a client that asks once, so that a refusal is one request."""
    settings = Settings(
        f"{url}/", {"api_token": Secret(TOKEN, "the argument api_token")}, timeout=Timeout(5, 20)
    )
    return BackendClient(transport=Transport(settings, Options(retry=RetryPolicy(attempts=1))))


@pytest.fixture
def recorded(recorder: Recorder) -> Iterator[BackendClient]:
    """A client of the recording server."""
    with impatient(recorder.url) as client:
        yield client


@pytest.fixture
def refused() -> Iterator[BackendClient]:
    """A client of a port that is taken, and on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with impatient(f"http://127.0.0.1:{bound.getsockname()[1]}") as client:
            yield client


@pytest.fixture
def token() -> str:
    """The token that these clients have."""
    return TOKEN
