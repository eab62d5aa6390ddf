"""A stand-in for a Ray dashboard, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from synapse.clients.agent.ray import RayClient

from .dashboard import Dashboard


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    running = Dashboard()
    yield running
    running.close()


@pytest.fixture
def client(dashboard: Dashboard) -> Iterator[RayClient]:
    with RayClient(dashboard.url) as connected:
        yield connected
