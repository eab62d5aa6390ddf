"""Jobs that the platform's package runs, with a stand-in for the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.jobs.local.interpreters import choose_interpreter
from synapse.jobs.local.release_cache import Unusable
from synapse.jobs.spec import Outcome, ReleaseFile
from synapse.plugins.platform_form import PLATFORM_PYTHON

from .conftest import zipped

Run = Callable[..., Any]
Release = Callable[..., ReleaseFile]

WHEEL = "wheels/synapse_sdk-2026.99-py3-none-any.whl"
ENTRYPOINT = """
import importlib, json, os, sys
module, name = os.environ["SYNAPSE_ACTION_ENTRYPOINT"].rsplit(".", 1)
action = getattr(importlib.import_module(module), name)
action(json.loads(os.environ["SYNAPSE_ACTION_PARAMS"])).run()
"""
SOURCE = """
import os, sys
class Action:
    def __init__(self, params): self.params = params
    def run(self):
        if "fail" in self.params: raise RuntimeError("no data")
        names = ("SYNAPSE_JOB_ID", "SYNAPSE_HOST", "SYNAPSE_ACCESS_TOKEN", "LEVEL")
        print(self.params, [os.environ.get(name) for name in names])
        print("[LEVEL: WARNING] slow")
        print(sys.prefix)
        print(any(path.endswith("cattrs") for path in sys.path), sys.version_info >= (3, 12))
        try:
            import cattrs
        except ImportError:
            print("a place of its own")
"""
CONFIG = {
    "actions": {"train": {"entrypoint": "plugin.Action"}},
    "requirements": ["--no-index", f"./{WHEEL}"],
}


@pytest.fixture(autouse=True)
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
            "synapse_sdk/plugins/entrypoint.py": ENTRYPOINT,
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-sdk\nVersion: 2026.99\n",
            f"{about}/WHEEL": (
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
            f"{about}/RECORD": "",
        }
    )


@pytest.mark.usefixtures("interpreter")
def test_the_package_runs_the_action_in_a_place_of_its_own(
    run: Run, release: Release, tmp_path: Path
) -> None:
    made = release(
        SOURCE,
        {WHEEL: wheel()},
        requires={"sdk": ">=2026.1"},
        env={"LEVEL": "3", "SYNAPSE_HOST": "http://elsewhere"},
        **CONFIG,
    )
    job = run(made, params={"epochs": 3})

    assert job.end() == Outcome("completed"), job.messages
    assert job.messages[0].startswith("The platform's package runs this action, on Python 3.")
    values, slow, prefix, *rest = job.messages[-5:]
    variables = [job.job_id, "http://127.0.0.1:9", "the-jobs-own-token", "3"]
    assert values == f"{ {'epochs': 3} } {variables}"
    assert (slow, job.lines[-4].level) == ("slow", "warning")
    assert Path(prefix).is_relative_to(tmp_path / "engine" / "releases" / made.checksum)
    assert rest == ["False True", "a place of its own"]
    assert "the-jobs-own-token" not in "".join(job.messages[:-5])

    failed = run(made, params={"fail": True})
    assert failed.end() == Outcome("failed", "The code raised RuntimeError: no data.")
    assert not any("Successfully installed" in text for text in failed.messages)


def test_an_interpreter_that_is_missing(run: Run, release: Release) -> None:
    made = release(
        SOURCE, {WHEEL: wheel()}, requires={"sdk": ">=2026", "python": "<3.12"}, **CONFIG
    )
    reason = run(made).end().reason

    assert reason is not None
    assert reason.startswith("The action 'train' requires Python >=3.12,<3.12. This machine has: ")


@pytest.mark.usefixtures("interpreter")
def test_one_release_with_both_forms(run: Run, release: Release) -> None:
    actions = {
        "train": {"entrypoint": "plugin.Action"},
        "own": {"entrypoint": "own:run"},
    }
    source = "import synapse\ndef run(context): print('own', context.params)"
    files = {WHEEL: wheel(), "own.py": source}
    made = release(SOURCE, files, requires={"sdk": ">=2026"}, **{**CONFIG, "actions": actions})

    own = run(made, action="own", params={"a": 1})
    assert own.end() == Outcome("completed"), own.messages
    assert own.messages[-1] == "own {'a': 1}"
    assert run(made).end() == Outcome("completed")
