"""Install a release's requirements into a virtual environment, once."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from synapse.jobs.local.interpreters import read_version
from synapse.jobs.local.release_cache import Unusable
from synapse.jobs.spec import OutputLine

__all__ = ["Step", "installed", "job_environment"]

# Variables that tell pip about package sources. Jobs get none of them: they may hold credentials.
_FOR_PIP = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_")
_ALSO = ("HOME", "REQUESTS_CA_BUNDLE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")

_LISTED = "requirements.txt"
_QUIET = {
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}

_OWN_PACKAGES = """
import importlib.util, json, sys
packages = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
print(json.dumps([packages, importlib.util.find_spec("pip") is not None]))
"""

#: Runs a command with an environment, and returns the exit code; None if the job has to end.
Step = Callable[[Sequence[str], Path, Mapping[str, str]], "int | None"]


def job_environment(python: str, home: Path, temporary: Path) -> dict[str, str]:
    """Return a job's environment: the usual variables, and none of the runner's own."""
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
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
        if ready["made_with"] == made_with and Path(ready["python"]).exists():
            return ready["python"]
    given = {key: value for key, value in os.environ.items() if _is_for_pip(key)}
    variables = {**environment, **given, **_QUIET}
    # Remains of an earlier attempt, whose processes may still write there.
    shutil.rmtree(environments, ignore_errors=True)
    environments.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = environments / secrets.token_hex(4)
    packages, has_pip = _own_packages(python) if can_share else ([], False)
    # Usually a pip can be shared: making one takes as long as all the rest.
    options = ["--without-pip"] if has_pip else []
    code = step([python, "-m", "venv", *options, str(place)], folder, variables)
    if code is None:
        return None
    _check("No virtual environment could be made", code, last_lines)
    if can_share:
        _share(packages, place)
    listed = _requirements_file(folder, requirements, more_requirements)
    if listed is not None:
        interpreter = place / "bin" / "python"
        command = [str(interpreter), "-m", "pip", "install", "--progress-bar", "off"]
        code = step([*command, "--requirement", listed], folder, variables)
        if code is None:
            return None
        _check("The requirements could not be installed", code, last_lines)
    ready = {"made_with": made_with, "python": str(place / "bin" / "python")}
    draft = environments / "ready.draft"
    draft.write_text(json.dumps(ready), encoding="utf-8")
    draft.replace(note)
    return ready["python"]


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


def _own_packages(python: str) -> tuple[list[str], bool]:
    """Return an interpreter's package folders, and whether pip is among them."""
    answer = subprocess.run(  # noqa: S603 # our own interpreter
        [python, "-c", _OWN_PACKAGES], capture_output=True, text=True, check=True, timeout=60
    )
    packages, has_pip = json.loads(answer.stdout)
    return packages, has_pip


def _share(packages: Sequence[str], place: Path) -> None:
    """Let an environment import from other folders, after its own packages."""
    lines = [f"import site; site.addsitedir({path!r})" for path in packages]
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
