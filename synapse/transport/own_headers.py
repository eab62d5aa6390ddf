"""Headers of the user's own, such as a gateway demands, for the configured origin only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synapse._internal.redaction import hide
from synapse.config import Secret
from synapse.errors import ConfigurationError

__all__ = ["HeaderValue", "checked_headers"]

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_VALUE = r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?"
# Requests depend on these: another value would break framing, decoding, ranges or retries.
_OF_THE_SDK = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-encoding", "content-length"),
        *("content-range", "content-type", "expect", "host", "if-range", "keep-alive", "range"),
        *("te", "trailer", "transfer-encoding", "upgrade", "x-request-id"),
    }
)
_INSTEAD = {"synapse-": "api_token, agent_token or tenant", "proxy-": "proxies"}
# Part of a value, like the token behind "Bearer", that a server may quote alone.
_PART = r"[^\s;,=]{16,}"


class HeaderValue(Secret):
    """The value of a header of the user's own, which may be a secret.

    Args:
        value: The value.
        source: Origin of the value, for messages.
        is_brief: Whether the value is for some requests only, not for all of a session.
    """

    __slots__ = ()

    def __init__(self, value: Any, source: str, *, is_brief: bool = False) -> None:
        if not isinstance(value, str) or not re.fullmatch(_VALUE, value):
            raise ConfigurationError(
                f"The value of {source} is empty, or has line ends or characters outside ASCII. "
                "Give a text that a header can carry."
            )
        self._value = value
        self.source = source
        for secret in (value, *re.findall(_PART, value)):
            hide(secret, is_brief=is_brief)


def checked_headers(headers: Any, *, is_brief: bool = False) -> dict[str, HeaderValue]:
    """Return headers by name, with values that no message shows.

    Args:
        headers: The mapping.
        is_brief: Whether the headers are for some requests only, not for all of a session.

    Raises:
        ConfigurationError: A name or value can't be sent, or the SDK sets that header itself.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError("headers is a mapping from names to values, {'X-Gateway': 'k'}.")
    result: dict[str, HeaderValue] = {}
    seen: set[str] = set()
    for name, value in headers.items():
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise ConfigurationError(
                "headers has a name that is empty, or that no header can have."
            )
        key = name.lower()
        for prefix, argument in _INSTEAD.items():
            if key.startswith(prefix):
                raise ConfigurationError(f"headers can't set {name}. Use {argument} for that.")
        if key in _OF_THE_SDK or key.startswith("sec-websocket-"):
            raise ConfigurationError(f"headers can't set {name}: requests depend on the SDK's own.")
        if key in seen:
            raise ConfigurationError(f"headers has {name} twice. Give one value.")
        seen.add(key)
        is_checked = isinstance(value, HeaderValue)  # by the options that these were copied from
        result[name] = (
            value if is_checked else HeaderValue(value, f"headers[{name!r}]", is_brief=is_brief)
        )
    return result
