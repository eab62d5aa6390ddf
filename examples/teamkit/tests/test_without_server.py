"""Tests without a server: whatever would send a request fails, and says what it would send."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from teamkit import Label, Progress, RequestMetrics, ReviewTask, TeamSession, measure_progress

from synapse import Project
from synapse.extending import Event
from synapse.testing import UnexpectedRequest, make, make_session


def test_approving_saves_the_reviewer() -> None:
    task = make(ReviewTask, id=1, status="pending", meta={"source": "night"})

    with pytest.raises(UnexpectedRequest, match="PATCH tasks/1/"):
        task.approve("ada")

    assert task.changes == {"status": "completed", "meta": {"source": "night", "reviewer": "ada"}}
    assert task.reviewer == "ada"


def test_labels_know_their_project() -> None:
    project = make(Project, id=7, title="Streets")

    assert make(Label, id=1, name="dark", project=project).project is project


def test_progress_of_an_empty_project() -> None:
    session = create_autospec(make_session(TeamSession), instance=True)
    tasks = session.tasks.filter.return_value
    tasks.count.return_value = 0
    tasks.filter.return_value.count.return_value = 0

    assert measure_progress(session, make(Project, id=7)) == Progress(0, 0)
    assert Progress(0, 0).share == 1


def test_queue_asks_for_pending_tasks() -> None:
    session = make_session(TeamSession)

    with pytest.raises(UnexpectedRequest) as caught:
        session.review_queue.waiting().count()

    assert "status=pending" in caught.value.request


def test_attempts_are_counted_by_status() -> None:
    metrics = RequestMetrics()
    for status in (200, 200, None):
        metrics.count_response(Event("GET", "https://x/", "id", 1, status=status, elapsed=0.5))

    assert metrics.statuses == {200: 2, None: 1}
    assert metrics.seconds == 1.5
