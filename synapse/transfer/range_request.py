"""One response with a file's bytes from an offset on; callers handle faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import requests

from synapse.errors import ClientError, InvalidResponse, RateLimited, RequestTimeout
from synapse.transport import Transport

__all__ = ["Arriving", "arriving", "is_passing"]

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}")
# What of it has come is lost when the host stalls, and is asked for again.
_BLOCK = 256 * 1024
_PASSING = frozenset({502, 503, 504})


@attrs.frozen(eq=False)
class Arriving:
    """A response with an unread body.

    Attributes:
        start: The body's first byte within the file.
        total: Size of the file, if known.
        validator: Identifies this content of the file: a strong entity tag or a date.
    """

    start: int
    total: int | None
    validator: str | None
    _response: requests.Response

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes as stored on the server, without decompression.

        Raises:
            InvalidResponse: The body ends before the file does.
        """
        raw = self._response.raw
        position = self.start
        while block := raw.read(_BLOCK, decode_content=False):
            position += len(block)
            yield block
        if self.total is not None and position < self.total:
            raise InvalidResponse(
                self._response.status_code, f"the file ends at byte {position} of {self.total}"
            )


@contextmanager
def arriving(
    transport: Transport,
    url: str,
    *,
    start: int = 0,
    validator: str | None = None,
    resource: str | None = None,
) -> Iterator[Arriving]:
    """Request a file from an offset on. One request, and one for each redirect.

    Args:
        transport: The transport; other hosts get no credentials.
        url: URL of the file.
        start: First wanted byte. The response may begin with the file all the same.
        validator: Validator of an earlier response: a changed file comes whole.
        resource: Name of the file, for messages.

    Raises:
        UsageError: No file can be fetched from the URL.
        ClientError: The host refused, couldn't be reached, or the body broke off. Status 416 means
            that the file ends before `start`.
    """
    headers = {}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator is not None:
            headers["If-Range"] = validator
    with transport.stream(url, headers=headers, resource=resource) as response:
        yield _described(response, start)


def is_passing(error: ClientError) -> bool:
    """Return whether another try may succeed."""
    kinds = (RequestTimeout, InvalidResponse, RateLimited)
    return isinstance(error, kinds) or error.status_code in _PASSING


def _described(response: requests.Response, start: int) -> Arriving:
    headers = response.headers
    validator = headers.get("ETag")
    if validator is None or validator.startswith("W/"):
        # A date is good for that only if the file isn't written twice in its second; then the
        # checksum, if there is one, says so.
        validator = headers.get("Last-Modified")
    if response.status_code != 206:
        length = headers.get("Content-Length", "")
        total = int(length) if _LENGTH.fullmatch(length) else None
        return Arriving(0, total, validator, response)
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if match is None or int(match[1]) != start:
        raise InvalidResponse(
            206,
            f"the answer begins elsewhere than at byte {start}: "
            f"{headers.get('Content-Range', '')[:80]!r}",
        )
    return Arriving(start, None if match[3] == "*" else int(match[3]), validator, response)
