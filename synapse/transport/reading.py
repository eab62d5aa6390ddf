"""Reading an answer's body: whole, within a limit, or line by line as it arrives."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import requests

from synapse.errors import InvalidResponse

__all__ = ["read_lines", "read_whole"]

_PIECE = 64 * 1024
_STEP = 1024 * 1024


def read_whole(response: requests.Response, largest: int, *, resource: str | None = None) -> bytes:
    """Read the body, decompressed.

    Args:
        response: The answer.
        largest: Bytes from which on it is refused, so that neither a huge body nor a small one
            that decompresses into a huge one fills the memory.
        resource: What was asked for, for messages.

    Raises:
        InvalidResponse: It is larger.
    """
    raw = response.raw
    length = raw.length_remaining
    if length is not None and length > largest:
        raise _too_large(response, f"the answer is larger than {largest:,} bytes", resource)
    if length is not None and "Content-Encoding" not in raw.headers:
        # One read; `Response.content` would join pieces of 10 KiB.
        whole: bytes = raw.read(decode_content=True)
        return whole
    pieces: list[bytes] = []
    size = 0
    while piece := raw.read(min(_STEP, largest + 1 - size), decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > largest:
            raise _too_large(response, f"the answer is larger than {largest:,} bytes", resource)
    return b"".join(pieces)


def read_lines(
    response: requests.Response, largest: int, *, resource: str | None = None
) -> Iterator[str]:
    """Read the body as text, and give each line as soon as it is there, without its end.

    Args:
        response: The answer, whose body wasn't read.
        largest: Characters of a line from which on it is refused.
        resource: What was asked for, for messages.

    Raises:
        InvalidResponse: A line is longer.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    line: list[str] = []
    size = 0
    for piece in _pieces(response):
        first, *others = decoder.decode(piece).split("\n")
        line.append(first)
        size += len(first)
        for other in others:
            yield "".join(line).removesuffix("\r")
            line, size = [other], len(other)
        if size > largest:
            raise _too_large(response, f"a line is longer than {largest:,} characters", resource)
    line.append(decoder.decode(b"", final=True))
    if last := "".join(line):
        yield last.removesuffix("\r")


def _pieces(response: requests.Response) -> Iterator[bytes]:
    raw = response.raw
    if not hasattr(raw, "read1"):  # before urllib3 2.1; a stream that isn't chunked comes late
        yield from raw.stream(_PIECE, decode_content=True)
        return
    while piece := raw.read1(_PIECE, decode_content=True):
        yield piece


def _too_large(response: requests.Response, detail: str, resource: str | None) -> InvalidResponse:
    return InvalidResponse(
        response.status_code,
        detail,
        method=response.request.method,
        hint="Ask for less: a smaller page_size(), or only() some fields.",
        resource=resource,
    )
