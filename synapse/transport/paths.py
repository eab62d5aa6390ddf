"""Paths that users write themselves, for endpoints that the SDK doesn't know."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from synapse._internal.redaction import redacted
from synapse.errors import UsageError
from synapse.transport.urls import origin_of, without_query

__all__ = ["checked_method", "split_path"]

# Compiled at the first use: few programs write a path.
_METHOD = r"[A-Z]+"
# Characters that a path has unquoted, and the percent sign of what is quoted already.
_SAFE = "/%:@!$&'()*+,;=~"
_CONTROL = r"[\x00-\x1f\x7f]"
_ABSOLUTE = r"[A-Za-z][A-Za-z0-9+.-]*:|//|\\"


def checked_method(method: str) -> str:
    """Return an HTTP method in capitals.

    Raises:
        UsageError: The argument can't be a method.
    """
    name = method.upper() if isinstance(method, str) else ""
    if not re.fullmatch(_METHOD, name):
        raise UsageError(f"method is {method!r}. Pass an HTTP method, such as 'GET'.")
    return name


def split_path(path: str, base_url: str) -> tuple[str, str]:
    """Return a path below the base URL, quoted, and the query that came with the path.

    Args:
        path: The path, with or without a leading `/`, or a URL below the base URL.
        base_url: The base URL, which ends in `/`.

    Raises:
        UsageError: The path leads elsewhere, or isn't text.

    Example:
        >>> split_path("/labels/new ones/?page=2", "https://synapse.example.com/api/")
        ('labels/new%20ones/', 'page=2')
    """
    if not isinstance(path, str):
        raise UsageError(f"path is {path!r}. Pass a path below {base_url}, such as 'labels/'.")
    shown = redacted(without_query(path))
    if re.match(_ABSOLUTE, path):
        path = _below(path, base_url, shown)
    plain, _, query = path.partition("#")[0].partition("?")
    plain = plain.lstrip("/")
    if not plain:
        raise UsageError(f"path is {shown!r}. Pass a path below {base_url}, such as 'labels/'.")
    segments = re.split(r"[/\\]", unquote(plain))
    if {".", ".."} & set(segments) or re.search(_CONTROL, unquote(plain) + query):
        raise UsageError(
            f"path is {shown!r}, which has a dot segment or a control character. Pass a plain path "
            f"below {base_url}."
        )
    try:
        query.encode()
        return quote(plain, safe=_SAFE), query
    except UnicodeEncodeError:
        raise UsageError(f"path is {shown!r}, which is not valid text.") from None


def _below(url: str, base_url: str, shown: str) -> str:
    """Return the path and query of a URL of the configured server."""
    try:
        is_own = origin_of(url) == origin_of(base_url)
    except ValueError:
        is_own = False
    prefix = urlsplit(base_url).path
    rest = re.sub(r"^[^/]*//[^/?#]*/?", "", url)
    if not is_own or not f"/{rest}".startswith(prefix):
        raise UsageError(
            f"path is {shown!r}, which isn't below {base_url}. A session sends its token to its "
            "own server only: make another session for that one."
        )
    return f"/{rest}"[len(prefix) :]
