"""The queue of jobs, requests to stop, and the remains of a killed process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from synapse.jobs.local.engine import Engine
from synapse.jobs.local.process_tree import MARK
from synapse.jobs.spec import JobSpec, Outcome, ReleaseFile

from .conftest import SECONDS, Listener

Run = Callable[..., Any]
Release = Callable[..., ReleaseFile]


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def gone(process: psutil.Process, within: float = 60) -> bool:
    deadline = time.monotonic() + within
    while process.is_running() and not is_gone(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not process.is_running() or is_gone(process.pid)


def find_marked(pid: int) -> psutil.Process:
    """Return a process once its environment can be read, which is a moment after its start."""
    process = psutil.Process(pid)
    while MARK not in process.environ():
        time.sleep(0.001)
    return process


def test_two_run_at_once_and_more_wait_in_order(run: Run, release: Release, tmp_path: Path) -> None:
    made = release("""
    import pathlib, time
    def run(context):
        print("up")
        gate = pathlib.Path(context.params["gate"])
        while not gate.exists():
            time.sleep(0.02)
    """)
    gates = [tmp_path / f"gate-{n}" for n in range(5)]
    jobs = [run(made, params={"gate": str(gate)}) for gate in gates]
    jobs[0].line("up")
    jobs[1].line("up")
    assert [job.told for job in jobs[2:]] == [[], [], []]

    gates[1].touch()
    jobs[1].end()
    jobs[2].line("up")
    assert [job.told for job in jobs[3:]] == [[], []]
    for gate in gates:
        gate.touch()

    assert [job.end().status for job in jobs] == ["completed"] * 5


SLEEP = "import time\ndef run():\n print('up')\n time.sleep(600)"


def test_stop_while_it_runs(run: Run, engine: Engine) -> None:
    job = run(SLEEP)
    job.line("up")
    [process] = engine.processes()[job.job_id]

    assert engine.stop(job.job_id)
    engine.stop(job.job_id)  # again
    assert job.end() == Outcome("stopped", "It was stopped.")
    assert is_gone(process.pid)
    assert engine.processes() == {}
    assert not engine.stop(job.job_id)
    assert job.told.count("ended") == 1


def test_stop_one_that_does_not_want_to(run: Run, engine: Engine) -> None:
    job = run("""
    import signal, time
    def run():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("up")
        time.sleep(600)
    """)
    job.line("up")
    engine.stop(job.job_id)

    assert job.end() == Outcome("stopped", "It was stopped.")


def test_stop_while_it_waits(run: Run, engine: Engine, release: Release) -> None:
    made = release(SLEEP)
    first, second, third = (run(made) for _ in range(3))
    second.line("up")

    assert engine.stop(third.job_id)
    assert third.end() == Outcome("stopped", "It was stopped before it ran.")
    assert third.told == ["ended"]
    assert not engine.stop(third.job_id)
    assert not first.has_ended.is_set()


def test_an_unknown_job_is_not_stopped(engine: Engine) -> None:
    assert not engine.stop("nothing")


def test_which_jobs_are_here(run: Run, engine: Engine, release: Release) -> None:
    made = release(SLEEP)
    jobs = [run(made) for _ in range(3)]
    jobs[1].line("up")

    assert all(engine.has(job.job_id) for job in jobs)
    engine.stop(jobs[2].job_id)
    jobs[2].end()
    assert not engine.has(jobs[2].job_id)
    assert not engine.has("nothing")


def test_a_job_is_taken_once(run: Run, engine: Engine) -> None:
    job = run(SLEEP)

    with pytest.raises(ValueError, match="is here already"):
        run(SLEEP, job_id=job.job_id)


def test_a_process_that_is_left_behind_is_ended(run: Run) -> None:
    job = run("""
    import subprocess
    def run():
        print(subprocess.Popen(["sleep", "600"]).pid)
        print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
        print(subprocess.Popen(["sleep", "600"], start_new_session=True, env={}).pid)
    """)

    assert job.end() == Outcome("completed")
    assert [is_gone(int(pid)) for pid in job.messages] == [True] * 3


def test_close_ends_everything_and_says_why(run: Run, engine: Engine, release: Release) -> None:
    made = release(SLEEP)
    first, second, third = (run(made) for _ in range(3))
    first.line("up")
    second.line("up")

    engine.close("Closed.")

    assert [job.outcome for job in (first, second, third)] == [Outcome("failed", "Closed.")] * 3
    assert run(made).end() == Outcome("failed", "Closed.")


def test_close_goes_on_after_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, release: Release, run: Run
) -> None:
    job = run(release(SLEEP))
    job.line("up")
    report_end, may_end = job.ended, threading.Event()

    def interrupt_and_wait(outcome: Outcome) -> None:
        signal.raise_signal(signal.SIGINT)  # interrupts the main thread
        may_end.wait(SECONDS)
        report_end(outcome)

    monkeypatch.setattr(job, "ended", interrupt_and_wait)
    with pytest.raises(KeyboardInterrupt):
        engine.close("Closed.")
    threading.Timer(0.1, may_end.set).start()
    engine.close()

    assert job.outcome == Outcome("failed", "Closed.")
    assert not [each for each in threading.enumerate() if each.name.startswith("synapse-job")]


class TestWithoutThreads:
    @staticmethod
    def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError(f"can't start {thread.name}")

        monkeypatch.setattr(threading.Thread, "start", refuse)

    def test_a_job_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, engine: Engine, release: Release, run: Run
    ) -> None:
        made = release(SLEEP)
        with monkeypatch.context() as patched:
            self.refuse(patched)
            with pytest.raises(RuntimeError, match="No thread can be started for the job"):
                run(made)
        run(made).line("up")  # the job that was refused takes no place

    def test_a_job_waits_for_the_thread_that_runs(
        self, monkeypatch: pytest.MonkeyPatch, engine: Engine, release: Release, run: Run
    ) -> None:
        made = release(SLEEP)
        first = run(made)
        first.line("up")
        with monkeypatch.context() as patched:
            self.refuse(patched)
            second = run(made)
        engine.stop(first.job_id)
        second.line("up")

    def test_the_end_of_a_waiting_job_is_reported(
        self, monkeypatch: pytest.MonkeyPatch, engine: Engine, release: Release, run: Run
    ) -> None:
        made = release(SLEEP)
        jobs = [run(made) for _ in range(3)]
        jobs[1].line("up")
        with monkeypatch.context() as patched:
            self.refuse(patched)
            assert engine.stop(jobs[2].job_id)
            assert jobs[2].outcome == Outcome("stopped", "It was stopped before it ran.")


def test_a_reporter_that_fails_ends_neither_job_nor_engine(
    engine: Engine, release: Release, run: Run, tmp_path: Path
) -> None:
    class Failing:
        def started(self) -> None:
            raise OSError("started")

        def printed(self, lines: object) -> None:
            raise OSError("printed")

        def ended(self, outcome: object) -> None:
            raise OSError("ended")

    made = release(f"def run():\n print(1)\n open({str(tmp_path / 'done')!r}, 'w').close()")
    for number in range(3):  # more than there are workers
        order = JobSpec(
            job_id=str(number),
            release=made,
            action="train",
            params={},
            base_url="http://127.0.0.1:9",
            credentials={},
        )
        engine.submit(order, Failing())

    assert run(made).end() == Outcome("completed")
    assert (tmp_path / "done").exists()


def killed_while_it_runs(made: ReleaseFile, folder: Path) -> list[psutil.Process]:
    """Run a job in a process that is killed when the job has said its processes' ids."""
    script = f"""
import time
from pathlib import Path
from synapse.jobs.local.engine import Engine
from synapse.jobs.spec import *
class Told:
    def started(self): ...
    def ended(self, outcome): ...
    def printed(self, lines):
        print(lines[0].message, flush=True)
file = ReleaseFile(code="tried", version="1.0.0", checksum={made.checksum!r},
                   archive=Path({str(made.archive)!r}))
Engine({str(folder)!r}).submit(
    JobSpec(job_id="a/b", release=file, action="train", params={{}},
             base_url="http://127.0.0.1:9", credentials={{}}), Told())
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = parent.stdout.readline().split()
        # Each knows when it began: another process may get the number later.
        processes = [psutil.Process(int(pid)) for pid in pids]
        parent.send_signal(signal.SIGKILL)
    assert processes
    return processes


def test_jobs_end_when_who_runs_them_is_killed(release: Release, tmp_path: Path) -> None:
    made = release("""
    import os, subprocess, time
    def run():
        print(os.getpid(), subprocess.Popen(["sleep", "600"]).pid, flush=True)
        time.sleep(600)
    """)

    processes = killed_while_it_runs(made, tmp_path / "other")

    assert [gone(process) for process in processes] == [True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has child subreapers.")
def test_hidden_processes_end_when_who_runs_them_is_killed(
    release: Release, tmp_path: Path
) -> None:
    made = release("""
    import subprocess, time
    def run():
        hidden = subprocess.Popen(["sleep", "600"], env={}, start_new_session=True)
        print(hidden.pid, flush=True)
        time.sleep(600)
    """)

    [process] = killed_while_it_runs(made, tmp_path / "other")

    assert gone(process)


def test_an_engine_ends_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "other" / "jobs" / "a%2Fb").mkdir(parents=True)
    environment = {**os.environ, MARK: "a/b"}
    with subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True) as left:
        process = find_marked(left.pid)
        Engine(tmp_path / "other").close()

        assert gone(process)
    assert not (tmp_path / "other" / "jobs").exists()


def test_a_number_that_another_process_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other" / "jobs" / "7").mkdir(parents=True)
    environment = {**os.environ, MARK: "7"}
    with subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True) as left:
        process, former = find_marked(left.pid), psutil.Process(left.pid)
        former._ident = (left.pid, 1.0)  # type: ignore[attr-defined] # as psutil keeps one
        monkeypatch.setattr(psutil, "process_iter", lambda: iter([former]))
        Engine(tmp_path / "other").close()

        assert gone(process)


def test_interpreter_for_the_platforms_package(release: Release, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.12.9\n")
    python.chmod(0o755)
    engine, listener = Engine(tmp_path / "other", platform_python=str(python)), Listener()
    order = JobSpec(
        job_id="1",
        release=release("from synapse_sdk.plugins import x\ndef run(): ..."),
        action="train",
        params={},
        base_url="http://127.0.0.1:9",
        credentials={},
    )

    engine.submit(order, listener)

    assert listener.end().status == "failed"  # the stand-in makes no environment
    first = f"The platform's package runs this action, on Python 3.12.9 ({python})."
    assert listener.messages[0] == first
    engine.close()
