"""Counting the requests of a block."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from synapse.clients.backend import BackendClient
from synapse.errors import ConnectionFailed
from synapse.session import Session
from synapse.testing import assert_num_requests


@pytest.fixture
def unreachable() -> Iterator[str]:
    """The address of a bound port that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class Counter:
    """Something that makes requests."""

    def __init__(self) -> None:
        self.request_count = 5

    def ask(self, times: int) -> None:
        self.request_count += times


@pytest.mark.parametrize("number", [0, 1, 3])
def test_the_right_number_passes(number: int) -> None:
    counter = Counter()

    with assert_num_requests(counter, number):
        counter.ask(number)


@pytest.mark.parametrize(("expected", "made"), [(0, 1), (1, 0), (3, 2)])
def test_another_number_fails(expected: int, made: int) -> None:
    counter = Counter()
    message = f"^Expected {expected} requests, but {made} were made"

    with pytest.raises(AssertionError, match=message), assert_num_requests(counter, expected):
        counter.ask(made)


def test_a_failure_in_the_block_is_what_is_reported() -> None:
    with pytest.raises(KeyError), assert_num_requests(Counter(), 1):
        raise KeyError


def test_a_client_and_its_session_count_alike(unreachable: str) -> None:
    with (
        Session(unreachable, "some-token", retries=0) as session,
        assert_num_requests(session, 1),
        assert_num_requests(session.client, 1),
        pytest.raises(ConnectionFailed),
    ):
        session.client.list_projects()


def test_a_client_alone_counts(unreachable: str) -> None:
    with (
        BackendClient(unreachable, "some-token") as client,
        pytest.raises(AssertionError, match="but 0 were made"),
        assert_num_requests(client, 1),
    ):
        assert client.request_count == 0
