"""A stand-in for a Ray head."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unit.clients.agent.dashboard import Dashboard


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    """A head whose responses a test decides."""
    running = Dashboard()
    yield running
    running.close()
