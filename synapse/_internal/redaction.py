"""Keep secrets out of output and logs.

The SDK's own messages never contain a token. Other libraries log URLs, and a URL may contain one:
an agent's token in the path, or the signature of a link to object storage in the query. A filter on
their loggers shows `***` instead.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from traceback import walk_tb
from types import FrameType
from typing import Any
from urllib.parse import quote

from synapse._internal.fork import call_in_child

__all__ = [
    "cleaned",
    "forget_locals",
    "guard_logs",
    "hide",
    "is_signed",
    "redacted",
    "walk_chain",
    "without",
]

_SIGNED = (
    r"(?i)((?:[?&;]|\\u0026)"  # the last is an & in some writers' JSON
    r"(?:x-(?:amz|goog|oss)-(?:signature|credential|security-token)|signature|sig|"
    r"awsaccesskeyid|googleaccessid|(?:(?:access|agent|api|authorization|refresh)_?)?token|"
    r"(?:(?:access|api|client|secret)_?)?(?:key|secret)|password)=)[^&;#\s\"'<>]+"
)
# Of any scheme, as proxies have their own.
_USERINFO = r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^/?#@\s\"'<>]*@"
# Of connection strings: `...;AccountKey=...;EndpointSuffix=...`.
_CONNECTION = r"(?i)\b((?:AccountKey|SharedAccessKey|SharedAccessSignature|Pwd)\s?=\s?)[^;\s\"'<>]+"
# Without a look at the end, which a shortened text lacks. Headers inside have a dash.
_PRIVATE_KEY = (
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)(?!\*\*\*)"
    r"[\w+/=\s:,.\\]*(?:-(?!----)[\w+/=\s:,.\\]*)*"
)
_MOST_HIDDEN = 10_000
# Each message is searched for all of them, and single requests may have thousands of values.
_MOST_BRIEFLY_HIDDEN = 500
_LEAST_HIDDEN = 8
_DEEPEST = 50
# Filters aren't inherited: each logger that writes a URL needs the filter.
_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "requests",
)
# Modules whose functions have headers in their variables.
_WITH_HEADERS = (
    *("requests.", "urllib3.", "http.client", "websocket.", "socket", "ssl"),
    "synapse.transport.socket_deadlines",
)

_hidden: dict[str, None] = {}
_briefly_hidden: dict[str, None] = {}
_lock = threading.Lock()


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # At first use: compiling takes longer than importing the rest of this module.
    return re.compile(pattern)


def hide(secret: str, *, is_brief: bool = False) -> None:
    """Hide a secret in all messages. Short texts aren't taken for secrets.

    Args:
        secret: The secret.
        is_brief: Whether it belongs to single requests. Later ones of that kind replace it, and
            never the secrets of sessions.
    """
    if len(secret) < _LEAST_HIDDEN:
        return
    hidden, most = (_briefly_hidden, _MOST_BRIEFLY_HIDDEN) if is_brief else (_hidden, _MOST_HIDDEN)
    with _lock:
        for form in (secret, quote(secret, safe="")):
            hidden.pop(form, None)
            hidden[form] = None
        while len(hidden) > most:
            del hidden[next(iter(hidden))]


def redacted(text: str) -> str:
    """Return a text with `***` for URL signatures, keys and hidden secrets.

    Keys are those of connection strings, and private keys in PEM.

    Example:
        >>> redacted("https://bucket.example/a.png?X-Amz-Signature=abc&x=1")
        'https://bucket.example/a.png?X-Amz-Signature=***&x=1'
    """
    text = _compiled(_USERINFO).sub(r"\1***@", _compiled(_SIGNED).sub(r"\1***", text))
    text = _compiled(_CONNECTION).sub(r"\1***", text)
    if "PRIVATE KEY" in text:
        text = _compiled(_PRIVATE_KEY).sub(r"\1***", text)
    # One may begin like another.
    for secret in sorted([*_hidden, *_briefly_hidden], key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, "***")
    return text


def is_signed(value: Any) -> bool:
    """Return whether a JSON value contains, at any depth, a signed URL.

    Example:
        >>> is_signed({"image": {"url": "https://bucket.example/a.png?X-Amz-Signature=abc"}})
        True
    """
    return any(isinstance(one, str) and _compiled(_SIGNED).search(one) for one, _ in _parts(value))


def cleaned(value: Any) -> Any:
    """Return a JSON value with `redacted` texts; the value itself if nothing changes.

    Levels deeper than any sane response are left out: pickling them might reach the interpreter's
    recursion limit.
    """
    if isinstance(value, str):
        return redacted(value)
    for one, depth in _parts(value):
        if depth > _DEEPEST or (isinstance(one, str) and _compiled(_SIGNED).search(one)):
            return _rebuilt(value, 0)
    return value


def _parts(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield a JSON value and every part of the value, each with its depth."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        yield one, depth
        if isinstance(one, (dict, list)):
            inside = one.values() if isinstance(one, dict) else one
            waiting += [(part, depth + 1) for part in inside]


def _rebuilt(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, (dict, list)) and depth > _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {key: _rebuilt(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_rebuilt(one, depth + 1) for one in value]
    return value


def walk_chain(
    error: BaseException | None, outer: BaseException | None = None
) -> Iterator[BaseException]:
    """Yield an error and its causes, each once, up to the error that the caller was handling.

    Threads that raise one object can close a circle of causes.
    """
    seen: set[int] = set()
    while error is not None and error is not outer and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def forget_locals(error: BaseException | None, outer: BaseException | None) -> None:
    """Clear the variables of the libraries' finished calls, which contain the request's headers.

    Some tools show the variables of a traceback. The lines stay.

    Args:
        error: The error that leaves a request.
        outer: The error that the caller was handling, which isn't touched.
    """
    for one in walk_chain(error, outer):
        frames = [frame for frame, _ in walk_tb(one.__traceback__)]
        places = [n for n, frame in enumerate(frames) if _has_headers(frame)]
        # Those between them as well: a wrapper of another library gets the same arguments. A signal
        # handler comes behind them.
        for frame in frames[places[0] : places[-1] + 1] if places else ():
            with suppress(RuntimeError):  # it is running
                frame.clear()


def _has_headers(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(_WITH_HEADERS)


def without(content: bytes, secrets: Iterable[str]) -> bytes:
    """Return a response's body with `***` for secrets and URL signatures.

    Servers quote refused tokens, and proxies show the request's headers. Texts shorter than a token
    are left alone.

    Example:
        >>> without(b"Invalid token: tok-5up3r-s3cret", ["tok-5up3r-s3cret"])
        b'Invalid token: ***'
    """
    for secret in secrets:
        if len(secret) >= _LEAST_HIDDEN:
            content = content.replace(secret.encode(), b"***")
    return redacted(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = redacted(message)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_info:
            # A traceback that quotes a server is written below the message.
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


_filter = _Filter()


def _after_fork() -> None:
    """Don't wait for a thread that is in the parent only."""
    global _lock
    _lock = threading.Lock()


call_in_child(_after_fork)


def guard_logs() -> None:
    """Put the filter on the loggers of the libraries underneath, once."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_filter)
