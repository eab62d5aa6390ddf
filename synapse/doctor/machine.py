"""Checks of this machine: Python, the SDK, extras, and the files with settings."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from synapse import profiles
from synapse._internal.installation import (
    describe_installation,
    describe_repair,
    find_foreign_files,
    find_unmet,
    install_command,
    list_extras,
    list_other_distributions,
)
from synapse._version import __version__
from synapse.doctor.examination import Examination
from synapse.doctor.report import Finding, failed, ok, skipped, warning
from synapse.errors import ConfigurationError

__all__ = ["check_extras", "check_files", "check_python", "check_sdk"]

# Extras for work on this SDK.
_DEVELOPMENT = frozenset({"bench", "dev", "docs", "test", "unit"})
_FEW = 3
_PACKAGE = Path(__file__).resolve().parents[1]


def check_python(_: Examination) -> Iterator[Finding]:
    """Yield the version of Python, its program and the system."""
    yield ok(f"{platform.python_version()}, {sys.executable or 'embedded'}, {platform.platform()}")


def check_sdk(_: Examination) -> Iterator[Finding]:
    """Yield the version and origin of the SDK, and files of the platform's package among them."""
    yield ok(f"{__version__}, from {describe_installation()}")
    spec = find_spec("synapse_sdk")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).resolve().parent
    if foreign := find_foreign_files(folder):
        yield failed(
            f"{folder} has files of another package: {', '.join(foreign[:5])}.",
            describe_repair(folder),
        )
    elif others := list_other_distributions():
        yield failed(
            f"Another package of this name is installed: {', '.join(others)}.",
            describe_repair(folder),
        )
    elif folder not in (_PACKAGE / "_synapse_sdk", _PACKAGE.parent / "synapse_sdk"):
        yield warning(
            f"`import synapse_sdk` finds {folder}, which isn't of this installation.",
            "Install this SDK again, or remove the other folder from PYTHONPATH.",
        )


def check_extras(_: Examination) -> Iterator[Finding]:
    """Yield the extras: those that are installed, and a command for each of the others."""
    present: list[str] = []
    missing: list[Finding] = []
    for name, requirements in list_extras().items():
        if name in _DEVELOPMENT or name.endswith("-test"):
            continue
        if unmet := find_unmet(requirements):
            rest = f" and {len(unmet) - _FEW} more" if len(unmet) > _FEW else ""
            missing.append(
                skipped(f"{name}: needs {', '.join(unmet[:_FEW])}{rest}.", install_command(name))
            )
        else:
            present.append(name)
    yield ok(f"Installed: {', '.join(present) or 'none'}.")
    yield from missing


def check_files(_: Examination) -> Iterator[Finding]:
    """Yield the readability and the permissions of the files with settings."""
    path = profiles.profile_path()
    if not os.path.lexists(path):
        yield skipped(f"{path} doesn't exist.")
    else:
        try:
            profiles.read_profile(None)
        except ConfigurationError as error:
            yield failed(str(error), f"Correct {path}, or make it private: chmod 600 {path}")
        else:
            yield ok(f"{path} is readable by its owner alone.")
    login = profiles.login_path()
    if not os.path.lexists(login):
        return
    try:
        profiles.read_login()
        mode = login.stat().st_mode
    except (ConfigurationError, OSError) as error:
        yield failed(str(error), f"Correct {login}, or remove the file.")
    else:
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield warning(f"Others on this machine can read {login}.", f"chmod 600 {login}")
        else:
            yield ok(f"{login} is readable by its owner alone.")
