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

from synapse.jobs.local.interpreters import choose_interpreter
from synapse.jobs.local.job import JobRun
from synapse.jobs.local.release_cache import ReleaseCache, Unusable
from synapse.jobs.spec import JobSpec, Limits, Outcome, ReleaseFile
from synapse.plugins.platform_form import PLATFORM_PYTHON

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
        limits={"timeout": 4.0},  # the program must have begun by then, on a busy machine too
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
    own = job.folder / "environment"
    folders = environment.pop("PATH").split(os.pathsep)
    assert folders[:2] == [str(own / "bin"), str(Path(sys.executable).parent)]
    assert environment.pop("LANG")
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own
    assert environment == {
        "HOME": str(job.folder / "home"),
        "TMPDIR": str(job.folder / "tmp"),
        "VIRTUAL_ENV": str(own),
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
        for kept in Path.cwd().parents[2].glob("releases/*/code/plugin.py"):
            kept.write_text("broken")
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


# What the configuration requests


def test_a_dotted_class(run: Run) -> None:
    source = """
        class Action:
            def __init__(self, context): self.params = context.params
            def run(self): print("hello", self.params["who"])
    """
    job = run(source, params={"who": "you"}, actions={"train": {"entrypoint": "plugin.Action"}})

    assert job.outcome == Outcome("completed")
    assert job.messages == ["hello you"]


def test_the_configured_environment(run: Run) -> None:
    source = "import os\ndef run(): print(os.environ['LEVEL'], os.environ['PYTHONUNBUFFERED'])"
    job = run(source, env={"LEVEL": 3, "PYTHONUNBUFFERED": "x", "SYNAPSE_JOB_ID": "another"})

    assert job.outcome == Outcome("completed")
    assert job.messages == ["3 x"]


def test_requests_that_are_not_honoured_come_first(run: Run) -> None:
    job = run("print('imported')\ndef run(): ...", resources={"gpu": 1})

    assert job.outcome == Outcome("completed")
    assert [(line.level, line.message) for line in job.lines] == [
        ("warning", "config.yaml requests resources (gpu: 1). This runner reserves none."),
        (None, "imported"),
    ]


def test_a_required_python_that_the_runner_does_not_have(run: Run) -> None:
    job = run("print('imported')\ndef run(): ...", requires={"python": "<3"})

    reason = read_reason(job)
    assert reason.startswith("The release requires Python <3, but the runner has Python 3.")
    assert job.messages == [reason]


# Actions that the platform's package runs; a stand-in for the package


WHEEL = "wheels/synapse_sdk-2026.99-py3-none-any.whl"
PACKAGE = """
import importlib, json, os, sys
module, name = os.environ["SYNAPSE_ACTION_ENTRYPOINT"].rsplit(".", 1)
action = getattr(importlib.import_module(module), name)
action(json.loads(os.environ["SYNAPSE_ACTION_PARAMS"])).run()
"""
PLATFORM_ACTION = """
import os, pathlib, sys
class Action:
    def __init__(self, params): self.params = params
    def run(self):
        if "fail" in self.params: raise RuntimeError("no data")
        names = ("SYNAPSE_JOB_ID", "SYNAPSE_HOST", "SYNAPSE_ACCESS_TOKEN", "LEVEL")
        print(self.params, [os.environ.get(name) for name in names])
        print("[LEVEL: WARNING] slow")
        places = [path for path in sys.path if path.endswith("site-packages")]
        own, kept = places
        print(kept)
        shared = list(pathlib.Path(kept).glob("shared.pth"))
        print(shared, sys.version_info >= (3, 12))
"""
PLATFORM_CONFIG = {
    "actions": {"train": {"entrypoint": "plugin.Action"}},
    "requirements": ["--no-index", f"./{WHEEL}"],
}


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def interpreter() -> Path:
    """An interpreter that the platform's package supports."""
    try:
        return choose_interpreter([PLATFORM_PYTHON], reason="The test")[1]
    except Unusable as error:
        pytest.skip(str(error))


def wheel() -> bytes:
    about = "synapse_sdk-2026.99.dist-info"
    return zipped(
        {
            "synapse_sdk/__init__.py": "",
            "synapse_sdk/plugins/__init__.py": "",
            "synapse_sdk/plugins/entrypoint.py": PACKAGE,
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-sdk\nVersion: 2026.99\n",
            f"{about}/WHEEL": (
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
            f"{about}/RECORD": "",
        }
    )


@pytest.mark.slow
@pytest.mark.usefixtures("interpreter", "no_index")
def test_the_package_runs_the_action_in_a_place_of_its_own(
    run: Run, release: Release, tmp_path: Path
) -> None:
    made = release(
        PLATFORM_ACTION,
        {WHEEL: wheel()},
        requires={"sdk": ">=2026.1"},
        env={"LEVEL": "3", "SYNAPSE_HOST": "http://elsewhere"},
        **PLATFORM_CONFIG,
    )
    job = run(made, params={"epochs": 3})

    assert job.outcome == Outcome("completed"), job.messages
    assert job.messages[0].startswith("The platform's package runs this action, on Python 3.")
    values, slow, kept, *rest = job.messages[-4:]
    variables = [job.folder.name, "http://127.0.0.1:9", "the-jobs-own-token", "3"]
    assert values == f"{ {'epochs': 3} } {variables}"
    assert (slow, job.lines[-3].level) == ("slow", "warning")
    assert Path(kept).is_relative_to(tmp_path / "releases" / made.checksum)
    assert rest == ["[] True"]
    assert "the-jobs-own-token" not in "".join(job.messages[:-4])

    failed = run(made, params={"fail": True})
    assert failed.outcome == Outcome("failed", "The code raised RuntimeError: no data.")
    assert not any("Successfully installed" in text for text in failed.messages)


def test_an_interpreter_that_is_missing(run: Run, release: Release) -> None:
    made = release(
        PLATFORM_ACTION,
        {WHEEL: wheel()},
        requires={"sdk": ">=2026", "python": "<3.12"},
        **PLATFORM_CONFIG,
    )
    assert read_reason(run(made)).startswith(
        "The action 'train' requires Python >=3.12,<3.12. This machine has: "
    )


@pytest.mark.slow
@pytest.mark.usefixtures("interpreter", "no_index")
def test_one_release_with_both_forms(run: Run, release: Release) -> None:
    actions = {
        "train": {"entrypoint": "plugin.Action"},
        "own": {"entrypoint": "own:run"},
    }
    source = "import synapse\ndef run(context): print('own', context.params)"
    files = {WHEEL: wheel(), "own.py": source}
    made = release(
        PLATFORM_ACTION,
        files,
        requires={"sdk": ">=2026"},
        **{**PLATFORM_CONFIG, "actions": actions},
    )

    own = run(made, action="own", params={"a": 1})
    assert own.outcome == Outcome("completed"), own.messages
    assert own.messages[-1] == "own {'a': 1}"
    assert run(made).outcome == Outcome("completed")


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


@pytest.mark.parametrize(
    "source",
    [
        "import os\ndef run(): os._exit(0)",
        "import os\ndef run(): os.execv('/bin/true', ['true'])",
        "import ctypes\ndef run(): ctypes.CDLL(None).exit(0)",
        "import os\nos._exit(0)",
        "import os\ndef run():\n    if os.fork():\n        os._exit(0)",
        "import os, threading\ndef run(): threading.Thread(target=os._exit, args=(0,)).run()",
        # Another thread than the main one, after the code has returned.
        """
        import os, threading
        def end():
            threading.main_thread().join()
            os._exit(0)
        def run(): threading.Thread(target=end).start()
        """,
    ],
)
def test_a_process_that_ends_before_its_code_is_done_is_no_success(run: Run, source: str) -> None:
    outcome = run(source).end()

    assert outcome.status == "failed"
    assert "as os._exit(0) does" in str(outcome.reason)


@pytest.mark.parametrize(
    "source",
    [
        "def run(): ...",
        "def run(): raise SystemExit",
        "import sys\ndef run(): sys.exit(0)",
        "def run(): print('no end', end='', flush=True)",
        "import os\ndef run(): os.closerange(0, 3)",
        "import sys\ndef run(): sys.stdout = sys.stderr = None",
        "import os\ndef run():\n    if not os.fork(): os._exit(0)",
        "import atexit, os\ndef run(): atexit.register(os._exit, 0)",
        "import threading\ndef run(): threading.Thread(target=print).start()",
        """
        import multiprocessing
        def run():
            process = multiprocessing.Process(target=print)
            process.start()
            process.join()
        """,
    ],
)
def test_code_that_is_done_is_a_success(run: Run, source: str) -> None:
    assert run(source).end() == Outcome("completed")


def test_level_and_reason_behind_text_without_an_end(run: Run) -> None:
    job = run(
        """
        def run(context):
            print("half a line", end="")
            context.log("and a message", "warning")
            print("\\r 50%|##  |", end="")
            raise ValueError("boom")
        """
    )

    assert job.end() == Outcome("failed", "The code raised ValueError: boom.")
    lines = [(line.message, line.level) for line in job.lines]
    assert lines[:2] == [("half a line", None), ("and a message", "warning")]
    assert (" 50%|##  |", None) in lines
    assert lines[-1] == ("ValueError: boom", "error")
    assert not [message for message in job.messages if "\x1e" in message or "\r" in message]


def test_a_bar_of_many_states_is_one_line_within_the_limit(run: Run) -> None:
    job = run(
        """
        import sys
        def run():
            for number in range(100_001):
                sys.stderr.write(f"\\r{number / 1000:.1f}%|{'#' * 60}|")
        """,
        limits={"output": 1.0},
    )

    assert job.end() == Outcome("completed")
    assert job.messages[-1].startswith("100.0%|###")
