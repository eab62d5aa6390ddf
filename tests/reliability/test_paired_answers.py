"""Each answer belongs to its request, whatever comes between them on a shared connection."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_server import Recorder, reply
from threaded_server import ThreadedServer

from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient
from synapse.config import Secret, Settings
from synapse.errors import ClientError
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

PADDING = "x" * 3000


@attrs.frozen
class Call:
    """One call, and what the server does with it.

    Attributes:
        way: The transport's method, or `other`: a file's URL on another host.
        interim: Statuses before the answer.
        fault: `late` answers only after the client gave up, `surplus` answers twice at once, `cut`
            ends inside the body, `upgrade` changes the protocol, `abandon` isn't read to the end.
        is_chunked: Whether the answer comes in chunks.
    """

    way: str
    interim: tuple[int, ...] = ()
    fault: str = ""
    is_chunked: bool = False


CALLS = st.builds(
    Call,
    way=st.sampled_from(["request", "lines", "stream", "other"]),
    interim=st.lists(
        st.one_of(st.sampled_from([100, 102, 103, 104]), st.integers(105, 199)), max_size=3
    ).map(tuple),
    fault=st.sampled_from(["", "", "", "", "late", "surplus", "cut", "upgrade", "abandon"]),
    is_chunked=st.booleans(),
)


class EchoServer(ThreadedServer):
    """Answers each request with the request's target, after the faults that the target names."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def serve(self, connection: socket.socket) -> None:
        unread = b""
        while True:
            while b"\r\n\r\n" not in unread:
                if not (piece := connection.recv(65536)):
                    return
                unread += piece
            head, _, unread = unread.partition(b"\r\n\r\n")
            target = head.split(b" ")[1].decode()
            call = self.calls[int(target.strip("/"))]
            answer = self.interim(call) + self.final(target, call)
            if call.fault == "late":
                if not (piece := connection.recv(65536)):
                    return
                unread += piece
            connection.sendall(answer)
            if call.fault == "cut":
                return

    def interim(self, call: Call) -> bytes:
        lines = "".join(f"HTTP/1.1 {n} Interim\r\nLink: </{n}>\r\n\r\n" for n in call.interim)
        return lines.encode()

    def final(self, target: str, call: Call) -> bytes:
        if call.fault == "upgrade":
            return b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\n1"
        body = json.dumps([target, PADDING], indent=0).encode()
        size = len(body) - 9 if call.fault == "cut" else len(body)
        if call.is_chunked:
            framing, end = "Transfer-Encoding: chunked", b"\r\n0\r\n\r\n"
            sent = f"{len(body):x}\r\n".encode() + body[:size] + (end if size == len(body) else b"")
        else:
            framing, sent = f"Content-Length: {len(body)}", body[:size]
        whole = f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + sent
        return whole * 2 if call.fault == "surplus" else whole


@pytest.fixture
def servers() -> Iterator[tuple[EchoServer, EchoServer]]:
    """The configured server, and another host."""
    both = EchoServer(), EchoServer()
    yield both
    for one in both:
        one.close()


def answer_to(number: int, call: Call, transport: Transport, other: str) -> str | None:
    """Make a call; return the target that the answer names, `None` without a whole answer."""
    path, waits = f"{number}/", 0.05 if call.fault == "late" else 30.0
    if call.way == "request" or call.fault == "late":  # a stream takes no timeout of its own
        found = transport.request("GET", path, timeout=waits)
    elif call.way == "lines":
        lines = transport.lines(path)
        if call.fault == "abandon":
            next(lines)
            lines.close()
            return None
        found = json.loads("".join(lines))
    else:
        with transport.stream(path if call.way == "stream" else other + path) as response:
            if call.fault == "abandon":
                response.raw.read(10)
                return None
            found = json.loads(response.raw.read())
    assert found[1] == PADDING
    return str(found[0])


def outcome(number: int, call: Call, transport: Transport, other: str) -> str | None:
    """Make a call; return the target that the answer names, or `None` if the call failed."""
    try:
        return answer_to(number, call, transport, other)
    except ClientError:
        assert call.fault in {"late", "cut", "upgrade"}
        return None


@settings(
    max_examples=60,
    deadline=None,
)
@given(st.lists(CALLS, min_size=1, max_size=24), st.integers(1, 4))
@example([Call("request", (103,)), Call("request"), Call("request")], 1)
@example([Call("stream", (102, 103)), Call("lines"), Call("stream")], 1)
@example([Call("request", fault="surplus"), Call("request"), Call("request")], 1)
@example([Call("request", fault="upgrade"), Call("request")], 1)
@example([Call("request", fault="late"), Call("request")], 1)
def test_each_call_gets_its_own_answer_or_an_error(
    servers: tuple[EchoServer, EchoServer], calls: list[Call], threads: int
) -> None:
    own, other = servers
    own.calls = other.calls = calls
    secret = Secret("tok-5up3r-s3cret", "the argument api_token")
    once = Options(retry=RetryPolicy(attempts=1))
    transport = Transport(Settings(own.url, {"api_token": secret}), once)
    try:
        with ThreadPoolExecutor(threads) as pool:
            answers = pool.map(
                lambda pair: outcome(*pair, transport, other.url), list(enumerate(calls))
            )
            for number, (call, answer) in enumerate(zip(calls, answers, strict=True)):
                assert answer == f"/{number}/" or (answer is None and call.fault)
    finally:
        transport.close()


@pytest.mark.parametrize("make", [lambda url: AgentClient(url, "agent-tok-1"), RayClient])
def test_agents_and_ray_heads_may_send_interim_answers(
    home: Recorder, make: Callable[[str], Any]
) -> None:
    answers = {"/a/": b'{"id": "a"}', "/b/": b'{"id": "b"}'}
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    home.answers = {target: interim + reply(200, body) for target, body in answers.items()}
    with make(home.url) as client:
        for name in "abba":
            assert client._transport.request("GET", f"{name}/") == {"id": name}
    assert home.connections == 1
