"""Polling the log of a job, from agents that send parts and from those that send all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from synapse.clients.agent.log_tail import tail, validate_protocol
from synapse.config import Timeout
from synapse.errors import MissingExtra, UsageError
from synapse.transport.stream_limits import StreamLimits


class Agent:
    """An agent with one job, whose log grows with each request for it."""

    def __init__(self, steps: list[str], *, knows_ranges: bool) -> None:
        self._steps = steps
        self._knows_ranges = knows_ranges

    def request(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, **_: Any
    ) -> Any:
        if path == "jobs/mine/":
            return {"status": "completed" if len(self._steps) == 1 else "running"}
        is_final = len(self._steps) == 1
        log = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if not self._knows_ranges:
            return {"logs": log}
        start = (params or {}).get("from", 0)
        lines = log.splitlines(keepends=True)
        return {
            "from": start,
            "logs": "".join(lines[start:]),
            "is_final": is_final,
            "count": len(lines),
        }


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_each_line_comes_once(knows_ranges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    agent: Any = Agent(["", "one\n", "one\n", "one\ntwo\n\nlast\n"], knows_ranges=knows_ranges)

    lines = tail(
        agent,
        "mine",
        protocol="http",
        limits=StreamLimits(),
        timeout=Timeout(1, 1),
        patience=0,
    )

    assert list(lines) == ["one", "two", "", "last"]


def test_unknown_protocol() -> None:
    with pytest.raises(UsageError, match=r"protocol='pigeon' is unknown. Pass one of 'auto'"):
        validate_protocol("pigeon")


def test_websocket_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synapse.clients.agent.log_tail.can_be_used", lambda: False)

    with pytest.raises(MissingExtra, match="websocket"):
        validate_protocol("websocket")
    assert validate_protocol("http") == "http"
