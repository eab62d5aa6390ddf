"""The messages about attempts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from synapse import errors
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

Connect = Callable[..., Transport]


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[Any]]:
    """Return the records of an event so far."""
    caplog.set_level(logging.DEBUG, "synapse")
    return lambda event: [one for one in caplog.records if getattr(one, "event", "") == event]


def test_each_attempt_has_its_fields(server: Any, connect: Connect, records: Any) -> None:
    transport = connect(server.url, options=Options(retry=RetryPolicy(attempts=3, base=0.001)))
    server.answer(then="close")
    server.reply(503, {"detail": "Down."})
    server.reply(body={"id": 1})
    transport.request("GET", "tasks/1/", params={"q": "hidden"}, resource="Task 1")
    request = {
        "method": "GET",
        "url": f"{server.url}tasks/1/",
        "path": "/tasks/1/",
        "request_id": server.last.headers["x-request-id"],
        "resource": "Task 1",
    }
    (failed,) = records("request.failed")
    assert failed.error == "ConnectionError"
    answered = records("request.answered")
    assert [(one.attempt, one.status, one.size) for one in answered] == [(2, 503, 19), (3, 200, 9)]
    retried = records("request.retried")
    assert [(one.attempt, one.attempts) for one in retried] == [(1, 3), (2, 3)]
    assert retried[1].reason == "the server answered 503"
    for one in (failed, *answered, *retried):
        assert request.items() <= vars(one).items()
    assert all(one.duration > 0 for one in (failed, *answered))


def test_streams_and_other_hosts_are_logged_too(
    server: Any, other_server: Any, transport: Transport, records: Any
) -> None:
    server.reply(body=b"a\nb\n")
    other_server.reply(body=b"content")
    other_server.reply(200, b"", headers={"ETag": "e"})
    list(transport.lines("jobs/1/logs/"))
    with transport.stream(f"{other_server.url}file?Signature=abc") as response:
        response.raw.read()
    transport.put(f"{other_server.url}part", [b"x"], headers={"Content-Length": "1"})
    rows = [(one.method, one.url, one.status, one.size) for one in records("request.answered")]
    assert rows == [
        ("GET", f"{server.url}jobs/1/logs/", 200, None),
        ("GET", f"{other_server.url}file", 200, None),
        ("PUT", f"{other_server.url}part", 200, 0),
    ]


def test_a_failure_of_another_host_is_logged(
    other_server: Any, transport: Transport, records: Any
) -> None:
    other_server.answer(then="close")
    with pytest.raises(errors.ConnectionFailed), transport.stream(f"{other_server.url}file"):
        pass
    assert [one.url for one in records("request.failed")] == [f"{other_server.url}file"]


def test_a_renewed_token_is_logged_without_the_token(
    server: Any, transport: Transport, records: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = ["first-token", "second-token"]
    transport.authenticate(lambda: tokens.pop(0))
    server.reply(401, {"detail": "Expired."})
    server.reply(body=1)
    transport.request("GET", "a/")
    (record,) = records("token.renewed")
    assert (record.source, record.path) == ("authenticate()", "/a/")
    assert "-token" not in caplog.text
