"""Messages of a WebSocket: how they come, end, break off and are refused."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from synapse import errors
from synapse.config import Secret, Settings, Timeout
from synapse.transport import Transport
from synapse.transport.websocket import can_be_used, messages

Handle = Callable[[ServerConnection], None]


class Server:
    """A WebSocket server whose behaviour a test decides."""

    def __init__(self) -> None:
        self.handle: Handle = lambda connection: None
        self.refuse: Callable[[ServerConnection, Any], Any] = lambda connection, request: None
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []

        def process(connection: ServerConnection, request: Any) -> Any:
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            self.paths.append(request.path)
            return self.refuse(connection, request)

        self._server = serve(
            lambda connection: self.handle(connection),
            "127.0.0.1",
            0,
            process_request=process,
            compression=None,
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def transport_to(url: str, **credentials: str) -> Transport:
    secrets = {kind: Secret(value, "the test") for kind, value in credentials.items()}
    return Transport(Settings(base_url=url, credentials=secrets, timeout=Timeout(2, 2)))


def test_messages_in_order(server: Server) -> None:
    def handle(connection: ServerConnection) -> None:
        for text in ("one", "zwei ü", ""):
            connection.send(text)

    server.handle = handle
    transport = transport_to(server.url, ray_token="the-clusters-token")

    found = list(messages(transport, "api/tail", params={"from": 3}))

    assert found == ["one", "zwei ü", ""]
    assert server.paths == ["/api/tail?from=3"]
    assert server.headers[0]["authorization"] == "Bearer the-clusters-token"
    assert "x-request-id" in server.headers[0]


def test_silence(server: Server) -> None:
    gate = threading.Event()

    def handle(connection: ServerConnection) -> None:
        gate.wait(5)
        connection.send("late")

    server.handle = handle
    opened = messages(transport_to(server.url), "tail", timeout=Timeout(2, 0.05))

    assert next(opened) is None
    gate.set()
    assert [one for one in opened if one is not None] == ["late"]


def test_closed_with_another_code(server: Server) -> None:
    server.handle = lambda connection: connection.close(1011, "the worker died")

    with pytest.raises(errors.ConnectionFailed, match="code 1011 the worker died") as caught:
        list(messages(transport_to(server.url), "tail", resource="job 1"))

    assert caught.value.resource == "job 1"


def test_cut(server: Server) -> None:
    def handle(connection: ServerConnection) -> None:
        connection.send("one")
        connection.socket.shutdown(socket.SHUT_RDWR)

    server.handle = handle
    opened = messages(transport_to(server.url), "tail")
    assert next(opened) == "one"

    with pytest.raises(errors.ConnectionFailed, match="the WebSocket broke") as caught:
        next(opened)

    assert caught.value.was_sent


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.AuthenticationError),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (502, errors.ServerError),
    ],
)
def test_refused(server: Server, status: int, kind: type[errors.ClientError]) -> None:
    server.refuse = lambda connection, request: connection.respond(
        HTTPStatus(status), f"Not for {request.headers['Authorization']}"
    )
    transport = transport_to(server.url, ray_token="the-clusters-token")

    with pytest.raises(kind, match="Not for") as caught:
        next(messages(transport, "tail"))

    assert caught.value.status_code == status
    assert "the-clusters-token" not in f"{caught.value} {vars(caught.value)}"


def test_redirect_is_not_followed(server: Server) -> None:
    def refuse(connection: ServerConnection, request: Any) -> Any:
        answer = connection.respond(HTTPStatus.FOUND, "elsewhere")
        answer.headers["Location"] = f"{server.url}other"
        return answer

    server.refuse = refuse

    with pytest.raises(errors.ClientError):
        next(messages(transport_to(server.url), "tail"))

    assert server.paths == ["/tail"]


def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        transport = transport_to(f"http://127.0.0.1:{bound.getsockname()[1]}/")

        with pytest.raises(errors.ConnectionFailed) as caught:
            next(messages(transport, "tail"))

    assert not caught.value.was_sent


def test_no_answer_to_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = transport_to(f"http://127.0.0.1:{silent.getsockname()[1]}/")

        with pytest.raises(errors.RequestTimeout, match=r"within 0\.1 s"):
            next(messages(transport, "tail", timeout=Timeout(0.1, 0.1)))


def test_closed_session(server: Server) -> None:
    transport = transport_to(server.url)
    transport.close()

    with pytest.raises(errors.SessionClosed):
        next(messages(transport, "tail"))


def test_missing_library(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_be_used()
    monkeypatch.setitem(sys.modules, "websocket", None)

    assert not can_be_used()
    with pytest.raises(errors.MissingExtra, match=r"pip install .*\[websocket\]"):
        next(messages(transport_to(server.url), "tail"))
