"""Bodies that are read while they are sent."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from threaded_server import ThreadedServer

from synapse.transport import Transport
from synapse.transport.streamed_body import StreamedBody

Connect = Callable[..., Transport]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Blocks(StreamedBody):
    """A body of given blocks."""

    def __init__(self, blocks: list[bytes]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.blocks)


class Recorder(ThreadedServer):
    """Keeps each request, and answers when the body is there."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        data = b""
        while piece := connection.recv(1 << 20):
            data += piece
            head, separator, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            if separator and len(body) >= length:
                self.received.append(data)
                connection.sendall(ANSWER)
                data = b""


@pytest.fixture
def server() -> Iterator[Recorder]:
    made = Recorder()
    made.start()
    yield made
    made.close()


def send(connect: Connect, server: Recorder, body: StreamedBody) -> bytes:
    """Return what the server gets, without the id of the request."""
    headers = {"Content-Length": str(len(body)), "Content-Type": "x/y"}
    with connect(f"http://{server.host}:{server.port}/") as transport:
        transport.request("POST", "files/", body=body, headers=headers)
    head, _, content = server.received[-1].partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"X-Request-ID")]
    return b"\r\n".join([*sorted(lines), b"", content])


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [b""],
        [b"one"],
        [b"one", b"", b"two"],
        [b"x" * 300_000],
        [b"x" * 100_000, b"y" * 300_000],
    ],
    ids=["none", "empty", "one", "several", "large", "larger"],
)
def test_the_server_gets_the_same_by_either_way(
    blocks: list[bytes], connect: Connect, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("urllib3.connection.body_to_chunks", None)  # raises if the library sends it
        quick = send(connect, server, Blocks(blocks))
    monkeypatch.setattr("synapse.transport.socket_deadlines.is_unchanged", lambda: False)

    assert quick == send(connect, server, Blocks(blocks))
    assert quick.endswith(b"\r\n\r\n" + b"".join(blocks))
