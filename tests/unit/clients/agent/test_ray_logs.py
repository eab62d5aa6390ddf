"""Following the output of a Ray job over cuts and refused protocols."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent.ray import RayClient

from .dashboard import Answer, Dashboard


class TestLogs:
    def test_cut_is_bridged(self, dashboard: Dashboard, client: RayClient) -> None:
        logs = ["one\n", "one\ntwo\nth", None, "one\ntwo\nthree\n\nfive"]
        left = list(logs)

        def answer(method: str, path: str, body: Any) -> Answer | None:
            if path.endswith("/logs"):
                text = left.pop(0) if len(left) > 1 else left[0]
                return None if text is None else (200, {"logs": text})
            return 200, {"status": "RUNNING" if len(left) > 1 else "SUCCEEDED"}

        dashboard.answer = answer

        lines = list(client.tail_job_logs("mine", "http"))

        assert lines == ["one", "two", "three", "", "five"]

    def test_falls_back_where_no_websocket_comes_through(
        self, dashboard: Dashboard, client: RayClient
    ) -> None:
        def answer(method: str, path: str, body: Any) -> Answer:
            if path.endswith("/tail"):
                return 502, "a proxy that knows no WebSockets"
            if path.endswith("/logs"):
                return 200, {"logs": "polled\n"}
            return 200, {"status": "SUCCEEDED"}

        dashboard.answer = answer

        assert list(client.tail_job_logs("mine")) == ["polled"]

    def test_protocol(self, client: RayClient) -> None:
        with pytest.raises(errors.UsageError, match="protocol='carrier pigeon' is unknown"):
            client.tail_job_logs("mine", "carrier pigeon")  # type: ignore[arg-type]

    def test_endless_line(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda method, path, body: (
            (200, {"logs": "x" * 20_000})
            if path.endswith("/logs")
            else (200, {"status": "RUNNING"})
        )

        with pytest.raises(errors.StreamLimitExceeded, match="10,240 bytes"):
            next(client.tail_job_logs("mine", "http"))
