"""Wait for jobs, follow and stop them; the test plays the runner."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.errors import Conflict, JobsFailed, NotFound, UsageError
from synapse.resources.jobs import Job
from synapse.testing import assert_num_requests


@pytest.fixture
def run(session: synapse.Session) -> Callable[[], Job]:
    """Makes a job that nobody runs."""
    plugin = session.plugins.create(name="Detector")
    return lambda: plugin.run("train")


@pytest.fixture
def runner(emulator: Any) -> Any:
    """Another session, of whoever runs the jobs."""
    with synapse.Session(emulator.url, emulator.api_token) as other:
        yield other


class TestWait:
    def test_returns_the_job_when_it_succeeded(
        self, run: Callable[[], Job], runner: synapse.Session
    ) -> None:
        job = run()
        end = threading.Timer(
            0.3, runner.jobs.get(job.id).update, kwargs={"status": "SUCCEEDED", "result": 7}
        )
        end.start()

        assert job.wait(timeout=60) is job

        end.join()
        assert repr(job) == (f"<Job {job.id} plugin='detector' action='train' status='succeeded'>")
        assert (job.status, job.result, job.is_finished) == ("succeeded", 7, True)

    @pytest.mark.parametrize(
        ("state", "cls"), [("failed", synapse.JobFailed), ("STOPPED", synapse.JobStopped)]
    )
    def test_raises_with_the_last_lines(
        self, run: Callable[[], Job], runner: synapse.Session, state: str, cls: Any
    ) -> None:
        job = run()
        printed = [str(number) for number in range(50)]
        runner.jobs.get(job.id).update(status=state, console_logs=printed)

        with pytest.raises(cls) as caught:
            job.wait(timeout=60)

        assert caught.value.lines == printed[-20:]
        assert caught.value.job_id == job.id

    def test_a_job_that_is_gone(self, session: synapse.Session, run: Callable[[], Job]) -> None:
        context: Any = session.jobs._session
        job = context.identity.load(Job, [{"id": "0" * 32, "status": "queued"}])[0]

        with pytest.raises(NotFound):
            job.wait(timeout=60)

    def test_the_deadline_of_a_block_around_it_counts(self, run: Callable[[], Job]) -> None:
        with pytest.raises(synapse.ClientError, match="deadline"), synapse.deadline(0.5):
            run().wait()


class TestWaitForMany:
    def test_is_one_request_for_all(
        self, session: synapse.Session, run: Callable[[], Job], runner: synapse.Session
    ) -> None:
        jobs = [run() for _ in range(5)]
        for job in runner.jobs:
            job.update(status="succeeded")

        with assert_num_requests(session, 1):
            assert session.jobs.wait(reversed(jobs)) == jobs[::-1]

    def test_raises_with_each_that_failed_after_all_have_ended(
        self, session: synapse.Session, run: Callable[[], Job], runner: synapse.Session
    ) -> None:
        jobs = [run() for _ in range(3)]
        for job, state in zip(jobs, ["failed", "succeeded", "stopped"], strict=True):
            runner.jobs.get(job.id).update(status=state, console_logs=[f"it {state}"])

        with pytest.raises(JobsFailed, match="2 of 3 jobs failed or were stopped") as caught:
            session.jobs.wait(jobs)

        assert [type(error) for error in caught.value.errors] == [
            synapse.JobFailed,
            synapse.JobStopped,
        ]
        assert [error.lines for error in caught.value.errors] == [["it failed"], ["it stopped"]]
        assert caught.value.lines == ["it failed"]
        assert str(caught.value).count("it failed") == 1
        assert str(caught.value).endswith(" failed. Its last lines:\n    it failed")
        assert session.jobs.wait(jobs, raises=False) == jobs

    def test_timeout(self, session: synapse.Session, run: Callable[[], Job]) -> None:
        with pytest.raises(synapse.JobTimeout):
            session.jobs.wait([run(), run()], timeout=0)

    def test_of_a_server_that_ignores_ids(
        self, session: synapse.Session, run: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It answers with just any jobs, which aren't waited for."""
        jobs = [run() for _ in range(4)]
        for job in jobs[2:]:
            job.update(status="succeeded")
        monkeypatch.setattr(type(session.jobs), "filter", lambda self, **filters: self.all())

        assert session.jobs.wait(jobs[2:]) == jobs[2:]

    def test_none(self, session: synapse.Session) -> None:
        assert session.jobs.wait([]) == []

    def test_what_is_no_job(self, session: synapse.Session) -> None:
        with pytest.raises(UsageError, match="takes Job objects, not 'abc'"):
            session.jobs.wait(["abc"])  # type: ignore[list-item]


class TestStop:
    def test_is_requested_in_one_request(
        self, session: synapse.Session, run: Callable[[], Job]
    ) -> None:
        job = run()
        with assert_num_requests(session, 1):
            assert job.stop() is job
            assert job.stop() is job  # it is known to have ended

        assert job.status == "stopped"

    def test_what_has_ended_already(self, run: Callable[[], Job], runner: synapse.Session) -> None:
        job = run()
        runner.jobs.get(job.id).update(status="succeeded")

        assert job.stop(wait=True).status == "succeeded"

    def test_another_conflict(
        self, run: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = run()
        ask = Job._ask

        def refused(self: Job, method: str, path: str, **options: Any) -> Any:
            if method == "PATCH":
                raise Conflict(409, "not now")
            return ask(self, method, path, **options)

        monkeypatch.setattr(Job, "_ask", refused)

        with pytest.raises(Conflict, match="not now"):
            job.stop()


class TestFollow:
    def test_ends_with_the_job(self, run: Callable[[], Job], runner: synapse.Session) -> None:
        job = run().update(status="running", console_logs=["one"])
        lines = job.follow()
        assert next(lines) == "one"

        runner.jobs.get(job.id).update(status="completed", console_logs=["", "three"])

        assert list(lines) == ["", "three"]
        assert job.status == "succeeded"


class TestLogs:
    def test_come_in_pages(
        self, session: synapse.Session, run: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("synapse.resources.job_output._PAGE", 10)
        job = run().update(console_logs=[str(number) for number in range(25)])

        with assert_num_requests(session, 3):
            log = job.logs()
            assert [line.message for line in log] == [str(number) for number in range(25)]
        assert [str(line) for line in log.last(7)] == [str(number) for number in range(18, 25)]
        assert (log[-1].message, log[3].message, log[:2][1].message) == ("24", "3", "1")
        assert (log.count(), log.last(0)) == (25, [])
        assert len(log.last(99)) == 10

    def test_of_a_job_that_printed_nothing(self, run: Callable[[], Job]) -> None:
        log = run().logs()

        assert (list(log), log.last(), log.count()) == ([], [], 0)
        with pytest.raises(IndexError):
            log[-1]


def test_metrics_are_never_none(run: Callable[[], Job]) -> None:
    job = run()
    assert job.metrics == {}
    assert job.update(metrics_record={"train": {"loss": 0.5}}).metrics["train"]["loss"] == 0.5
    with pytest.raises(TypeError):
        job.metrics["x"] = 1  # type: ignore[index]


CONFIG = """
code: detector
name: Detector
version: 1.0.0
category: neural_net
actions:
  train: {entrypoint: "detector:train"}
"""
CODE = """
def train(context):
    for number in range(3):
        print("epoch", number, flush=True)
        context.progress(number + 1, 3)
    if context.params["fails"]:
        raise RuntimeError("boom")
    return {"epochs": 3}
"""


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_that_really_runs(session: synapse.Session, tmp_path: Path, fails: bool) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "detector.py").write_text(CODE)
    plugin = session.plugins.create(name="Detector", code="detector", category="neural_net")
    plugin.release("1.0.0", tmp_path)
    job = plugin.run("train", params={"fails": fails})

    lines = list(job.follow())

    assert lines[:3] == ["epoch 0", "epoch 1", "epoch 2"]
    if fails:
        with pytest.raises(synapse.JobFailed, match="RuntimeError: boom"):
            job.wait(timeout=60)
    else:
        assert job.wait(timeout=60).result == {"epochs": 3}
        assert job.progress == 100


WAITING = """
import sys, synapse
synapse.connect().jobs.get(sys.argv[1]).wait()
"""


def test_a_terminal_has_one_line_and_advice_after_ctrl_c(
    run: Callable[[], Job], emulator: Any
) -> None:
    settings = {"SYNAPSE_BASE_URL": emulator.url, "SYNAPSE_API_TOKEN": emulator.api_token}
    job = run().update(status="running", progress=40)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 200, 0, 0))
    seen = ""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, job.id],
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, **settings},
    ) as process:
        os.close(slave)
        while f"Job {job.id[:8]}:  40%|" not in seen:
            seen += os.read(master, 65536).decode()
        assert "\n" not in seen
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the end of a pseudo-terminal
            while piece := os.read(master, 65536):
                seen += piece.decode()
        stdout, _ = process.communicate(timeout=60)
    os.close(master)

    assert (process.returncode, stdout) == (-signal.SIGINT, b"")
    assert seen.rstrip().endswith(
        f"KeyboardInterrupt: Stopped waiting. Job {job.id} goes on: "
        f"session.jobs.get('{job.id}').wait() waits again, .stop() stops the job."
    )
