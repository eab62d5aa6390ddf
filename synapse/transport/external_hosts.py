"""Files on other hosts than the configured one, such as object storage.

Other hosts get nothing of ours: no credential, cookie or client certificate, no header that names
the SDK or the session, and a connection of their own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from urllib.parse import urljoin, urlsplit

import attrs
import requests
from requests.exceptions import RequestException
from requests.utils import check_header_validity, default_headers

from synapse.errors import InvalidResponse, UsageError
from synapse.transport.connection import Connection
from synapse.transport.options import Options
from synapse.transport.request_headers import RequestHeaders
from synapse.transport.urls import Origin, origin_of, without_query

__all__ = ["ExternalHosts", "file_url", "redirect_target"]

_MOST_CONNECTIONS = 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class ExternalHosts:
    """Connections to other hosts; the most recently used are kept.

    Args:
        options: The session's proxies and trust, without the client certificate.
    """

    def __init__(self, options: Options) -> None:
        self._options = attrs.evolve(options.for_other_server(), cert=None)
        self._connections: OrderedDict[Origin, Connection] = OrderedDict()
        self._lock = threading.Lock()

    def connection(self, url: str) -> Connection:
        """Return the connection to a URL's host. Makes no request.

        Raises:
            UsageError: The URL is plain http, and the session allows https only.
        """
        origin = origin_of(url)
        if origin[0] != "https" and self._options.https_only:
            raise UsageError(
                f"{without_query(url)} is plain http, which this session refuses (https_only)."
            )
        with self._lock:
            found = self._connections.pop(origin, None)
            if found is None:
                found = Connection(url, self._options)
            self._connections[origin] = found
            while len(self._connections) > _MOST_CONNECTIONS:
                # Responses that are being read go on; only idle connections are closed.
                self._connections.popitem(last=False)[1].http.close()
            return found

    @staticmethod
    def request(
        url: str, headers: Mapping[str, str], method: str = "GET"
    ) -> requests.PreparedRequest:
        """Build a request with the fewest possible headers.

        Args:
            url: The URL, as `file_url` returns it.
            headers: Further headers.
            method: The HTTP method.

        Raises:
            InvalidHeader: A header has a line break or begins with a blank.
        """
        for header in headers.items():
            check_header_validity(header)
        request = _prepare_template().copy()
        request.method, request.url = method, url
        request.headers.update(headers)
        return request

    def close(self) -> None:
        """Close every connection, for good."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def after_fork(self) -> None:
        """Replace the connections and locks that the parent owns."""
        self._lock = threading.Lock()
        for connection in list(self._connections.values()):
            connection.after_fork()


@cache
def _prepare_template() -> requests.PreparedRequest:
    """Return a request to copy: preparing parses a URL, and URLs are prepared already."""
    request = requests.PreparedRequest()
    request.prepare(method="GET", url="http://localhost/")
    # Sessions keep no cookies, and each copy would copy an empty jar.
    request._cookies = None  # type: ignore[attr-defined] # the stubs leave it out
    request.headers = RequestHeaders(default_headers())
    return request


def file_url(url: str, base_url: str) -> str:
    """Return a file's URL as sent over the wire. Makes no request.

    Args:
        url: URL from the server; a path refers to the server itself.
        base_url: The server's address.

    Raises:
        UsageError: No file can be fetched from the URL.

    Example:
        >>> file_url("/media/a b.png", "https://example.com/api/")
        'https://example.com/media/a%20b.png'
    """
    problem = UsageError(f"{without_query(str(url))!r} is not the URL of a file.")
    try:
        whole = urljoin(base_url, str(url).strip().replace(" ", "%20"))
        origin = origin_of(whole)
        request = requests.PreparedRequest()
        request.prepare_url(whole, None)
        prepared = str(request.url)
        # The URL that decides about credentials must be the URL that is opened.
        is_same = origin_of(prepared)[0] == origin[0] and origin_of(prepared)[2] == origin[2]
    except (RequestException, ValueError):
        raise problem from None
    if origin[0] not in {"http", "https"} or not is_same or urlsplit(prepared).username:
        raise problem
    return prepared


def redirect_target(response: requests.Response, url: str) -> str | None:
    """Return the URL that a response redirects to, or `None`.

    Raises:
        InvalidResponse: The target can't be a file, or leaves https.
    """
    location = response.headers.get("Location")
    if response.status_code not in _REDIRECTS or not location:
        return None
    try:
        target = file_url(location, url)
        if url.startswith("https:") and not target.startswith("https:"):
            raise UsageError("it leaves https")
    except UsageError:
        raise InvalidResponse(
            response.status_code,
            f"the server redirects to {without_query(location)!r}, which isn't followed",
            url=without_query(url),
            method="GET",
        ) from None
    return target
