"""Waiting for jobs, with a fake backend and a fake clock."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse.errors import (
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    JobFailed,
    JobStopped,
    JobTimeout,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    ServerError,
    UsageError,
)
from synapse.resources.job_waiting import failure_of, wait_for
from synapse.resources.jobs import Job
from synapse.transfer.progress import Progress

FINAL = {
    **dict.fromkeys(("completed", "succeeded", "SUCCEEDED", "Completed")),
    **dict.fromkeys(("failed", "FAILED"), JobFailed),
    **dict.fromkeys(("stopped", "STOPPED"), JobStopped),
}
AWAY = ConnectionFailed(503, "the connection was refused")


class Backend:
    """Returns the next state of each job; the last state stays."""

    def __init__(self, session: synapse.Session) -> None:
        self.session = session
        self.next: dict[str, Iterator[Any]] = {}
        self.now = 0.0
        self.slept: list[float] = []
        self.questions = 0

    def job(self, key: str, *states: Any) -> Job:
        context: Any = self.session.jobs._session
        job: Job = context.identity.load(Job, [{"id": key, "status": "queued"}])[0]
        self.next[key] = iter(states)
        return job

    def ask(self, jobs: list[Job]) -> None:
        self.questions += 1
        for job in jobs:
            said = next(self.next[job.id], None)
            if isinstance(said, ClientError):
                raise said
            if said is not None:
                row = said if isinstance(said, dict) else {"status": said}
                job._take({"id": job.id, **row})

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def wait(self, *jobs: Job, timeout: float | None = None, progress: Any = False) -> None:
        wait_for(jobs, self.ask, timeout, progress, clock=self.clock, sleep=self.sleep)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """A backend with scripted states."""
    monkeypatch.setattr("synapse.resources.job_waiting._last_lines", lambda job: ["the last line"])
    with synapse.Session("http://127.0.0.1:9/", "token") as session:
        yield Backend(session)


class TestEnd:
    @pytest.mark.parametrize("state", FINAL)
    def test_of_each_kind_in_each_spelling(self, backend: Backend, state: str) -> None:
        job = backend.job("a", "queued", "running", state)

        backend.wait(job)

        assert backend.questions == 3
        assert job.is_finished
        failure = failure_of(job)
        assert type(failure) is (FINAL[state] or type(None))
        if failure is not None:
            assert (failure.job_id, failure.lines) == ("a", ["the last line"])
            assert failure.status == str(job.status)

    def test_that_is_known_needs_no_question(self, backend: Backend) -> None:
        job = backend.job("a", "completed")
        backend.ask([job])

        backend.wait(job)

        assert backend.questions == 1

    def test_an_unknown_state_is_not_final_and_warns_once(self, backend: Backend) -> None:
        job = backend.job("a", *["PREEMPTED"] * 5, "running", "PREEMPTED", "SUCCEEDED")

        with pytest.warns(UserWarning, match="Job a has the unknown state 'PREEMPTED'") as caught:
            backend.wait(job)

        assert len(caught) == 1
        assert backend.questions == 8

    def test_what_was_set_here_and_not_saved_is_none(self, backend: Backend) -> None:
        job = backend.job("a", "running", "failed")
        job.status = "succeeded"

        backend.wait(job)

        assert isinstance(failure_of(job), JobFailed)

    def test_of_several_is_that_of_the_last(self, backend: Backend) -> None:
        jobs = [backend.job("a", "failed"), backend.job("b", *["running"] * 5, "completed")]

        backend.wait(*jobs)

        assert all(job.is_finished for job in jobs)
        assert backend.questions == 6


class TestPauses:
    @pytest.mark.real_pauses
    def test_are_short_at_first_and_a_few_seconds_later(self, backend: Backend) -> None:
        backend.wait(backend.job("a", *["running"] * 30, "completed"))

        assert backend.slept[0] <= 0.2
        assert all(1.5 <= pause <= 3 for pause in backend.slept[10:])

    @pytest.mark.parametrize(("seconds", "pause"), [(9, 9), (3600, 3600), (1e9, 3600)])
    def test_are_as_long_as_the_server_wants_them(
        self, backend: Backend, seconds: float, pause: float
    ) -> None:
        busy = RateLimited(429, "slow down")
        busy.retry_after = seconds

        backend.wait(backend.job("a", busy, "completed"))

        assert backend.slept == [pause]


class TestTimeout:
    def test_says_how_far_it_was(self, backend: Backend) -> None:
        job = backend.job("a", *[{"status": "RUNNING", "progress": 40}] * 1000)

        with pytest.raises(JobTimeout) as caught:
            backend.wait(job, timeout=60)

        assert str(caught.value) == (
            "Job a is still running, 40 % done after 60 s. Its last lines:\n    the last line"
        )
        assert isinstance(caught.value, TimeoutError)
        assert (caught.value.job_id, caught.value.status) == ("a", "running")
        assert backend.now == pytest.approx(60)

    def test_says_what_a_job_waits_for_that_nothing_runs(self, backend: Backend) -> None:
        job = backend.job("a", *["queued"] * 1000)

        with pytest.raises(JobTimeout, match="No agent runs the job yet"):
            backend.wait(job, timeout=1)

    def test_of_none_asks_once(self, backend: Backend) -> None:
        with pytest.raises(JobTimeout):
            backend.wait(backend.job("a", "running"), timeout=0)

        assert (backend.questions, backend.slept) == (1, [])

    def test_asks_a_last_time_when_it_is_over(self, backend: Backend) -> None:
        job = backend.job("a", "running")
        backend.next["a"] = iter(lambda: "completed" if backend.now >= 5 else "running", None)

        backend.wait(job, timeout=5)

        assert job.is_finished

    def test_of_several(self, backend: Backend) -> None:
        jobs = [backend.job("a", "completed"), backend.job("b"), backend.job("c")]

        with pytest.raises(JobTimeout, match="Job b is still queued after 1 s, and so are 1 other"):
            backend.wait(*jobs, timeout=1)

    def test_during_an_outage(self, backend: Backend) -> None:
        with pytest.raises(JobTimeout, match="couldn't be reached at the end: the connection"):
            backend.wait(backend.job("a", "running", *[AWAY] * 1000), timeout=60)

    @pytest.mark.parametrize("timeout", [-1, float("nan"), True, "5"])
    def test_an_invalid_one_is_refused(self, backend: Backend, timeout: Any) -> None:
        with pytest.raises(UsageError, match="Pass a number of seconds, 0 or more"):
            backend.wait(backend.job("a"), timeout=timeout)

    def test_without_end(self, backend: Backend) -> None:
        backend.wait(backend.job("a", *["running"] * 100, "completed"), timeout=float("inf"))


class TestOutage:
    @pytest.mark.parametrize(
        "error",
        [
            AWAY,
            RequestTimeout(408, "no answer within 30 s"),
            ServerError(500, "broken"),
            ServerError(502, "bad gateway"),
            InvalidResponse(200, "the answer is empty"),
            RateLimited(429, "slow down"),
        ],
        ids=lambda error: str(error.status_code),
    )
    def test_is_waited_out_with_one_line(
        self, backend: Backend, error: ClientError, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "synapse.jobs"):
            backend.wait(backend.job("a", "running", *[error] * 50, "running", "completed"))

        first, last = (record.message for record in caplog.records)
        assert first.startswith(f"Still waiting for jobs, despite: {error.detail}")
        assert last == "The server is reachable again."

    @pytest.mark.parametrize("error", [NotFound(404, "gone"), PermissionDenied(403, "no")])
    def test_a_refusal_is_none(self, backend: Backend, error: ClientError) -> None:
        with pytest.raises(type(error)) as caught:
            backend.wait(backend.job("a", "running", error))

        assert caught.value is error

    @pytest.mark.real_pauses
    def test_a_server_that_fails_for_good(self, backend: Backend) -> None:
        with pytest.raises(ServerError, match="broken"):
            backend.wait(backend.job("a", *[ServerError(500, "broken")] * 1000))

        assert 300 < backend.now < 310


class Counting(Progress):
    """Records whether the display was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


class TestProgress:
    def test_is_told_to_a_function(self, backend: Backend) -> None:
        said: list[tuple[int, int]] = []
        job = backend.job("a", *[{"status": "running", "progress": n} for n in (10, 40)], "failed")

        backend.wait(job, progress=lambda done, size: said.append((done, size)))

        assert said == [(10, 100), (40, 100)]

    def test_is_counted_by_one_of_the_users_own(self, backend: Backend) -> None:
        progress = Counting()

        backend.wait(backend.job("a", "completed"), backend.job("b", "failed"), progress=progress)

        assert (progress.done, progress.files_done, progress.files_failed) == (100, 1, 1)
        assert not progress.closed

    @pytest.mark.parametrize("state", ["completed", "failed"])
    def test_is_a_bar_on_a_terminal(
        self,
        backend: Backend,
        state: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setattr("synapse.resources.job_progress._DELAY", 0.0)

        backend.wait(backend.job("a", {"status": "running", "progress": 40}, state), progress=True)

        shown = capsys.readouterr().err
        assert "Job a:  40%|" in shown
        assert "running" in shown
        assert {"completed": "succeeded"}.get(state, state) in shown

    def test_is_silent_elsewhere(
        self, backend: Backend, capsys: pytest.CaptureFixture[str]
    ) -> None:
        backend.wait(backend.job("a", "running", "completed"), progress=True)

        assert capsys.readouterr() == ("", "")


class TestCtrlC:
    @pytest.mark.parametrize(
        ("count", "says"),
        [
            (
                1,
                (
                    "Stopped waiting. Job 0 goes on: session.jobs.get('0').wait() waits again, "
                    ".stop() stops the job."
                ),
            ),
            (
                3,
                (
                    "Stopped waiting. 3 jobs go on: session.jobs.wait(jobs) waits again, "
                    "job.stop() stops one."
                ),
            ),
        ],
    )
    def test_ends_the_waiting_and_says_how_to_go_on(
        self, backend: Backend, count: int, says: str
    ) -> None:
        def interrupted(seconds: float) -> None:
            raise KeyboardInterrupt

        backend.sleep = interrupted  # type: ignore[method-assign]
        jobs = [backend.job(str(number), "running") for number in range(count)]

        with pytest.raises(KeyboardInterrupt) as caught:
            backend.wait(*jobs)

        assert type(caught.value) is KeyboardInterrupt
        assert str(caught.value) == says
