"""Reading an answer's body whole, within a limit."""

from __future__ import annotations

import requests

from synapse.errors import InvalidResponse

__all__ = ["read_whole"]


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
