"""Paths and origins: how an id becomes part of a path, and which URLs are the server's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from requests import PreparedRequest
from requests.exceptions import RequestException

from synapse.errors import ConfigurationError, InvalidQuery

__all__ = ["Origin", "normalized", "origin_of", "path_segment", "query_string", "without_query"]

Origin = tuple[str, str, int]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")


def normalized(base_url: str) -> str:
    """Return a base URL as it goes over the wire (international host names in their ASCII form).

    Raises:
        ConfigurationError: No request can be sent to it.
    """
    request = PreparedRequest()
    try:
        request.prepare_url(base_url, None)
    except RequestException as error:
        raise ConfigurationError(f"The base URL {base_url!r} can't be used: {error}") from None
    return str(request.url)


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of an absolute URL, the parts that decide who gets credentials.

    Raises:
        ValueError: The URL has no host, or a port that isn't a number.

    Example:
        >>> origin_of("https://API.example.com/x/?y=1")
        ('https', 'api.example.com', 443)
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if not parts.hostname:
        raise ValueError(f"{without_query(url)!r} names no host")
    return scheme, parts.hostname.lower(), parts.port or _DEFAULT_PORTS.get(scheme, 0)


def path_segment(value: Any) -> str:
    """Quote an id or code, so that it can only ever be one segment of a path.

    Args:
        value: An integer, or a string such as a UUID or a plugin's code.

    Returns:
        The segment, percent-encoded.

    Raises:
        InvalidQuery: It is empty, of another type, `.` or `..`, or has a slash or a control
            character: it would address something else than what was meant.

    Example:
        >>> path_segment("a b")
        'a%20b'
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise InvalidQuery(f"{value!r} is not an id: give an integer or a string.")
    if not value.strip() or value in {".", ".."} or _UNSAFE.search(value):
        raise InvalidQuery(
            f"{value!r} can't be an id: it is empty, a dot path, or has a slash or a control "
            "character."
        )
    return quote(value, safe="")


def query_string(params: Mapping[str, Any] | Iterable[tuple[str, Any]] | str | None) -> str:
    """Encode query parameters; a list value becomes a repeated key.

    A string is taken as encoded already (a paging link's query).
    """
    if not params:
        return ""
    if isinstance(params, str):
        return params
    pairs = params.items() if isinstance(params, Mapping) else params
    return urlencode([(key, value) for key, value in pairs if value is not None], doseq=True)


def without_query(url: str) -> str:
    """Return a URL without query, fragment and user part, fit for a message."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else parts.path
