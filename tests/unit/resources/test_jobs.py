"""Jobs; `test_job_waiting.py` tests the waiting."""

from __future__ import annotations

import pytest

from synapse.errors import Conflict, JobFailed, JobsFailed, UsageError
from synapse.resources.jobs import Job

from .conftest import ScriptedSession


def load(scripted: ScriptedSession, key: str, status: str) -> Job:
    """Return a job of the session."""
    return scripted.session.identity.load(Job, [{"id": key, "status": status}])[0]


@pytest.mark.parametrize(("status", "word"), [("running", "stopped"), ("RUNNING", "STOPPED")])
def test_stopping_in_the_servers_spelling(
    scripted: ScriptedSession, status: str, word: str
) -> None:
    job = load(scripted, "a", status)
    scripted.reply({"id": "a", "status": word})

    assert job.stop().is_finished
    assert scripted.body == {"status": word}


def test_stopping_an_ended_job_makes_no_request(scripted: ScriptedSession) -> None:
    load(scripted, "a", "completed").stop()

    assert scripted.requests == []


def test_a_conflict_is_an_error_while_the_job_runs(scripted: ScriptedSession) -> None:
    job = load(scripted, "a", "running")
    scripted.reply({"detail": "no"}, status=409)
    scripted.reply({"id": "a", "status": "running"})
    with pytest.raises(Conflict):
        job.stop()

    scripted.reply({"detail": "ended"}, status=409)
    scripted.reply({"id": "a", "status": "completed"})
    assert job.stop().is_finished


def test_changes_have_the_servers_spelling(scripted: ScriptedSession) -> None:
    job = load(scripted, "a", "RUNNING")
    job.status = "queued"

    assert job.changes == {"status": "PENDING"}


def test_waiting_lists_jobs_by_id(scripted: ScriptedSession) -> None:
    jobs = [load(scripted, key, "running") for key in ("a", "b")]
    rows = [{"id": key, "status": "completed"} for key in ("a", "b")]
    scripted.reply({"results": rows, "count": 2, "next": None})

    assert scripted.session.jobs.wait([*jobs, jobs[0]], progress=False) == [*jobs, jobs[0]]
    assert len(scripted.requests) == 1


def test_a_server_that_ignores_the_filter_is_asked_for_each_job(scripted: ScriptedSession) -> None:
    jobs = [load(scripted, key, "running") for key in ("a", "b")]
    rows = [{"id": "x", "status": "running"}, {"id": "y", "status": "running"}]
    scripted.reply({"results": rows, "count": 2, "next": None})
    for key in ("a", "b"):
        scripted.reply({"id": key, "status": "completed"})

    scripted.session.jobs.wait(jobs, progress=False)

    assert [target.partition("?")[0] for _, target in scripted.requests[1:]] == [
        "/jobs/a/",
        "/jobs/b/",
    ]


def test_errors_of_several_jobs(scripted: ScriptedSession) -> None:
    jobs = [load(scripted, "a", "failed"), load(scripted, "b", "completed")]
    scripted.reply(["boom"])

    with pytest.raises(JobsFailed, match=r"1 of 2 jobs failed or were stopped: a\.") as caught:
        scripted.session.jobs.wait(jobs, progress=False)

    assert [type(error) for error in caught.value.errors] == [JobFailed]
    assert caught.value.lines == ["boom"]


def test_anything_else_than_a_job(scripted: ScriptedSession) -> None:
    with pytest.raises(UsageError, match="takes Job objects, not 'a'"):
        scripted.session.jobs.wait(["a"])  # type: ignore[list-item]


def test_metrics_are_read_only(scripted: ScriptedSession) -> None:
    job = scripted.session.identity.load(Job, [{"id": "a", "metrics_record": None}])[0]

    assert dict(job.metrics) == {}
    with pytest.raises(TypeError):
        job.metrics["loss"] = 1  # type: ignore[index]


def test_records_of_the_platforms_package(scripted: ScriptedSession) -> None:
    progress = {"record": {"steps": {}}, "current_progress": {"overall": 40}}
    metrics = {"record": {"steps": {"train": {"loss": 0.5}}}}
    row = {"id": "a", "status": "RUNNING", "progress_record": progress, "metrics_record": metrics}
    job = scripted.session.identity.load(Job, [row])[0]

    assert dict(job.metrics) == {"train": {"loss": 0.5}}
    assert job._percent == 40
    assert job.metrics_record == metrics


def test_metrics_of_our_own_form(scripted: ScriptedSession) -> None:
    row = {"id": "a", "status": "running", "metrics_record": {"record": {"steps": {}}, "loss": 1}}
    job = scripted.session.identity.load(Job, [row])[0]

    assert dict(job.metrics) == row["metrics_record"]
