"""Run the unit tests on the other Python versions that this machine has.

Each version gets a virtual environment below `.nox/`, which later runs use again. The oldest
version has the oldest allowed dependencies, which saves a run. What is named must run: a missing
interpreter, or an environment that can't be made, fails. Otherwise it is skipped with a message.

    python tools/interpreters.py            # list the interpreters
    python tools/interpreters.py --test     # the newest; the oldest, with the oldest dependencies
    python tools/interpreters.py --test 3.12 lowest
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from lowest_dependencies import find_lower_bounds

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"

LOWEST = "lowest"
# Old libraries warn about newer ones that they use.
_OF_OLD_LIBRARIES = ["-W", "ignore::DeprecationWarning"]
_QUESTION = "import sys; print('%d.%d' % sys.version_info[:2])"


def find_interpreters(
    versions: Iterable[str] = VERSIONS, home: Path | None = None
) -> dict[str, Path]:
    """Return an interpreter for each version that is on the path, or of pyenv or uv."""
    home = home or Path.home()
    interpreters: dict[str, Path] = {}
    for version in versions:
        candidates = [
            *home.glob(f".pyenv/versions/{version}.*/bin/python"),
            *home.glob(f".local/share/uv/python/cpython-{version}*/bin/python"),
        ]
        on_path = shutil.which(f"python{version}")
        candidates += [Path(on_path)] if on_path else []
        for candidate in candidates:
            # A shim of pyenv is on the path even if its version isn't installed.
            if _read_version(candidate) == version:
                interpreters[version] = candidate
                break
    return interpreters


def _read_version(python: Path) -> str | None:
    try:
        result = subprocess.run(
            [python, "-c", _QUESTION], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def choose_versions(found: Iterable[str], current: str = CURRENT) -> list[str]:
    """Return the oldest and the newest version besides the current one."""
    others = [version for version in VERSIONS if version in set(found) and version != current]
    return list(dict.fromkeys([*others[:1], *others[-1:]]))


def make_environment(name: str, python: Path) -> Path | None:
    """Return the interpreter of an environment with the unit tests' packages.

    Args:
        name: A version, or `"lowest"` for the oldest allowed dependencies.
        python: The interpreter to make the environment with.
    """
    folder = ROOT / ".nox" / f"unit-{name}"
    target = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip: list[str | Path] = [
        target,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    try:
        if not target.exists():
            subprocess.run([python, "-m", "venv", folder], check=True, timeout=120)
        if name == LOWEST:
            constraints = folder / "constraints.txt"
            constraints.write_text("\n".join(find_lower_bounds("unit")), encoding="utf-8")
            pip += ["--constraint", constraints]
        subprocess.run([*pip, "--editable", ".[unit]"], cwd=ROOT, check=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{describe(name)}: the environment can't be made ({error})")
        return None
    return target


def describe(name: str) -> str:
    """Return a run's name for messages."""
    return "Oldest dependencies" if name == LOWEST else f"Python {name}"


def run_tests(name: str, python: Path, *, is_named: bool = False) -> bool:
    """Return whether the unit tests pass, or can't be run here and weren't named."""
    target = make_environment(name, python)
    if target is None:
        print(f"{describe(name)}: {'failed' if is_named else 'skipped'}", flush=True)
        return not is_named
    print(f"{describe(name)}: running the unit tests", flush=True)
    options = ["-q", "-p", "no:cacheprovider", "-n", "3", "--dist", "loadfile"]
    options += _OF_OLD_LIBRARIES if name == LOWEST else []
    command: list[str | Path] = [target, "-m", "pytest", *options, "-m", "not slow", "tests/unit"]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def main(arguments: list[str]) -> int:
    """List the interpreters, and run the tests if asked to; return 1 if tests fail."""
    found = find_interpreters()
    missing = [version for version in VERSIONS if version not in found]
    print(f"Python {CURRENT} runs this. Found: {', '.join(found) or 'none'}.", end=" ")
    print(f"Missing: {', '.join(missing) or 'none'}.", flush=True)
    if arguments[:1] != ["--test"]:
        return 0
    named = arguments[1:]
    if absent := [name for name in named if name != LOWEST and name not in found]:
        print(f"No interpreter for {', '.join(absent)}: install one with pyenv or uv.")
        return 1
    if not found:
        return 1 if named else 0
    oldest = min(found, key=VERSIONS.index)
    names = named or [*(each for each in choose_versions(found) if each != oldest), LOWEST]
    results = [
        run_tests(name, found.get(name, found[oldest]), is_named=bool(named)) for name in names
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
