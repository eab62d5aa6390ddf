"""Read a response's body: whole within a limit, or line by line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator

import requests

from synapse._internal import log_events
from synapse.errors import InvalidResponse

__all__ = ["read_lines", "read_lines_from", "read_whole"]

_PIECE = 64 * 1024
_STEP = 1024 * 1024
_RANGE = r"\s*lines\s+([0-9]{1,15})-.*"


def read_whole(response: requests.Response, largest: int, *, resource: str | None = None) -> bytes:
    """Read the body, decompressed.

    Args:
        response: The response.
        largest: Limit in bytes. Neither a huge body nor a small one that decompresses into a huge
            one fills the memory.
        resource: Name of the resource, for messages.

    Raises:
        InvalidResponse: The body is larger than the limit.
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
) -> Generator[str, None, str | None]:
    """Yield the body's lines as they arrive, without line ends.

    Args:
        response: The response, with an unread body.
        largest: Limit of one line in characters.
        resource: Name of the resource, for messages.

    Returns:
        `None` after a complete body. A body with neither a length nor chunks ends like a cut
        connection; then the text after the last line.

    Raises:
        InvalidResponse: A line is longer than the limit.
    """
    is_framed = response.raw.chunked or response.raw.length_remaining is not None
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
    last = "".join(line).removesuffix("\r")
    if not is_framed:
        return last
    if last:
        yield last
    return None


def read_lines_from(
    response: requests.Response, start: int, largest: int, *, resource: str | None = None
) -> Generator[str, None, str | None]:
    """Yield the lines of a response to `Range: lines=N-`, also if the server ignored the header.

    Args:
        response: The response, with an unread body.
        start: The first line to yield, from 0; earlier lines are skipped.
        largest: Limit of one line in characters.
        resource: Name of the resource, for messages.

    Returns:
        As `read_lines`.

    Raises:
        InvalidResponse: The body begins after that line, or a line is too long.
    """
    first = 0
    if response.status_code == 206:
        said = re.fullmatch(_RANGE, response.headers.get("Content-Range", ""))
        first = int(said[1]) if said else -1
        if not 0 <= first <= start:
            raise InvalidResponse(
                response.status_code,
                f"lines from {start} on were asked for, and others came",
                method=response.request.method,
                resource=resource,
            )
    skipped = start - first
    lines = read_lines(response, largest, resource=resource)
    for number in range(skipped):
        try:
            next(lines)
        except StopIteration as end:  # noqa: PERF203 - a `for` would lose what it returns
            log_events.LOG_SHORTENED.log(
                "%s: the log has %d lines, fewer than the %d that it had before",
                resource,
                first + number,
                start,
                resource=resource,
                lines=first + number,
                expected=start,
            )
            rest: str | None = end.value
            return rest and ""
    return (yield from lines)


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
