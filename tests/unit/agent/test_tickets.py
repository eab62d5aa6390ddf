"""Tickets: each hands out one job spec once, and nobody can guess one."""

from __future__ import annotations

import threading

import pytest

from synapse.agent.tickets import Tickets


@pytest.fixture
def tickets() -> Tickets:
    return Tickets("http://127.0.0.1:1")


def test_ticket_hands_out_its_spec_once(tickets: Tickets) -> None:
    first, second = tickets.issue({"a": 1}), tickets.issue({"b": 2})

    assert tickets.take(second) == {"b": 2}
    assert tickets.take(first) == {"a": 1}
    assert tickets.take(first) is None


def test_revoked_ticket_hands_out_nothing(tickets: Tickets) -> None:
    revoked, valid = tickets.issue({"a": 1}), tickets.issue({"a": 1})

    tickets.revoke(revoked)

    assert tickets.take(revoked) is None
    assert tickets.take(valid) == {"a": 1}


def test_revoking_a_used_ticket_changes_nothing(tickets: Tickets) -> None:
    ticket = tickets.issue({"a": 1})
    tickets.take(ticket)

    tickets.revoke(ticket)

    assert tickets.take(ticket) is None


@pytest.mark.parametrize("ticket", ["", "guess", "../jobs"])
def test_unknown_ticket_hands_out_nothing(tickets: Tickets, ticket: str) -> None:
    tickets.issue({"a": 1})

    assert tickets.take(ticket) is None


def test_later_changes_of_the_callers_spec_do_not_matter(tickets: Tickets) -> None:
    spec = {"a": 1}
    ticket = tickets.issue(spec)

    spec["a"] = 2

    assert tickets.take(ticket) == {"a": 1}


def test_equal_specs_have_different_tickets_of_256_bits(tickets: Tickets) -> None:
    issued = {tickets.issue({}) for _ in range(100)}

    assert len(issued) == 100
    assert min(map(len, issued)) >= 43  # base64 of 32 bytes


@pytest.mark.parametrize("base", ["http://host:1", "http://host:1/", "http://host:1//"])
def test_url_is_below_the_agents_address(base: str) -> None:
    assert Tickets(base).url("abc") == "http://host:1/_orders/abc/"


def test_two_threads_never_take_the_same_spec(tickets: Tickets) -> None:
    issued = [tickets.issue({"number": number}) for number in range(500)]
    taken: list[dict[str, int] | None] = []
    barrier = threading.Barrier(4)

    def take_all() -> None:
        barrier.wait()
        taken.extend([tickets.take(ticket) for ticket in issued])

    threads = [threading.Thread(target=take_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = sorted(spec["number"] for spec in taken if spec is not None)
    assert numbers == list(range(500))
