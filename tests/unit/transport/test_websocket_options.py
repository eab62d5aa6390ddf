"""WebSockets go the way that the other requests of a session go."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from websockets.sync.server import ServerConnection, serve

from synapse.config import Secret, Settings
from synapse.errors import ClientError, ConnectionFailed
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.websocket import messages


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `websocket-client` was asked for; it then can't connect."""
    asked: dict[str, Any] = {}

    class Noting:
        def __init__(self, **options: Any) -> None:
            asked.update(options)

        def settimeout(self, seconds: float) -> None:
            asked["timeout"] = seconds

        def connect(self, url: str, **options: Any) -> None:
            asked.update(options, url=url)
            raise OSError("nobody is there")

        def shutdown(self) -> None:
            asked["is_closed"] = True

    monkeypatch.setattr(websocket, "WebSocket", Noting)
    return asked


def attempt(base_url: str, **options: Any) -> None:
    credentials = {"agent_access": Secret("s3cret", "a test")}
    transport = Transport(Settings(base_url, credentials), Options(**options))
    with pytest.raises(ClientError):
        list(messages(transport, "logs/ws/"))
    transport.close()


@pytest.mark.filterwarnings("ignore::UserWarning")  # verify=False warns, as it should
@pytest.mark.parametrize("verify", [None, False, "file", "folder"])
def test_whom_it_trusts(opened: dict[str, Any], verify: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    given = {"file": str(bundle), "folder": str(tmp_path)}.get(verify, verify)

    attempt("https://agent.example.com/", verify=given)

    assert opened["url"] == "wss://agent.example.com/logs/ws/"
    assert (
        opened["sslopt"]
        == {
            None: {"ca_certs": DEFAULT_CA_BUNDLE_PATH},
            False: {"cert_reqs": ssl.CERT_NONE, "check_hostname": False},
            "file": {"ca_certs": str(bundle)},
            "folder": {"ca_cert_path": str(tmp_path)},
        }[verify]
    )


def test_a_certificate_of_its_own(opened: dict[str, Any], tmp_path: Path) -> None:
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    Path(cert).write_text("")
    Path(key).write_text("")

    attempt("https://agent.example.com/", cert=(cert, key))

    assert opened["sslopt"]["certfile"] == cert
    assert opened["sslopt"]["keyfile"] == key


@pytest.mark.filterwarnings("ignore::UserWarning")  # plain http
def test_no_proxy_of_its_own_finding(
    opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt("http://agent.example.com/", proxies={})

    assert opened["http_no_proxy"] == ["*"]
    assert "http_proxy_host" not in opened


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_sessions_proxy(
    opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    proxy = "http://user:p%40ss@proxy.example.com:3128"
    if how == "environment":
        monkeypatch.setenv("http_proxy", proxy)

    attempt("http://agent.example.com/", proxies={"http": proxy} if how == "option" else None)

    assert opened["http_proxy_host"] == "proxy.example.com"
    assert opened["http_proxy_port"] == 3128
    assert opened["http_proxy_auth"] == ("user", "p@ss")
    assert opened["proxy_type"] == "http"


@pytest.fixture
def http_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that notes what it is asked for, and refuses it."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    thread.join(5)
    listener.close()


def test_a_real_proxy_gets_no_credential(http_proxy: tuple[str, list[bytes]]) -> None:
    url, asked = http_proxy

    attempt("http://127.0.0.1:9/", proxies={"http": url})

    assert asked[0].startswith(b"CONNECT 127.0.0.1:9 HTTP/1.1")
    assert b"s3cret" not in asked[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    about = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")
    subprocess.run(
        [*command, *about, "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    return cert, key


@pytest.fixture
def secure(certificate: tuple[str, str]) -> Iterator[tuple[str, list[str]]]:
    """A server of WebSockets over TLS, and what it was given as `Authorization`."""
    given: list[str] = []

    def answer(connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        given.append(request.headers["Authorization"])
        connection.send("hello")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serve(answer, "127.0.0.1", 0, ssl=context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.socket.getsockname()[1]}/", given
        server.shutdown()
        thread.join()


def said(base_url: str, **options: Any) -> list[str | None]:
    transport = Transport(
        Settings(base_url, {"agent_access": Secret("s3cret", "a test")}), Options(**options)
    )
    try:
        return list(messages(transport, "logs/ws/"))
    finally:
        transport.close()


def test_a_server_that_is_trusted(
    secure: tuple[str, list[str]], certificate: tuple[str, str]
) -> None:
    url, given = secure

    assert said(url, verify=certificate[0]) == ["hello"]
    assert given == ["s3cret"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_anybody(secure: tuple[str, list[str]]) -> None:
    assert said(secure[0], verify=False) == ["hello"]


def test_a_server_that_isnt_trusted_gets_no_credential(secure: tuple[str, list[str]]) -> None:
    url, given = secure

    with pytest.raises(ConnectionFailed, match="certificate verify failed"):
        said(url)
    assert given == []
