"""Connections that are idle or old are replaced before a request goes over them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from synapse.transport import Transport, connection_pool

pytestmark = pytest.mark.usefixtures("each_exchange")

Connect = Callable[..., Transport]


class Clock:
    """The pool's time, which only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of pools and connections."""
    clock = Clock()
    monkeypatch.setattr(connection_pool, "monotonic", clock)
    return clock


def ask(server: Any, transport: Transport, method: str = "GET") -> int:
    """Make a request, and return how many connections there were by then."""
    server.reply(body=1)
    transport.request(method, "a/", json={} if method in ("POST", "PATCH") else None)
    return int(server.connections)


class TestIdle:
    @pytest.mark.parametrize(
        ("method", "idle", "connections"),
        [
            ("GET", 0, 1),
            ("GET", 29, 1),
            ("GET", 31, 2),
            ("PUT", 29, 1),
            ("DELETE", 29, 1),
            # Nobody may send these again if the server closes the connection just then.
            ("POST", 1.9, 1),
            ("POST", 2.1, 2),
            ("PATCH", 2.1, 2),
        ],
    )
    def test_for_how_long(
        self,
        server: Any,
        transport: Transport,
        clock: Clock,
        method: str,
        idle: float,
        connections: int,
    ) -> None:
        assert ask(server, transport) == 1
        clock.now += idle
        assert ask(server, transport, method) == connections

    def test_surplus_ones_are_closed_though_nobody_needs_them_again(
        self, make_server: Any, connect: Connect, clock: Clock
    ) -> None:
        server = make_server()
        transport = connect(server.url)
        together = threading.Barrier(4)
        for _ in range(4):
            server.reply(body=1)

        def ask_together() -> None:
            with transport.stream("a/") as response:
                together.wait(30)  # so that each has a connection of its own
                response.raw.read()

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(ask_together) for _ in range(4)]:
                done.result()
        assert (server.connections, open_connections(transport)) == (4, 4)
        clock.now += 31
        ask(server, transport)
        assert open_connections(transport) == 1

    def test_what_was_used_lately_stays(
        self, server: Any, transport: Transport, clock: Clock
    ) -> None:
        for _ in range(9):
            clock.now += 29
            ask(server, transport)
        assert server.connections == 1


def open_connections(transport: Transport) -> int:
    """Return how many idle connections of a transport are open."""
    pools = transport._connection.http.get_adapter("http://").poolmanager.pools  # type: ignore[attr-defined] # it is requests' own
    queues = [pools[key].pool.queue for key in pools.keys()]  # noqa: SIM118 - it isn't a dict
    return sum(one is not None and one.sock is not None for queue in queues for one in queue)


class TestAge:
    def test_a_busy_connection_is_replaced(
        self, server: Any, transport: Transport, clock: Clock
    ) -> None:
        for _ in range(299):
            assert ask(server, transport) == 1
            clock.now += 1
        clock.now += 2
        assert ask(server, transport) == 2

    def test_the_new_one_is_young(self, server: Any, transport: Transport, clock: Clock) -> None:
        ask(server, transport)
        clock.now += 301
        assert ask(server, transport) == 2
        clock.now += 20
        assert ask(server, transport) == 2

    def test_it_goes_to_the_names_new_address(
        self,
        server: Any,
        other_server: Any,
        connect: Connect,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ports = {"backend.test": server.port}
        resolve = socket.getaddrinfo

        def resolved(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            known = host in ports
            address = ("127.0.0.1", ports[host]) if known else (host, port)
            return resolve(*address, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        with pytest.warns(UserWarning, match="plain http"):
            transport = connect("http://backend.test:80/")
        ask(server, transport)
        ports["backend.test"] = other_server.port
        ask(server, transport)
        clock.now += 31
        ask(other_server, transport)
        assert (len(server.requests), len(other_server.requests)) == (2, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_connections_that_the_other_side_closed_cost_no_attempt(
    server: Any, transport: Transport, method: str
) -> None:
    server.reply(body=1, then="close")
    transport.request("GET", "a/")
    server.wait_until_idle()
    assert ask(server, transport, method) == 2
    assert transport.request_count == 2
