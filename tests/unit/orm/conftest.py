"""A session that never gets to ask: what needs a server is in tests/behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import synapse
from synapse.orm.resource import Resource

Make = Callable[..., Any]


@pytest.fixture
def offline() -> Iterator[synapse.Session]:
    """A session to a port where nobody listens; any request would fail the test."""
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:
        yield session
        assert session.request_count == 0


@pytest.fixture
def make(offline: synapse.Session) -> Make:
    """Make an object out of a row, as if a server had sent it."""

    def load(cls: type[Resource], **row: Any) -> Any:
        return offline.identity.load(cls, [{"id": 1, **row}])[0]

    return load
