"""Reading bodies within limits, of time and memory."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from synapse import errors
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

pytestmark = pytest.mark.usefixtures("each_exchange")

Connect = Callable[..., Transport]

MIB = 1024 * 1024


@pytest.fixture
def limited(server: Any, connect: Connect) -> Transport:
    """A transport that takes answers of up to 1,000 bytes."""
    return connect(server.url, options=Options(largest=1000, retry=RetryPolicy()))


def as_chunks(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)


def framed(kind: str, content: bytes) -> tuple[bytes, str]:
    """Return an answer with a body, its end told in one of the ways, and what comes after it."""
    match kind:
        case "length":
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content, "keep"
        case "chunked":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head + as_chunks(content), "keep"
        case "gzip":
            packed = gzip.compress(content)
            head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
            return head % len(packed) + packed, "keep"
        case "deflate":
            head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n"
            return head + zlib.compress(content), "close"
        case "both":
            packed = gzip.compress(content)
            head = (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
            )
            return head + as_chunks(packed), "keep"
    return b"HTTP/1.1 200 OK\r\n\r\n" + content, "close"


KINDS = ["length", "chunked", "gzip", "deflate", "both", "until the end"]


@pytest.mark.parametrize("kind", KINDS)
class TestLimit:
    def test_up_to_it(self, server: Any, limited: Transport, kind: str) -> None:
        server.answer(*framed(kind, b'"' + b"x" * 998 + b'"'))
        assert limited.request("GET", "a/") == "x" * 998

    def test_a_byte_more(self, server: Any, limited: Transport, kind: str) -> None:
        server.answer(*framed(kind, b'"' + b"x" * 999 + b'"'))
        with pytest.raises(errors.InvalidResponse, match=r"larger than 1,000 bytes") as caught:
            limited.request("GET", "a/", resource="Project 7")
        error = caught.value
        # A second one would be as large.
        assert (error.attempts, error.resource, error.method) == (1, "Project 7", "GET")
        assert error.request_id == server.last.headers["x-request-id"]
        assert "only()" in str(error)

    def test_of_an_error(self, server: Any, limited: Transport, kind: str) -> None:
        raw, then = framed(kind, b"x" * 5000)
        server.answer(raw.replace(b"200 OK", b"400 No"), then)
        with pytest.raises(errors.InvalidResponse, match=r"larger than 1,000 bytes"):
            limited.request("GET", "a/")

    def test_whole_and_in_several_steps(self, server: Any, connect: Connect, kind: str) -> None:
        value = "0123456789" * 350_000
        server.answer(*framed(kind, f'"{value}"'.encode()))
        assert connect(server.url).request("GET", "a/") == value


@contextmanager
def memory(most: int) -> Iterator[None]:
    """Check how much memory is in use at most, in bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


class TestMemory:
    def test_a_bomb(self, server: Any, connect: Connect) -> None:
        bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
        block = bytes(MIB)
        packed = b"".join([*(bomb.compress(block) for _ in range(300)), bomb.flush()])
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        server.answer(head % len(packed) + packed)
        transport = connect(server.url, options=Options(largest=8 * MIB))
        with memory(32 * MIB), pytest.raises(errors.InvalidResponse, match="larger than"):
            transport.request("GET", "a/")

    def test_a_bomb_in_a_bomb(self, server: Any, connect: Connect) -> None:
        packed = gzip.compress(gzip.compress(bytes(200 * MIB)))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n"
        server.answer(head % len(packed) + packed)
        transport = connect(server.url, options=Options(largest=8 * MIB))
        with memory(32 * MIB), pytest.raises(errors.InvalidResponse, match="larger than"):
            transport.request("GET", "a/")

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nBEBC200\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ],
        ids=["length", "chunk", "none"],
    )
    def test_what_is_promised_and_never_sent(
        self, server: Any, connect: Connect, head: bytes
    ) -> None:
        server.answer(head + b"[1,", then="close")
        transport = connect(server.url, options=Options(largest=8 * MIB, retry=RetryPolicy(1)))
        with memory(16 * MIB), pytest.raises(errors.ServerError):
            transport.request("GET", "a/")


@pytest.mark.parametrize(
    "value", ["9" * 5000, "-5", "+3", "3, 3", "0x3", "\u0663".encode().decode("latin-1"), "", "3.0"]
)
def test_a_length_that_is_odd(server: Any, connect: Connect, value: str) -> None:
    """Whatever it is taken for, what comes out is the body or an error of ours."""
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\n[1]".encode("latin-1")
    server.answer(raw, then="close")
    transport = connect(server.url, options=Options(retry=RetryPolicy(attempts=1)))
    came: Any
    try:
        came = transport.request("GET", "a/")
    except errors.ServerError as error:
        came = error
    assert came == [1] or isinstance(came, errors.ServerError)


def test_lengths_that_contradict_each_other(server: Any, transport: Transport) -> None:
    server.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\n[1]", then="close")
    with pytest.raises(errors.ConnectionFailed):
        transport.request("GET", "a/")


class TestLines:
    def test_a_line_that_never_ends(self, server: Any, limited: Transport) -> None:
        server.answer(b"HTTP/1.1 200 OK\r\n\r\nfirst\n" + b"x" * 200_000, then="close")
        lines = limited.lines("a/", resource="job 1")
        assert next(lines) == "first"
        with pytest.raises(errors.InvalidResponse, match="line is longer than 1,000") as caught:
            next(lines)
        assert caught.value.resource == "job 1"

    def test_any_number_of_lines(self, server: Any, limited: Transport) -> None:
        server.answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x\n" * 200_000, then="close")
        assert sum(1 for _ in limited.lines("a/")) == 200_000

    def test_a_refusal_that_is_too_large(self, server: Any, limited: Transport) -> None:
        server.answer(b"HTTP/1.1 404 No\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001)
        with pytest.raises(errors.InvalidResponse, match="larger than"):
            next(limited.lines("a/"))
