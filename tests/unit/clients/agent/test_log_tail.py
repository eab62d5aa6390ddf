"""Follow the log of a job, at agents that send parts and at those that send all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from synapse.clients.agent.log_tail import tail, validate_protocol
from synapse.config import Settings, Timeout
from synapse.errors import MissingExtra, UsageError
from synapse.transport import Transport
from synapse.transport.stream_limits import StreamLimits

from .dashboard import Dashboard


class Log:
    """The log of one job at an agent, which grows with each request for it."""

    def __init__(self, steps: list[str], *, kind: str) -> None:
        self._steps = steps
        self._kind = kind

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        url = urlsplit(path)
        is_final = len(self._steps) == 1
        if url.path == "/jobs/mine/":
            return 200, {"status": "SUCCEEDED" if is_final else "RUNNING"}
        log = self._steps[0] if is_final else self._steps.pop(0)
        if self._kind == "text":
            return 200, log
        if self._kind == "mapping":
            return 200, {"logs": log}
        query = parse_qs(url.query)
        assert query["format"] == ["json"]
        start = int(query["from"][0])
        lines = log.splitlines(keepends=True)
        text = "".join(lines[start:])
        return 200, {"logs": text, "from": start, "is_final": is_final, "count": len(lines)}


@pytest.mark.parametrize("kind", ["ranges", "mapping", "text"])
def test_each_line_comes_once(
    kind: str, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synapse.clients.agent.log_tail.time.sleep", lambda seconds: None)
    dashboard.answer = Log(["", "one\n", "one\n", "one\ntwo\n\nlast\n"], kind=kind).answer
    transport = Transport(Settings(base_url=dashboard.url, credentials={}))

    lines = tail(
        transport,
        "mine",
        protocol="poll",
        limits=StreamLimits(),
        timeout=Timeout(1, 1),
        patience=0,
    )

    assert list(lines) == ["one", "two", "", "last"]
    transport.close()


NUMBERED = [{"type": "log", "message": text, "line": at} for at, text in enumerate("abc")]
PLAIN = [{"type": "log", "message": "a\n"}, {"type": "ping"}, {"type": "log", "message": "b\nc"}]


def _stream(events: Iterable[dict[str, Any]]) -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (NUMBERED[:2], [*NUMBERED[2:], {"type": "complete"}]),
        (PLAIN[:2], [*PLAIN, {"type": "complete", "message": "done"}]),
        ([*PLAIN[:1], {"type": "error", "message": "busy"}], [*PLAIN, {"type": "complete"}]),
    ],
)
def test_events_after_a_cut(first: list[Any], second: list[Any], dashboard: Dashboard) -> None:
    """An agent that numbers its lines continues; another one sends the whole log again."""
    bodies = [_stream(first), _stream(second)]

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/jobs/mine/":
            return 200, {"status": "SUCCEEDED" if not bodies else "RUNNING"}
        return 200, bodies.pop(0) if bodies else _stream([{"type": "complete"}])

    dashboard.answer = answer
    transport = Transport(Settings(base_url=dashboard.url, credentials={}))

    lines = tail(
        transport,
        "mine",
        protocol="http",
        limits=StreamLimits(),
        timeout=Timeout(1, 1),
        patience=10,
    )

    assert list(lines) == ["a", "b", "c"]
    transport.close()


@pytest.mark.parametrize("status", [200, 403, 404, 500, 501])
def test_auto_takes_events_where_no_websocket_gets_through(
    status: int, dashboard: Dashboard
) -> None:
    answers = {
        "/jobs/mine/": (200, {"status": "SUCCEEDED"}),
        "/jobs/mine/logs/": (status, {"detail": "No WebSockets here."}),
        "/jobs/mine/logs/stream/": (200, _stream([*PLAIN, {"type": "complete"}])),
    }
    dashboard.answer = lambda method, path, body: answers[path]
    transport = Transport(Settings(base_url=dashboard.url, credentials={}))

    lines = tail(
        transport,
        "mine",
        protocol="auto",
        limits=StreamLimits(),
        timeout=Timeout(1, 1),
        patience=0,
    )

    assert list(lines) == ["a", "b", "c"]
    transport.close()


def test_unknown_protocol() -> None:
    with pytest.raises(UsageError, match=r"protocol='pigeon' is unknown. Pass one of 'auto'"):
        validate_protocol("pigeon")


def test_websocket_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synapse.clients.agent.log_tail.can_be_used", lambda: False)

    with pytest.raises(MissingExtra, match="websocket"):
        validate_protocol("websocket")
    assert validate_protocol("http") == "http"
