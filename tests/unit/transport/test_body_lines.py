"""Text that is read line by line while it comes."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse import errors
from synapse.config import Timeout
from synapse.transport import Transport

pytestmark = pytest.mark.usefixtures("each_exchange")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    """Frame a piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(content), content)


END = b"0\r\n\r\n"


def lines_of(transport: Transport) -> Iterator[str]:
    return transport.lines("jobs/7/tail/", resource="Job 7")


class TestSplitting:
    @pytest.mark.parametrize(
        ("pieces", "expected"),
        [
            ([], []),
            ([b"one\ntwo\n"], ["one", "two"]),
            ([b"one\ntwo"], ["one", "two"]),
            ([b"one\r\ntwo\r\n"], ["one", "two"]),
            ([b"one\r", b"\ntwo"], ["one", "two"]),
            ([b"10 %\r20 %\r\n"], ["10 %\r20 %"]),
            ([b"\n\n"], ["", ""]),
            ([b"on", b"e\nt", b"w", b"o\n"], ["one", "two"]),
            ([b"\xe2\x98", b"\x83\n"], ["\u2603"]),
            ([b"a\xff\nb\xe2\x98"], ["a\ufffd", "b\ufffd"]),
            (["a\u2028b\x85c\x0bd\n".encode()], ["a\u2028b\x85c\x0bd"]),
        ],
    )
    def test_lines(
        self, server: Any, transport: Transport, pieces: list[bytes], expected: list[str]
    ) -> None:
        server.answer(CHUNKED + b"".join(map(chunk, pieces)) + END)

        assert list(lines_of(transport)) == expected

    @given(
        st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
        st.lists(st.integers(1, 5), min_size=1),
    )
    @settings(deadline=None)
    def test_any_text_in_any_pieces(
        self, server: Any, transport: Transport, lines: list[str], sizes: list[int]
    ) -> None:
        content = "".join(f"{line}\n" for line in lines).encode()
        pieces = []
        while content:
            size = sizes[len(pieces) % len(sizes)]
            pieces.append(content[:size])
            content = content[size:]
        server.answer(CHUNKED + b"".join(map(chunk, pieces)) + END)

        assert list(lines_of(transport)) == lines

    def test_long_line(self, server: Any, transport: Transport) -> None:
        server.answer(CHUNKED + chunk(b"x" * 300_000) * 10 + chunk(b"\nend") + END)

        first, last = lines_of(transport)

        assert (first, last) == ("x" * 3_000_000, "end")

    def test_compressed(self, server: Any, transport: Transport) -> None:
        content = gzip.compress(b"one\ntwo\n")
        pieces = [chunk(content[start : start + 3]) for start in range(0, len(content), 3)]
        head = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        server.answer(head + b"".join(pieces) + END)

        assert list(lines_of(transport)) == ["one", "two"]

    def test_known_length(self, server: Any, transport: Transport) -> None:
        server.answer(HEAD + b"Content-Length: 8\r\n\r\none\ntwo\n")

        assert list(lines_of(transport)) == ["one", "two"]


class Speaker:
    """A server that takes one request, and says what a test tells it to, when it does."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._here = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        self._connection: socket.socket | None = None
        self.request = b""

    def _accept(self) -> None:
        self._connection, _ = self._listener.accept()
        self.request = self._connection.recv(65536)
        self._connection.sendall(self.head)
        self._here.set()

    head = CHUNKED + chunk(b"one\n")

    def say(self, content: bytes) -> None:
        self._here.wait()
        assert self._connection is not None
        self._connection.sendall(content)

    def hears_the_end(self) -> bool:
        """Wait until the client goes away."""
        assert self._connection is not None
        try:
            return self._connection.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._thread.join()
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    """A server that speaks when it is told to."""
    made = Speaker()
    yield made
    made.close()


class TestLive:
    def test_line_is_given_before_the_next_one_is_said(
        self, speaker: Speaker, connect: Callable[..., Transport]
    ) -> None:
        lines = lines_of(connect(speaker.url))

        assert next(lines) == "one"
        speaker.say(chunk(b"two\nthr"))
        assert next(lines) == "two"
        speaker.say(chunk(b"ee\n") + END)
        assert list(lines) == ["three"]

    def test_stream_without_chunks(
        self, speaker: Speaker, connect: Callable[..., Transport]
    ) -> None:
        """As an older server or a proxy sends it: until the connection ends."""
        speaker.head = HEAD + b"\r\none\n"
        lines = lines_of(connect(speaker.url))

        assert next(lines) == "one"
        speaker.say(b"two\n")
        assert next(lines) == "two"
        speaker._connection.shutdown(socket.SHUT_WR)  # type: ignore[union-attr]
        assert list(lines) == []

    @pytest.mark.parametrize("ends", ["close", "forget"])
    def test_connection_ends_with_the_iteration(
        self, speaker: Speaker, connect: Callable[..., Transport], ends: str
    ) -> None:
        lines: Any = lines_of(connect(speaker.url))
        assert next(lines) == "one"

        if ends == "close":
            lines.close()
        del lines

        assert speaker.hears_the_end()

    def test_silence_is_a_timeout(
        self, speaker: Speaker, connect: Callable[..., Transport]
    ) -> None:
        transport = connect(speaker.url)
        lines = transport.lines("jobs/7/tail/", resource="Job 7", timeout=(5, 0.1))
        assert next(lines) == "one"

        with pytest.raises(
            errors.RequestTimeout, match=r"Job 7: no answer within 0\.1 s"
        ) as caught:
            next(lines)

        assert caught.value.status_code == 408

    def test_request(self, speaker: Speaker, connect: Callable[..., Transport], token: str) -> None:
        transport = connect(speaker.url)
        lines = transport.lines("jobs/7/tail/", params={"since": 3})
        assert transport.request_count == 0

        assert next(lines) == "one"

        head = speaker.request.decode()
        assert head.startswith("GET /jobs/7/tail/?since=3 HTTP/1.1\r\n")
        assert f"SYNAPSE-Access-Token: Token {token}\r\n" in head
        assert "Accept: text/plain, */*\r\n" in head
        assert transport.request_count == 1


class TestFailure:
    @pytest.mark.parametrize(
        ("status", "cls"),
        [
            (401, errors.AuthenticationError),
            (404, errors.NotFound),
            (429, errors.RateLimited),
            (500, errors.ServerError),
            (302, errors.ClientError),
        ],
    )
    def test_refusal(
        self, server: Any, transport: Transport, status: int, cls: type[errors.ClientError]
    ) -> None:
        server.reply(status, {"detail": "That won't do."}, headers={"Retry-After": "7"})

        with pytest.raises(errors.ClientError, match=r"^Job 7: ") as caught:
            next(lines_of(transport))

        assert type(caught.value) is cls
        assert caught.value.status_code == status
        if isinstance(caught.value, errors.RateLimited):
            assert caught.value.retry_after == 7
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "raw",
        [
            CHUNKED + chunk(b"one\ntwo\nthr"),
            CHUNKED + chunk(b"one\ntwo\n") + b"a\r\nthr",
            CHUNKED + chunk(b"one\ntwo\n") + b"not a length\r\n",
            HEAD + b"Content-Length: 100\r\n\r\none\ntwo\n",
        ],
    )
    def test_stream_breaks_off(self, server: Any, transport: Transport, raw: bytes) -> None:
        server.answer(raw, then="close")
        lines = lines_of(transport)
        assert [next(lines), next(lines)] == ["one", "two"]

        with pytest.raises(
            errors.ConnectionFailed, match=r"^Job 7: the connection broke"
        ) as caught:
            next(lines)

        assert caught.value.status_code == 503
        assert len(server.requests) == 1

    def test_no_answer(self, server: Any, transport: Transport) -> None:
        server.answer(then="close")

        with pytest.raises(errors.ConnectionFailed, match=r"^Job 7: the connection broke"):
            next(lines_of(transport))

        assert len(server.requests) == 1

    def test_nobody_listens(self, refusing_port: int, connect: Callable[..., Transport]) -> None:
        transport = connect(f"http://127.0.0.1:{refusing_port}/", timeout=Timeout(1, 1))

        with pytest.raises(errors.ConnectionFailed, match=r"^Job 7: the connection was refused"):
            next(lines_of(transport))

    def test_closed_session(self, server: Any, transport: Transport) -> None:
        transport.close()

        with pytest.raises(errors.SessionClosed):
            next(lines_of(transport))

    def test_transport_is_good_afterwards(self, server: Any, transport: Transport) -> None:
        server.answer(CHUNKED + chunk(b"one\n") + END)
        server.reply(200, {"id": 7})

        assert list(lines_of(transport)) == ["one"]
        assert transport.request("GET", "jobs/7/") == {"id": 7}
        assert server.connections == 1
