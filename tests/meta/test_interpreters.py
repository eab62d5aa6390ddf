"""Other interpreters are found where pyenv and uv put them, and chosen at both ends."""

from __future__ import annotations

from pathlib import Path

import interpreters
import pytest


def make_python(home: Path, folder: str, version: str) -> Path:
    """Create a script that answers as an interpreter of a version."""
    python = home / folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)
    return python


def test_interpreters_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters.shutil, "which", lambda name: None)
    of_pyenv = make_python(tmp_path, ".pyenv/versions/3.12.1", "3.12")
    of_uv = make_python(tmp_path, ".local/share/uv/python/cpython-3.13.0-linux", "3.13")
    make_python(tmp_path, ".pyenv/versions/3.10.2", "2.7")  # a broken installation

    found = interpreters.find_interpreters(home=tmp_path)

    assert found == {"3.12": of_pyenv, "3.13": of_uv}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["3.10", "3.11", "3.12", "3.13"], ["3.10", "3.13"]),
        (["3.13", "3.12"], ["3.12", "3.13"]),
        (["3.12"], ["3.12"]),
        (["3.11"], []),
        ([], []),
    ],
)
def test_oldest_and_newest_other_version_are_chosen(found: list[str], expected: list[str]) -> None:
    assert interpreters.choose_versions(found, current="3.11") == expected


def test_environment_that_cannot_be_made_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interpreters, "ROOT", tmp_path)

    assert interpreters.run_tests("3.12", tmp_path / "no-python") is True
    assert "Python 3.12: skipped" in capsys.readouterr().out
    assert interpreters.run_tests("3.12", tmp_path / "no-python", is_named=True) is False
    assert "Python 3.12: failed" in capsys.readouterr().out


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """The names, interpreters and choices of the runs, on a machine with two versions."""
    found = {"3.12": Path("/python3.12"), "3.10": Path("/python3.10")}
    monkeypatch.setattr(interpreters, "find_interpreters", lambda: found)
    runs: list[tuple[str, str, bool]] = []

    def run(name: str, python: Path, *, is_named: bool = False) -> bool:
        runs.append((name, str(python), is_named))
        return name != "3.12"

    monkeypatch.setattr(interpreters, "run_tests", run)
    return runs


def test_newest_version_and_oldest_dependencies_run(runs: list[tuple[str, str, bool]]) -> None:
    assert interpreters.main(["--test"]) == 1
    assert runs == [("3.12", "/python3.12", False), ("lowest", "/python3.10", False)]


def test_what_is_named_runs(runs: list[tuple[str, str, bool]]) -> None:
    assert interpreters.main(["--test", "lowest"]) == 0
    assert runs == [("lowest", "/python3.10", True)]


def test_a_missing_version_that_is_named_fails(
    runs: list[tuple[str, str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert interpreters.main(["--test", "3.10", "3.14"]) == 1
    assert "No interpreter for 3.14: install one with pyenv or uv." in capsys.readouterr().out
    assert runs == []


def test_a_machine_without_others_runs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find_interpreters", dict)

    assert interpreters.main(["--test"]) == 0
    assert interpreters.main(["--test", "lowest"]) == 1


def test_the_oldest_dependencies_are_constraints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(interpreters, "ROOT", tmp_path)
    (tmp_path / ".nox" / "unit-lowest").mkdir(parents=True)
    monkeypatch.setattr(
        interpreters.subprocess, "run", lambda command, **_: commands.append([*map(str, command)])
    )

    interpreters.make_environment("lowest", tmp_path / "python")

    constraints = Path(commands[-1][commands[-1].index("--constraint") + 1])
    assert "attrs==23.2" in constraints.read_text().splitlines()


@pytest.mark.parametrize(("code", "is_passed"), [(0, True), (1, False)])
def test_result_of_the_tests_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_passed: bool
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    monkeypatch.setattr(interpreters, "make_environment", lambda version, path: python)

    assert interpreters.run_tests("3.12", python) is is_passed
