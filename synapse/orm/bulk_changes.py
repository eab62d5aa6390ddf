"""Change many objects by one request each, several requests in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from synapse._internal.interrupts import explain_interrupt
from synapse.errors import AuthenticationError, BadRequest, ClientError, ServerError
from synapse.orm.session_base import SessionBase
from synapse.transport.in_flight import InFlight, ItemOutcome
from synapse.transport.waiting import CHANGES_IN_FLIGHT

__all__ = ["report_each", "send_each"]

T = TypeVar("T")
R = TypeVar("R")

# Failures of the server in a row that count as an outage.
_OUTAGE = 20


def send_each(
    session: SessionBase,
    send: Callable[[T], R],
    items: Iterable[T],
    plural: str,
    done: str,
    workers: int = CHANGES_IN_FLIGHT,
    count: Callable[[ItemOutcome[T, R]], int] = lambda outcome: outcome.error is None,
) -> int:
    """Call a function with each item until one fails; return the number of successes.

    Args:
        session: The session.
        send: Makes an item's requests; making them twice must be harmless.
        items: The items, in the order of the calls.
        plural: Name of the items, for messages.
        done: The items' state afterwards, such as `changed`, for messages.
        workers: Largest number of calls in flight.
        count: Returns the successes in an outcome; by default, a call is one.

    Raises:
        Exception: That of the first item that failed, when the others in flight have ended. The
            hint of a `ClientError` has the number of items that were sent.
    """
    total = 0
    flights = InFlight(session.transport, send, items, workers, "synapse-changes")

    def advice(first: str = "Make") -> str:
        return f"{total:,} {plural} were {done}. {first} the same call again for the others."

    with explain_interrupt(advice):
        try:
            for outcome in flights:
                if outcome.error is not None:
                    raise outcome.error
                total += count(outcome)
        except BaseException as error:
            total += sum(map(count, flights.land()))
            if isinstance(error, ClientError) and total:
                is_refused = isinstance(error, BadRequest)
                hint = advice("Correct this one, then make") if is_refused else advice()
                error.hint = f"{error.hint} {hint}" if error.hint else hint
            raise
    return total


def report_each(
    session: SessionBase,
    send: Callable[[T], R],
    items: Iterable[T],
    workers: int,
    *,
    tolerated: tuple[type[Exception], ...] = (ClientError,),
) -> Iterator[ItemOutcome[T, R]]:
    """Yield the outcome of each item, also of those in flight when the source of items fails.

    Args:
        session: The session.
        send: Makes an item's requests; making them twice must be harmless.
        items: The items, in the order of the calls.
        workers: Largest number of calls in flight.
        tolerated: Errors that concern their item only.

    Raises:
        AuthenticationError: The server refused the credentials.
        ServerError: The server failed for twenty items in a row.
    """
    flights = InFlight(session.transport, send, items, workers, "synapse-changes")
    failures = 0
    try:
        for outcome in flights:
            error = outcome.error
            failures = failures + 1 if isinstance(error, ServerError) else 0
            is_fatal = isinstance(error, AuthenticationError) or not isinstance(error, tolerated)
            yield outcome
            flights.settle()
            if error is not None and (is_fatal or failures == _OUTAGE):
                raise error
    except BaseException as error:
        landed = list(flights.land())
        if not isinstance(error, GeneratorExit):
            yield from landed
        raise
