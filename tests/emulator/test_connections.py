"""Many connections, idle ones, and the bodies of strangers."""

import concurrent.futures
import contextlib
import http.client
import socket
import threading

import pytest

from synapse._internal.open_files import allow_open_files
from synapse.emulator import connections
from synapse.emulator.connections import build_server

from .client import Api

resource = pytest.importorskip("resource", reason="Windows has no limits of open files")


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allow_open_files(4096) < 3000:
        pytest.skip(f"this process may open {before[0]} files only")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def opened(emulator, many_files):
    """Open connections to the backend."""
    host, _, port = emulator.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as stack:
        yield lambda count: [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            for _ in range(count)
        ]


# Through the backend


def test_thousands_of_idle_connections_hinder_nobody(api, opened):
    opened(2000)
    with connect_again(api) as fresh:
        assert fresh.get("users/me/").status_code == 200


@contextlib.contextmanager
def connect_again(api):
    fresh = Api(api.url, dict(api.http.headers))
    with fresh.http:
        yield fresh


def test_hundreds_of_threads_each_keep_a_connection(api):
    ready = threading.Barrier(150)

    def ask(_):
        with connect_again(api) as fresh:
            first = fresh.get("users/me/").status_code
            ready.wait(60)  # all connections are open now
            return first, fresh.get("users/me/").status_code

    with concurrent.futures.ThreadPoolExecutor(150) as pool:
        assert set(pool.map(ask, range(150))) == {(200, 200)}


# The server alone


class App:
    """A WSGI application that remembers the bodies that it read."""

    def __init__(self):
        self.bodies = []

    def __call__(self, environ, start_response):
        self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def app():
    return App()


@pytest.fixture
def served(app):
    """The address of a server that knows the token `me`."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()

    def has_access(headers, path, query):
        return headers.get("AUTHORIZATION") == "me"

    server = build_server(app, listener, 2, has_access)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield address
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map, ignore_all=True))
    thread.join(5)
    listener.close()


def talk(address, *parts):
    """Send bytes, and return all that comes until the server closes."""
    with socket.create_connection(address, timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while block := connection.recv(65536):
            received += block
        return received


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: me\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n" + b"x" * 90],
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n", b"\r\n", b"x" * 90],
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nx"],
        [b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789"],
        [CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"],
        [CHUNKED, b"ffffffff\r\nx"],
        [b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"],
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED],
        [b"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: other\r\nContent-Length: 3\r\n\r\nabc"],
    ],
)
def test_a_strangers_body_never_reaches_the_application(served, app, monkeypatch, parts):
    monkeypatch.setattr(connections, "_LINGER", 0.1)

    received = talk(served, *parts)

    assert received.startswith((b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK"))
    assert received.count(b"HTTP/1.") == 1
    assert received.endswith(b"ok")
    assert app.bodies == [b""]


def test_a_known_senders_bodies_arrive_whole(served, app):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: me\r\n"
    received = talk(
        served,
        head + b"Content-Length: 3\r\n\r\nabc" + head + b"Content-Length: 2\r\n\r\nde",
        head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\ngh\r\n0\r\n\r\n",
    )
    assert app.bodies == [b"abc", b"de", b"gh"]
    assert received.count(b"HTTP/1.1 200 OK") == 3


def test_a_known_sender_is_told_to_continue(served, app):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: me\r\nConnection: close\r\n"
    received = talk(served, head + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", b"f")
    assert app.bodies == [b"f"]
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_a_connection_that_was_known_refuses_a_strangers_body_all_the_same(
    served, app, monkeypatch
):
    monkeypatch.setattr(connections, "_LINGER", 0.1)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
    talk(served, head + b"Authorization: me\r\n\r\nabc" + head + b"\r\ndef")
    assert app.bodies == [b"abc", b""]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: a",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",  # a stranger's, answered, and then nothing
    ],
)
def test_idle_strangers_are_dropped(served, monkeypatch, sent):
    monkeypatch.setattr(connections, "STRANGER_TIMEOUT", 0.2)
    assert talk(served, sent).count(b"200 OK") == sent.count(b"\r\n\r\n")


def test_a_stranger_who_drips_is_dropped(served, monkeypatch):
    monkeypatch.setattr(connections, "STRANGER_TIMEOUT", 0.3)
    is_dropped = False
    with socket.create_connection(served, timeout=0.05) as connection:
        for _ in range(600):
            try:
                connection.sendall(b"G")
                is_dropped = connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                is_dropped = True
            break
    assert is_dropped


def test_a_known_sender_may_rest_longer_than_a_stranger(served, monkeypatch):
    monkeypatch.setattr(connections, "STRANGER_TIMEOUT", 0.3)
    request = b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: me\r\n\r\n"
    with socket.create_connection(served, timeout=30) as connection:
        for _ in range(2):
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.read()) == (200, b"ok")
            talk(served)  # until the server drops this stranger


def test_the_longest_idle_connection_makes_room(app, monkeypatch):
    monkeypatch.setattr(connections, "_MOST_CONNECTIONS", 30)
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    server = build_server(app, listener, 2, lambda *_: True)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        with contextlib.ExitStack() as stack:
            idle = [
                stack.enter_context(socket.create_connection(listener.getsockname(), timeout=30))
                for _ in range(100)
            ]
            assert talk(listener.getsockname(), b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").endswith(
                b"ok"
            )
            assert idle[0].recv(1) == b""
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map, ignore_all=True))
        thread.join(5)
        listener.close()
