"""Messages of a WebSocket: by `websocket-client`, with the transport's address and credentials."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from synapse._internal.redaction import redacted, without
from synapse.config import Timeout
from synapse.errors import ClientError, ConnectionFailed, MissingExtra, RequestTimeout
from synapse.transport.urls import without_query

if TYPE_CHECKING:
    from synapse.transport.transport import Handshake, Transport

__all__ = ["can_be_used", "messages"]

_NORMAL = 1000


def can_be_used() -> bool:
    """Return whether `websocket-client` is installed."""
    try:
        import websocket
    except ImportError:
        return False
    return hasattr(websocket, "create_connection")


def messages(
    transport: Transport,
    path: str,
    *,
    params: Mapping[str, Any] | None = None,
    timeout: Timeout | None = None,
    resource: str | None = None,
    on_open: Callable[[Mapping[str, str]], object] | None = None,
) -> Iterator[str | None]:
    """Yield a WebSocket's text messages until its normal end. One request.

    Nothing is retried, and no redirect is followed.

    Args:
        transport: Transport with the server's address and credentials.
        path: A path below the base URL, made of quoted segments.
        params: Query parameters.
        timeout: Seconds to connect, and of silence after which `None` is yielded; by default the
            session's. The connection stays usable.
        resource: Name of the log, for messages.
        on_open: Called with the response's headers, in lower case, before the first message.

    Raises:
        MissingExtra: `websocket-client` isn't installed.
        ClientError: The server refused, or couldn't be reached.
        ConnectionFailed: The connection broke, or was closed with another code than 1000.
        SessionClosed: The session was closed.
    """
    try:
        import websocket
    except ImportError:
        raise MissingExtra("A WebSocket", "websocket") from None
    waits = timeout if timeout is not None else transport.settings.timeout
    handshake = transport.handshake(path, params)
    request = handshake.request
    shown = without_query(request.url or "")
    about: dict[str, Any] = {"method": "GET", "url": shown, "resource": resource}
    socket: Any = websocket.WebSocket(
        sslopt=_trust(handshake) if (request.url or "").startswith("https:") else None,
        skip_utf8_validation=True,
    )
    try:
        socket.settimeout(waits.connect)
        socket.connect(
            (request.url or "").replace("http", "ws", 1),
            header=[f"{name}: {request.headers[name]}" for name in _sent(request.headers)],
            suppress_origin=True,
            redirect_limit=0,
            **_proxy(handshake.proxies, request.url or "", waits.connect),
        )
        socket.settimeout(waits.read)
        if on_open is not None:
            on_open(socket.getheaders())
        while True:
            try:
                opcode, data = socket.recv_data()
            except websocket.WebSocketTimeoutException:
                yield None
                continue
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 0
                if code == _NORMAL:
                    return
                why = f"code {code or 'none'} {data[2:].decode('utf-8', 'replace')}".rstrip()
                raise ConnectionFailed(503, f"the WebSocket was closed with {why}", **about)
            yield data.decode("utf-8", "replace")
    except websocket.WebSocketBadStatusException as error:
        raise _refused(error, request, transport, shown, resource) from None
    except websocket.WebSocketTimeoutException:
        raise RequestTimeout(
            408, f"no answer within {waits.connect:g} s", hint="Try again.", **about
        ) from None
    except (websocket.WebSocketException, OSError) as error:
        detail = redacted(f"the WebSocket broke: {str(error) or type(error).__name__}")
        failure = ConnectionFailed(503, detail, hint="Check base_url and the network.", **about)
        failure.was_sent = not isinstance(error, ConnectionRefusedError)
        raise failure from None
    finally:
        with contextlib.suppress(websocket.WebSocketException, OSError):
            socket.shutdown()


def _trust(handshake: Handshake) -> dict[str, Any]:
    """Return whom to trust, and which certificate to show, as the other requests do."""
    import ssl

    verify, cert = handshake.verify, handshake.cert
    options: dict[str, Any] = {}
    if verify is False:
        options.update(cert_reqs=ssl.CERT_NONE, check_hostname=False)
    elif isinstance(verify, str):
        # A folder of certificates is another option than a file of them.
        options["ca_cert_path" if Path(verify).is_dir() else "ca_certs"] = verify
    else:
        options["ca_certs"] = DEFAULT_CA_BUNDLE_PATH
    if isinstance(cert, str):
        options["certfile"] = cert
    elif cert:
        options["certfile"], options["keyfile"] = cert
    return options


def _proxy(proxies: Mapping[str, str], url: str, timeout: float) -> dict[str, Any]:
    """Return the proxy that the other requests go by, and nothing of the environment's own."""
    chosen = select_proxy(url, proxies)
    if not chosen:
        return {"http_no_proxy": ["*"]}
    parts = urlsplit(chosen if "//" in chosen else f"http://{chosen}")
    options: dict[str, Any] = {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port or {"https": 443, "http": 80}.get(parts.scheme, 1080),
        "proxy_type": parts.scheme if parts.scheme.startswith("socks") else "http",
        "http_proxy_timeout": timeout,
        # Without a list, the library uses a default list that excludes this machine.
        "http_no_proxy": ["-"],
    }
    if parts.username is not None:
        options["http_proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    return options


def _sent(headers: Mapping[str, str]) -> list[str]:
    """Name the headers that go with a handshake; the library makes the others."""
    others = {"connection", "accept", "accept-encoding", "content-length"}
    return [name for name in headers if name.lower() not in others]


def _refused(
    error: Any,
    request: requests.PreparedRequest,
    transport: Transport,
    shown: str,
    resource: str | None,
) -> ClientError:
    from synapse.transport import error_mapping

    response = requests.Response()
    response.status_code = error.status_code
    response.reason = str(error.status_code)
    response.headers = CaseInsensitiveDict(error.resp_headers or {})
    response.request = request
    settings = transport.settings
    body = without(
        error.resp_body or b"", [secret.reveal() for secret in settings.credentials.values()]
    )
    return error_mapping.from_response(
        response, body, url=shown, resource=resource, credentials=settings.source
    )
