import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from synapse.emulator.admin_client import send_admin_request
from synapse.emulator.errors import EmulatorError


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = {"path": self.path, "body": json.loads(body), "by": self.headers["Authorization"]}
        self.reply(201, json.dumps(reply).encode())

    def do_DELETE(self) -> None:
        self.reply(204 if self.path == "/good" else 404, b"" if self.path == "/good" else b"gone")

    def reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_request_carries_the_token_and_the_body(url: str) -> None:
    answer = send_admin_request(url, "secret", "POST", "_emulator/tenants/", {"name": "a"})

    assert answer == {"path": "/_emulator/tenants/", "body": {"name": "a"}, "by": "Token secret"}


def test_an_empty_response_is_an_empty_object(url: str) -> None:
    assert send_admin_request(url, "secret", "DELETE", "good") == {}


def test_a_refusal_is_an_error_with_the_answer(url: str) -> None:
    with pytest.raises(EmulatorError, match="answered 404: gone"):
        send_admin_request(url, "secret", "DELETE", "bad")


def test_a_server_that_is_gone(url: str) -> None:
    with pytest.raises(EmulatorError, match="does not answer"):
        send_admin_request("http://127.0.0.1:1", "secret", "DELETE", "good")
