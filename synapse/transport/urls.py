"""Paths and origins: how an id becomes part of a path, and which URLs are the server's own."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from requests import PreparedRequest
from requests.exceptions import RequestException

from synapse._internal.json_values import to_json
from synapse._internal.server_url import DEFAULT_PORTS, canonical_host
from synapse.errors import ConfigurationError, FieldValueError, UsageError

__all__ = [
    "Origin",
    "is_loopback",
    "normalized",
    "origin_of",
    "path_segment",
    "query_string",
    "without_query",
]

Origin = tuple[str, str, int]

_PLAIN = frozenset({int, bool})
_UNSAFE = r"[\x00-\x1f\x7f/\\\ud800-\udfff]"
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")


def normalized(base_url: str) -> str:
    """Return a base URL as sent over the wire (international host names in ASCII).

    Raises:
        ConfigurationError: No request can be sent to the URL.
    """
    request = PreparedRequest()
    try:
        request.prepare_url(base_url, None)
        origin_of(str(request.url))
    except (RequestException, ValueError):
        # The library's message quotes the whole URL, so that message isn't shown.
        raise ConfigurationError(
            f"The base URL {without_query(base_url)!r} can't be used: no host can have that name."
        ) from None
    return str(request.url)


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of an absolute URL: the parts that decide about credentials.

    Raises:
        ValueError: The URL has no host, a port that isn't a number, or a character that URL parsers
            read differently.

    Example:
        >>> origin_of("https://API.example.com/x/?y=1")
        ('https', 'api.example.com', 443)
    """
    if _AMBIGUOUS.search(url):
        # In http://a\@b/ the host is b for the standard library, and a for the code that opens the
        # connection.
        raise ValueError(f"{without_query(url)!r} has a backslash, a blank or a control character")
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{without_query(url)!r} names no host")
    if "%" in parts.hostname:
        # The code that opens the connection decodes this, and would go to another host.
        raise ValueError(f"{without_query(url)!r} has an encoded host")
    port = parts.port
    return (
        parts.scheme,
        canonical_host(parts.hostname),
        DEFAULT_PORTS.get(parts.scheme, 0) if port is None else port,
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, where nobody can listen on the way."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    # Connecting to 0.0.0.0 or :: reaches this machine.
    return address.is_loopback or address.is_unspecified


def path_segment(value: Any) -> str:
    """Quote an id or code as exactly one segment of a path.

    Args:
        value: An integer, or a string such as a UUID or a plugin's code.

    Returns:
        The segment, percent-encoded.

    Raises:
        UsageError: The value is empty, of another type, `.` or `..`, or contains a slash, a control
            character or half a surrogate pair, and would address another resource.

    Example:
        >>> path_segment("a b")
        'a%20b'
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return str(operator.index(value))  # numpy's, for one
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not an id: give an integer or a string.")
    if not value.strip() or value in {".", ".."} or re.search(_UNSAFE, value):
        raise UsageError(
            f"{value!r} can't be an id: it is empty, a dot path, or has a slash or a control "
            "character."
        )
    return quote(value, safe="@")


def query_string(params: Mapping[str, Any] | Iterable[tuple[str, Any]] | str | None) -> str:
    """Encode query parameters; a list value becomes a repeated key.

    A string is taken as encoded already (a paging link's query).

    Raises:
        UsageError: A value can't be sent, such as NaN or text that isn't Unicode.
    """
    if not params:
        return ""
    if isinstance(params, str):
        return params
    pairs = params.items() if isinstance(params, Mapping) else params
    try:
        given = [
            (key, value if type(value) in _PLAIN else to_json(value, key))
            for key, value in pairs
            if value is not None
        ]
        return urlencode(given, doseq=True)
    except FieldValueError as error:
        raise UsageError(str(error)) from None
    except UnicodeEncodeError as error:
        raise UsageError(f"{error.object!r} is not valid text: it can't be sent.") from None


def without_query(url: str) -> str:
    """Return a URL without query, fragment and user part, fit for a message."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return re.split(r"[?#]", url)[0].rpartition("@")[2]
    host = parts.netloc.rpartition("@")[2]
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    return f"{scheme}//{host}{parts.path}" if host else f"{scheme}{parts.path}"
