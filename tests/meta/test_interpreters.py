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


@pytest.mark.parametrize(("code", "is_passed"), [(0, True), (1, False)])
def test_result_of_the_tests_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_passed: bool
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    monkeypatch.setattr(interpreters, "make_environment", lambda version, path: python)

    assert interpreters.run_tests("3.12", python) is is_passed
