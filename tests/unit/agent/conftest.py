"""A store of the agent in a temporary folder, and jobs and lines for the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from synapse.agent.store import KeptJob, Store
from synapse.jobs.spec import OutputLine

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that keeps two ended jobs."""
    store = Store(tmp_path / "agent", keep=2)
    yield store
    store.close()


def add_job(store: Store, job_id: str) -> bool:
    """Store a queued job; return whether the job is new."""
    return store.add(job_id, code="p", version="1", action="a", params={"x": 1}, debug=False)


def find_job(store: Store, job_id: str) -> KeptJob:
    """Return a stored job."""
    job = store.job(job_id)
    assert job is not None
    return job


def make_lines(*messages: str) -> list[OutputLine]:
    """Return output lines without a level."""
    return [OutputLine(message, None, NOW) for message in messages]
