"""Reading an answer's body: whole, within a limit, or line by line as it arrives."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import requests

from synapse.errors import InvalidResponse

__all__ = ["read_lines", "read_whole"]

_PIECE = 65536


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
    length = raw.headers.get("Content-Length", "")
    is_known = length.isdecimal() and "Content-Encoding" not in raw.headers
    if is_known and int(length) <= largest:
        # One read; `Response.content` would join pieces of 10 KiB.
        whole: bytes = raw.read(decode_content=True)
        return whole
    if not is_known:
        whole = raw.read(largest + 1, decode_content=True)
        if len(whole) <= largest:
            return whole
    raise InvalidResponse(
        response.status_code,
        f"the answer is larger than {largest:,} bytes",
        method=response.request.method,
        hint="Ask for less: a smaller page_size(), or only() some fields.",
        resource=resource,
    )


def read_lines(response: requests.Response) -> Iterator[str]:
    """Read the body as text, and give each line as soon as it is there, without its end.

    Args:
        response: The answer, whose body wasn't read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    line: list[str] = []
    for piece in _pieces(response):
        first, *others = decoder.decode(piece).split("\n")
        line.append(first)
        for other in others:
            yield "".join(line).removesuffix("\r")
            line = [other]
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
