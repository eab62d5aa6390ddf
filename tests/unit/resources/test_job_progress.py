"""Showing the progress of jobs; `test_job_waiting.py` tests the bar."""

from __future__ import annotations

import io
import re

import pytest

from synapse.resources.job_progress import JobBar, JobProgressDisplay
from synapse.resources.jobs import Job
from synapse.transfer.progress import Progress
from unit.conftest import FakeNotebook

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


def test_a_late_bar_ends_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    bar = JobBar("Job", delay=60, file=stream)
    bar.show_states("pending")
    assert stream.getvalue() == ""
    monkeypatch.setattr(JobBar, "elapsed", 61.0)
    bar.show_states("running")
    bar.close()
    assert stream.getvalue().endswith("running\n")


class TestNotebook:
    @pytest.fixture(autouse=True)
    def immediately(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("synapse.resources.job_progress._DELAY", 0.0)

    def show(self, jobs: list[Job]) -> None:
        display = JobProgressDisplay(jobs, True)
        display.update()
        display.close()

    @pytest.mark.parametrize(
        ("row", "text"),
        [
            (
                {"status": "succeeded", "action": "train"},
                "Job a (train): succeeded, 1 min 5 s, session.jobs.get('a').result",
            ),
            ({"status": "failed"}, "Job a: failed, 1 min 5 s, session.jobs.get('a').logs()"),
        ],
    )
    def test_the_end_stays_with_the_duration_of_the_job(
        self, scripted: ScriptedSession, notebook: FakeNotebook, row: dict[str, str], text: str
    ) -> None:
        times = {"created": "2026-01-01T00:00:00Z", "completed": "2026-01-01T00:01:05Z"}

        self.show(load(scripted, {"id": "a", **times, **row}))

        assert notebook.texts == [text]

    def test_a_job_that_goes_on(self, scripted: ScriptedSession, notebook: FakeNotebook) -> None:
        self.show(load(scripted, {"id": "a", "status": "running", "progress": 40}))

        (bundle,) = notebook.outputs.values()
        assert re.fullmatch(
            r"Job a: running, 40 % done, [\d.]+ s, session\.jobs\.get\('a'\)\.wait\(\)",
            bundle["text/plain"],
        )
        assert scripted.requests == []

    def test_a_job_without_a_state(self, scripted: ScriptedSession, notebook: FakeNotebook) -> None:
        self.show(load(scripted, {"id": "a"}))

        assert notebook.texts[0].startswith("Job a: started, ")

    def test_several(self, scripted: ScriptedSession, notebook: FakeNotebook) -> None:
        states = ["succeeded", "failed", "succeeded"]
        self.show(
            load(scripted, *({"id": n, "status": s} for n, s in zip("abc", states, strict=True)))
        )

        assert re.fullmatch(
            r"3 jobs: 2 succeeded, 1 failed, waited for [\d.]+ s, "
            r"session\.jobs\.get\('b'\)\.logs\(\)",
            notebook.texts[0],
        )

    def test_off(
        self,
        scripted: ScriptedSession,
        notebook: FakeNotebook,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SYNAPSE_PROGRESS", "off")
        self.show(load(scripted, {"id": "a", "status": "running"}))

        assert notebook.outputs == {}


def test_a_line_a_minute_without_a_person(
    scripted: ScriptedSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("synapse._internal.live_output._MINUTE", 0.0)
    display = JobProgressDisplay(
        load(scripted, {"id": "a", "status": "running", "progress": 40}), True
    )

    display.update()

    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"Job a: running, 40 % done, [\d.]+ s\n", err)
