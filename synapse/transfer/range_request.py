"""Request a file's bytes from an offset. Callers decide about retries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import requests

from synapse.errors import InvalidResponse
from synapse.transport import Transport

__all__ = ["RangeResponse", "request_range"]

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}")
# A stalled host costs the part of a block that has arrived, so blocks are small.
_BLOCK_SIZE = 256 * 1024


@attrs.frozen(eq=False)
class RangeResponse:
    """A response whose body is still unread.

    Attributes:
        start: Offset of the body's first byte in the file.
        total: Size of the file in bytes, if known.
        validator: Strong entity tag or date that identifies this version of the file.
    """

    start: int
    total: int | None
    validator: str | None
    _response: requests.Response

    def blocks(self) -> Iterator[bytes]:
        """Yield the raw bytes of the body; nothing is decompressed.

        Raises:
            InvalidResponse: The body ends before the file does.
        """
        raw = self._response.raw
        position = self.start
        while block := raw.read(_BLOCK_SIZE, decode_content=False):
            position += len(block)
            yield block
        if self.total is not None and position < self.total:
            raise InvalidResponse(
                self._response.status_code, f"the file ends at byte {position} of {self.total}"
            )


@contextmanager
def request_range(
    transport: Transport,
    url: str,
    *,
    start: int = 0,
    validator: str | None = None,
    resource: str | None = None,
) -> Iterator[RangeResponse]:
    """Request a file from a byte on. One request, and one for each redirect.

    Args:
        transport: The transport; other hosts get no credentials.
        url: Address of the file.
        start: First byte wanted. A host without ranges sends the whole file.
        validator: Validator of an earlier response; if the file has changed since, the host sends
            the whole file.
        resource: Name of the file in messages.

    Raises:
        UsageError: The URL can't be the address of a file.
        ClientError: The host refused, couldn't be reached, or the body broke off. Status 416 means
            that the file ends before `start`.
    """
    headers = {}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator is not None:
            headers["If-Range"] = validator
    with transport.stream(url, headers=headers, resource=resource) as response:
        yield _parse(response, start)


def _parse(response: requests.Response, start: int) -> RangeResponse:
    headers = response.headers
    validator = headers.get("ETag")
    if validator is None or validator.startswith("W/"):
        # A date misses a second write within its second; the checksum, if known, finds that.
        validator = headers.get("Last-Modified")
    if response.status_code != 206:
        length = headers.get("Content-Length", "")
        total = int(length) if _LENGTH.fullmatch(length) else None
        return RangeResponse(0, total, validator, response)
    content_range = headers.get("Content-Range", "")
    match = _RANGE.fullmatch(content_range)
    if match is None or int(match[1]) != start:
        raise InvalidResponse(
            206, f"the response doesn't begin at byte {start}: {content_range[:80]!r}"
        )
    return RangeResponse(start, None if match[3] == "*" else int(match[3]), validator, response)
