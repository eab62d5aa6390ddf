"""Options of a transport, apart from address and credentials."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import attrs

from synapse._internal.field_repr import FieldRepr
from synapse._internal.user_folders import expand_home
from synapse.errors import ConfigurationError
from synapse.transport.observer import Observer
from synapse.transport.own_headers import HeaderValue, checked_headers
from synapse.transport.retry import OnRetry, RetryPolicy
from synapse.transport.urls import without_query

__all__ = ["Event", "Hook", "Options", "PagingOption", "UploadsOption", "checked_deadline"]

_SHORTEST_QUERY = 256

# Only ASCII in lower case, a host without a port: requests compares with the URL as sent.
_PROXY_KEY = r"(?:https?|all)(?:://(?:[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*))?"
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@attrs.frozen(eq=False, repr=False)
class Event(FieldRepr):
    """A request that is about to be sent, or its outcome, as hooks receive it.

    Attributes:
        method: The HTTP method.
        url: The URL, without its query string.
        request_id: The id that all attempts carry as `X-Request-ID`.
        attempt: Number of the attempt, from 1.
        status: Status of the response; `None` before a response, and without one.
        elapsed: Seconds since this attempt began.
        error: The failure, if no response came.
        headers: Further headers for this attempt, which `on_request` may add. They go to the
            configured server only.
    """

    method: str
    url: str
    request_id: str
    attempt: int
    status: int | None = None
    elapsed: float = 0.0
    error: Exception | None = None
    headers: dict[str, str] = attrs.field(factory=dict, repr=False)


Hook: TypeAlias = Callable[[Event], object]

PagingOption: TypeAlias = Literal["auto", "keys", "cursor", "numbers"]
"""Ways to read long lists: bounds on the unique key, cursors, page numbers, or what works best."""

UploadsOption: TypeAlias = Literal["auto", "direct", "presigned"]
"""Ways to send data files: through the server, straight to the storage, or what it asks for."""


def checked_deadline(value: Any) -> float | None:
    """Return a deadline in seconds, or `None` for none.

    Raises:
        ConfigurationError: The value isn't a number of seconds above 0.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(f"deadline is {value!r}: give seconds above 0, or None.")
    try:
        seconds = float(value)
    except OverflowError:  # a whole number beyond what can be waited for
        return None
    return None if math.isinf(seconds) else seconds


def _checked_proxies(value: Any) -> dict[str, str] | None:
    """Return proxies by scheme. Messages don't show addresses, which may contain a password."""
    if value is None:
        return None
    texts = [*value, *value.values()] if isinstance(value, Mapping) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ConfigurationError(
            "proxies is a mapping from a scheme to a proxy's address, such as "
            "{'https': 'http://proxy.example:3128'}."
        )
    for key, address in value.items():
        _check_proxy(key, address)
    return dict(value)


def _check_proxy(key: str, address: str) -> None:
    """Refuse a proxy that no request would use.

    The library underneath looks for exact keys and ignores all others.
    """
    if not re.fullmatch(_PROXY_KEY, key):
        raise ConfigurationError(
            f"proxies has the key {without_query(key)!r}, which no request matches: write 'http', "
            "'https' or 'all', or one of them with a host in lower case, 'https://example.com'."
        )
    scheme, separator, rest = address.rpartition("://")
    if separator and scheme.lower() not in _PROXY_SCHEMES:
        raise ConfigurationError(
            f"proxies[{key!r}] has an address of an unknown scheme. Begin the address with one of "
            f"{', '.join(f'{name}://' for name in _PROXY_SCHEMES)}."
        )
    if not rest.strip("/ \t\r\n"):
        raise ConfigurationError(
            f"proxies[{key!r}] is an empty address. Give the proxy's, or leave {key!r} out for "
            "direct connections."
        )


def _checked_path(name: str, value: str | os.PathLike[str]) -> str:
    """Return a path as text; the libraries underneath take an empty one for "no"."""
    path = str(expand_home(value)) if os.fspath(value) else ""
    if not path.strip():
        raise ConfigurationError(f"{name} is an empty text: give a path, or leave {name} out.")
    return path


def _checked_verify(value: Any) -> bool | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (str, os.PathLike)):
        return _checked_path("verify", value)
    raise ConfigurationError(f"verify is {value!r}: give the path of a bundle, True or False.")


def _checked_cert(value: Any) -> str | tuple[str, str] | None:
    parts = value if isinstance(value, (tuple, list)) else (value,)
    if value is None:
        return None
    if not all(isinstance(part, (str, os.PathLike)) for part in parts) or len(parts) not in (1, 2):
        raise ConfigurationError(
            f"cert is {value!r}: give a path, or a pair of paths (certificate, key)."
        )
    paths = [_checked_path("cert", part) for part in parts]
    return (paths[0], paths[1]) if len(paths) == 2 else paths[0]


def _check_hook(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not callable(value):
        raise ConfigurationError(f"{attribute.name} is {value!r}: give a function.")


def _check_observer(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not callable(getattr(value, "watch_call", None)):
        raise ConfigurationError(
            f"{attribute.name} is {value!r}. Pass an observer, such as OpenTelemetry() of "
            "synapse.integrations.otel."
        )


def _check_way(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    ways = get_args({"paging": PagingOption, "uploads": UploadsOption}[attribute.name])
    if value not in ways:
        names = ", ".join(map(repr, ways))
        raise ConfigurationError(f"{attribute.name} is {value!r}. Pass one of {names}.")


def _check_query_length(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < _SHORTEST_QUERY:
        raise ConfigurationError(
            f"{attribute.name} is {value!r}. Pass a number of bytes from {_SHORTEST_QUERY}."
        )


@attrs.frozen(eq=False, repr=False)
class Options:
    """Options of a transport.

    Attributes:
        retry: The retry policy.
        deadline: Seconds for a whole call with all attempts; `None` for no bound. A call that
            streams a file is bound only by its own deadline.
        largest: Limit of a response's decompressed body, in bytes.
        https_only: Whether to refuse a server that is reached by plain http.
        proxies: Proxies by scheme, instead of the environment's.
        verify: A bundle of certificate authorities, or `False` to trust anybody.
        cert: A client certificate: a path, or a pair of paths (certificate, key).
        paging: Way to read long lists: `"auto"`, `"keys"`, `"cursor"` or `"numbers"`.
        uploads: Way to send data files: `"auto"`, `"direct"` or `"presigned"`.
        max_query_length: Length of the longest encoded query, in bytes. A filter with more values
            is sent in several requests.
        headers: Further headers for the configured server, such as a gateway's key.
        is_configured_server: Whether further headers may be sent, from here or from a hook.
        on_request: Called before each attempt.
        on_response: Called after each attempt.
        on_retry: Called before each pause for another attempt.
        observer: Watches each call and attempt, such as tracing.
    """

    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    deadline: float | None = attrs.field(default=300.0, converter=checked_deadline)
    largest: int = 256 * 1024 * 1024
    https_only: bool = False
    proxies: dict[str, str] | None = attrs.field(default=None, converter=_checked_proxies)
    verify: bool | str | None = attrs.field(default=None, converter=_checked_verify)
    cert: str | tuple[str, str] | None = attrs.field(default=None, converter=_checked_cert)
    paging: PagingOption = attrs.field(default="auto", validator=_check_way)
    uploads: UploadsOption = attrs.field(default="auto", validator=_check_way)
    max_query_length: int = attrs.field(default=8192, validator=_check_query_length)
    headers: Mapping[str, HeaderValue] = attrs.field(default=None, converter=checked_headers)
    is_configured_server: bool = True
    on_request: Hook | None = attrs.field(default=None, validator=_check_hook)
    on_response: Hook | None = attrs.field(default=None, validator=_check_hook)
    on_retry: OnRetry | None = attrs.field(default=None, validator=_check_hook)
    observer: Observer | None = attrs.field(default=None, validator=_check_observer)

    @property
    def has_hooks(self) -> bool:
        """Whether attempts are told to a hook."""
        return self.on_request is not None or self.on_response is not None

    def for_other_server(self) -> Options:
        """Return the options for another server than the configured one."""
        return attrs.evolve(self, headers=None, is_configured_server=False)
