"""The virtual environments of jobs: one for each release's requirements, and one for each job."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from synapse.jobs.local import pip_main
from synapse.jobs.local.interpreters import read_version
from synapse.jobs.local.protection import compute_fingerprint, protect, remove
from synapse.jobs.local.release_cache import Unusable
from synapse.jobs.spec import OutputLine

__all__ = ["Step", "installed", "job_environment", "make_thin"]

# Variables that tell pip about package sources. Jobs get none of them, and neither does code that
# pip builds: they may hold credentials.
_FOR_PIP = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_")
_ALSO = ("HOME", "REQUESTS_CA_BUNDLE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")

_LISTED = "requirements.txt"
_QUIET = {
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}

# Without the working directory, whose files must not replace the interpreter's modules.
_OWN_PACKAGES = """
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib.util, json
packages = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
print(json.dumps([packages, importlib.util.find_spec("pip") is not None]))
"""

# The programs `pip` of a job's environment: those further on PATH install elsewhere.
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -I -m pip "$@"\n'

#: Runs a command with an environment and a standard input, and returns the exit code; None if the
#: job has to end.
Step = Callable[[Sequence[str], Path, Mapping[str, str], bytes], "int | None"]


def job_environment(
    python: str, home: Path, temporary: Path, *, parent: str | None = None
) -> dict[str, str]:
    """Return a job's environment: the usual variables, and none of the runner's own.

    Args:
        python: The interpreter.
        home: The home folder.
        temporary: The folder for temporary files.
        parent: The interpreter whose packages the interpreter's environment shares.
    """
    folders = [str(Path(one).parent) for one in (python, parent) if one is not None]
    path = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])
    return {
        "PATH": path,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def installed(
    environments: Path,
    requirements: Sequence[str],
    *,
    python: str,
    folder: Path,
    more_requirements: Sequence[str] = (),
    can_share: bool = True,
    environment: Mapping[str, str],
    step: Step,
    last_lines: Callable[[], Sequence[OutputLine]],
) -> str | None:
    """Return the interpreter with a release's requirements, installing them if necessary.

    The caller holds the release's lock for installing.

    Args:
        environments: The release's folder for environments of this kind.
        requirements: The requirements, a line each; by default the release's `requirements.txt`.
        python: The interpreter for the environment.
        folder: A copy of the release's files, to install from.
        more_requirements: Requirements in addition to those of the release.
        can_share: Whether packages of the interpreter can be imported, and count as installed.
        environment: The environment of the job's programs.
        step: Runs a program for the job.
        last_lines: Returns the last program's output.

    Returns:
        The path of the interpreter; None if the job has to end.

    Raises:
        Unusable: Installing failed; the message says why.
    """
    note = environments / "ready.json"
    made_with = f"{python} {read_version(python)}"
    if note.exists():
        ready: dict[str, str] = json.loads(note.read_text(encoding="utf-8"))
        if ready["made_with"] == made_with and _is_unchanged(ready):
            return ready["python"]
    else:
        # Remains of an earlier attempt, whose processes may still write there. An environment that
        # was ready stays: another job may be using it.
        remove(environments)
    environments.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = environments / secrets.token_hex(4)
    packages, has_pip = _own_packages(python) if can_share else ([], False)
    # Usually a pip can be shared: making one takes as long as all the rest.
    options = ["--without-pip"] if has_pip else []
    code = step([python, "-I", "-m", "venv", *options, str(place)], folder, environment, b"")
    if code is None:
        return None
    _check("No virtual environment could be made", code, last_lines)
    if can_share:
        _share(packages, place)
    listed = _requirements_file(folder, requirements, more_requirements)
    if listed is not None:
        interpreter = place / "bin" / "python"
        command = [str(interpreter), pip_main.__file__, "0", "install", "--progress-bar", "off"]
        given = {key: value for key, value in os.environ.items() if _is_for_pip(key)}
        settings = json.dumps({**given, **_QUIET}).encode() + b"\n"
        code = step([*command, "--requirement", listed], folder, environment, settings)
        if code is None:
            return None
        _check("The requirements could not be installed", code, last_lines)
    protect(place)
    ready = {
        "made_with": made_with,
        "python": str(place / "bin" / "python"),
        "fingerprint": compute_fingerprint(place),
    }
    draft = environments / "ready.draft"
    draft.write_text(json.dumps(ready), encoding="utf-8")
    draft.replace(note)
    return ready["python"]


def make_thin(python: str, place: Path, environment: Mapping[str, str]) -> str:
    """Make an environment of one job, with the packages of an interpreter.

    Whatever the job installs goes there, whether by the interpreter or by the program `pip`.

    Args:
        python: The interpreter, possibly of an environment itself.
        place: Folder of the new environment.
        environment: The environment of the job's programs.

    Returns:
        The path of the environment's interpreter.

    Raises:
        Unusable: The interpreter makes no environments.
        OSError: The interpreter can't be started.
    """
    packages, _ = _own_packages(python)
    made = subprocess.run(  # noqa: S603 # our own interpreter
        [python, "-I", "-m", "venv", "--without-pip", str(place)],
        capture_output=True,
        text=True,
        env=dict(environment),
        timeout=60,
    )
    if made.returncode != 0:
        said = (made.stderr or made.stdout).strip().splitlines() or ["no reason"]
        raise Unusable(f"No virtual environment could be made: {said[-1].rstrip('.')}.")
    _share(packages, place)
    for name in ("pip", "pip3"):
        program = place / "bin" / name
        program.write_text(_PIP, encoding="utf-8")
        program.chmod(0o755)
    return str(place / "bin" / "python")


def _is_unchanged(ready: Mapping[str, str]) -> bool:
    """Return whether an environment is as it was installed, and protect it again if so."""
    place = Path(ready["python"]).parent.parent
    try:
        is_unchanged = ready.get("fingerprint") == compute_fingerprint(place)
    except OSError:  # something was removed
        return False
    if is_unchanged:
        protect(place)
    return is_unchanged


def _is_for_pip(name: str) -> bool:
    return name in _ALSO or name.upper().startswith(_FOR_PIP)


def _requirements_file(
    folder: Path, requirements: Sequence[str], more_requirements: Sequence[str]
) -> str | None:
    """Return the name of the requirements file, relative to the release's files."""
    lines = list(requirements)
    if not lines and (folder / _LISTED).is_file():
        lines = [f"--requirement {_LISTED}"]
    # Last: a file that the release's own lines name satisfies them too.
    lines += more_requirements
    if not lines:
        return None
    name = f"requirements-{secrets.token_hex(4)}.txt"
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


@lru_cache(maxsize=100)
def _own_packages(python: str) -> tuple[list[str], bool]:
    """Return an interpreter's package folders, and whether pip is among them."""
    answer = subprocess.run(  # noqa: S603 # our own interpreter
        [python, "-c", _OWN_PACKAGES], capture_output=True, text=True, check=True, timeout=60
    )
    packages, has_pip = json.loads(answer.stdout)
    return packages, has_pip


def _share(packages: Sequence[str], place: Path) -> None:
    """Let an environment import from other folders, after its own packages."""
    lines = [
        f"import site, sys; {path!r} in sys.path or site.addsitedir({path!r})" for path in packages
    ]
    for own in place.glob("lib/python*/site-packages"):
        # A site folder, not a plain path: development installs have `.pth` files of their own.
        (own / "shared.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _check(what: str, code: int, last_lines: Callable[[], Sequence[OutputLine]]) -> None:
    if code == 0:
        return
    said = [line.message.strip() for line in last_lines() if line.message.strip()]
    errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
    detail = f": {errors[-1].rstrip('.')}" if errors else f" (exit code {code})"
    raise Unusable(f"{what}{detail}.")
