"""The interpreters of a machine, and the choice by version."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from synapse.jobs.local.interpreters import choose_interpreter, find_interpreters, read_version
from synapse.jobs.local.release_cache import Unusable


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder and a `PATH` without interpreters."""
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def add_interpreter(path: Path, version: str) -> Path:
    """Add a program that answers as an interpreter does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def test_this_interpreter() -> None:
    assert read_version(sys.executable) == platform.python_version()


@pytest.mark.parametrize("content", [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\n"])
def test_a_program_that_is_no_interpreter(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "python3"
    if content is not None:
        path.write_text(content)
        path.chmod(0o755)

    assert read_version(str(path)) is None


def test_the_places(home: Path) -> None:
    on_path = add_interpreter(home / "bin" / "python3.14", "3.14.2")
    add_interpreter(home / "bin" / "python3", "3.9.1")
    of_pyenv = add_interpreter(home / ".pyenv" / "versions" / "3.9.1" / "bin" / "python3", "3.9.1")
    folder = home / ".local" / "share" / "uv" / "python" / "cpython-3.12.8-linux"
    of_uv = add_interpreter(folder / "bin" / "python3", "3.12.8")

    assert find_interpreters() == [("3.9.1", of_pyenv), ("3.12.8", of_uv), ("3.14.2", on_path)]
    here = (platform.python_version(), Path(sys.executable))
    assert find_interpreters(sys.executable)[0] == here
    assert len(find_interpreters(str(home / "none"))) == 3


def test_the_oldest_that_fits(home: Path) -> None:
    for version in ("3.11.4", "3.12.1", "3.13.0"):
        add_interpreter(home / "bin" / f"python{version[:4]}", version)
    preferred = str(add_interpreter(home / "own" / "python", "3.14.0"))

    assert choose_interpreter([">=3.12", None], reason="x")[0] == "3.12.1"
    assert choose_interpreter([">=3.12"], reason="x", preferred=preferred)[0] == "3.14.0"
    assert choose_interpreter([">=3.12", "<3.14"], reason="x", preferred=preferred)[0] == "3.12.1"


def test_no_interpreter_that_fits(home: Path) -> None:
    add_interpreter(home / "bin" / "python3", "3.11.4")

    with pytest.raises(Unusable) as caught:
        choose_interpreter([">=3.12", "<3.15"], reason="The action 'train'")

    assert str(caught.value) == (
        "The action 'train' requires Python >=3.12,<3.15. This machine has: 3.11.4. Install a "
        "fitting version on PATH, by pyenv or by uv, or start the runner with --python PATH."
    )
    (home / "bin" / "python3").unlink()
    with pytest.raises(Unusable, match="This machine has: none"):
        choose_interpreter([">=3.12"], reason="x")
