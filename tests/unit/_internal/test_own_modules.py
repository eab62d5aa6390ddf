"""This package's code in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse._internal.own_modules import build_command, build_module_command

SHOW = "import json, queue, synapse; print(json.dumps([sys.argv[1:], sys.path, synapse.__file__]))"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with files that are called as modules are, and note that they were run."""
    note = f"open({str(tmp_path / 'was-run')!r}, 'w').close(); raise SystemExit('shadowed')"
    for name in ("queue", "token", "json", "runpy", "site", "socket", "synapse", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(note)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: list[str]) -> Any:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout) if done.stdout else None


@pytest.mark.parametrize("variable", ["", ":", "."])
def test_the_working_folder_is_not_imported_from(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", variable)
    monkeypatch.setattr(sys, "path", ["", str(hostile), *sys.path])

    arguments, path, own = run(build_command(SHOW, "one", "two"))
    run(build_module_command("synapse._internal.backoff"))

    assert arguments == ["one", "two"]
    assert not {"", ".", str(hostile)} & set(path)
    assert own == synapse.__file__
    assert not (hostile / "was-run").exists()


def test_files_of_another_place_replace_no_module_of_the_standard_library(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "path", [str(Path(synapse.__file__).parents[1]), str(hostile)])

    assert run(build_command(SHOW))[2] == synapse.__file__
    assert not (hostile / "was-run").exists()


def test_the_child_has_this_package_although_another_one_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "synapse.py").touch()
    monkeypatch.chdir(Path(synapse.__file__).parents[1])
    monkeypatch.setattr(sys, "path", ["", str(Path.cwd()), str(tmp_path)])

    assert run(build_command(SHOW))[2] == synapse.__file__


def test_packages_are_found_in_the_order_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "attrs.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    code = "import attrs, json; print(json.dumps(attrs.__file__))"
    assert run(build_command(code)) == str(tmp_path / "attrs.py")


@pytest.mark.parametrize(("writes", "flags"), [(True, "-I -S -c"), (False, "-I -S -B -c")])
def test_flags(monkeypatch: pytest.MonkeyPatch, writes: bool, flags: str) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", not writes)

    assert " ".join(build_command("")[1:]).startswith(flags)
