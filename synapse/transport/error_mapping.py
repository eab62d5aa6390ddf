"""Map responses and exceptions to the SDK's errors."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests import exceptions as http_errors
from urllib3 import exceptions as pool_errors

from synapse import errors
from synapse._internal.redaction import cleaned, redacted
from synapse.transport import decoding
from synapse.transport.list_errors import describe_fields, describe_reasons, reasons_by_position
from synapse.transport.socket_deadlines import DeadlinePassed
from synapse.transport.urls import without_query

__all__ = ["find_error_class", "from_bad_body", "from_exception", "from_response", "retry_after"]

_BY_STATUS: dict[int, type[errors.ClientError]] = {
    400: errors.BadRequest,
    401: errors.AuthenticationError,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    408: errors.RequestTimeout,
    409: errors.Conflict,
    413: errors.PayloadTooLarge,
    422: errors.BadRequest,
    429: errors.RateLimited,
}
_HINTS = {
    403: "The credentials are good but don't allow this; check the token's rights and the tenant.",
    404: "Check the id, and that the token's tenant is the right one.",
    408: "Try again, or give a larger timeout.",
    413: "Send it in smaller parts; files go in chunks.",
    507: "The server's storage is full.",
}
_PROXY_HINT = "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
# Storage services describe errors in XML.
_STORAGE_ERROR = re.compile(rb"<Code>([^<]*)</Code>\s*<Message>([^<]*)</Message>")
_LONGEST_REFUSAL = 10_000
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_LONGEST_PAUSE = 1e9
_MOST_SHOWN = 500


def from_response(
    response: requests.Response, body: bytes, *, url: str, resource: str | None, credentials: str
) -> errors.ClientError:
    """Build the error for a response whose status isn't a success.

    Args:
        response: The response.
        body: The body's bytes.
        url: The URL for messages.
        resource: Name of the resource, such as `Project 123`.
        credentials: Source of the credentials, never the credentials themselves.
    """
    status = response.status_code
    document = cleaned(_decoded(body))
    detail, fields, is_validation = _explained(document, response, body)
    cls = find_error_class(status)
    if cls is errors.BadRequest and is_validation:
        cls = errors.ValidationError
    hint = _HINTS.get(status)
    if refusal := _STORAGE_ERROR.search(body[:_LONGEST_REFUSAL]):
        code, text = (part.decode("utf-8", "replace").strip() for part in refusal.groups())
        detail, hint = f"the storage refused: {text} ({code})", None
    elif status == 401:
        hint = f"The credentials came from {credentials}; check that they are current."
    elif 300 <= status < 400:
        target = without_query(response.headers.get("Location", ""))
        detail = f"the server redirects to {target or 'nowhere'}"
        hint = "Redirects aren't followed, so that no credential goes astray; correct base_url."
    error = cls(
        status,
        redacted(detail),
        fields=fields,
        request_id=response.headers.get("X-Request-ID"),
        method=response.request.method,
        url=url,
        hint=hint,
        response=document if document is not None else body.decode("utf-8", "replace") or None,
        resource=resource,
    )
    if isinstance(error, errors.RequestTimeout):
        error.was_answered = True
    if isinstance(error, (errors.RateLimited, errors.ServerError)):
        error.retry_after = retry_after(response)
        if isinstance(error, errors.RateLimited) and error.retry_after is not None:
            error.hint = f"Wait {error.retry_after:g} seconds."
    return error


def find_error_class(status: int) -> type[errors.ClientError]:
    """Return the class of error for a status from 400 on."""
    default = errors.ServerError if status >= 500 else errors.ClientError
    return _BY_STATUS.get(status, default)


def from_bad_body(
    response: requests.Response, body: bytes, *, url: str, resource: str | None
) -> errors.InvalidResponse:
    """Build the error for a success whose body isn't JSON.

    A connection cut inside the headers looks like an empty 200; an HTML page comes from a proxy.
    """
    if not body:
        detail = "the answer is empty: the connection was cut, or something in between answered"
    else:
        detail = redacted(_page(response, body) or "the response isn't JSON")
    return errors.InvalidResponse(
        response.status_code,
        detail,
        request_id=response.headers.get("X-Request-ID"),
        method=response.request.method,
        url=url,
        hint="Check base_url, and any proxy or gateway before the server, then try again.",
        response=body[:_MOST_SHOWN].decode("utf-8", "replace") or None,
        resource=resource,
    )


def from_exception(
    error: Exception,
    *,
    method: str,
    url: str,
    resource: str | None,
    timeout: tuple[float, float],
    deadline: float | None = None,
) -> errors.ClientError:
    """Build the error for a request without a complete response.

    Args:
        error: Exception of `requests` or `urllib3`.
        method: The HTTP method.
        url: The URL for messages.
        resource: Name of the resource.
        timeout: Timeouts in force, in seconds: to connect, to read.
        deadline: Deadline in force in seconds, if any.
    """
    about: dict[str, Any] = {"method": method, "url": url, "resource": resource}
    causes = _chain(error)

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    passed = next((cause for cause in causes if isinstance(cause, DeadlinePassed)), None)
    if passed is not None:
        seconds = deadline if passed.seconds is None else passed.seconds
        return errors.RequestTimeout(
            408, f"no answer within {seconds:g} s, its deadline", hint=_HINTS[408], **about
        )
    was_sent = True
    # The order matters: causes inside a proxy's error aren't about the server, and for urllib3 a
    # refused connection and an unknown name are kinds of connect timeout.
    if caused_by(http_errors.ProxyError, http_errors.InvalidProxyURL, pool_errors.ProxyError):
        was_sent = not caused_by(http_errors.InvalidProxyURL)
        detail = "the proxy couldn't be used"
        hint = _PROXY_HINT
    elif caused_by(http_errors.InvalidSchema, pool_errors.LocationValueError):
        # The server's own address was looked at before.
        was_sent = False
        detail = f"the proxy couldn't be used: {_innermost(causes)}"
        hint = _PROXY_HINT
        if caused_by(http_errors.InvalidSchema):
            hint = "A SOCKS proxy needs pip install 'requests[socks]'. " + hint
    elif caused_by(pool_errors.NameResolutionError):
        was_sent = False
        detail = "the host's name isn't known"
        hint = "Check the spelling of base_url."
    elif caused_by(ConnectionRefusedError):
        was_sent = False
        detail = "the connection was refused"
        hint = "Check base_url, and that the server is running."
    elif caused_by(pool_errors.NewConnectionError):
        was_sent = False
        detail = f"the connection couldn't be made: {_innermost(causes)}"
        hint = "Check base_url and the network."
    elif caused_by(http_errors.ConnectTimeout, pool_errors.ConnectTimeoutError):
        was_sent = False
        detail = f"no connection within {timeout[0]:g} s"
        hint = "Check base_url and the network, or give a larger connect timeout."
    elif caused_by(http_errors.ReadTimeout, pool_errors.ReadTimeoutError):
        return errors.RequestTimeout(
            408, f"no answer within {timeout[1]:g} s", hint=_HINTS[408], **about
        )
    elif any(isinstance(cause, TimeoutError) and cause.errno is None for cause in causes):
        return errors.RequestTimeout(
            408, f"the server took nothing for {timeout[1]:g} s", hint=_HINTS[408], **about
        )
    elif caused_by(http_errors.SSLError, pool_errors.SSLError):
        detail = f"the TLS connection failed: {_innermost(causes)}"
        hint = (
            "Check the address; for a private authority, set REQUESTS_CA_BUNDLE or SSL_CERT_FILE."
        )
    else:
        detail = f"the connection broke: {_innermost(causes)}"
        hint = "Try again; for a request that changes something, look first whether it was done."
    failure = errors.ConnectionFailed(503, detail, hint=hint, **about)
    failure.was_sent = was_sent
    return failure


def _decoded(body: bytes) -> Any:
    try:
        return decoding.loads(body)
    except ValueError:
        return None


def _explained(
    document: Any, response: requests.Response, body: bytes
) -> tuple[str, dict[str, Any], bool]:
    """Find the sentence, the errors by field, and whether this is about fields at all."""
    if isinstance(document, Mapping):
        detail = document.get("detail")
        if isinstance(detail, str):
            return detail, {}, False
        if isinstance(detail, Mapping) and len(document) == 1:
            document = detail  # the chunked upload puts a serializer's errors one level down
        return describe_fields(document), dict(document), bool(document)
    if isinstance(document, list) and document:
        return describe_reasons(reasons_by_position(document)), {}, True
    return _page(response, body) or response.reason or "", {}, False


def _page(response: requests.Response, body: bytes) -> str | None:
    """Describe an HTML page, or quote the beginning of a text."""
    text = body[:20_000].decode("utf-8", "replace").strip()
    if "html" in response.headers.get("Content-Type", "") or text[:1] == "<":
        title = _TITLE.search(text)
        named = f" titled {' '.join(title.group(1).split())[:_MOST_SHOWN]!r}" if title else ""
        return f"the answer is a web page{named}, not JSON"
    return " ".join(text.split())[:_MOST_SHOWN] or None


def retry_after(response: requests.Response) -> float | None:
    """Return the pause in seconds that a `Retry-After` header asks for, if any.

    The header holds a number of seconds, of any length, or an HTTP date. The pause is at most 1e9
    seconds, which `time.sleep` takes.
    """
    value = response.headers.get("Retry-After")
    if not value:
        return None
    if _NUMBER.fullmatch(value):
        return min(float(value), _LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)  # every HTTP date is in UTC
        return min(max(0.0, moment.timestamp() - time.time()), _LONGEST_PAUSE)
    except (ValueError, OverflowError):
        return None


def _chain(error: BaseException) -> list[BaseException]:
    """List an exception and every exception inside: `requests` nests causes in `args`.

    `__context__` isn't followed: that leads out of the request, to errors that the caller handled.
    """
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in found:
            continue
        found.append(one)
        waiting += [part for part in one.args if isinstance(part, BaseException)]
        waiting += [
            getattr(one, "reason", None) if isinstance(one, pool_errors.HTTPError) else None
        ]
        waiting.append(one.__cause__)
    return found


def _innermost(causes: list[BaseException]) -> str:
    """Describe the exception at the bottom, which names the trouble without URLs and objects."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    last = causes[-1]
    return redacted(f"{type(last).__name__}: {' '.join(str(last).split())}")[:_MOST_SHOWN]
