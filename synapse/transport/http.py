"""The transport: every request of a session goes through here."""

from __future__ import annotations

import codecs
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import default_user_agent, get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from synapse._version import __version__
from synapse.config import Settings, Timeout, TimeoutArgument
from synapse.errors import ConfigurationError, FieldValueError, SessionClosed
from synapse.transport import decoding
from synapse.transport.answer import Answer
from synapse.transport.auth import OriginAuth
from synapse.transport.urls import normalized, path_segment, query_string, without_query

__all__ = ["Transport"]

_LOG = logging.getLogger("synapse.transport")
_POOL_SIZE = 32
_PIECE = 65536

Params = Mapping[str, Any] | Iterable[tuple[str, Any]] | str | None


class _NoRedirects(requests.Session):
    """A session that doesn't even look where a redirect goes.

    With `allow_redirects=False` the library still prepares the request that would follow, reads
    the answer's body for it, and fails at a `Location` that isn't a URL.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Answer that there is no redirect."""


class Transport:
    """One `requests.Session`, used by everything that belongs to one `synapse.Session`.

    The environment's proxies and certificate bundle are read once, here: `requests` reads the
    whole environment again for every request, which costs more than the request's own work. Its
    `.netrc` look-up, which replaces credentials, is thereby off.

    Args:
        settings: Where to connect and as whom.

    Raises:
        ConfigurationError: The base URL's host or the environment's certificate bundle can't be
            used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.base_url = normalized(settings.base_url)
        self._auth = OriginAuth(settings, self.base_url)
        self._http = _NoRedirects()
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_POOL_SIZE)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)
        environment = self._http.merge_environment_settings(
            self.base_url, {}, stream=True, verify=None, cert=None
        )
        self._http.trust_env = False
        self._verify = self._checked_bundle(environment["verify"])
        proxy = select_proxy(self.base_url, get_environ_proxies(self.base_url))
        self._proxies = {urlsplit(self.base_url).scheme: proxy} if proxy else {}
        self._timeout = self._pair(settings.timeout)
        self._template = self._prepared_template()
        self._count = 0
        self._counting = threading.Lock()
        self._closed = False

    @property
    def request_count(self) -> int:
        """How many requests were sent since the transport was made."""
        return self._count

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params = None,
        json: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: TimeoutArgument = None,
        resource: str | None = None,
        secret: str | None = None,
    ) -> Any:
        """Send one request to the configured server and decode its answer.

        Args:
            method: The HTTP method.
            path: A path below the base URL, made of quoted segments.
            params: Query parameters; a string is a query that is encoded already.
            json: A value to send as JSON.
            body: Bytes, or an iterable of bytes whose `Content-Length` is in `headers`.
            headers: Further headers.
            timeout: Seconds for this request; else the session's.
            resource: What is asked for, for messages, such as `Project 123`.
            secret: A segment of the path that no message may show.

        Returns:
            The decoded JSON; `None` for 204 (no content). One request.

        Raises:
            ClientError: The server refused, failed, or couldn't be reached; see its subclasses.
            FieldValueError: The value can't be sent as JSON.
            SessionClosed: The session was closed.
        """
        return self.fetch(
            method,
            path,
            params=params,
            json=json,
            body=body,
            headers=headers,
            timeout=timeout,
            resource=resource,
            secret=secret,
        ).json()

    def fetch(
        self,
        method: str,
        path: str,
        *,
        params: Params = None,
        json: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: TimeoutArgument = None,
        resource: str | None = None,
        secret: str | None = None,
    ) -> Answer:
        """Send one request, and leave its answer undecoded. One request.

        The arguments are those of `request`.

        Raises:
            ClientError: The server couldn't be reached. A refusal is raised by `Answer.json`.
            FieldValueError: The value can't be sent as JSON.
            SessionClosed: The session was closed.
        """
        request = self._prepare(method, path, params, json, body, headers)
        waits = self._pair(Timeout.of(timeout)) if timeout is not None else self._timeout
        return self._send(request, waits, resource, secret)

    def lines(
        self,
        path: str,
        *,
        params: Params = None,
        timeout: TimeoutArgument = None,
        resource: str | None = None,
    ) -> Iterator[str]:
        """Give a streamed text line by line, as it arrives. One request.

        Args:
            path: A path below the base URL, made of quoted segments.
            params: Query parameters.
            timeout: Seconds to connect, and to wait for each next piece.
            resource: What is asked for, for messages.

        Raises:
            ClientError: The server refused, couldn't be reached, or the stream broke off.
            SessionClosed: The session was closed.
        """
        request = self._prepare("GET", path, params, None, None, {"Accept": "text/plain, */*"})
        waits = self._pair(Timeout.of(timeout)) if timeout is not None else self._timeout
        shown = without_query(request.url or "")
        with self._answering(request, waits, resource, shown, None) as response:
            if not 200 <= response.status_code < 300:
                content = response.raw.read(decode_content=True)
                Answer(response, content, shown, resource, self.settings.source).json()
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            text = ""
            for piece in response.raw.stream(_PIECE, decode_content=True):
                *whole, text = (text + decoder.decode(piece)).split("\n")
                yield from whole
            if text := text + decoder.decode(b"", final=True):
                yield text

    def close(self) -> None:
        """Close every connection. Later requests raise `SessionClosed`."""
        self._closed = True
        self._http.close()

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def _send(
        self,
        request: requests.PreparedRequest,
        timeout: tuple[float, float],
        resource: str | None,
        secret: str | None,
    ) -> Answer:
        """Send a prepared request and read the whole answer."""
        started = time.perf_counter()
        shown = without_query(request.url or "")
        if secret:
            shown = shown.replace(path_segment(secret), "***")
        with self._answering(request, timeout, resource, shown, secret) as response:
            # One read of the whole body; `Response.content` would join pieces of 10 KiB.
            content = response.raw.read(decode_content=True)
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug(
                "%s %s -> %d, %d bytes, %.1f ms",
                request.method,
                shown,
                response.status_code,
                len(content),
                (time.perf_counter() - started) * 1000,
            )
        return Answer(response, content, shown, resource, self.settings.source)

    @contextmanager
    def _answering(
        self,
        request: requests.PreparedRequest,
        timeout: tuple[float, float],
        resource: str | None,
        shown: str,
        secret: str | None,
    ) -> Iterator[requests.Response]:
        """Send a prepared request; whatever breaks until the block ends becomes a `ClientError`."""
        if self._closed:
            raise SessionClosed("This session was closed; make a new one with synapse.connect().")
        with self._counting:
            self._count += 1
        try:
            with self._http.send(
                request,
                timeout=timeout,
                verify=self._verify,
                cert=None,
                proxies=self._proxies,
                stream=True,
                allow_redirects=False,
            ) as response:
                yield response
        except (requests.RequestException, HTTPError) as error:
            method = request.method or ""
            _LOG.debug("%s %s failed: %s", method, shown, type(error).__name__)
            from synapse.transport import failures  # a script that never fails never loads it

            failure = failures.unreachable(
                error, method=method, url=shown, resource=resource, timeout=timeout
            )
            # The library's own message has the whole URL.
            raise failure from (None if secret else error)

    def _prepare(
        self,
        method: str,
        path: str,
        params: Params,
        json: Any,
        body: Any,
        headers: Mapping[str, str] | None,
    ) -> requests.PreparedRequest:
        """Copy the template: preparing a request anew costs as much as sending it."""
        request = self._template.copy()
        request.method = method
        query = query_string(params)
        request.url = f"{self.base_url}{path}?{query}" if query else f"{self.base_url}{path}"
        if json is not None:
            try:
                body = decoding.dumps(json)
            except (TypeError, ValueError, RecursionError) as error:
                raise FieldValueError(f"This can't be sent as JSON: {error}") from None
            request.headers["Content-Type"] = "application/json"
        if body is not None:
            request.body = body
        if headers:
            request.headers.update(headers)
        if isinstance(body, bytes):
            request.headers["Content-Length"] = str(len(body))
        elif body is None and method not in {"GET", "HEAD"}:
            request.headers["Content-Length"] = "0"
        return self._auth(request)

    def _prepared_template(self) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.prepare(method="GET", url=self.base_url)
        headers = CaseInsensitiveDict(self._http.headers)
        headers["User-Agent"] = f"synapse-sdk/{__version__} {default_user_agent()}"
        headers["Accept"] = "application/json"
        request.headers = cast("CaseInsensitiveDict[str]", headers)
        return request

    def _checked_bundle(self, verify: Any) -> Any:
        # The library looks for the file at the first request, and then raises a bare OSError.
        is_path = isinstance(verify, str) and self.base_url.startswith("https:")
        if is_path and not Path(verify).exists():
            raise ConfigurationError(
                f"There is no certificate bundle {verify}; correct the environment variable "
                "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE."
            )
        return verify

    @staticmethod
    def _pair(timeout: Timeout) -> tuple[float, float]:
        return timeout.connect, timeout.read
