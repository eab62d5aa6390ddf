"""A read timeout for the requests of one call."""

from __future__ import annotations

from typing import Any, cast

import pytest

from synapse.clients.timed_transport import set_read_timeout
from synapse.errors import UsageError
from synapse.transport import Transport


class Recorded:
    """Records the arguments of its requests."""

    base_url = "http://fake/"

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def fetch(self, method: str, path: str, **arguments: Any) -> Any:
        self.calls.append(arguments)
        return self

    def json(self) -> str:
        return "body"


def test_each_request_has_the_timeout() -> None:
    recorded = Recorded()
    transport = set_read_timeout(cast("Transport", recorded), 60)

    body = transport.request("GET", "x/")
    transport.fetch("GET", "x/", timeout=5, resource="x")

    assert (body, transport.base_url) == ("body", "http://fake/")
    assert recorded.calls == [{"timeout": {"read": 60}}, {"timeout": 5, "resource": "x"}]


def test_none_is_the_same_transport() -> None:
    recorded = cast("Transport", Recorded())

    assert set_read_timeout(recorded, None) is recorded


@pytest.mark.parametrize("seconds", [0, -1, "60"])
def test_timeout_that_cannot_work(seconds: Any) -> None:
    with pytest.raises(UsageError, match="read_timeout"):
        set_read_timeout(cast("Transport", Recorded()), seconds)
