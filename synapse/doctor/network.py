"""Checks of the connection to the server: proxy, DNS, TCP, TLS and clocks."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import certifi
from requests.utils import select_proxy
from urllib3.util import make_headers
from urllib3.util.ssl_ import create_urllib3_context

from synapse._internal.server_url import DEFAULT_PORTS
from synapse.doctor.examination import Examination
from synapse.doctor.report import Finding, failed, ok, skipped, warning
from synapse.transport.urls import is_loopback

__all__ = ["check_clock", "check_connection", "check_dns", "check_proxy", "check_tls"]

_SECONDS = 4.0
_PROXY_PORTS = {**DEFAULT_PORTS, "socks": 1080}
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_FEW_DAYS = 14
# Tokens and presigned URLs are good for minutes; a response may have been on its way for seconds.
_SMALL_SKEW = 60
_LARGE_SKEW = 300
# Numbers of OpenSSL's verification errors.
_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_NAME = (62, 64)


class _Way(NamedTuple):
    """The server and the proxy before it, if any.

    Attributes:
        url: The server's address.
        host: The server's host.
        port: The server's port.
        proxy: The proxy's address, if any.
        verify: A bundle of certificate authorities, a boolean, or `None`.
        cert: The client certificate, if any.
    """

    url: SplitResult
    host: str
    port: int
    proxy: SplitResult | None
    verify: Any
    cert: Any

    @property
    def first(self) -> tuple[str, int]:
        """Host and port of the first connection: the proxy's, or the server's."""
        if self.proxy is None:
            return self.host, self.port
        scheme = "socks" if self.proxy.scheme.startswith("socks") else self.proxy.scheme
        return self.proxy.hostname or "", self.proxy.port or _PROXY_PORTS.get(scheme, 80)


def _find_way(examination: Examination) -> _Way:
    transport = examination.transport
    trust = transport.handshake("")
    url = urlsplit(transport.base_url)
    proxy = select_proxy(transport.base_url, trust.proxies)
    if proxy is not None and "://" not in proxy:
        proxy = f"http://{proxy}"
    port = url.port or DEFAULT_PORTS[url.scheme]
    parts = urlsplit(proxy) if proxy is not None else None
    return _Way(url, url.hostname or "", port, parts, trust.verify, trust.cert)


def check_proxy(examination: Examination) -> Iterator[Finding]:
    """Yield the proxy that applies to the server, and the variables that name proxies."""
    way = _find_way(examination)
    present = [name for name in _PROXY_VARIABLES if _read_variable(name)]
    if way.proxy is not None:
        source = "proxies=" if examination.transport.options.proxies else ", ".join(present)
        yield ok(f"{way.proxy.geturl()}, from {source}.")
    elif present:
        reason = "NO_PROXY excludes the host"
        if is_loopback(way.host):
            reason = "this machine is reached directly"
        elif "NO_PROXY" not in present:
            reason = f"none is for {way.url.scheme}"
        yield ok(f"None for {way.host}: {', '.join(present)} set; {reason}.")
    else:
        yield ok("None.")


def _read_variable(name: str) -> str | None:
    return os.environ.get(name.lower()) or os.environ.get(name)


def check_dns(examination: Examination) -> Iterator[Finding]:
    """Yield the addresses of the server's host, or of the proxy's."""
    way = _find_way(examination)
    host, port = way.first
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        about = "the proxy" if way.proxy is not None else "base_url"
        yield failed(
            f"{host} has no address: {error}.",
            f"Check the spelling in {about}, and that this machine has a network (or VPN) and DNS.",
        )
        return
    addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
    yield ok(f"{host} is {', '.join(addresses[:4])}.")


def check_connection(examination: Examination) -> Iterator[Finding]:
    """Yield whether the server, or the proxy, takes connections."""
    way = _find_way(examination)
    host, port = way.first
    about = "the proxy" if way.proxy is not None else "the server"
    started = time.perf_counter()
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            pass
    except ConnectionRefusedError:
        yield failed(
            f"{host}:{port} refused the connection.",
            f"Check that {about} runs, and the port in its address.",
        )
    except TimeoutError:
        yield failed(
            f"{host}:{port} didn't answer within {_SECONDS:g} s.",
            f"Check the address of {about}, the firewall and the VPN.",
        )
    except OSError as error:
        yield failed(f"No connection to {host}:{port}: {error}.", "Check the network and the VPN.")
    else:
        yield ok(f"{about} takes connections, in {(time.perf_counter() - started) * 1000:.0f} ms.")


# -- TLS -----------------------------------------------------------------------------------------


def check_tls(examination: Examination) -> Iterator[Finding]:
    """Yield the result of a TLS handshake, and the expiry of the server's certificate."""
    way = _find_way(examination)
    if way.url.scheme != "https":
        if is_loopback(way.host):
            yield skipped("Plain http, to this machine.")
        else:
            yield warning(
                "Plain http: everyone on the way can read the token.",
                "Use the server's https:// address; https_only=True refuses plain http.",
            )
        return
    if way.proxy is not None and way.proxy.scheme != "http":
        yield skipped(f"Behind a {way.proxy.scheme} proxy; the next check sends a request.")
        return
    bundle = way.verify if isinstance(way.verify, str) else certifi.where()
    try:
        with (
            closing(_connect(way)) as raw,
            _make_context(way, bundle).wrap_socket(raw, server_hostname=way.host) as secure,
        ):
            version, certificate = secure.version(), secure.getpeercert()
    except ssl.SSLCertVerificationError as error:
        yield failed(
            f"The server's certificate isn't trusted: {error.verify_message} (CA bundle {bundle}).",
            _cure_of(error, way.host),
        )
    except ssl.SSLError as error:
        yield failed(
            f"The TLS handshake failed: {error.reason or error}.",
            "Check that the port of base_url speaks TLS; a proxy or firewall may cut TLS.",
        )
    except TimeoutError:
        about = "The proxy" if way.proxy is not None else "The server"
        yield failed(
            f"{about} took the connection and didn't answer within {_SECONDS:g} s.",
            f"Check {about.lower()} and its address; NO_PROXY excludes a host from proxies.",
        )
    except (OSError, HTTPException) as error:
        yield failed(f"The TLS connection failed: {error}.", "Check base_url and the proxy.")
    else:
        yield _judge_certificate(certificate or {}, version or "TLS", way, bundle)


def _connect(way: _Way) -> socket.socket:
    """Return a connection to the server, through the proxy if any."""
    host, port = way.first
    if way.proxy is None:
        return socket.create_connection((host, port), timeout=_SECONDS)
    headers: dict[str, str] = {}
    if way.proxy.username is not None:
        user = f"{way.proxy.username}:{way.proxy.password or ''}"
        headers = {str(k): str(v) for k, v in make_headers(proxy_basic_auth=user).items()}
    connection = HTTPConnection(host, port, timeout=_SECONDS)
    connection.set_tunnel(way.host, way.port, headers)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection.sock


def _make_context(way: _Way, bundle: str) -> ssl.SSLContext:
    """Return a context that trusts the same authorities as requests do."""
    if way.verify is False:
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        context.check_hostname = False
    else:
        context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
        context.check_hostname = True
        is_folder = Path(bundle).is_dir()
        context.load_verify_locations(
            cafile=None if is_folder else bundle, capath=bundle if is_folder else None
        )
    if way.cert is not None:
        context.load_cert_chain(*([way.cert] if isinstance(way.cert, str) else way.cert))
    return context


def _cure_of(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code == _EXPIRED:
        return "The server's administrators must renew the certificate. Check this machine's clock."
    if error.verify_code == _NOT_YET_VALID:
        return "Set this machine's clock; the certificate isn't valid yet."
    if error.verify_code in _WRONG_NAME:
        return f"Use a name of the certificate in base_url; {host} is none of them."
    return (
        "For a private authority, set REQUESTS_CA_BUNDLE or SSL_CERT_FILE to its certificate, or "
        "pass verify=."
    )


def _judge_certificate(certificate: Any, version: str, way: _Way, bundle: str) -> Finding:
    if way.verify is False:
        return warning(
            f"{version}; verify=False trusts every server.",
            "Pass the bundle of the authority as verify= instead.",
        )
    until = ssl.cert_time_to_seconds(certificate["notAfter"])
    days = int((until - time.time()) // 86_400)
    issuer = dict(pair for part in certificate.get("issuer", ()) for pair in part)
    name = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    date = time.strftime("%Y-%m-%d", time.gmtime(until))
    text = f"{version}, certificate of {name}, valid until {date} ({days} days), CA bundle {bundle}"
    if days < _FEW_DAYS:
        return warning(f"{text}.", "The server's administrators should renew the certificate.")
    return ok(f"{text}.")


# -- Clock ---------------------------------------------------------------------------------------


def check_clock(examination: Examination) -> Iterator[Finding]:
    """Yield the difference between this machine's clock and the `Date` of the server."""
    response = examination.response
    text = response.response.headers.get("Date") if response is not None else None
    if text is None:
        yield skipped("The server sends no Date.")
        return
    try:
        skew = examination.received - parsedate_to_datetime(text).timestamp()
    except ValueError:
        yield skipped("The server's Date can't be read.")
        return
    if abs(skew) < _SMALL_SKEW:
        yield ok(f"Within {_SMALL_SKEW} s of the server's.")
        return
    side = "ahead of" if skew > 0 else "behind"
    found = f"This machine's clock is {_show_span(abs(skew))} {side} the server's."
    cure = (
        "Synchronise the clocks of this machine (timedatectl set-ntp true) or of the server: "
        "tokens and presigned URLs expire at wrong times."
    )
    yield failed(found, cure) if abs(skew) >= _LARGE_SKEW else warning(found, cure)


def _show_span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
