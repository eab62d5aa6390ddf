"""The connection pool: send one attempt, and turn its failures into errors."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from synapse._internal.redaction import forget_locals, redacted, walk_chain
from synapse.errors import ConfigurationError, SessionClosed
from synapse.transport.options import Options
from synapse.transport.request_context import RequestContext
from synapse.transport.request_log import log_failure
from synapse.transport.socket_deadlines import DeadlineAdapter
from synapse.transport.urls import is_loopback

__all__ = ["Connection"]

# More threads than this make a connection for each request of theirs.
_POOL_SIZE = 128


class _NoRedirects(requests.Session):
    """A `requests` session that ignores redirects.

    Even with `allow_redirects=False` the library prepares the request that would follow, reads the
    body for that, and fails at a `Location` that isn't a URL.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return `None`: no redirect is followed."""

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Return nothing: redirects aren't followed, and the library would parse the URL first."""
        return iter(())


class Connection:
    """One `requests.Session`, shared by threads and rebuilt after a fork.

    The environment's proxies and certificate bundle are read once: `requests` reads the whole
    environment for every request, which costs more than the request's own work. That also switches
    off the `.netrc` look-up, which replaces credentials. This machine is reached without the
    environment's proxies.

    Args:
        base_url: The server's address.
        options: Proxies, certificates and so on.

    Raises:
        ConfigurationError: The certificate bundle can't be used.
    """

    def __init__(self, base_url: str, options: Options) -> None:
        self._closed = False
        self._observer = options.observer
        self._is_own = options.is_configured_server
        self.http = self._pool()
        environment = self.http.merge_environment_settings(
            base_url, {}, stream=True, verify=None, cert=None
        )
        self.http.trust_env = False
        verify, source = options.verify, "the argument verify"
        if verify is None:
            verify, source = _trust_of_the_environment(environment["verify"])
        self._verify = _checked_bundle(verify, base_url, source)
        self._cert = _checked_cert(options.cert, base_url)
        if options.proxies is not None:
            self._proxies = dict(options.proxies)
        elif is_loopback(urlsplit(base_url).hostname or ""):
            self._proxies = {}  # another machine's proxy would get the token, and find itself
        else:
            proxy = select_proxy(base_url, get_environ_proxies(base_url))
            self._proxies = {urlsplit(base_url).scheme: proxy} if proxy else {}

    @property
    def trust(self) -> tuple[Any, Any, dict[str, str]]:
        """The certificates to trust, the client certificate, and the proxies."""
        return self._verify, self._cert, self._proxies

    def ensure_open(self) -> None:
        """Check that requests can be sent.

        Raises:
            SessionClosed: They can't any more.
        """
        if self._closed:
            raise SessionClosed("This session was closed; make a new one with synapse.connect().")

    @contextmanager
    def answering(self, context: RequestContext) -> Iterator[requests.Response]:
        """Send a request; whatever breaks until the block ends becomes a `ClientError`."""
        outer = sys.exc_info()[1]
        started = time.perf_counter()
        watch = None
        if self._observer is not None:
            watch = self._observer.watch_attempt(context, is_own=self._is_own)
            context.request.headers.update(watch.headers)
        try:
            with watch.sending() if watch is not None else nullcontext():
                response = self.http.send(
                    context.request,
                    timeout=context.timeout,
                    verify=self._verify,
                    cert=self._cert,
                    proxies=self._proxies,
                    stream=True,
                    allow_redirects=False,
                )
            with response:
                if watch is not None:
                    watch.answered(response.status_code)
                yield response
        except (requests.RequestException, HTTPError) as error:
            log_failure(context, started, error)
            from synapse.transport import error_mapping  # a script that never fails never loads it

            # The request inside the library's exception has the credentials, and so have the
            # variables in the traceback, which some tools show.
            _forget_headers(error)
            _forget_details(error, outer)
            failure = error_mapping.from_exception(
                error,
                method=context.request.method or "",
                url=context.shown,
                resource=context.resource,
                timeout=context.timeout,
                deadline=context.deadline,
            )
            failure.request_id = context.request.headers.get("X-Request-ID")
            raise failure from (None if context.hides else error)
        except BaseException as error:  # from a signal handler, or from the block
            forget_locals(error, outer)
            raise
        finally:
            if watch is not None:
                raised = sys.exc_info()[1]
                watch.end(None if raised is outer else raised)

    def close(self) -> None:
        """Close every connection, for good."""
        self._closed = True
        self.http.close()

    def after_fork(self) -> None:
        """Leave the parent's connections to the parent: two processes can't share one."""
        self.http = self._pool()
        self.http.trust_env = False

    @staticmethod
    def _pool() -> requests.Session:
        http = _NoRedirects()
        # A session has no use for cookies, and a server could fill the memory with them.
        http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=_POOL_SIZE)
        http.mount("http://", adapter)
        http.mount("https://", adapter)
        return http


def _forget_headers(error: requests.RequestException | HTTPError) -> None:
    """Remove the credentials from an error; the request that is sent again keeps them."""
    request = getattr(error, "request", None)
    if isinstance(request, requests.PreparedRequest):
        bare = request.copy()
        bare.headers = CaseInsensitiveDict()
        error.request = bare  # type: ignore[union-attr] # of the two, only the first has one


def _forget_details(error: BaseException | None, outer: BaseException | None) -> None:
    """Drop tracebacks and quoted secrets, up to the error that the caller was handling."""
    for one in walk_chain(error, outer):
        one.__traceback__ = None
        # A status line from the server, or a proxy's address with a password.
        one.args = tuple(redacted(x) if isinstance(x, str) else x for x in one.args)
        for name, value in list(vars(one).items()):
            if isinstance(value, str):
                setattr(one, name, redacted(value))
        for part in one.args:
            if isinstance(part, BaseException):
                _forget_details(part, outer)


def _checked_cert(cert: Any, base_url: str) -> Any:
    if base_url.startswith("https:"):
        for path in (cert,) if isinstance(cert, str) else cert or ():
            if not Path(path).is_file():
                raise ConfigurationError(
                    f"The client certificate {path} does not exist. Correct cert."
                )
    return cert


def _trust_of_the_environment(found: bool | str | None) -> tuple[bool | str | None, str]:
    """Return the bundle that `requests` or OpenSSL finds in the environment, and its variable."""
    if isinstance(found, str):
        return found, "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
    if file := os.environ.get("SSL_CERT_FILE"):
        return file, "SSL_CERT_FILE"
    folder = os.environ.get("SSL_CERT_DIR", "")
    # OpenSSL takes a list of folders, too, and ignores missing ones.
    return (folder if Path(folder).is_dir() and folder else found), "SSL_CERT_DIR"


def _checked_bundle(verify: Any, base_url: str, source: str) -> Any:
    # The library looks for the file at the first request, and then raises a bare OSError.
    is_path = isinstance(verify, str) and base_url.startswith("https:")
    if is_path and not Path(verify).exists():
        raise ConfigurationError(
            f"The certificate bundle {verify} does not exist. Correct {source}."
        )
    return verify
