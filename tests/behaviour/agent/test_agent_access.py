"""Access to the agent: the right token only, and no details in refusals."""

from __future__ import annotations

import contextlib
import socket

import psutil
import pytest
import requests
from agent_world import World

from synapse import errors
from synapse.clients.agent import AgentClient
from synapse.transport.websocket import messages

PATHS = [
    "jobs/",
    "plugin_releases/",
    "nodes/",
    "metrics/cpu/",
    "jobs/x/logs/stream/",
    "ray/jobs/x/logs/stream/",
]


def ask(world: World, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{world.agent.url}/{path}", headers=headers, timeout=10)


@pytest.mark.parametrize("path", PATHS)
def test_no_token(world: World, path: str) -> None:
    answer = ask(world, path)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", ["wrong", "Token {token}", "{token}x", "é"])
def test_wrong_token(world: World, path: str, token: str) -> None:
    given = token.format(token=world.agent.token)

    answer = ask(world, path, Authorization=given)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Invalid token."}


def test_a_users_token_opens_nothing(world: World) -> None:
    with (
        AgentClient(world.agent.url, world.tenant.api_token) as client,
        pytest.raises(errors.AuthenticationError, match="Invalid token"),
    ):
        client.list_jobs()


@pytest.mark.parametrize("protocol", ["websocket", "stream", "http", "poll", "auto"])
def test_following_with_a_wrong_token(world: World, protocol: str) -> None:
    with (
        AgentClient(world.agent.url, "wrong") as client,
        pytest.raises(errors.AuthenticationError, match="Invalid token"),
    ):
        list(client.tail_job_logs("a-job", protocol))  # type: ignore[arg-type] # one of them


def test_health_needs_none(world: World) -> None:
    assert ask(world, "health/").json()["status"] == "ok"


def test_an_order_needs_its_ticket(world: World) -> None:
    assert ask(world, "_orders/guessed/").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "JSON parse error"),
        (b"[1]", 400, "Expected a dictionary, but got list"),
        (b'{"params": NaN}', 400, "JSON parse error"),
        (b'{"params": 1e999}', 400, "JSON parse error"),
        (b'{"params": "\\ud800"}', 400, "JSON parse error"),
        (b'{"plugin_release": 99999999999999999999}', 400, "the id as plugin_release"),
    ],
)
def test_a_body_that_is_none(world: World, body: bytes, status: int, says: str) -> None:
    answer = requests.post(
        f"{world.agent.url}/plugin_releases/",
        data=body,
        headers={"Authorization": world.agent.token},
        timeout=10,
    )

    assert answer.status_code == status
    assert says in answer.text


def test_a_malformed_user_header(world: World) -> None:
    answer = requests.post(
        f"{world.agent.url}/plugin_releases/talker@1.0.0/run/",
        json={"action": "say"},
        headers={"Authorization": world.agent.token, "SYNAPSE-User": "two words more"},
        timeout=10,
    )

    assert answer.status_code == 400
    assert "SYNAPSE-User" in answer.json()["detail"]


def test_it_listens_on_this_machine_alone(world: World) -> None:
    port = int(world.agent.url.rpartition(":")[2])

    places = [tuple(one.laddr) for one in psutil.net_connections("tcp")]
    assert {place[0] for place in places if place[1:] == (port,)} == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["jobs/nope/logs/", "ray/jobs/nope/logs/ws/"])
def test_a_websocket_of_no_job(world: World, path: str) -> None:
    with pytest.raises(errors.NotFound, match="no job nope"):
        list(messages(world.client._transport, path))


@pytest.mark.parametrize("path", ["health/", "jobs/", "_orders/guessed/", "nowhere/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("body", [b"[" * 100_000, b"{" + b" " * (12 << 20)])
def test_strangers_bodies_are_not_read(world: World, path: str, method: str, body: bytes) -> None:
    """A body that was read would be a 400 or a 413."""
    without = requests.request(method, f"{world.agent.url}/{path}", timeout=10)
    answer = requests.request(method, f"{world.agent.url}/{path}", data=body, timeout=10)

    assert (answer.status_code, answer.json()) == (without.status_code, without.json())
    assert answer.status_code in (200, 401, 404, 405)


def test_thousands_of_idle_connections_hinder_nobody(world: World) -> None:
    address = ("127.0.0.1", int(world.agent.url.rpartition(":")[2]))
    with contextlib.ExitStack() as stack:
        for _ in range(700):
            stack.enter_context(socket.create_connection(address, timeout=10))
        assert world.client.health_check()["status"] == "ok"
