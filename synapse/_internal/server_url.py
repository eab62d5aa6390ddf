"""The address of a server in its only spelling."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from synapse.errors import ConfigurationError

__all__ = ["DEFAULT_PORTS", "canonical_host", "checked_url"]

DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f\\]")
# Characters of the shortest token.
_LEAST_TOKEN = 20
_ESCAPE = r"%([0-9A-Fa-f]{2})"
_STRAY_PERCENT = r"%(?![0-9A-Fa-f]{2})"
_UNRESERVED = r"[A-Za-z0-9._~-]"


def checked_url(url: Any, source: str) -> str:
    """Return the base URL in its only spelling, with one `/` at the end.

    One server has one spelling, since sessions, objects and journals compare base URLs as texts.

    Raises:
        ConfigurationError: The URL can't be used.
    """
    problem = None
    text = url.strip() if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port, problem = urlsplit(""), None, "it isn't a URL"
    if problem is None:
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            problem = "it must begin with http:// or https:// and name a host"
        elif parts.username is not None or parts.password is not None:
            problem = "it must not carry a user or password; use api_token"
        elif parts.query or parts.fragment:
            problem = "it must not have a query or fragment"
        elif (
            _UNSENDABLE.search(text)
            or text.encode(errors="ignore").decode() != text  # half of a surrogate pair
            or port == 0
            or "%" in parts.hostname
        ):
            problem = "it has characters or a port that no URL can have"
    if problem:
        # Text before an @ or after a ? may be a secret, even if the rest makes no sense; and so
        # may a long word, where the token was given in the address's place.
        is_secret = "@" in text or (len(text) >= _LEAST_TOKEN and "/" not in text)
        shown = "" if is_secret else f" {re.split('[?#]', text)[0]!r}"
        raise ConfigurationError(f"The base URL{shown} from {source} can't be used: {problem}.")
    host = canonical_host(parts.hostname or "")
    place = f"[{host}]" if ":" in host else host
    if port not in (None, DEFAULT_PORTS[parts.scheme]):
        place += f":{port}"
    return f"{parts.scheme}://{place}{_canonical_path(parts.path).rstrip('/')}/"


def canonical_host(host: str) -> str:
    """Spell a host in lower case and ASCII, and an IPv6 address in its short form."""
    if ":" in host:
        import ipaddress  # few servers need it

        with suppress(ValueError):
            host = str(ipaddress.ip_address(host))
        return host
    if host.isascii():
        return host
    import idna  # only international names need it

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return host  # the transport refuses the name


def _canonical_path(path: str) -> str:
    """Spell a path without dot segments and needless escapes (RFC 3986, 6.2.2)."""

    def unescaped(escape: re.Match[str]) -> str:
        char = chr(int(escape[1], 16))
        return char if re.fullmatch(_UNRESERVED, char) else escape[0].upper()

    if "%" in path:  # compiling the patterns takes longer than all else here
        path = re.sub(_STRAY_PERCENT, "%25", path)
    escaped = quote(path, safe="%/!$&'()*+,;=:@-._~")
    if "%" in escaped:
        escaped = re.sub(_ESCAPE, unescaped, escaped)
    segments: list[str] = []
    for segment in escaped.split("/"):
        if segment == "..":
            del segments[max(1, len(segments) - 1) :]  # the first one is before the first slash
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments)
