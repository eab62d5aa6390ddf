"""Many connections, idle ones, and the bodies of strangers."""

import concurrent.futures
import contextlib
import http.client
import socket
import subprocess
import sys
import threading

import pytest

from synapse._internal.open_files import allow_open_files
from synapse.emulator import Emulator, connections
from synapse.emulator.connections import build_server

from .client import Api

resource = pytest.importorskip("resource", reason="Windows has no limits of open files")


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = allow_open_files(16_384)
    if files < 3000:
        pytest.skip(f"this process may open {files} files only")
    yield files
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


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [1, 2])
def test_ten_thousand_idle_connections_stay_open(many_files, workers):
    if many_files < 14_500:
        pytest.skip(f"a process may open {many_files} files only")
    with Emulator(workers=workers) as emulator, contextlib.ExitStack() as stack:
        address = emulator.url.removeprefix("http://").partition(":")[::2]
        token = f"SYNAPSE-Access-Token: Token {emulator.api_token}"
        request = f"GET /health/ HTTP/1.1\r\nHost: a\r\n{token}\r\n\r\n".encode()
        opened = []
        for _ in range(100):
            some = [
                stack.enter_context(socket.create_connection(address, timeout=60))
                for _ in range(100)
            ]
            for one in some:
                one.sendall(request)
            assert {read_status(one) for one in some} == {200}
            opened += some

        fresh = Api(emulator.url, {"SYNAPSE-Access-Token": f"Token {emulator.api_token}"})
        with fresh.http:
            assert fresh.get("users/me/").status_code == 200
        for one in opened:
            one.setblocking(False)
            with pytest.raises(BlockingIOError):  # neither closed nor readable
                one.recv(1)
        for one in opened[::1000]:
            one.setblocking(True)
            one.sendall(request)
            assert read_status(one) == 200


def read_status(connection):
    """Read a whole response."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


# The limit of open files

FIT = """
import resource
from synapse.emulator.connections import fit_connections

resource.setrlimit(resource.RLIMIT_NOFILE, (128, {hard}))
print(*fit_connections((1200, 200)), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("hard", "expected"), [(1656, (1200, 200, 1656)), (956, (600, 100, 956)), (140, (60, 10, 140))]
)
def test_servers_share_what_the_limit_of_open_files_leaves(hard, expected):
    code = FIT.format(hard=hard)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert tuple(map(int, run.stdout.split())) == expected
    room = expected[0] + expected[1]
    warning = (
        f"A process may open {hard} files only, so it keeps at most {room} of 1400 connections"
        " open. Raise the limit of open files: ulimit -n 1656.\n"
    )
    assert run.stderr == ("" if room == 1400 else warning)


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

    server = build_server(app, listener, 2, 200, has_access)
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


def test_the_longest_idle_connection_makes_room(app):
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    server = build_server(app, listener, 2, 30, lambda *_: True)
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
