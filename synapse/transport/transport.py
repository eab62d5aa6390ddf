"""The transport: every request of a session goes through here."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import attrs
import requests
from requests.utils import default_headers, default_user_agent

from synapse._internal import log_events
from synapse._internal.cancellation import check_cancelled
from synapse._internal.closing import Closing
from synapse._internal.fork import repair_in_child
from synapse._internal.redaction import guard_logs, hide, redacted
from synapse._version import __version__
from synapse.config import Secret, Settings, Timeout, TimeoutArgument, TokenArgument
from synapse.errors import (
    ClientError,
    ConfigurationError,
    InvalidResponse,
    RequestTimeout,
)
from synapse.transport import decoding
from synapse.transport.attempts import Attempts
from synapse.transport.auth import OriginAuth
from synapse.transport.body import read_lines_from, read_whole
from synapse.transport.connection import Connection
from synapse.transport.deadline_blocks import block_in_force
from synapse.transport.external_hosts import ExternalHosts, file_url, redirect_target
from synapse.transport.options import Event, Options, checked_deadline
from synapse.transport.own_headers import checked_headers
from synapse.transport.request_context import RequestContext
from synapse.transport.request_headers import RequestHeaders
from synapse.transport.request_log import log_answer
from synapse.transport.response import Response
from synapse.transport.retry import Budget
from synapse.transport.socket_deadlines import until
from synapse.transport.urls import (
    is_loopback,
    normalized,
    origin_of,
    path_segment,
    query_string,
    without_query,
)

__all__ = ["Transport"]

_MOST_REDIRECTS = 5

Params = Mapping[str, Any] | Iterable[tuple[str, Any]] | str | None


class Handshake(NamedTuple):
    """Everything that opening a WebSocket needs.

    Attributes:
        request: The prepared request, with credentials.
        verify: A bundle of certificate authorities, a boolean, or `None`.
        cert: The client certificate, if any.
        proxies: Proxies by scheme.
    """

    request: requests.PreparedRequest
    verify: Any
    cert: Any
    proxies: dict[str, str]


class Transport(Closing):
    """One connection pool, used by everything that belongs to one `synapse.Session`.

    Args:
        settings: Address and credentials.
        options: Retries, deadlines, limits, proxies and hooks.

    Attributes:
        missing_ways: Paths of lists, each with a way of paging that the server turned out not to
            offer there: `"keys"` or `"cursor"`.
        has_presigned_uploads: Whether the server's storage takes presigned uploads, once known.

    Raises:
        ConfigurationError: The base URL's host or a certificate bundle can't be used, or the
            server is reached by plain http and `https_only` is set.
    """

    def __init__(self, settings: Settings, options: Options | None = None) -> None:
        self.settings = settings
        self.options = options if options is not None else Options()
        self.base_url = normalized(settings.base_url)
        self._check_scheme()
        guard_logs()
        for secret in settings.credentials.values():
            hide(secret.reveal())
        self._auth = OriginAuth(settings, self.base_url, self.options.headers)
        self._connection = Connection(self.base_url, self.options)
        self._external_hosts = ExternalHosts(self.options)
        self._timeout = self._pair(settings.timeout)
        self._template = self._prepared_template()
        self.missing_ways: set[tuple[str, str]] = set()
        self.has_presigned_uploads: bool | None = None
        self._budget = Budget()
        self._count = 0
        self._counting = threading.Lock()
        repair_in_child(self)

    def for_other_server(self, settings: Settings) -> Transport:
        """Return a transport to another server, such as an agent. Makes no request.

        Args:
            settings: Address and credentials there.
        """
        return Transport(settings, self.options.for_other_server())

    @property
    def request_count(self) -> int:
        """Number of requests sent so far, retries included."""
        return self._count

    @property
    def throttle_count(self) -> int:
        """Number of responses so far by which the server throttled (429)."""
        return self._budget.throttle_count

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
        deadline: float | None = None,
        repeatable: bool = True,
        resource: str | None = None,
        secret: str | None = None,
    ) -> Any:
        """Send one request to the configured server and decode the response.

        Args:
            method: The HTTP method.
            path: A path below the base URL, made of quoted segments.
            params: Query parameters; a string is an encoded query.
            json: A value to send as JSON.
            body: Bytes, or a re-readable iterable of bytes with its `Content-Length` in `headers`.
            headers: Further headers.
            timeout: Seconds to connect and between two reads; by default the session's.
            deadline: Seconds for the call with all its attempts; by default the session's.
            repeatable: Whether the method decides if the request may be sent twice. Otherwise a
                retry happens only when the server certainly didn't process the request.
            resource: Name of the resource, for messages, such as `Project 123`.
            secret: A secret segment of the path, which no message shows.

        Returns:
            The decoded JSON; `None` for 204 (no content). One request, and retries.

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
            deadline=deadline,
            repeatable=repeatable,
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
        deadline: float | None = None,
        repeatable: bool = True,
        resource: str | None = None,
        secret: str | None = None,
    ) -> Response:
        """Send one request and leave the response undecoded. One request, and retries.

        The arguments are those of `request`.

        Raises:
            ClientError: The server couldn't be reached. `Response.json` raises refusals.
            FieldValueError: The value can't be sent as JSON.
            SessionClosed: The session was closed.
        """
        request = self._prepare(method, path, params, json, body, headers)
        seconds = checked_deadline(deadline)
        if (seconds is None and not hasattr(body, "__iter__")) or isinstance(body, bytes):
            seconds = seconds or self.options.deadline
        context = RequestContext(
            request,
            self._pair(Timeout.of(timeout)) if timeout is not None else self._timeout,
            self._shown(request, secret),
            resource,
            hides=secret is not None,
            deadline=seconds,
            path=path,
        )
        attempts = Attempts(context, self.options, self._budget, repeatable=repeatable)
        if self.options.observer is None:
            return self._complete(context, attempts)
        context.is_watched = True
        with self.options.observer.watch_call(context) as call:
            response = self._complete(context, attempts)
            call.answered(response.response.status_code)
            return response

    def _complete(self, context: RequestContext, attempts: Attempts) -> Response:
        """Make attempts until one is final."""
        request = context.request
        is_renewed = False
        while True:
            event = attempts.event() if self.options.has_hooks else None
            if event is not None:
                self._announce(event, context)
            try:
                with until(attempts.until, context.timeout[1]):
                    response = self._send(context, event)
            except ClientError as failure:
                attempts.record_failure(failure)
                if not attempts.should_retry() or not attempts.take_from_budget():
                    raise
            else:
                if not is_renewed and self._renew(response.response, context):
                    is_renewed = True
                    context.request = request = self._auth(request.copy())
                    continue
                attempts.record_response(response)
                if not attempts.should_retry() or not attempts.take_from_budget():
                    return attempts.conclude(response)
            attempts.wait()
            context.request = request.copy()

    def lines(
        self,
        path: str,
        *,
        params: Params = None,
        timeout: TimeoutArgument = None,
        resource: str | None = None,
    ) -> Iterator[str]:
        """Yield a streamed text line by line. One request at the first line, never retried.

        Args:
            path: A path below the base URL, made of quoted segments.
            params: Query parameters.
            timeout: Seconds to connect, and between two pieces.
            resource: Name of the resource, for messages.

        Raises:
            ClientError: The server refused, couldn't be reached, or the stream broke off.
            SessionClosed: The session was closed.
        """
        rest = yield from self.lines_from(
            0, path, params=params, timeout=timeout, resource=resource
        )
        if rest:
            yield rest

    def lines_from(
        self,
        start: int,
        path: str,
        *,
        params: Params = None,
        timeout: TimeoutArgument = None,
        resource: str | None = None,
    ) -> Generator[str, None, str | None]:
        """Yield a streamed text from a line on, for `synapse.transport.line_follower`.

        One request, and another one where the server refuses to begin in the middle.

        Args:
            start: The first line, from 0, requested by `Range: lines=N-`. Where the server ignores
                the header, earlier lines are skipped here.
            path: A path below the base URL, made of quoted segments.
            params: Query parameters.
            timeout: Seconds to connect, and between two pieces.
            resource: Name of the resource, for messages.

        Returns:
            `None` after a complete text. A response with neither a length nor chunks ends like a
            cut connection; then the text after the last line.

        Raises:
            ClientError: The server refused, couldn't be reached, or the stream broke off.
            SessionClosed: The session was closed.
        """
        headers = {"Accept": "text/plain, */*"}
        if start:
            headers["Range"] = f"lines={start}-"
        waits = self._pair(Timeout.of(timeout)) if timeout is not None else self._timeout
        is_renewed = False
        while True:
            request = self._prepare("GET", path, params, None, None, headers)
            context = RequestContext(
                request, waits, None, resource, hides=False, deadline=None, path=path
            )
            with self._answering(context) as response:
                if 200 <= response.status_code < 300:
                    largest = self.options.largest
                    return (yield from read_lines_from(response, start, largest, resource=resource))
                content = read_whole(response, self.options.largest)
                if not is_renewed and self._renew(response, context):
                    is_renewed = True
                    continue
                if response.status_code != 416 or headers.pop("Range", None) is None:
                    self._response(response, content, context).raise_for_status()

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        resource: str | None = None,
    ) -> Iterator[requests.Response]:
        """Open a file's URL and read the bytes in the block. One request, never retried.

        The configured server gets the credentials; other hosts get nothing of the session's. A
        redirect is followed without credentials, by one more request.

        Args:
            url: The URL; a path refers to the configured server.
            headers: Headers for any host.
            resource: Name of the file, for messages.

        Raises:
            UsageError: No file can be fetched from the URL.
            ClientError: The host refused, couldn't be reached, or the stream broke off.
            SessionClosed: The session was closed.
        """
        at = file_url(url, self.base_url)
        given = {"Accept": "*/*", "Accept-Encoding": "identity", **(headers or {})}
        is_own = origin_of(at) == origin_of(self.base_url)
        is_renewed = False
        for _ in range(_MOST_REDIRECTS + 1):
            if is_own:
                request, connection = self._prepare("GET", "", None, None, None, given, at), None
            else:
                request, connection = (
                    ExternalHosts.request(at, given),
                    self._external_hosts.connection(at),
                )
            context = RequestContext(
                request, self._timeout, None, resource, hides=False, deadline=None
            )
            with self._answering(context, connection) as response:
                target = redirect_target(response, at)
                if target is None:
                    if not 200 <= response.status_code < 300:
                        content = read_whole(response, self.options.largest)
                        if is_own and not is_renewed and self._renew(response, context):
                            is_renewed = True
                            continue
                        self._response(response, content, context, is_own=is_own).raise_for_status()
                    yield response
                    return
            at, is_own = target, False
        raise InvalidResponse(
            200, "there are too many redirects", url=context.shown, resource=resource
        )

    def authenticate(self, token: TokenArgument) -> None:
        """Use another token from now on. Makes no request.

        Args:
            token: The token, a function that returns the token, or the path of a file with it. The
                token replaces the API token, or the login token of a transport that has no API
                token.

        Raises:
            ConfigurationError: The text can't be a token, or the source fails.
        """
        credentials = dict(self.settings.credentials)
        is_login = "authorization_token" in credentials and "api_token" not in credentials
        kind = "authorization_token" if is_login else "api_token"
        credentials[kind] = Secret.of(token, "authenticate()")
        hide(credentials[kind].reveal())
        settings = attrs.evolve(self.settings, credentials=credentials)
        self._auth = OriginAuth(settings, self.base_url, self.options.headers)
        self.settings = settings

    def put(
        self, url: str, body: Any, *, headers: Mapping[str, str], resource: str | None = None
    ) -> Mapping[str, str]:
        """PUT a body to a presigned URL. One request, never retried, without credentials.

        Args:
            url: The URL, on any host; the signature in the query is the only credential.
            body: A re-readable iterable of bytes, with its `Content-Length` in `headers`.
            headers: The only headers beside those of HTTP.
            resource: Name of the file, for messages.

        Returns:
            The headers of the response.

        Raises:
            UsageError: No file can be sent to the URL.
            ClientError: The host refused, or couldn't be reached.
            SessionClosed: The session was closed.
        """
        at = file_url(url, self.base_url)
        request = ExternalHosts.request(at, headers, "PUT")
        request.body = body
        request.headers["Content-Length"] = headers["Content-Length"]
        context = RequestContext(request, self._timeout, None, resource, hides=False, deadline=None)
        self._tally(context)
        started = time.perf_counter()
        with self._external_hosts.connection(at).answering(context) as response:
            content = read_whole(response, self.options.largest, resource=resource)
        log_answer(context, response.status_code, started, len(content))
        self._response(response, content, context, is_own=False).raise_for_status()
        return response.headers

    def handshake(self, path: str, params: Params = None) -> Handshake:
        """Return the request and the trust for opening a WebSocket. Makes no request.

        Args:
            path: A path below the base URL, made of quoted segments.
            params: Query parameters.

        Raises:
            SessionClosed: The session was closed.
        """
        self._connection.ensure_open()
        request = self._prepare("GET", path, params, None, None, None)
        return Handshake(request, *self._connection.trust)

    def close(self) -> None:
        """Close every connection. Later requests raise `SessionClosed`."""
        self._connection.close()
        self._external_hosts.close()

    def after_fork(self) -> None:
        """Replace the connections and locks that the parent owns."""
        self._connection.after_fork()
        self._external_hosts.after_fork()
        self._budget.after_fork()
        self._counting = threading.Lock()

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def _send(self, context: RequestContext, event: Event | None) -> Response:
        """Send a prepared request once and read the whole answer.

        Args:
            context: The request.
            event: The attempt as hooks receive it; `None` without hooks.
        """
        self._tally(context)
        started = time.perf_counter()
        try:
            with self._connection.answering(context) as response:
                content = read_whole(response, self.options.largest, resource=context.resource)
        except ClientError as error:
            self._tell(event, context, started, error=error)
            raise
        self._tell(event, context, started, status=response.status_code, size=len(content))
        return self._response(response, content, context)

    @contextmanager
    def _answering(
        self, context: RequestContext, other: Connection | None = None
    ) -> Iterator[requests.Response]:
        """Send a request whose answer is read in the block, with the hooks of the own server.

        For the hooks, the attempt ends when the headers are there.
        """
        if other is not None:
            self._tally(context)
            started = time.perf_counter()
            with other.answering(context) as response:
                log_answer(context, response.status_code, started)
                yield response
            return
        request_id = context.request.headers["X-Request-ID"]
        event = Event(context.request.method or "", context.shown, request_id, 1)
        self._announce(event, context)
        self._tally(context)
        started = time.perf_counter()
        has_begun = False
        try:
            with self._connection.answering(context) as response:
                has_begun = True
                self._tell(event, context, started, status=response.status_code)
                yield response
        except ClientError as error:
            if not has_begun:
                self._tell(event, context, started, error=error)
            raise

    def _renew(self, response: requests.Response, context: RequestContext) -> bool:
        """Return whether a refused request may succeed with other credentials.

        Raises:
            ConfigurationError: The source of a credential fails.
        """
        if response.status_code != 401 or not self._auth.renew(context.request):
            return False
        source = self.settings.source
        log_events.TOKEN_RENEWED.log(
            "The server refused the token; there is another one from %s",
            source,
            source=source,
            **context.describe(),
        )
        return True

    def _response(
        self,
        response: requests.Response,
        content: bytes,
        context: RequestContext,
        *,
        is_own: bool = True,
    ) -> Response:
        settings = self.settings
        secrets = tuple(secret.reveal() for secret in settings.credentials.values())
        source = settings.source if is_own else "the URL alone: another host gets no token"
        return Response(response, content, context, context.resource, source, secrets=secrets)

    def _tally(self, context: RequestContext) -> None:
        """Count a request, unless the block around the call has no time left."""
        check_cancelled()
        self._connection.ensure_open()
        block = block_in_force()
        if block is not None and time.monotonic() >= block.moment:
            raise RequestTimeout(
                408,
                f"nothing was sent: the {block.seconds:g} s of its deadline are over",
                method=context.request.method,
                url=context.shown,
                hint="Give the block more time, or ask for less in it.",
                resource=context.resource,
            )
        with self._counting:
            self._count += 1

    def _announce(self, event: Event, context: RequestContext) -> None:
        """Call the hook before an attempt, and add the headers that the hook asks for.

        Raises:
            ConfigurationError: The headers can't be sent.
        """
        if self.options.on_request is None:
            return
        self._connection.ensure_open()
        self.options.on_request(event)
        if event.headers and self.options.is_configured_server:
            headers = checked_headers(event.headers, is_brief=True)
            self._auth.ensure_no_credential(headers)
            context.request = context.request.copy()  # the next attempt has others
            for name, value in headers.items():
                context.request.headers[name] = value.reveal()

    def _tell(
        self,
        event: Event | None,
        context: RequestContext,
        started: float,
        *,
        status: int | None = None,
        error: ClientError | None = None,
        size: int | None = None,
    ) -> None:
        """Log an answer and call the hook; the outcome stands even if the hook fails."""
        if status is not None:
            log_answer(context, status, started, size)
        if event is None or self.options.on_response is None:
            return
        elapsed = time.perf_counter() - started
        try:
            self.options.on_response(
                attrs.evolve(event, elapsed=elapsed, headers={}, status=status, error=error)
            )
        except Exception:  # the user's function may raise anything
            log_events.HOOK_FAILED.log(
                "on_response failed after %s %s; the request itself isn't affected",
                event.method,
                event.url,
                exc_info=True,
                hook="on_response",
                **context.describe(),
            )

    def _shown(self, request: requests.PreparedRequest, secret: str | None) -> str | None:
        """Return a request's URL for messages if the context can't find out by itself."""
        if not secret:
            return None
        hide(secret)
        shown = redacted(without_query(request.url or ""))
        return shown.replace(path_segment(secret), "***")

    def _prepare(
        self,
        method: str,
        path: str,
        params: Params,
        json: Any,
        body: Any,
        headers: Mapping[str, str] | None,
        url: str | None = None,
    ) -> requests.PreparedRequest:
        """Copy the template request: preparing a request costs as much as sending one."""
        request = self._template.copy()
        request.method = method
        query = query_string(params)
        host = self.settings.url_host
        # The link to a next page may repeat it.
        if host and "url_host=" not in query:
            query = "&".join(filter(None, (query, query_string({"url_host": host}))))
        request.url = url or f"{self.base_url}{path}{f'?{query}' if query else ''}"
        if json is not None:
            body = decoding.dumps(json)
            request.headers["Content-Type"] = "application/json"
        if body is not None:
            request.body = body
        if headers:
            request.headers.update(headers)
        if isinstance(body, bytes):
            request.headers["Content-Length"] = str(len(body))
        elif body is None and method not in {"GET", "HEAD"}:
            request.headers["Content-Length"] = "0"
        request.headers["X-Request-ID"] = os.urandom(16).hex()
        return self._auth(request)

    def _prepared_template(self) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.prepare(method="GET", url=self.base_url)
        # A session keeps no cookies, and an empty jar would be copied for each request.
        request._cookies = None  # type: ignore[attr-defined] # the stubs leave it out
        headers = RequestHeaders(default_headers())
        headers["User-Agent"] = f"synapse-sdk/{__version__} {default_user_agent()}"
        headers["Accept"] = "application/json"
        request.headers = headers
        return request

    def _check_scheme(self) -> None:
        """Refuse or warn of credentials that go over a network where anybody can read them."""
        parts = urlsplit(self.base_url)
        if parts.scheme == "https" or is_loopback(parts.hostname or ""):
            return
        if self.options.https_only:
            raise ConfigurationError(
                f"{self.base_url} is plain http, which this session refuses (https_only)."
            )
        if self.settings.credentials:
            warnings.warn(
                f"{self.base_url} is plain http: whoever can listen on the way reads the token. "
                "Use https://.",
                stacklevel=4,
            )

    @staticmethod
    def _pair(timeout: Timeout) -> tuple[float, float]:
        return timeout.connect, timeout.read
