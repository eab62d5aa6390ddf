"""The agent's process: what it says to the backend, what stops it, why it does not start."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests

from synapse.agent import service
from synapse.agent.service import AgentOptions, serve
from synapse.agent.store import Store
from synapse.errors import AuthenticationError, ConfigurationError

TOKEN = "tok-5up3r-s3cret"


def make_options(server: Any, folder: Path, **options: Any) -> AgentOptions:
    """Return the options of an agent of the scripted server, on a free port."""
    required = {"backend": server.url, "token": TOKEN, "name": "A", "port": 0, "data": folder}
    return AgentOptions(**{**required, **options})


def serve_once(options: AgentOptions, number: int = signal.SIGTERM) -> tuple[str, dict[str, Any]]:
    """Run an agent, ask for its health, and stop it; return the address and the health."""
    answers = []

    def stop(url: str) -> None:
        try:
            answers.append((url, requests.get(f"{url}/health/", timeout=5).json()))
        finally:
            os.kill(os.getpid(), number)

    serve(options, stop)
    (answer,) = answers
    return answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_a_signal(server: Any, tmp_path: Path, number: signal.Signals) -> None:
    for _ in range(2):
        server.reply(200, {"id": 5, "url": None})
    handler = signal.getsignal(number)

    url, health = serve_once(make_options(server, tmp_path), number)

    assert (health["status"], health["runner"], health["connected"]) == ("ok", "local", True)
    assert signal.getsignal(number) is handler
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/health/", timeout=5)


def test_backend_gets_the_address_once_the_agent_listens(server: Any, tmp_path: Path) -> None:
    for _ in range(2):
        server.reply(200, {"id": 5, "url": None})

    url, _ = serve_once(make_options(server, tmp_path))

    assert [json.loads(request.body) for request in server.requests] == [
        {"name": "A"},
        {"name": "A", "url": url},
    ]


def test_given_address_is_the_agents(server: Any, tmp_path: Path) -> None:
    # Another name of this machine, which the agent does not find by itself.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for _ in range(2):
        server.reply(200, {"id": 5, "url": None})

    url, _ = serve_once(make_options(server, tmp_path, port=port, url=f"http://localhost:{port}"))

    assert url == f"http://localhost:{port}"


def test_agent_waits_for_a_backend_that_is_away(
    server: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply(503, {"detail": "starting"})
    server.reply(200, {"id": 5, "url": None})

    _, health = serve_once(make_options(server, tmp_path))

    assert health["connected"]
    messages = [record.message for record in caplog.records if record.name == "synapse.agent"]
    assert messages[0].startswith("The backend can't be reached; trying again: ")
    assert "The backend is back." in messages


@pytest.mark.parametrize("status", [401, 403, 404])
def test_unknown_token_ends_the_agent(server: Any, tmp_path: Path, status: int) -> None:
    server.reply(status, {"detail": "No."})

    with pytest.raises(AuthenticationError, match="knows no agent with this token") as caught:
        serve(make_options(server, tmp_path))

    assert TOKEN not in str(caught.value)
    Store(tmp_path).close()  # the folder is free again


def test_taken_port_is_reported_before_a_request(server: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="choose another port"):
        serve(make_options(server, tmp_path, port=server.port))

    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"host": "127.0.0.1.1"}, "is not an address to listen on"),
        ({"host": "a" * 70}, "is not an address to listen on"),
        ({"url": "127.0.0.1:8100"}, "must begin with http://"),
        ({"runner": "lokal"}, "Runner 'lokal' does not exist"),
        ({"token": "two\nlines"}, "the agent's token"),
    ],
)
def test_malformed_option_is_reported_before_a_request(
    server: Any, tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        serve(make_options(server, tmp_path, **options))

    assert server.requests == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8100"),
        ("::1", "http://[::1]:8100"),
        ("0.0.0.0", f"http://{socket.gethostname()}:8100"),
        ("::", f"http://{socket.gethostname()}:8100"),
    ],
)
def test_address_for_others(host: str, url: str) -> None:
    assert service._url_of(host, 8100) == url


def test_options_show_no_token(tmp_path: Path) -> None:
    options = AgentOptions(
        backend="http://127.0.0.1:1", token=TOKEN, data=tmp_path, ray_token=f"ray-{TOKEN}"
    )

    assert TOKEN not in repr(options)


@pytest.mark.parametrize("sent", [b"", b"GET /health/ HT", b"\r\n"])
def test_connection_without_a_request_is_closed(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(service, "_FIRST_REQUEST", 0.2)
    for _ in range(2):
        server.reply(200, {"id": 5, "url": None})
    received = []

    def stop(url: str) -> None:
        try:
            address = ("127.0.0.1", int(url.rpartition(":")[2]))
            with socket.create_connection(address, timeout=30) as connection:
                connection.sendall(sent)
                while block := connection.recv(1000):
                    received.append(block)
            received.append(b"the end")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    serve(make_options(server, tmp_path), stop)
    # An empty line is refused by one of the parsers that the server may have.
    assert received.pop() == b"the end"
    assert b"".join(received)[:12] in (b"", b"HTTP/1.1 400")


def test_connection_with_a_request_stays(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FIRST_REQUEST", 0.2)
    for _ in range(2):
        server.reply(200, {"id": 5, "url": None})
    statuses = []

    def stop(url: str) -> None:
        try:
            address = ("127.0.0.1", int(url.rpartition(":")[2]))
            with (
                closing(HTTPConnection(*address, timeout=30)) as connection,
                socket.create_connection(address, timeout=30) as stranger,
            ):
                for _ in range(2):
                    connection.request("GET", "/health/")
                    used = connection.sock
                    response = connection.getresponse()
                    response.read()
                    statuses.append((response.status, connection.sock is used))
                    stranger.recv(1)  # until the stranger is dropped
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    serve(make_options(server, tmp_path), stop)
    assert statuses == [(200, True)] * 2
