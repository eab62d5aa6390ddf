"""The answer to one request, read whole and not decoded yet."""

from __future__ import annotations

from typing import Any

import attrs
import requests

from synapse._internal.redaction import without
from synapse.errors import ClientError
from synapse.transport import decoding
from synapse.transport.request_context import RequestContext

__all__ = ["Response"]

_DIGITS = b"0123456789"
# The last byte that a JSON text may have, by the first byte.
_ENDS = {
    b"{": b"}",
    b"[": b"]",
    b'"': b'"',
    b"t": b"e",
    b"f": b"e",
    b"n": b"l",
    b"-": _DIGITS,
    **{bytes([digit]): _DIGITS for digit in _DIGITS},
}


@attrs.define(eq=False, repr=False)
class Response:
    """The response to a request, with an undecoded body.

    Attributes:
        response: Status and headers.
        content: The body's bytes.
        place: The URL for messages, or the request that knows it.
        resource: Name of the resource, for messages.
        credentials: Source of the credentials, for messages.
        secrets: Texts that no message may show.
        attempts: Number of attempts.
        elapsed: Seconds of all attempts.
        has_lost_attempt: Whether an earlier attempt may have been processed.
        was_throttled: Whether the server throttled an attempt.
        is_done: Whether the request's work is done, whatever the status.
    """

    response: requests.Response
    content: bytes
    place: str | RequestContext
    resource: str | None
    credentials: str
    attempts: int = 1
    elapsed: float = 0.0
    has_lost_attempt: bool = False
    was_throttled: bool = False
    is_done: bool = False
    secrets: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The URL for messages."""
        return self.place if isinstance(self.place, str) else self.place.shown

    @property
    def is_broken(self) -> bool:
        """Whether a success surely has a bad body: empty, cut short, or not JSON by both ends.

        The body isn't decoded; faults between the ends show up in `json()`. Requests that accept
        any type have no bad body.
        """
        status, request = self.response.status_code, self.response.request
        if not 200 <= status < 300 or status == 204 or request.method == "HEAD":
            return False
        if request.headers.get("Accept") == "*/*":
            return False
        text = self.content.strip(b" \t\r\n")
        return not text or text[-1:] not in _ENDS.get(text[:1], b"")

    def raise_for_status(self) -> None:
        """Raise the error that the status stands for.

        Raises:
            ClientError: The status isn't a success.
        """
        if self.is_done or 200 <= self.response.status_code < 300:
            return
        from synapse.transport import error_mapping  # a script that never fails never loads it

        raise self._with_attempts(
            error_mapping.from_response(
                self.response,
                without(self.content, self.secrets),
                url=self.url,
                resource=self.resource,
                credentials=self.credentials,
            )
        )

    def json(self) -> Any:
        """Return the decoded body; `None` for 204 (no content).

        Raises:
            ClientError: The status isn't a success.
            InvalidResponse: The body isn't JSON.
        """
        self.raise_for_status()
        if self.is_done or (self.response.status_code == 204 and not self.content):
            return None
        try:
            return decoding.loads(self.content)
        except ValueError:
            from synapse.transport import error_mapping

            raise self._with_attempts(
                error_mapping.from_bad_body(
                    self.response,
                    without(self.content, self.secrets),
                    url=self.url,
                    resource=self.resource,
                )
            ) from None

    def error(self) -> ClientError | None:
        """Return the error that `json` would raise, if any."""
        try:
            self.json()
        except ClientError as error:
            return error.with_traceback(None)
        return None

    def _with_attempts(self, error: ClientError) -> ClientError:
        error.attempts = self.attempts
        error.elapsed = self.elapsed
        error.has_lost_attempt = self.has_lost_attempt
        if error.request_id is None:
            error.request_id = self.response.request.headers.get("X-Request-ID")
        return error
