"""Tests of the service, on an event loop of each test's own."""

from __future__ import annotations

import asyncio

import pytest
from teamkit import Progress, TeamSession
from teamkit.service import ReviewService

from synapse import Project
from synapse.errors import NotFound


def test_tasks_are_approved_at_once(synapse_session: TeamSession, project: Project) -> None:
    service = ReviewService(synapse_session)
    ids = [task.id for task in project.tasks]

    async def review() -> Progress:
        assert await service.approve(ids[:2], "ada") == ids[:2]
        return await service.measure(project)

    assert asyncio.run(review()) == Progress(3, 2)
    assert synapse_session.metrics.retries == 0


def test_missing_task_is_an_error(synapse_session: TeamSession) -> None:
    service = ReviewService(synapse_session)

    with pytest.raises(NotFound, match="Task 404"):
        asyncio.run(service.approve([404], "ada"))
