"""One job, from the release to the outcome, on the thread of the test."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from synapse.jobs.local.job import JobRun
from synapse.jobs.local.release_cache import ReleaseCache
from synapse.jobs.spec import JobSpec, Limits, Outcome, ReleaseFile

from .conftest import Listener, configured, zipped

Run = Callable[..., "FinishedJob"]
Release = Callable[..., ReleaseFile]


class FinishedJob(Listener):
    """A job that ran to its end."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder


def describe_job(release: ReleaseFile, **options: Any) -> JobSpec:
    base = {
        "job_id": str(uuid.uuid4()),
        "action": "train",
        "params": {},
        "base_url": "http://127.0.0.1:9",
        "credentials": {"api_token": "the-jobs-own-token"},
    }
    return JobSpec(release=release, **{**base, **options})


@pytest.fixture
def run(release: Release, tmp_path: Path) -> Run:
    """Runs a job of some source, or of a release, and returns its listener."""
    cache = ReleaseCache(tmp_path / "releases")

    def run(
        source: str | bytes | ReleaseFile,
        *,
        limits: Mapping[str, float] | None = None,
        action: str = "train",
        params: Mapping[str, Any] | None = None,
        python: str = sys.executable,
        **options: Any,
    ) -> FinishedJob:
        file = source if isinstance(source, ReleaseFile) else release(source, **options)
        spec = describe_job(
            file, action=action, params=params or {}, limits=Limits(**(limits or {}))
        )
        job = FinishedJob(tmp_path / "jobs" / spec.job_id)
        JobRun(spec, job).run(job.folder, releases=cache, python=python, grace=0.5)
        assert job.end() is not None
        return job

    return run


# How jobs end


def test_success(run: Run) -> None:
    job = run("def run(context): print('hello', context.params['who'])", params={"who": "you"})

    assert job.outcome == Outcome("completed")
    assert job.messages == ["hello you"]
    assert job.told == ["started", "printed", "ended"]


def test_exception_is_the_reason_and_its_traceback_begins_in_the_plugin(run: Run) -> None:
    job = run("def run():\n    raise RuntimeError('boom.')")

    assert job.outcome == Outcome("failed", "The code raised RuntimeError: boom.")
    assert job.messages[0] == "Traceback (most recent call last):"
    assert "job_main.py" not in "".join(job.messages)
    assert job.messages[-1] == "RuntimeError: boom."
    assert {line.level for line in job.lines} == {"error"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import sys\ndef run(): sys.exit(7)", "It ended with exit code 7."),
        ("import sys\ndef run(): sys.exit('bad input')", "It ended with exit code 1."),
        ("import os\ndef run(): os._exit(9)", "It ended with exit code 9."),
        (
            "import os\ndef run(): os.kill(os.getpid(), 9)",
            "It was killed by signal 9 (SIGKILL).",
        ),
        ("import os\ndef run(): os.abort()", "It was killed by signal 6 (SIGABRT)."),
    ],
)
def test_exit_code_and_signal_are_the_reason(run: Run, source: str, reason: str) -> None:
    assert run(source).outcome == Outcome("failed", reason)


def test_exit_without_a_code_is_a_success(run: Run) -> None:
    assert run("import sys\ndef run(): sys.exit()").outcome == Outcome("completed")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import nothing_like_it\ndef run(): ...", "nothing_like_it"),
        ("def other(): ...", "run"),
        ("def run(: ...", "SyntaxError"),
    ],
)
def test_code_that_can_not_be_imported(run: Run, source: str, expected: str) -> None:
    assert expected in read_reason(run(source))


def test_missing_module_of_the_entrypoint(run: Run) -> None:
    job = run("", actions={"train": {"entrypoint": "elsewhere.train:run"}})

    assert "elsewhere" in read_reason(job)


# Limits


@pytest.mark.parametrize(
    ("source", "limits", "reason"),
    [
        ("import time\ndef run(): time.sleep(60)", {"timeout": 1}, "It ran for longer than 1 s."),
        (
            "import time\ndef run():\n x = b'x' * (300 << 20)\n time.sleep(60)",
            {"memory": 200},
            "It used more than 200 MiB of memory.",
        ),
        ("def run():\n while True: print('x' * 99)", {"output": 1}, "It printed more than 1 MiB."),
    ],
)
def test_limits(run: Run, source: str, limits: dict[str, float], reason: str) -> None:
    assert run(source, limits=limits).outcome == Outcome("failed", reason)


def test_time_limit_of_a_job_that_ignores_signals(run: Run) -> None:
    job = run(
        """
        import signal, time
        def run():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        """,
        limits={"timeout": 1.5},
    )

    assert job.outcome == Outcome("failed", "It ran for longer than 1.5 s.")


def test_time_limit_lets_finally_blocks_run(run: Run) -> None:
    job = run(
        "import time\ndef run():\n try: time.sleep(60)\n finally: print('saved')",
        limits={"timeout": 1.5},
    )

    assert job.messages == ["saved"]


def test_stop_before_the_program_starts(release: Release, tmp_path: Path) -> None:
    spec, listener = describe_job(release("def run(): print('up')")), Listener()
    job = JobRun(spec, listener)
    job.verdict.reach(Outcome("stopped", "It was stopped."))

    job.run(
        tmp_path / "job",
        releases=ReleaseCache(tmp_path / "releases"),
        python=sys.executable,
        grace=0.5,
    )

    assert listener.end() == Outcome("stopped", "It was stopped.")
    assert listener.told == ["started", "ended"]


# Where it runs


def test_clean_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "secret")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1/")
    monkeypatch.setenv("ANYTHING", "secret")
    job = run("""
    import json, os, sys
    def run():
        print(json.dumps([dict(os.environ), sys.argv, os.getcwd()]))
        open(os.environ["HOME"] + "/kept", "w").close()
        print(open("/proc/self/cmdline").read())
        print(repr(sys.stdin.read()))
    """)

    assert job.outcome == Outcome("completed")
    environment, _, folder = json.loads(job.messages[0])
    assert folder == str(job.folder / "code")
    assert environment.pop("PATH").split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment.pop("LANG")
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own
    assert environment == {
        "HOME": str(job.folder / "home"),
        "TMPDIR": str(job.folder / "tmp"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SYNAPSE_JOB_ID": job.folder.name,
    }
    assert "secret" not in "".join(job.messages)
    assert "token" not in "".join(job.messages)
    assert job.messages[-1] == "''"
    assert not job.folder.exists()


def test_job_can_not_change_the_release_of_the_next(run: Run, release: Release) -> None:
    file = release("""
    from pathlib import Path
    def run():
        print(sorted(path.name for path in Path(".").iterdir()))
        Path("plugin.py").write_text("broken")
        Path("more").touch()
    """)

    for _ in range(2):
        job = run(file)
        assert job.outcome == Outcome("completed")
        assert job.messages == ["['config.json', 'plugin.py']"]


def test_remains_of_an_earlier_run_are_removed(release: Release, tmp_path: Path) -> None:
    spec, listener = describe_job(release("import os\ndef run(): print(os.listdir())")), Listener()
    remains = tmp_path / "job" / "code" / "remains.py"
    remains.parent.mkdir(parents=True)
    remains.touch()

    JobRun(spec, listener).run(
        tmp_path / "job",
        releases=ReleaseCache(tmp_path / "releases"),
        python=sys.executable,
        grace=0.5,
    )

    assert listener.end() == Outcome("completed")
    assert "remains.py" not in listener.messages[0]


def test_files_of_a_release_hide_nothing_of_the_interpreter_and_the_sdk(run: Run) -> None:
    broken = "raise RuntimeError('not this one')"
    job = run(
        "def run(): print('fine')",
        files={
            f"{name}.py": broken for name in ("json", "threading", "attrs", "synapse", "signal")
        },
    )

    assert job.outcome == Outcome("completed")
    assert job.messages == ["fine"]


def test_packages_and_data_of_a_release(run: Run) -> None:
    job = run(
        "from plugin_parts import part\ndef run(): print(part.NAME, open('data/a.txt').read())",
        files={
            "plugin_parts/__init__.py": "",
            "plugin_parts/part.py": "NAME = 'part'",
            "data/a.txt": "data",
        },
    )

    assert job.outcome == Outcome("completed")
    assert job.messages == ["part data"]


# Jobs that can't run


def read_reason(job: Listener) -> str:
    """Return the reason of a job that has to have failed."""
    assert job.outcome is not None
    assert job.outcome.status == "failed"
    assert job.outcome.reason is not None
    return job.outcome.reason


def test_missing_file_of_the_release(run: Run, release: Release) -> None:
    file = release("def run(): ...")
    file.archive.unlink()

    assert read_reason(run(file)) == (
        "The file of the release tried@1.0.0 cannot be read: No such file or directory."
    )


def test_configuration_with_mistakes(run: Run) -> None:
    job = run(zipped({"config.json": configured(category="odd")}))

    assert "category" in read_reason(job)


def test_unknown_action_names_the_known_ones(run: Run) -> None:
    reason = read_reason(run("def run(): ...", action="trian"))

    assert "'trian'" in reason
    assert "train" in reason


def test_missing_interpreter(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job = run("def run(): ...", python=str(tmp_path / "no-python"))

    assert read_reason(job).startswith("It could not be run: FileNotFoundError: ")
    assert "the-jobs-own-token" not in caplog.text
