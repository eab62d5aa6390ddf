"""A stand-in for a Ray head, and a release for its jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse.jobs.spec import JobSpec, ReleaseFile
from unit.clients.agent.dashboard import Dashboard
from unit.jobs.local.conftest import configured, zipped

from .head import StandInHead


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    """A head whose responses a test decides."""
    running = Dashboard()
    yield running
    running.close()


@pytest.fixture
def head(dashboard: Dashboard) -> StandInHead:
    """A head that takes one job."""
    return StandInHead(dashboard)


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    """A job whose release has the action `train`."""
    content = zipped({"config.json": configured(), "plugin.py": ""})
    archive = tmp_path / "release.zip"
    archive.write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()
    return JobSpec(
        job_id="job-1",
        release=ReleaseFile(code="tried", version="1.0.0", checksum=checksum, archive=archive),
        action="train",
        params={"epochs": 3},
        base_url="http://127.0.0.1:9",
        credentials={"api_token": "the-jobs-own-token"},
    )
