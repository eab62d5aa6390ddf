"""Releases that require something: installed once, from the release itself; no index is asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.jobs.local.engine import Engine
from synapse.jobs.spec import Outcome, ReleaseFile

from .conftest import zipped

Run = Callable[..., Any]
Release = Callable[..., ReleaseFile]

WHEEL = "wheels/synapse_tried_part-1.0-py3-none-any.whl"
HERE = ["--no-index", f"./{WHEEL}"]
SOURCE = """
import sys, synapse_tried_part, attrs, synapse
def run(): print(synapse_tried_part.NAME, sys.prefix)
"""


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def wheel() -> bytes:
    about = "synapse_tried_part-1.0.dist-info"
    return zipped(
        {
            "synapse_tried_part.py": "NAME = 'installed'",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-tried-part\nVersion: 1.0\n",
            f"{about}/WHEEL": (
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
            f"{about}/RECORD": "",
        }
    )


def test_two_jobs_of_one_release_install_it_once(
    run: Run, release: Release, tmp_path: Path
) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)
    jobs = [run(made) for _ in range(2)]

    assert [job.end() for job in jobs] == [Outcome("completed")] * 2
    assert len({job.messages[-1] for job in jobs}) == 1
    name, prefix = jobs[0].messages[-1].split()
    assert name == "installed"
    assert Path(prefix).is_relative_to(tmp_path / "engine" / "releases" / made.checksum)
    said = [any("Successfully installed" in text for text in job.messages) for job in jobs]
    assert sorted(said) == [False, True]

    again = run(made)
    assert again.end() == Outcome("completed")
    assert again.messages == [jobs[0].messages[-1]]


def test_the_file_of_requirements(run: Run, release: Release) -> None:
    files = {WHEEL: wheel(), "requirements.txt": f"./{WHEEL}\n"}
    job = run(release(SOURCE, files, install=True))

    assert job.end() == Outcome("completed")
    assert job.messages[-1].startswith("installed ")


def test_what_is_there_already_is_not_installed(run: Run, release: Release) -> None:
    job = run(
        release("import attrs\ndef run(): print('fine')", install=True, requirements=["attrs>=20"])
    )

    assert job.end() == Outcome("completed")
    assert any("already satisfied: attrs" in text for text in job.messages)


def test_failing_to_install_fails_the_job(run: Run, release: Release) -> None:
    job = run(release("def run(): ...", install=True, requirements=["synapse-no-such-thing"]))

    outcome = job.end()
    assert (outcome.status, outcome.reason) == (
        "failed",
        (
            "The requirements could not be installed: "
            "ERROR: No matching distribution found for synapse-no-such-thing."
        ),
    )
    assert any("Could not find a version" in text for text in job.messages)


def test_stopped_while_it_installs_and_installed_by_the_next(
    run: Run, release: Release, engine: Engine
) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)
    first, second = run(made), run(made)
    first.has_started.wait(30)
    engine.stop(first.job_id)

    assert first.end() == Outcome("stopped", "It was stopped.")
    assert second.end() == Outcome("completed")


def test_installing_counts_for_the_time(run: Run, release: Release) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)

    assert run(made, limits={"timeout": 0.3}).end() == Outcome(
        "failed", "It ran for longer than 0.3 s."
    )


def test_only_pip_knows_where_packages_come_from(
    run: Run, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "http://user:secret@127.0.0.1:9/")
    monkeypatch.delenv("PIP_NO_INDEX")
    made = release(
        "import os\ndef run(): print(sorted(name for name in os.environ if 'PIP' in name))",
        {WHEEL: wheel()},
        install=True,
        requirements=["--no-index", "--find-links wheels", f"./{WHEEL}"],
    )

    job = run(made)
    assert job.end() == Outcome("completed"), os.linesep.join(job.messages)
    assert job.messages[-1] == "[]"


def test_not_asked_for_it_is_not_installed(run: Run, release: Release) -> None:
    job = run(release("def run(): print('fine')", requirements=["synapse-no-such-thing"]))

    assert job.end() == Outcome("completed")
    assert job.messages == ["fine"]


def test_another_version_than_the_runners_leaves_that_alone(run: Run, release: Release) -> None:
    import cachetools

    about = "cachetools-5.99.dist-info"
    name = "cachetools-5.99-py3-none-any.whl"
    other = zipped(
        {
            "cachetools/__init__.py": "__version__ = 'its own'",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: cachetools\nVersion: 5.99\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
    )
    job = run(
        "import cachetools\ndef run(): print(cachetools.__version__)",
        files={name: other},
        install=True,
        requirements=["--no-index", f"./{name}"],
    )

    assert job.end() == Outcome("completed")
    assert job.messages[-1] == "its own"
    assert Path(cachetools.__file__).exists()
