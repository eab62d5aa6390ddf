"""Showing the progress of jobs; `test_job_waiting.py` tests the bar."""

from __future__ import annotations

import pytest

from synapse.resources.job_progress import JobBar, JobProgressDisplay
from synapse.resources.jobs import Job
from synapse.transfer.progress import Progress

from .conftest import ScriptedSession


def load(scripted: ScriptedSession, *rows: dict[str, object]) -> list[Job]:
    """Return jobs of the session."""
    return list(scripted.session.identity.load(Job, list(rows)))


def test_percentages_are_added_up(scripted: ScriptedSession) -> None:
    jobs = load(
        scripted,
        {"id": "a", "status": "running", "progress": 40},
        {"id": "b", "status": "succeeded", "progress": None},
    )
    progress = Progress()
    display = JobProgressDisplay(jobs, progress)

    display.update()

    assert (progress.done, progress.size) == (140, 200)
    assert scripted.requests == []


def test_a_function_gets_the_percentage(scripted: ScriptedSession) -> None:
    calls: list[tuple[int, int]] = []
    jobs = load(scripted, {"id": "a", "status": "running", "progress": 40})

    JobProgressDisplay(jobs, lambda done, total: calls.append((done, total))).update()

    assert calls == [(40, 100)]


def test_the_old_name_of_a_method() -> None:
    bar = JobBar("Job", delay=60)

    with pytest.warns(DeprecationWarning, match="Use show_states instead"):
        bar.says("running")
    bar.close()
