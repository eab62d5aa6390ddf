"""Find the Python interpreters of this machine, and choose one by version."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from synapse.jobs.local.release_cache import Unusable
from synapse.plugins.specifiers import admits

__all__ = ["Interpreter", "choose_interpreter", "find_interpreters", "read_version"]

_NAMES = ("python3", *(f"python3.{minor}" for minor in range(10, 20)))
_QUESTION = "import platform; print(platform.python_version())"

#: An interpreter: version and path.
Interpreter = tuple[str, Path]


def find_interpreters(preferred: str | None = None) -> list[Interpreter]:
    """Return the interpreters on `PATH`, of pyenv and of uv, the oldest version first.

    Args:
        preferred: Path of an interpreter that comes first, whatever the version.
    """
    found: dict[str, Path] = {}
    for path in _candidates():
        version = read_version(str(path))
        if version is not None:
            found.setdefault(version, path)
    ordered = sorted(found.items(), key=lambda one: _as_numbers(one[0]))
    if preferred is None or (version := read_version(preferred)) is None:
        return ordered
    return [(version, Path(preferred)), *ordered]


def choose_interpreter(
    specifiers: Iterable[str | None], *, reason: str, preferred: str | None = None
) -> Interpreter:
    """Return the first interpreter that all version specifiers admit.

    Args:
        specifiers: Version specifiers; `None` admits every version.
        reason: The thing that requires the version, for the message.
        preferred: Path of an interpreter that is asked first.

    Raises:
        Unusable: This machine has no such interpreter.
    """
    wanted = [specifier for specifier in specifiers if specifier is not None]
    interpreters = find_interpreters(preferred)
    for version, path in interpreters:
        if all(admits(specifier, version) for specifier in wanted):
            return version, path
    versions = ", ".join(dict.fromkeys(version for version, _ in interpreters)) or "none"
    raise Unusable(
        f"{reason} requires Python {','.join(wanted)}. This machine has: {versions}. Install a "
        "fitting version on PATH, by pyenv or by uv, or start the runner with --python PATH."
    )


@lru_cache(maxsize=100)
def read_version(python: str) -> str | None:
    """Return an interpreter's version; `None` if the interpreter can't be run."""
    try:
        answer = subprocess.run(  # noqa: S603 # an interpreter of this machine
            [python, "-I", "-c", _QUESTION], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None  # for example pyenv's stand-in for a version that isn't installed
    return answer.stdout.strip() or None


def _candidates() -> Iterator[Path]:
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    uv = Path(
        os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python"
    )
    yield from sorted(pyenv.glob("versions/3.*/bin/python3"))
    yield from sorted(uv.glob("cpython-3.*/bin/python3"))
    # Last, because pyenv's stand-ins on PATH run whatever version the working directory names.
    for name in _NAMES:
        if (path := shutil.which(name)) is not None:
            yield Path(path)


def _as_numbers(version: str) -> list[int]:
    return [int(part) if part.isdigit() else -1 for part in version.split(".")]
