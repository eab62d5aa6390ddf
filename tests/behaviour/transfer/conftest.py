"""A proxy between client and server that counts what passes, and breaks it where it is told to."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from threaded_server import ThreadedServer

import synapse

_PIECE = 1 << 16


@attrs.define
class Exchange:
    """A request that passes, and what the proxy does with it.

    A test's function sets what is to go wrong.

    Attributes:
        method: The request's method.
        path: Its path.
        headers: Its headers, by their names in lower case.
        body: Bytes of its body that went on to the server.
        answered: Bytes of the answer, its head included, that went on to the client.
        cut_request: Bytes of the body after which the connection ends.
        cut_answer: Bytes of the answer's body after which the connection ends; -1 for before all.
        stalls: Whether it isn't cut there, but nothing passes any more.
        resets: Whether the connection ends by a reset.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: int = 0
    answered: int = 0
    cut_request: int | None = None
    cut_answer: int | None = None
    stalls: bool = False
    resets: bool = False

    @property
    def step(self) -> str:
        """What it is: the method, and which bytes."""
        span = self.headers.get("content-range", "").removeprefix("bytes ").partition("/")[0]
        return f"{self.method} {span}" if span else f"{self.method} {self.path}"


class _Ended(Exception):
    pass


class FaultyProxy(ThreadedServer):
    """Passes requests on.

    Attributes:
        exchanges: What passed so far.
        sent: Bytes that came from clients.
        on_request: Called with each request when its head is there.
        on_bytes: Called after each piece of a request has gone on.
        on_answer: Called when the head of the answer is there.
    """

    def __init__(self, target: str) -> None:
        super().__init__()
        url = urlsplit(target)
        self._target = (url.hostname or "", url.port or 80)
        self.exchanges: list[Exchange] = []
        self.sent = 0
        self.on_request: Callable[[Exchange], object] = lambda exchange: None
        self.on_bytes: Callable[[Exchange], object] = lambda exchange: None
        self.on_answer: Callable[[Exchange], object] = lambda exchange: None
        self.url = f"http://{self.host}:{self.port}"
        self.start()

    @property
    def steps(self) -> list[str]:
        return [exchange.step for exchange in self.exchanges]

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(_Ended), socket.create_connection(self._target) as server:
            self.opened.add(server)
            while self._exchange(connection, server):
                pass

    def _exchange(self, client: socket.socket, server: socket.socket) -> bool:
        found = _head(client)
        if found is None:
            return False
        head, rest, headers = found
        method, path, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ")
        exchange = Exchange(method, path, headers)
        self.on_request(exchange)
        self.exchanges.append(exchange)
        self.sent += len(head)
        if exchange.cut_request == 0:
            self._end(exchange, client)
        server.sendall(head)
        length = int(headers.get("content-length", "0"))
        for piece in _body(client, rest, length):
            self.sent += len(piece)
            allowed = piece
            if exchange.cut_request is not None:
                allowed = piece[: exchange.cut_request - exchange.body]
            server.sendall(allowed)
            exchange.body += len(allowed)
            self.on_bytes(exchange)
            if exchange.body == exchange.cut_request:
                self._end(exchange, client)
        answer = _head(server)
        if answer is None:
            return False
        self.on_answer(exchange)
        if exchange.cut_answer == -1:
            self._end(exchange, client)
        head, rest, headers = answer
        client.sendall(head)
        exchange.answered += len(head)
        passed = 0
        if exchange.cut_answer == 0:
            self._end(exchange, client)
        for piece in _body(server, rest, int(headers.get("content-length", "0"))):
            allowed = (
                piece if exchange.cut_answer is None else piece[: exchange.cut_answer - passed]
            )
            client.sendall(allowed)
            passed += len(allowed)
            exchange.answered += len(allowed)
            if passed == exchange.cut_answer:
                self._end(exchange, client)
        return True

    def _end(self, exchange: Exchange, client: socket.socket) -> None:
        if exchange.stalls:
            self.closing.wait()
        elif exchange.resets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Ended


def _head(connection: socket.socket) -> tuple[bytes, bytes, dict[str, str]] | None:
    content = b""
    while b"\r\n\r\n" not in content:
        if not (more := connection.recv(_PIECE)):
            return None
        content += more
    head, _, rest = content.partition(b"\r\n\r\n")
    pairs = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:]]
    return head + b"\r\n\r\n", rest, {name.lower(): value for name, _, value in pairs}


def _body(connection: socket.socket, rest: bytes, length: int) -> Iterator[bytes]:
    if rest:
        yield rest
    left = length - len(rest)
    while left > 0:
        if not (more := connection.recv(min(left, _PIECE))):
            raise _Ended
        left -= len(more)
        yield more


@pytest.fixture
def proxy_to() -> Iterator[Callable[[str], FaultyProxy]]:
    """Makes proxies, and closes them at the end."""
    made: list[FaultyProxy] = []

    def make(target: str) -> FaultyProxy:
        made.append(FaultyProxy(target))
        return made[-1]

    yield make
    for running in made:
        running.close()


@pytest.fixture
def proxy(emulator: Any, proxy_to: Callable[[str], FaultyProxy]) -> FaultyProxy:
    """A proxy in front of the emulator."""
    return proxy_to(emulator.url)


@pytest.fixture
def proxied(proxy: FaultyProxy, emulator: Any) -> Iterator[synapse.Session]:
    """A session that reaches the emulator, and sends files to it, through the proxy."""
    timeout = {"connect": 5, "read": 20}
    with synapse.Session(
        proxy.url, emulator.api_token, timeout=timeout, uploads="direct"
    ) as session:
        yield session


@pytest.fixture
def state_home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder of its own for the state of uploads."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"
