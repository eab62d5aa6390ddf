"""Polling the log of a job, from agents that send parts and from those that send all."""

from __future__ import annotations

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
        protocol="http",
        limits=StreamLimits(),
        timeout=Timeout(1, 1),
        patience=0,
    )

    assert list(lines) == ["one", "two", "", "last"]
    transport.close()


def test_unknown_protocol() -> None:
    with pytest.raises(UsageError, match=r"protocol='pigeon' is unknown. Pass one of 'auto'"):
        validate_protocol("pigeon")


def test_websocket_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synapse.clients.agent.log_tail.can_be_used", lambda: False)

    with pytest.raises(MissingExtra, match="websocket"):
        validate_protocol("websocket")
    assert validate_protocol("http") == "http"
