"""Write and read plain HTTP messages in one go; leave all others to the library.

`http.client` and `urllib3` write a request header by header, and parse a response's headers as an
email: together that costs as much as everything else that a small request needs. Nearly all
messages are plain. The library gets every other message before a byte was sent or read.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple, TypeAlias

import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from synapse.transport.request_headers import RequestHeaders
from synapse.transport.streamed_body import StreamedBody

__all__ = [
    "Head",
    "QuickBody",
    "Stream",
    "end_cleanly",
    "is_plain_target",
    "is_pool_unchanged",
    "is_unchanged",
    "make_head",
    "make_response",
    "read_head",
]

# A method without a body needs no length.
_BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS"}
# International hosts and IPv6 addresses are spelled differently in the header.
_PLAIN_HOST = r"[A-Za-z0-9.\-]+"
_TARGET_PART = r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*"
_TARGET = rf"/{_TARGET_PART}(?:%[0-9A-F]{{2}}{_TARGET_PART})*"
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST = rf"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:{_NAME}: [^\r\n\0]*\r\n)+"
_STATUS = r"HTTP/1\.1 ([2-5][0-9][0-9])(?: ([^\r\n\0]*))?\r\n"
# A value doesn't begin with a blank: with two ways to match a header, a head that isn't plain would
# take twice the time with each header.
_HEADER = rf"({_NAME}):[ \t]*((?:[^\r\n\0 \t][^\r\n\0]*)?)\r\n"
# Headers that the library adds if they are missing, and those that decide about framing.
_ALWAYS_SENT = {"user-agent", "accept-encoding"}
_FRAMING = {"host", "transfer-encoding", "expect"}
_LENGTH = r"[0-9]{1,18}"
# `urllib3.util.SKIP_HEADER`, in place of a value: the header is left out.
_SKIPPED = "@@@SKIP_HEADER@@@"
# The library reads no more.
_MOST_HEADERS = 100
# Statuses whose responses have no body, whatever their headers say.
_EMPTY = {204, 304}

# Methods that instrumentation replaces. If one is replaced, every message goes through the library.
_METHODS = [
    (cls, method)
    for cls in (HTTPConnection, http.client.HTTPConnection)
    for method in ("request", "putrequest", "putheader", "endheaders", "getresponse")
]
_POOL_METHODS = [
    *((HTTPAdapter, method) for method in ("send", "add_headers", "build_response", "cert_verify")),
    *(
        (cls, method)
        for cls in (HTTPConnectionPool, HTTPSConnectionPool)
        for method in ("urlopen", "_make_request", "_get_conn", "_get_timeout", "_validate_conn")
    ),
]
_GLOBALS = {
    id(vars(module))
    for module in (http.client, urllib3.connection, urllib3.connectionpool, requests.adapters)
}
_IS_KNOWN_LIBRARY = hasattr(urllib3, "BaseHTTPResponse")  # from 2.0 on


Stream: TypeAlias = "io.BufferedReader[Any]"


class _Patterns:
    """The shapes of plain heads."""

    def __init__(self) -> None:
        self.host = re.compile(_PLAIN_HOST)
        self.target = re.compile(_TARGET)
        self.request = re.compile(_REQUEST.encode())
        self.status = re.compile(_STATUS)
        self.header = re.compile(_HEADER)
        self.headers = re.compile(f"(?:{_HEADER})+")
        self.length = re.compile(_LENGTH)


@cache
def _compile() -> _Patterns:
    # At the first request: compiling takes longer than importing this module.
    return _Patterns()


class Head(NamedTuple):
    """The head of a response.

    Attributes:
        status: The status.
        reason: The words after the status.
        headers: Names and values, in order.
        length: Bytes of the body.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    length: int


def is_unchanged() -> bool:
    """Return whether the library's methods are its own, and of a known version.

    Replaced methods must see every message: also methods that were replaced before this module was
    imported, and those of `http.client`, which `urllib3` calls. So must `debuglevel`, which prints
    the messages.
    """
    return (
        _IS_KNOWN_LIBRARY
        and not http.client.HTTPConnection.debuglevel
        and all(_is_of_library(getattr(cls, method)) for cls, method in _METHODS)
    )


def is_pool_unchanged() -> bool:
    """Return whether a request may go around the library's adapter and pool, too.

    Libraries for tests and for tracing replace methods of theirs.
    """
    return _IS_KNOWN_LIBRARY and all(
        _is_of_library(getattr(cls, method)) for cls, method in _POOL_METHODS
    )


def is_plain_target(target: str) -> bool:
    """Return whether a path with its query needs no encoding: the pool encodes the others."""
    return _compile().target.fullmatch(target) is not None


def _is_of_library(method: Any) -> bool:
    # A wrapper copies the name and the module of the wrapped function, but not the globals.
    return type(method) is FunctionType and id(method.__globals__) in _GLOBALS


def make_head(
    connection: HTTPConnection, method: str, url: str, headers: Mapping[str, Any], body: Any
) -> bytes | None:
    """Return the head of a request, or `None` for one that the library must write.

    Args:
        connection: The connection, with its host and port.
        method: The HTTP method.
        url: The path with the query.
        headers: The headers, which must name the client and the encodings that it takes.
        body: The body; only bytes, a `StreamedBody` and `None` are plain.
    """
    patterns = _compile()
    if (
        not isinstance(body, (bytes, StreamedBody, type(None)))
        or connection.proxy is not None
        or not patterns.host.fullmatch(connection.host)
    ):
        return None
    port = "" if connection.port == connection.default_port else f":{connection.port}"
    lines = [f"{method} {url} HTTP/1.1", f"Host: {connection.host}{port}"]
    if isinstance(headers, RequestHeaders):
        names: Set[str] = headers.lowered_names()
        pairs: Iterable[tuple[str, Any]] = headers.pairs()
    else:
        names = {name.lower() for name in headers}
        pairs = headers.items()
    for name, value in pairs:
        if type(value) is not str or value == _SKIPPED:
            return None
        lines.append(f"{name}: {value}")
    is_framed = "content-length" in names or (body is None and method in _BODILESS)
    if not is_framed or not names >= _ALWAYS_SENT or not names.isdisjoint(_FRAMING):
        return None
    try:
        head = "\r\n".join([*lines, ""]).encode("latin-1")
    except UnicodeEncodeError:
        return None
    # Otherwise a line break in a header's value could begin another header, or another request.
    is_plain = patterns.request.fullmatch(head) and head.count(b"\n") == len(lines)
    return head + b"\r\n" if is_plain else None


def read_head(stream: Stream) -> Head | None:
    """Read the head of a response, or leave all bytes to the library and return `None`.

    The head must have arrived in one piece, be of a final response, and have the body's length.
    """
    patterns = _compile()
    arrived = stream.peek()
    end = arrived.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    text = arrived[: end - 2].decode("latin-1")
    status = patterns.status.match(text)
    if status is None or not patterns.headers.fullmatch(text, status.end()):
        return None
    headers = patterns.header.findall(text, status.end())
    if len(headers) > _MOST_HEADERS:
        return None
    length = None
    for name, value in headers:
        lowered = name.lower()
        if lowered == "content-length":
            if length is not None or not patterns.length.fullmatch(value):
                return None
            length = int(value)
        elif lowered == "transfer-encoding" or (
            lowered == "connection" and value.lower() != "keep-alive"
        ):
            return None
    number = int(status[1])
    if length is None or number in _EMPTY:
        return None
    stream.read(end)
    return Head(number, status[2] or "", headers, length)


class QuickBody:
    """The body of a response, with the methods that `urllib3` calls.

    Args:
        stream: The stream, at the first byte of the body.
        length: Bytes of the body.
        finish: Called once after the last byte.
    """

    def __init__(self, stream: Stream, length: int, finish: Callable[[], None]) -> None:
        self._stream = stream
        self._left = length
        self._finish: Callable[[], None] | None = finish
        self.release: Callable[[], None] | None = None
        self.closed = False

    def read(self, amount: int | None = None) -> bytes:
        """Return up to `amount` bytes, or all.

        Raises:
            IncompleteRead: The connection ended before the body.
        """
        if self.closed:
            return b""
        wanted = self._left if amount is None else min(amount, self._left)
        data = self._stream.read(wanted) or b""
        self._left -= len(data)
        if amount is None and self._left:
            self.close()
            raise http.client.IncompleteRead(data, self._left)
        return self._note(data)

    def read1(self, amount: int = -1) -> bytes:
        """Return what has arrived, at least a byte unless the body has ended."""
        if self.closed:
            return b""
        wanted = self._left if amount < 0 else min(amount, self._left)
        data = self._stream.read1(wanted) if wanted else b""
        self._left -= len(data)
        return self._note(data)

    def _note(self, data: bytes) -> bytes:
        """End after the last byte."""
        if not self._left:
            self.closed = True
            finish, self._finish = self._finish, None
            if finish is not None:
                finish()
            release, self.release = self.release, None
            if release is not None:
                release()
        return data

    def isclosed(self) -> bool:
        """Return whether no byte can be read any more."""
        return self.closed

    def close(self) -> None:
        """Leave the rest of the body unread; the connection can't be used afterwards."""
        self.closed, self._finish, self.release = True, None, None

    def flush(self) -> None:
        """Do nothing: a reader has nothing to flush."""


def make_response(head: Head, body: QuickBody, method: str, url: str) -> HTTPResponse:
    """Return a response as `urllib3` does; the end of the body gives the connection to the pool.

    The response has no cookies: a session keeps none.
    """
    response = HTTPResponse(
        body=body,  # type: ignore[arg-type] # has the methods that are used
        headers=urllib3.HTTPHeaderDict(head.headers),
        status=head.status,
        version=11,
        reason=head.reason,
        preload_content=False,
        decode_content=False,
        request_method=method,
        request_url=url,
    )
    body.release = response.release_conn
    return response


def end_cleanly(stream: Stream, sock: socket.socket) -> None:
    """Shut the connection down if bytes follow a response: the next response would begin there."""
    # The pool waits for a socket, and so doesn't see decrypted bytes.
    pending = getattr(sock, "pending", lambda: 0)
    with suppress(OSError, ValueError):
        if stream.peek() or pending():
            sock.shutdown(socket.SHUT_RDWR)
