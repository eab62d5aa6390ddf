"""Plain messages in one go mean the same as by the library, which gets all others."""

from __future__ import annotations

import functools
import gc
import http.client
import io
import logging
import runpy
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from threaded_server import ThreadedServer
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.util import SKIP_HEADER
from urllib3.util.url import _encode_target

from synapse.config import Timeout
from synapse.errors import ClientError
from synapse.transport import Transport, quick_exchange
from synapse.transport.connection_pool import AgingPool
from synapse.transport.options import Options
from synapse.transport.quick_exchange import (
    QuickBody,
    is_plain_target,
    is_pool_unchanged,
    make_head,
    read_head,
)
from synapse.transport.request_headers import RequestHeaders
from synapse.transport.retry import RetryPolicy

Connect = Callable[..., Transport]

HEADERS = {"User-Agent": "me", "Accept-Encoding": "gzip", "X-Other": "1"}


PEM = Path(__file__).with_name("loopback.pem")


class Pieces(ThreadedServer):
    """Answers each request of a connection with the same pieces.

    Attributes:
        pieces: What is sent, piece by piece.
        ends: Whether the connection ends after the first answer.
        received: The requests.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.ends = False
        self.received: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := connection.recv(65536):
            self.received.append(request)
            for piece in self.pieces:
                connection.sendall(piece)
            if self.ends:
                return


class TlsPieces(Pieces):
    """The same over TLS; each piece is a record."""

    def serve(self, connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        with context.wrap_socket(connection, server_side=True) as wrapped:
            super().serve(wrapped)


@pytest.fixture
def server() -> Iterator[Pieces]:
    made = Pieces()
    made.start()
    yield made
    made.close()


def make_url(server: Pieces) -> str:
    return f"http://{server.host}:{server.port}/"


def write_by_library(headers: dict[str, str], body: bytes | None, method: str, url: str) -> bytes:
    """Return what the library sends."""
    sent: list[bytes] = []
    connection = HTTPConnection("host.example", 8080)
    connection.send = sent.append  # type: ignore[method-assign, assignment]
    connection.request(method, url, body=body, headers=headers)
    return b"".join(sent)


# -- Requests --------------------------------------------------------------------------------------


@given(
    method=st.sampled_from(["GET", "DELETE", "POST", "PATCH"]),
    path=st.text("abz0/._~%?=&-", max_size=30),
    headers=st.dictionaries(
        st.text("abcXYZ-_.!", min_size=1, max_size=12).map(lambda name: f"X-{name}"),
        st.text(st.characters(max_codepoint=0x2FF), max_size=20),
        max_size=5,
    ),
    body=st.none() | st.binary(max_size=50),
)
def test_a_head_is_that_of_the_library_or_none(
    method: str, path: str, headers: dict[str, str], body: bytes | None
) -> None:
    sent = {**HEADERS, **headers}
    if body is not None or method not in {"GET", "DELETE"}:
        sent["Content-Length"] = str(len(body or b""))

    connection = HTTPConnection("host.example", 8080)
    head = make_head(connection, method, f"/{path}", sent, body)

    assert make_head(connection, method, f"/{path}", RequestHeaders(sent), body) == head
    if head is None:
        # The library refuses some values with these, and folds others.
        if not set("\0\r\n") & set("".join(sent.values())):
            with pytest.raises(UnicodeError):
                write_by_library(sent, body, method, f"/{path}")
    else:
        assert head + (body or b"") == write_by_library(sent, body, method, f"/{path}")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Host": "other.example"}, None),
        ({"Expect": "100-continue", "Content-Length": "1"}, b"x"),
        ({"Transfer-Encoding": "chunked"}, b"x"),
        ({}, b"x"),  # without a length
        ({"Content-Length": "1"}, iter([b"x"])),
        ({"X-Bad": "1\n 2", "Content-Length": "0"}, None),  # folded
        ({"X-Letters": "\u20ac", "Content-Length": "0"}, None),
        ({"X-Bytes": b"1", "Content-Length": "0"}, None),
        ({"X-Left-Out": SKIP_HEADER, "Content-Length": "0"}, None),
    ],
)
def test_other_requests_are_left_to_the_library(headers: dict[str, Any], body: Any) -> None:
    connection = HTTPConnection("host.example", 8080)

    assert make_head(connection, "POST", "/", {**HEADERS, **headers}, body) is None
    assert make_head(connection, "POST", "/", RequestHeaders({**HEADERS, **headers}), body) is None
    assert make_head(connection, "GET", "/a b", HEADERS, None) is None
    assert make_head(connection, "GET", "/", {"User-Agent": "me"}, None) is None


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "/", {"X-Bad": "1\r\nX-Own: 2"}),
        ("GET", "/", {"X-Bad: 1\r\nX-Own": "2"}),
        ("GET", "/ HTTP/1.1\r\nX-Own: 1\r\nX-Rest:", {}),
        ("GET / HTTP/1.1\r\nX-Own: 1\r\nX-Rest:", "/", {}),
    ],
)
def test_no_part_of_a_request_begins_a_header_of_its_own(
    method: str, url: str, headers: dict[str, str]
) -> None:
    connection = HTTPConnection("host.example", 8080)
    sent = {**HEADERS, "Content-Length": "0", **headers}

    assert make_head(connection, method, url, sent, None) is None


@pytest.mark.parametrize("host", ["::1", "b\u00fccher.example", "a%b"])
def test_hosts_with_other_spellings_are_left_to_the_library(host: str) -> None:
    assert make_head(HTTPConnection(host), "GET", "/", HEADERS, None) is None


def test_the_usual_port_is_not_in_the_host() -> None:
    head = make_head(HTTPConnection("host.example", 80), "GET", "/", HEADERS, None)

    assert head is not None
    assert head.startswith(b"GET / HTTP/1.1\r\nHost: host.example\r\n")


# -- Answers ---------------------------------------------------------------------------------------

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: a\r\nX-One:  b \r\n\r\n{}"


def test_a_plain_head_is_read_and_the_body_is_left() -> None:
    stream = io.BufferedReader(io.BytesIO(PLAIN + b"rest"))  # type: ignore[type-var]

    head = read_head(stream)

    assert head is not None
    assert (head.status, head.reason, head.length) == (200, "OK", 2)
    assert head.headers == [("Content-Length", "2"), ("X-One", "a"), ("X-One", "b ")]
    assert stream.read() == b"{}rest"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-One: a\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Folded: a\r\n b\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX Blank: a\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"ICY 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_other_heads_are_left_to_the_library(answer: bytes) -> None:
    stream = io.BufferedReader(io.BytesIO(answer))  # type: ignore[type-var]

    assert read_head(stream) is None
    assert stream.read() == answer


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Many: a\r\n" * 90 + b"X-Folded: a\r\n b\r\n",
        (b"X-Blank:" + b" " * 60 + b"\r\n") * 90 + b"X Blank: a\r\n",
        b"X-Blank:" + b" " * 8000 + b"\0\r\n",
    ],
    ids=["folded", "blanks", "long"],
)
def test_a_head_that_is_not_plain_is_found_out_in_few_steps(headers: bytes) -> None:
    # With two ways to match each header, this would take longer than the tests may.
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + headers + b"\r\n{}"

    assert read_head(io.BufferedReader(io.BytesIO(answer))) is None  # type: ignore[type-var]


ANSWERS = {
    "plain": [PLAIN],
    "in pieces": [bytes([byte]) for byte in PLAIN],
    "head and body apart": [PLAIN[:-2], PLAIN[-2:]],
    "without a reason": [b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}"],
    "empty": [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    "no content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "refused": [b'HTTP/1.1 404 Not Found\r\nContent-Length: 16\r\n\r\n{"detail": "no"}'],
    "interim": [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN],
    "chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
    "to the end": [b"HTTP/1.1 200 OK\r\n\r\n{}"],
    "closing": [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"],
    "old": [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
    "cut": [b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}"],
    "cut head": [b"HTTP/1.1 200 OK\r\nContent-Le"],
    "nothing": [b""],
    "not HTTP": [b"hello\r\n\r\n"],
    "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    "bytes behind": [PLAIN + PLAIN],
    "many headers": [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"X-Many: 1\r\n" * 150 + b"\r\n{}"
    ],
    "long header": [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n{}"
    ],
    "latin letters": [b"HTTP/1.1 200 OK\r\nX-A: \xfc\r\nContent-Length: 2\r\n\r\n{}"],
}
ENDING = {"to the end", "closing", "old", "cut", "cut head", "nothing", "not HTTP", "two lengths"}


def fetch_once(transport: Transport) -> list[Any]:
    """Return what a request gives."""
    try:
        response = transport.fetch("GET", "tasks/")
        headers = sorted(response.response.headers.items())
        return [response.response.status_code, response.content, headers, response.json()]
    except ClientError as error:
        return [type(error), error.status, error.detail]


def fetch(connect: Connect, server: Pieces) -> list[Any]:
    """Return what two requests give, and how many connections they take."""
    before = server.connections
    options = Options(retry=RetryPolicy(attempts=1))
    with connect(make_url(server), options=options) as transport:
        outcomes = [fetch_once(transport), fetch_once(transport)]
    return [*outcomes, server.connections - before]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_the_same_by_either_way(
    name: str, connect: Connect, server: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pieces, server.ends = ANSWERS[name], name in ENDING

    quick = fetch(connect, server)
    monkeypatch.setattr("synapse.transport.socket_deadlines.is_unchanged", lambda: False)

    assert quick == fetch(connect, server)


@pytest.mark.parametrize("is_quick", [True, False])
def test_bytes_behind_an_answer_in_its_record_of_tls_are_no_answer(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, *, is_quick: bool
) -> None:
    # The answer fills the buffer, so the rest of the record stays with the TLS library.
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    length = io.DEFAULT_BUFFER_SIZE - len(head % 9999)
    answer = (head % length) + b" " * (length - 2) + b"{}"
    monkeypatch.setattr("synapse.transport.socket_deadlines.is_unchanged", lambda: is_quick)
    server = TlsPieces()
    server.start()
    server.pieces = [answer + PLAIN.replace(b"{}", b"66")]
    url = make_url(server).replace("http:", "https:")
    with connect(url, options=Options(verify=str(PEM))) as transport:
        answers = [transport.request("GET", "tasks/") for _ in range(2)]
    server.close()

    assert (answers, server.connections) == ([{}, {}], 2)


def test_plain_answers_come_by_the_quick_way(
    connect: Connect, server: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pieces = ANSWERS["plain"]
    monkeypatch.setattr(http.client, "parse_headers", None)  # raises if the library reads a head
    with connect(make_url(server)) as transport:
        assert [transport.request("GET", "tasks/") for _ in range(3)] == [{}] * 3

    assert server.connections == 1


def test_a_connection_whose_answers_are_not_plain_stays_with_the_library(
    connect: Connect, server: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pieces = ANSWERS["chunks"]
    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")
        monkeypatch.setattr("synapse.transport.socket_deadlines.make_head", None)
        assert transport.request("GET", "tasks/") == {}

    assert server.connections == 1
    assert len(server.received) == 2


@pytest.mark.parametrize("library", [HTTPConnection, http.client.HTTPConnection])
def test_a_replaced_method_of_the_library_sees_every_request(
    library: type[Any], connect: Connect, server: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pieces, seen = ANSWERS["plain"], []
    original = library.putrequest

    @functools.wraps(original)
    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        seen.append(url)
        return original(self, method, url, *args, **kwargs)

    monkeypatch.setattr(library, "putrequest", putrequest)
    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")

    assert seen == ["/tasks/"]
    assert not quick_exchange.is_unchanged()
    # Nor for a module that is imported only after the replacement.
    assert not runpy.run_path(quick_exchange.__file__)["is_unchanged"]()


def test_debuglevel_prints_requests_and_answers(
    connect: Connect,
    server: Pieces,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.pieces = ANSWERS["plain"]
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")

    printed = capsys.readouterr().out
    assert [word for word in ("send:", "reply:", "header:") if word not in printed] == []


@pytest.mark.parametrize(
    ("library", "name"),
    [
        (HTTPConnectionPool, "urlopen"),
        (HTTPConnectionPool, "_make_request"),
        (HTTPConnectionPool, "_get_conn"),
        (HTTPConnectionPool, "_validate_conn"),
        (HTTPAdapter, "send"),
        (HTTPAdapter, "add_headers"),
        (HTTPAdapter, "build_response"),
        (HTTPAdapter, "cert_verify"),
        (requests.Session, "send"),
    ],
)
def test_a_replaced_way_to_a_connection_sees_every_request(
    library: Any, name: str, connect: Connect, server: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pieces, seen = ANSWERS["plain"], []
    original = getattr(library, name)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        seen.append(name)
        return original(*args, **kwargs)

    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")  # leaves an open connection
        monkeypatch.setattr(library, name, replacement)
        for _ in range(3):
            transport.request("GET", "tasks/")

    assert seen == [name] * 3
    assert server.connections == 1


@pytest.mark.parametrize("name", ["urlopen", "_make_request", "_validate_conn", "_get_timeout"])
def test_a_replaced_way_to_a_tls_connection_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_pool_unchanged()
    monkeypatch.setattr(HTTPSConnectionPool, name, lambda *args, **kwargs: None)
    assert not is_pool_unchanged()


def test_an_open_connection_is_used_without_the_pools_own_way(
    connect: Connect, server: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pieces = ANSWERS["plain"]
    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")
        monkeypatch.setattr(AgingPool, "urlopen", None)  # raises if the pool sends
        assert [transport.request("GET", "tasks/") for _ in range(3)] == [{}] * 3

    assert server.connections == 1


@pytest.mark.parametrize(("pieces", "ends"), [([], True), ([], False), ([b"HTTP/1.1 2"], True)])
def test_a_failure_on_an_open_connection_means_the_same_by_either_way(
    pieces: list[bytes],
    ends: bool,
    connect: Connect,
    server: Pieces,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> tuple[Any, ...]:
        server.pieces, server.ends = ANSWERS["plain"], False
        options = Options(retry=RetryPolicy(attempts=1))
        with connect(make_url(server), options=options, timeout=Timeout(9, 0.1)) as transport:
            transport.request("GET", "tasks/")
            server.pieces, server.ends = pieces, ends
            with pytest.raises(ClientError) as caught:
                transport.request("POST", "tasks/", json={})
        error = caught.value
        # A system may report the end of a connection as a reset.
        kind, _, cause = error.detail.partition(":")
        assert "ProtocolError" not in cause
        return type(error), kind, error.hint, error.may_have_been_processed

    quick = fail()
    monkeypatch.setattr("synapse.transport.socket_deadlines.is_pool_unchanged", lambda: False)

    assert quick == fail()


def test_the_log_of_urllib3_has_every_request(
    connect: Connect, server: Pieces, caplog: pytest.LogCaptureFixture
) -> None:
    server.pieces = ANSWERS["plain"]
    caplog.set_level("DEBUG", logger="urllib3.connectionpool")
    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")
        transport.request("GET", "tasks/")

    opened, *logged = caplog.messages
    assert opened.startswith("Starting new HTTP connection (1)")
    assert ['"GET /tasks/ HTTP/' in line for line in logged] == [True, True]


def test_a_failing_log_keeps_no_place_in_the_pool(connect: Connect, server: Pieces) -> None:
    def fail(record: logging.LogRecord) -> bool:
        raise RuntimeError(f"no place for {record.name}")

    server.pieces = ANSWERS["plain"]
    logger = logging.getLogger("urllib3.connectionpool")
    with connect(make_url(server)) as transport:
        transport.request("GET", "tasks/")
        logger.setLevel("DEBUG")
        logger.addFilter(fail)
        try:
            with pytest.raises(RuntimeError, match="no place"):
                transport.request("GET", "tasks/")
        finally:
            logger.removeFilter(fail)
            logger.setLevel("NOTSET")
        (places,) = {
            each.pool
            for each in gc.get_objects()
            if isinstance(each, AgingPool) and each.port == server.port
        }
        assert places.full()


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/tasks/?page=2&name=a+b",
        "/caf%C3%A9/%2F",
        "/a/?q=%5B1%5D&at=1:2@3/4?5",
        "/a;b=(c)'!*$,~",
    ],
)
def test_plain_targets_are_those_that_the_pool_leaves_alone(target: str) -> None:
    assert is_plain_target(target)
    assert _encode_target(target) == target


@pytest.mark.parametrize("target", ["/a|b", "/a b", "/caf\xe9", "/%2f", "/100%", "/a?b=[1]", '/"'])
def test_targets_that_the_pool_encodes_are_not_plain(target: str) -> None:
    assert not is_plain_target(target)
    assert _encode_target(target) != target


# -- Bodies ----------------------------------------------------------------------------------------


def make_body(data: bytes, length: int) -> tuple[QuickBody, list[str]]:
    calls: list[str] = []
    body = QuickBody(
        io.BufferedReader(io.BytesIO(data)),  # type: ignore[type-var]
        length,
        lambda: calls.append("finish"),
    )
    body.release = lambda: calls.append("release")
    return body, calls


@given(data=st.binary(max_size=100), sizes=st.lists(st.integers(0, 40), max_size=20))
def test_a_body_in_pieces_is_the_body(data: bytes, sizes: list[int]) -> None:
    body, calls = make_body(data + b"next answer", len(data))

    read = b"".join([*(body.read(size) for size in sizes), body.read()])

    assert read == data
    assert (body.isclosed(), calls) == (True, ["finish", "release"])
    assert (body.read(), body.read1(5)) == (b"", b"")


def test_a_cut_body_is_an_error_that_has_the_rest() -> None:
    body, calls = make_body(b"abc", 5)

    with pytest.raises(http.client.IncompleteRead) as caught:
        body.read()

    assert (caught.value.partial, caught.value.expected) == (b"abc", 2)
    assert (body.isclosed(), calls) == (True, [])


def test_what_has_arrived_is_at_most_the_body() -> None:
    body, calls = make_body(b"abcdef", 4)

    assert (body.read1(3), body.read1(), calls) == (b"abc", b"d", ["finish", "release"])
