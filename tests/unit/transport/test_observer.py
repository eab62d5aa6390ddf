"""Observers of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest

from synapse import errors
from synapse.transport import Transport
from synapse.transport.observer import AttemptWatch, CallWatch, Observer
from synapse.transport.options import Options
from synapse.transport.request_context import RequestContext
from synapse.transport.retry import RetryPolicy

Connect = Callable[..., Transport]


class Notes:
    """Notes everything in order."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def watch_call(self, context: RequestContext) -> Iterator[CallWatch]:
        self.found.append(f"call {context.path}")
        try:
            yield NotedCall(self.found)
        finally:
            self.found.append("call ended")

    def watch_attempt(self, context: RequestContext, *, is_own: bool) -> AttemptWatch:
        self.found.append(f"attempt {context.attempt}{'' if is_own else ' elsewhere'}")
        return NotedAttempt(self.found)


class NotedCall:
    def __init__(self, found: list[str]) -> None:
        self._found = found

    def answered(self, status: int) -> None:
        self._found.append(f"call {status}")


class NotedAttempt:
    headers = {"X-Watched": "yes"}

    def __init__(self, found: list[str]) -> None:
        self._found = found

    def sending(self) -> AbstractContextManager[object]:
        return nullcontext()

    def answered(self, status: int) -> None:
        self._found.append(f"attempt {status}")

    def end(self, error: BaseException | None) -> None:
        self._found.append(f"attempt ended by {type(error).__name__}")


@pytest.fixture
def notes() -> Notes:
    """An observer."""
    return Notes()


@pytest.fixture
def watched(server: Any, connect: Connect, notes: Notes) -> Transport:
    """A watched transport."""
    observer: Observer = notes
    policy = RetryPolicy(attempts=2, base=0.001)
    return connect(server.url, options=Options(retry=policy, observer=observer))


def test_sees_calls_and_attempts(server: Any, watched: Transport, notes: Notes) -> None:
    server.answer(then="close")
    server.reply(body=1)
    watched.request("GET", "a/")
    assert notes.found == [
        "call a/",
        "attempt 1",
        "attempt ended by ConnectionFailed",
        "attempt 2",
        "attempt 200",
        "attempt ended by NoneType",
        "call 200",
        "call ended",
    ]
    assert {one.headers["x-watched"] for one in server.requests} == {"yes"}


def test_an_error_that_the_caller_handles_is_not_the_attempts(
    server: Any, watched: Transport, notes: Notes
) -> None:
    server.reply(body=1)
    try:
        raise KeyError("mine")
    except KeyError:
        watched.request("GET", "a/")
    assert "attempt ended by NoneType" in notes.found


def test_an_error_of_the_reader_ends_the_attempt(
    server: Any, watched: Transport, notes: Notes
) -> None:
    server.reply(body=b"content")
    with pytest.raises(ZeroDivisionError), watched.stream("file"):
        raise ZeroDivisionError
    assert notes.found == ["attempt 1", "attempt 200", "attempt ended by ZeroDivisionError"]


def test_other_hosts_are_seen_as_others(
    other_server: Any, watched: Transport, notes: Notes
) -> None:
    other_server.answer(then="close")
    with pytest.raises(errors.ConnectionFailed), watched.stream(f"{other_server.url}file"):
        pass
    assert notes.found[0] == "attempt 1 elsewhere"
