"""Checks of a folder; tests/behaviour/plugins/test_folder_checks.py has every kind of problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.plugins import folder_check
from synapse.plugins.folder_check import check
from synapse.plugins.import_check import ImportOutcome

CONFIG = """\
code: echo
name: Echo
version: 1.0.0
category: custom
actions: {say: {entrypoint: "echo:run"}, shout: {entrypoint: "echo:shout"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plugin's folder."""
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "echo.py").write_text("def run(context): ...\ndef shout(context): ...\n")
    return folder


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, ImportOutcome]:
    """The outcomes of the imports, in the place of a child process."""
    outcomes = {"echo:run": ImportOutcome(), "echo:shout": ImportOutcome()}
    asked: dict[str, Any] = {}

    def answer(folder: Path, entrypoints: list[str], **options: Any) -> dict[str, ImportOutcome]:
        asked.update(options, entrypoints=entrypoints)
        return {entrypoint: outcomes[entrypoint] for entrypoint in entrypoints}

    monkeypatch.setattr(folder_check, "try_imports", answer)
    return outcomes


@pytest.mark.usefixtures("outcomes")
def test_a_report(folder: Path) -> None:
    report = check(folder)
    assert report.is_ok
    assert report.files == ("config.yaml", "echo.py")
    assert str(report) == "echo 1.0.0: 2 files, no problems"
    assert "files=2" in repr(report)

    (folder / "x.py").write_text("1 +")
    (folder / ".env").write_text("A=1")
    lines = str(check(folder)).splitlines()
    assert lines[0] == "echo 1.0.0: 4 files, 2 problems"
    assert lines[1].startswith("- .env: Looks like credentials.")
    assert lines[2].startswith("- x.py:1: Not valid in Python 3.")
    assert [problem.path for problem in check(folder, allow_credentials=True).problems] == [
        "x.py:1"
    ]


NEEDS = "echo needs 'cv2', which isn't installed here"
ADD = "Add the line 'opencv-python-headless' to the requirements"
LISTED = "install: true\nrequirements: ['opencv-python-headless[x] >=4']\n"


@pytest.mark.parametrize(
    ("config", "requirements", "problem"),
    [
        (
            "",
            None,
            f"config.yaml: requirements: {NEEDS}. {ADD} and set `install: true` in config.yaml.",
        ),
        (
            "install: true\n",
            "numpy\n",
            f"requirements.txt: {NEEDS}. {ADD}.",
        ),
        (
            "",
            "OpenCV.Python_headless>=4\n",
            f"requirements.txt: {NEEDS}. Set `install: true` in config.yaml.",
        ),
        (LISTED, None, None),
    ],
)
def test_a_missing_package(
    folder: Path, outcomes: Any, config: str, requirements: str | None, problem: str | None
) -> None:
    outcomes.update(dict.fromkeys(outcomes, ImportOutcome(missing=("cv2",))))
    (folder / "config.yaml").write_text(config + CONFIG)
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)

    report = check(folder)

    assert [str(each) for each in report.problems] == ([problem] if problem else [])
    note = f"{NEEDS}; a runner installs opencv-python-headless before the first job."
    assert list(report.notes) == ([] if problem else [note])
    assert not any(each.is_refusal for each in report.problems)


def test_a_failing_import_is_reported_for_each_action(folder: Path, outcomes: Any) -> None:
    outcomes.update(dict.fromkeys(outcomes, ImportOutcome(reason="Broken.", place="echo.py:1")))

    assert [str(problem) for problem in check(folder).problems] == [
        "config.yaml: actions.say.entrypoint: Broken. (echo.py:1)",
        "config.yaml: actions.shout.entrypoint: Broken. (echo.py:1)",
    ]


def test_a_syntax_error_is_reported_once(folder: Path, outcomes: Any) -> None:
    outcomes.update(dict.fromkeys(outcomes, ImportOutcome(reason="Broken.", place="echo.py:1")))
    (folder / "echo.py").write_text("def run(context: ...\n")

    assert [problem.path for problem in check(folder).problems] == ["echo.py:1"]


def test_code_for_another_python_is_not_imported(folder: Path) -> None:
    (folder / "config.yaml").write_text("requires: {python: '>=4'}\n" + CONFIG)
    (folder / "echo.py").write_text("def run(context: ...\n")

    report = check(folder)

    assert report.is_ok
    assert report.notes == (
        "The code requires Python >=4, so the modules were not checked by this one.",
    )


@pytest.mark.usefixtures("outcomes")
def test_actions_of_the_platforms_package_are_not_imported(folder: Path) -> None:
    (folder / "echo.py").write_text("import synapse_sdk.plugins\nrun = shout = 1\n")

    notes = check(folder).notes

    assert [note.split(", ")[0] for note in notes] == [
        "The platform's package runs the action 'say'",
        "The platform's package runs the action 'shout'",
    ]


@pytest.mark.usefixtures("outcomes")
def test_the_limits_of_a_zip_count(folder: Path) -> None:
    (folder / "zeros.bin").write_bytes(b"")
    with (folder / "zeros.bin").open("r+b") as file:
        file.truncate(80 << 20)

    problems = check(folder).problems

    assert len(problems) == 1
    assert problems[0].is_refusal
    assert "can't be packed: " in problems[0].reason


@pytest.mark.parametrize("timeout", [0, -1, "5", True, float("nan")])
def test_bad_timeouts(folder: Path, timeout: Any) -> None:
    with pytest.raises(UsageError, match="timeout="):
        check(folder, timeout=timeout)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        check(tmp_path / "none")


def test_files_that_are_too_large_for_a_parser(folder: Path, outcomes: Any) -> None:
    (folder / "large.py").write_bytes(b"x = 1\n" * 1_000_000)
    (folder / "deep.py").write_bytes(b"-" * 200_000 + b"1")
    report = check(folder)
    assert "large.py is too large to be checked." in report.notes
    [deep] = [each.reason for each in report.problems if each.path == "deep.py"]
    assert not deep.endswith(": .")
    with (folder / "config.yaml").open("ab") as file:
        file.write(b"#" * (1 << 20))
    assert "config.yaml: Larger than 1024 KiB." in map(str, check(folder).problems)
