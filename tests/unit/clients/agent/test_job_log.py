"""Read a log as text or as a mapping, whichever the agent sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synapse.clients.agent.job_log import log_text, read_log
from synapse.config import Settings
from synapse.errors import InvalidResponse, NotFound
from synapse.transport import Transport

from .dashboard import Dashboard


@pytest.fixture
def transport(dashboard: Dashboard) -> Iterator[Transport]:
    opened = Transport(Settings(base_url=dashboard.url, credentials={}))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("one\ntwo\n", "one\ntwo\n"),
        ("", ""),
        ({"logs": "one\n"}, "one\n"),
        ({"logs": None}, ""),
        ({}, ""),
    ],
)
def test_text(dashboard: Dashboard, transport: Transport, body: Any, text: str) -> None:
    dashboard.answer = lambda *_: (200, body)

    assert log_text(read_log(transport, "mine")) == text
    assert dashboard.asked == [("GET", "/jobs/mine/logs/", None)]
    assert dashboard.headers[0]["Accept"] == "*/*"


def test_parameters(dashboard: Dashboard, transport: Transport) -> None:
    read_log(transport, "mine", {"format": "json", "from": 3})

    assert dashboard.asked == [("GET", "/jobs/mine/logs/?format=json&from=3", None)]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(200, ["one"], InvalidResponse), (404, {"detail": "No job."}, NotFound)],
)
def test_refused(
    dashboard: Dashboard, transport: Transport, status: int, body: Any, error: type[Exception]
) -> None:
    dashboard.answer = lambda *_: (status, body)

    with pytest.raises(error, match="job mine"):
        read_log(transport, "mine")
