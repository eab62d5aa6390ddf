"""The process of a job against a backend: reports arrive despite faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse import Job, Session
from synapse.testing.tenants import EmulatorTenant

pytestmark = pytest.mark.skipif(os.name != "posix", reason="jobs run on POSIX systems only")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def job(session: Session) -> Job:
    """A job that nobody runs: its plugin has no release."""
    return session.plugins.create(code="digits", name="Digits").run("train", params={"epochs": 3})


@pytest.fixture
def run(emulator: EmulatorTenant, job: Job, tmp_path: Path) -> Run:
    """Runs code as that job, in a process of its own, to its end."""

    def run(source: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        (tmp_path / "code_.py").write_text(textwrap.dedent(source))
        order = {
            "job_id": job.id,
            "code": "digits",
            "version": "1.0.0",
            "action": "train",
            "entrypoint": "code_:run",
            "params": {"epochs": 3},
            "base_url": emulator.url,
            "credentials": {"api_token": emulator.api_token},
            "watch": False,
            **changes,
        }
        return subprocess.run(
            [sys.executable, "-m", "synapse.plugins.job_main"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            input=json.dumps(order) + "\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def test_everything_that_is_reported_arrives(run: Run, job: Job) -> None:
    ended = run(
        """
        def run(context):
            for epoch in range(1, 4):
                context.progress(epoch, 3)
                context.metrics(epoch=epoch)
                context.metrics("test", loss=1 / epoch)
            context.progress(1, 2, category="upload")
            return {"epochs": context.params["epochs"]}
        """
    )

    assert (ended.returncode, ended.stdout) == (0, "")
    job.refresh()
    assert job.progress == 75
    assert job.progress_record == {
        "default": {"done": 3, "total": 3, "percent": 100.0},
        "upload": {"done": 1, "total": 2, "percent": 50.0},
    }
    assert job.metrics_record == {"epoch": 3, "test": {"loss": pytest.approx(1 / 3)}}
    assert job.result == {"epochs": 3}
    assert job.status == "queued"  # whoever started the process says how it ended


def test_progress_arrives_while_it_runs(run: Run, job: Job) -> None:
    ended = run(
        """
        import time
        def run(context):
            context.progress(1, 2)
            time.sleep(1.5)
            job = context.session.jobs.get(context.job_id, refresh=True)
            assert job.progress == 50, job.progress
        """
    )

    assert ended.returncode == 0, ended.stdout


def test_a_given_result_counts_before_the_returned_value(run: Run, job: Job) -> None:
    assert run("def run(context):\n    context.result([1])\n    return 2").returncode == 0
    assert job.refresh().result == [1]


@pytest.mark.parametrize(
    ("ending", "code"), [("raise RuntimeError('boom')", 1), ("raise SystemExit(7)", 7)]
)
def test_what_was_reported_before_it_failed_arrives(
    run: Run, job: Job, ending: str, code: int
) -> None:
    ended = run(f"def run(context):\n    context.metrics(loss=1)\n    {ending}")

    assert ended.returncode == code
    assert job.refresh().metrics_record == {"loss": 1}


def test_what_a_thread_reports_that_goes_on_arrives(run: Run, job: Job) -> None:
    ended = run(
        """
        import threading, time
        from synapse.plugins import context
        def run():
            def later():
                time.sleep(0.5)
                context().metrics(late=1)
            threading.Thread(target=later).start()
        """
    )

    assert ended.returncode == 0, ended.stdout
    assert job.refresh().metrics_record == {"late": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.slow
def test_what_was_forked_reports_nothing(run: Run, job: Job) -> None:
    ended = run(
        """
        import os, sys
        def run(context):
            for number in range(20):
                context.progress(number, 20)
                if not os.fork():
                    try:
                        context.metrics(child=1)
                    except Exception as error:
                        print(type(error).__name__)
                    sys.exit(5)
                os.wait()
            return "parent"
        """
    )

    assert (ended.returncode, ended.stdout) == (0, "SynapseError\n" * 20)
    job.refresh()
    assert (job.result, job.progress, job.metrics_record) == ("parent", 95, None)


def test_the_session_and_the_job_are_there(run: Run, job: Job) -> None:
    ended = run(
        """
        import synapse
        def run(context):
            print(context.session.plugins.get("digits").name, context.job.params)
            print(synapse.Plugin.objects.count(), context.job.plugin.code)
            context.session.close()  # of no matter to the reports
            context.metrics(seen=True)
        """
    )

    assert ended.stdout == "Digits {'epochs': 3}\n1 digits\n"
    assert job.refresh().metrics_record == {"seen": True}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("500", {}),
        ("503", {}),
        ("429", {"retry_after": 0}),
        ("lost", {}),
        ("reset", {}),
        ("cut", {}),
    ],
)
def test_a_fault_loses_nothing(
    run: Run, job: Job, emulator: EmulatorTenant, kind: str, options: dict[str, Any]
) -> None:
    with emulator.fault(kind, count=2, method="PATCH", path="jobs/*", **options) as fault:
        ended = run(
            """
            def run(context):
                for done in range(101):
                    context.progress(done, 100)
                return "done"
            """
        )
        assert fault.served == 2

    assert ended.returncode == 0, ended.stdout
    job.refresh()
    assert (job.progress, job.result) == (100, "done")


def test_a_result_that_the_backend_refuses_fails_the_job(run: Run, job: Job) -> None:
    job.update(status="failed")

    ended = run("def run(): return 1", job_id="4f1d3b9e-0000-4000-8000-000000000000")

    assert ended.returncode == 4
    assert "The backend didn't take the last report: Job 4f1d3b9e" in ended.stdout


def test_the_log_of_the_sdk_is_printed_for_debugging(
    run: Run, job: Job, emulator: EmulatorTenant
) -> None:
    ended = run("def run(context): context.session.plugins.count()", debug=True)

    assert ended.returncode == 0
    assert "synapse.transport" in ended.stdout
    assert emulator.api_token not in ended.stdout
