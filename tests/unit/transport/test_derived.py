"""Transports with other options over the same connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from synapse.errors import ClientError, ConfigurationError, SessionClosed
from synapse.transport import Transport
from synapse.transport.derived import DerivedTransport
from synapse.transport.options import Options


def test_headers_go_to_the_server_beside_the_parents(
    server: Any, connect: Callable[..., Transport], token: str
) -> None:
    parent = connect(server.url, options=Options(headers={"X-Key": "k", "X-Team": "a"}))
    derived = DerivedTransport(parent, headers={"x-team": "b"})
    for _ in range(2):
        server.reply(200, {})

    derived.request("GET", "a/")
    parent.request("GET", "a/")

    assert [each.headers["x-team"] for each in server.requests] == ["b", "a"]
    assert [each.headers["x-key"] for each in server.requests] == ["k", "k"]
    assert all(token in each.headers["synapse-access-token"] for each in server.requests)
    assert server.connections == 1


def test_headers_leave_the_server_alone(
    server: Any, other_server: Any, transport: Transport, token: str
) -> None:
    derived = DerivedTransport(transport, headers={"X-Team": "secret-team"})
    other_server.reply(200, b"x")

    with derived.stream(f"{other_server.url}file") as response:
        assert response.raw.read() == b"x"

    assert "x-team" not in other_server.last.headers
    assert token.encode() not in other_server.last.raw


def test_retries_and_counts_are_the_sessions(server: Any, transport: Transport) -> None:
    derived = DerivedTransport(transport, retries=1, deadline=5, timeout=(1, 2))
    server.reply(503)
    server.reply(200, {"a": 1})

    assert derived.request("GET", "a/") == {"a": 1}
    assert (transport.request_count, derived.request_count) == (2, 2)
    assert derived.options.deadline == 5
    assert derived.settings.timeout.read == 2
    assert derived._timeout == (1, 2)
    assert transport.settings.timeout.read == 30
    server.reply(503)
    with pytest.raises(ClientError):
        transport.request("GET", "a/")


def test_new_tokens_hold_in_both_directions(server: Any, transport: Transport) -> None:
    derived = DerivedTransport(transport, headers={"X-Team": "a"}, timeout=3)
    for _ in range(2):
        server.reply(200, {})

    transport.authenticate("another-token-1")
    derived.request("GET", "a/")
    derived.authenticate("another-token-2")
    transport.request("GET", "a/")

    tokens = [each.headers["synapse-access-token"] for each in server.requests]
    assert tokens == ["Token another-token-1", "Token another-token-2"]
    assert transport.settings.timeout.read == 30


def test_what_is_learned_of_the_server_is_shared(transport: Transport) -> None:
    derived = DerivedTransport(transport, retries=0)

    derived.has_presigned_uploads = True

    assert transport.has_presigned_uploads is True
    assert derived.missing_ways is transport.missing_ways


def test_closing_the_copy_closes_nothing(server: Any, transport: Transport) -> None:
    derived = DerivedTransport(transport, retries=0)
    derived.close()
    server.reply(200, {})
    derived.request("GET", "a/")

    transport.close()
    with pytest.raises(SessionClosed):
        derived.request("GET", "a/")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"retries": -1},
        {"deadline": 0},
        {"headers": {"Host": "evil"}},
        {"headers": {"SYNAPSE-Access-Token": "x"}},
        {"headers": {"X-A": "a\r\nb"}},
    ],
    ids=str,
)
def test_malformed_options_are_refused_at_once(transport: Transport, options: Any) -> None:
    with pytest.raises(ConfigurationError):
        DerivedTransport(transport, **options)


def test_credentials_are_not_replaced(server: Any, connect: Any) -> None:
    login = connect(server.url, authorization_token="login-token")

    with pytest.raises(ConfigurationError, match="Authorization"):
        DerivedTransport(login, headers={"Authorization": "Token x"})
