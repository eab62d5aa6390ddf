"""Jobs from their release to their outcome, with real processes and no server."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from synapse.jobs.local.engine import Engine
from synapse.jobs.spec import JobSpec, Outcome, ReleaseFile

Run = Callable[..., Any]
Release = Callable[..., ReleaseFile]


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def gone(pid: int, within: float = 20) -> bool:
    deadline = time.monotonic() + within
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_gone(pid)


# How jobs end


def test_success(run: Run) -> None:
    job = run("def run(context): print('hello', context.params['who'])", params={"who": "you"})

    assert job.end() == Outcome("completed")
    assert job.messages == ["hello you"]
    assert job.told == ["started", "printed", "ended"]


def test_a_dotted_class(run: Run) -> None:
    source = """
        class Action:
            def __init__(self, context): self.params = context.params
            def run(self): print("hello", self.params["who"])
    """
    job = run(source, params={"who": "you"}, actions={"train": {"entrypoint": "plugin.Action"}})

    assert job.end() == Outcome("completed")
    assert job.messages == ["hello you"]


def test_the_configured_environment(run: Run) -> None:
    source = "import os\ndef run(): print(os.environ['LEVEL'], os.environ['PYTHONUNBUFFERED'])"
    job = run(source, env={"LEVEL": 3, "PYTHONUNBUFFERED": "x", "SYNAPSE_JOB_ID": "another"})

    assert job.end() == Outcome("completed")
    assert job.messages == ["3 x"]


def test_requests_that_are_not_honoured_come_first(run: Run) -> None:
    job = run("print('imported')\ndef run(): ...", resources={"gpu": 1})

    assert job.end() == Outcome("completed")
    assert [(line.level, line.message) for line in job.lines] == [
        ("warning", "config.yaml requests resources (gpu: 1). This runner reserves none."),
        (None, "imported"),
    ]


def test_a_required_python_that_the_runner_does_not_have(run: Run) -> None:
    job = run("print('imported')\ndef run(): ...", requires={"python": "<3"})

    reason = job.end().reason
    assert reason is not None
    assert reason.startswith("The release requires Python <3, but the runner has Python 3.")
    assert job.messages == [reason]


def test_an_exception(run: Run) -> None:
    job = run("def run():\n    raise RuntimeError('boom.')")

    assert job.end() == Outcome("failed", "The code raised RuntimeError: boom.")
    assert job.messages[0] == "Traceback (most recent call last):"
    assert "driver.py" not in "".join(job.messages)
    assert job.messages[-1] == "RuntimeError: boom."
    assert {line.level for line in job.lines} == {"error"}


def test_the_last_of_several_exceptions(run: Run) -> None:
    job = run("""
    class Odd(Exception): ...
    def run():
        try:
            raise ValueError("first")
        except ValueError:
            raise Odd
    """)

    assert job.end().reason == "The code raised plugin.Odd."


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no groups of exceptions")
def test_several_exceptions_at_once(run: Run) -> None:
    job = run("""
    def run():
        inner = ExceptionGroup("few", [TypeError("b")])
        raise ExceptionGroup("many", [ValueError("a"), inner])
    """)

    assert job.end().reason == "The code raised ExceptionGroup: many (2 sub-exceptions)."


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
def test_ends_of_its_own(run: Run, source: str, reason: str) -> None:
    assert run(source).end() == Outcome("failed", reason)


def test_leaving_early_is_no_failure(run: Run) -> None:
    assert run("import sys\ndef run(): sys.exit()").end() == Outcome("completed")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import nothing_like_it\ndef run(): ...", "nothing_like_it"),
        ("def other(): ...", "run"),
        ("def run(: ...", "SyntaxError"),
    ],
)
def test_what_cannot_be_imported(run: Run, source: str, expected: str) -> None:
    outcome = run(source).end()

    assert outcome.status == "failed"
    assert outcome.reason is not None
    assert expected in outcome.reason


def test_an_entrypoint_that_is_not_there(run: Run) -> None:
    outcome = run("", actions={"train": {"entrypoint": "elsewhere.train:run"}}).end()

    assert outcome.reason is not None
    assert "elsewhere" in outcome.reason


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
    assert run(source, limits=limits).end() == Outcome("failed", reason)


def test_the_time_limit_of_one_that_ignores_signals(run: Run) -> None:
    job = run(
        """
        import signal, time
        def run():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        """,
        limits={"timeout": 1.5},
    )

    assert job.end() == Outcome("failed", "It ran for longer than 1.5 s.")


def test_a_time_limit_lets_finally_blocks_run(run: Run) -> None:
    job = run(
        "import time\ndef run():\n try: time.sleep(60)\n finally: print('saved')",
        limits={"timeout": 1.5},
    )
    job.end()

    assert job.messages == ["saved"]


# Where it runs


def test_a_clean_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
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

    assert job.end().status == "completed"
    environment, _, folder = json.loads(job.messages[0])
    own = Path(folder).parent
    assert environment.pop("PATH").split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment.pop("LANG")
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own
    assert environment == {
        "HOME": str(own / "home"),
        "TMPDIR": str(own / "tmp"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SYNAPSE_JOB_ID": job.job_id,
    }
    assert "secret" not in "".join(job.messages)
    assert "token" not in "".join(job.messages)
    assert job.messages[-1] == "''"
    assert not own.exists()


def test_a_job_can_not_spoil_the_next(run: Run, release: Release) -> None:
    made = release("""
    from pathlib import Path
    def run():
        print(sorted(path.name for path in Path(".").iterdir()))
        Path("plugin.py").write_text("broken")
        Path("more").touch()
    """)

    for _ in range(2):
        job = run(made)
        assert job.end() == Outcome("completed")
        assert job.messages == ["['config.json', 'plugin.py']"]


def test_what_a_release_has_hides_nothing_of_the_driver(run: Run) -> None:
    broken = "raise RuntimeError('not this one')"
    job = run(
        "def run(): print('fine')",
        files={
            f"{name}.py": broken for name in ("json", "threading", "attrs", "synapse", "signal")
        },
    )

    assert job.end() == Outcome("completed")
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

    assert job.end() == Outcome("completed")
    assert job.messages == ["part data"]


def test_what_is_kept_is_for_the_user_only(run: Run, engine: Engine, tmp_path: Path) -> None:
    run("def run(): ...").end()

    assert stat.S_IMODE((tmp_path / "engine" / "releases").stat().st_mode) == 0o700


# Releases that are none


def reason_of(run: Run, content: Any) -> str:
    outcome = run(content).end()
    assert outcome.status == "failed"
    assert outcome.reason is not None
    return str(outcome.reason)


def test_a_name_that_leads_out(run: Run, tmp_path: Path) -> None:
    from .conftest import configured, zipped

    content = zipped({"config.json": configured(), "../../../out.txt": "x"})

    assert reason_of(run, content).startswith("The release tried@1.0.0 cannot be unpacked: ")
    assert not list(tmp_path.rglob("out.txt"))


def test_a_bomb(run: Run) -> None:
    from .conftest import configured, zipped

    content = zipped({"config.json": configured(), "zeros": bytes(200 << 20)})

    assert reason_of(run, content).startswith("The release tried@1.0.0 cannot be unpacked: ")


def test_no_zip(run: Run) -> None:
    assert reason_of(run, b"no zip").startswith("The release tried@1.0.0 cannot be unpacked: ")


def test_a_file_that_has_gone(run: Run, release: Release) -> None:
    made = release("def run(): ...")
    made.archive.unlink()

    assert reason_of(run, made) == (
        "The file of the release tried@1.0.0 cannot be read: No such file or directory."
    )


def test_a_file_that_is_another(run: Run, release: Release) -> None:
    made = release("def run(): ...")
    made.archive.write_bytes(b"else")

    assert reason_of(run, made) == (
        "The file of the release tried@1.0.0 is not the one that was released."
    )


def test_a_configuration_with_mistakes(run: Run) -> None:
    from .conftest import configured, zipped

    assert "category" in reason_of(run, zipped({"config.json": configured(category="odd")}))


def test_an_action_that_is_not_there(run: Run) -> None:
    outcome = run("def run(): ...", action="trian").end()

    assert outcome.reason is not None
    assert "'trian'" in outcome.reason
    assert "train" in outcome.reason


# Several


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


SLEEP = "import time\ndef run():\n print('up')\n time.sleep(60)"


def test_stop_while_it_runs(run: Run, engine: Engine) -> None:
    job = run(SLEEP)
    job.line("up")
    pid = engine.pids()[job.job_id]
    start = time.monotonic()

    assert engine.stop(job.job_id)
    engine.stop(job.job_id)  # again
    assert job.end() == Outcome("stopped", "It was stopped.")
    assert time.monotonic() - start < 5
    assert is_gone(pid)
    assert not engine.stop(job.job_id)
    assert job.told.count("ended") == 1


def test_stop_one_that_does_not_want_to(run: Run, engine: Engine) -> None:
    job = run("""
    import signal, time
    def run():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("up")
        time.sleep(60)
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


def test_a_job_is_taken_once(run: Run, engine: Engine) -> None:
    job = run(SLEEP)

    with pytest.raises(ValueError, match="is here already"):
        run(SLEEP, job_id=job.job_id)


def test_a_process_that_is_left_behind_is_ended(run: Run) -> None:
    job = run("""
    import subprocess
    def run():
        print(subprocess.Popen(["sleep", "60"]).pid)
        print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)
    """)

    assert job.end() == Outcome("completed")
    assert [is_gone(int(pid)) for pid in job.messages] == [True, True]


def test_close_ends_everything_and_says_why(run: Run, engine: Engine, release: Release) -> None:
    made = release(SLEEP)
    first, second, third = (run(made) for _ in range(3))
    first.line("up")
    second.line("up")

    engine.close("Closed.")

    assert [job.outcome for job in (first, second, third)] == [Outcome("failed", "Closed.")] * 3
    assert run(made).end() == Outcome("failed", "Closed.")


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


def killed_while_it_runs(made: ReleaseFile, folder: Path) -> list[int]:
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
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert pids
    return pids


def test_jobs_end_when_who_runs_them_is_killed(release: Release, tmp_path: Path) -> None:
    made = release("""
    import os, subprocess, time
    def run():
        print(os.getpid(), subprocess.Popen(["sleep", "60"]).pid, flush=True)
        time.sleep(60)
    """)

    pids = killed_while_it_runs(made, tmp_path / "other")

    assert [gone(pid) for pid in pids] == [True, True]


def test_an_engine_ends_what_a_killed_one_left(release: Release, tmp_path: Path) -> None:
    made = release("""
    import subprocess, time
    def run():
        print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid, flush=True)
        time.sleep(60)
    """)
    [pid] = killed_while_it_runs(made, tmp_path / "other")
    assert not is_gone(pid)

    Engine(tmp_path / "other").close()

    assert gone(pid)
    assert not (tmp_path / "other" / "jobs").exists()


# What is kept


def test_a_release_is_unpacked_once(run: Run, release: Release, tmp_path: Path) -> None:
    made = release("def run(): ...")
    run(made).end()
    made.archive.unlink()

    assert run(made).end() == Outcome("completed")


def test_the_releases_that_were_used_the_longest_ago_go(
    engine: Engine, run: Run, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._releases, "_most", 2)
    made = [release(f"def run(): print({number})") for number in range(3)]
    for each in (made[0], made[1], made[0], made[2]):
        run(each).end()

    kept = {path.name for path in (tmp_path / "engine" / "releases").iterdir()}
    assert kept == {made[0].checksum, made[2].checksum}


def test_a_release_that_runs_does_not_go(
    engine: Engine, run: Run, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._releases, "_most", 0)
    made = release(SLEEP)
    job = run(made)
    job.line("up")
    run("def run(): ...").end()

    assert [path.name for path in (tmp_path / "engine" / "releases").iterdir()] == [made.checksum]
    engine.stop(job.job_id)
    job.end()


def test_a_program_that_can_not_be_started_fails_the_job(
    release: Release, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from .conftest import Listener

    engine = Engine(tmp_path / "other", python=str(tmp_path / "no-python"))
    listener = Listener()
    order = JobSpec(
        job_id="1",
        release=release("def run(): ..."),
        action="train",
        params={},
        base_url="http://127.0.0.1:9",
        credentials={"api_token": "the-jobs-own-token"},
    )
    engine.submit(order, listener)
    outcome = listener.end()
    engine.close()

    assert outcome.status == "failed"
    assert outcome.reason is not None
    assert outcome.reason.startswith("It could not be run: FileNotFoundError: ")
    assert "the-jobs-own-token" not in caplog.text
