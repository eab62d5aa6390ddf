"""Import entrypoints in a child process within a time limit, and report why imports fail."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from synapse._internal.described import cut
from synapse._internal.lazy_import import load
from synapse._internal.own_modules import build_command
from synapse.plugins.entrypoints import EntrypointError, is_own_file, load_entrypoint

__all__ = ["ImportOutcome", "report_imports", "try_imports"]

# Variables that imports need; a job's process has none of the others.
_VARIABLES = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("SYSTEMROOT", "TEMP", "USERPROFILE"),
)
_CHILD = "from synapse.plugins.import_check import report_imports; report_imports(sys.argv[1])"
# The variable by which `synapse.jobs` finds the processes of a job, and of a check.
_MARK = "SYNAPSE_JOB_ID"
_MAX_MISSING = 50
_LONGEST_REASON = 2000
_MAX_REPORT = 1 << 24


@attrs.frozen(kw_only=True)
class ImportOutcome:
    """The outcome of importing an entrypoint.

    Attributes:
        reason: Why the entrypoint can't be called; `None` if it can.
        place: File and line of the failure, if in the folder, such as `plugin/train.py:3`.
        missing: Names of modules that aren't installed.
    """

    reason: str | None = None
    place: str = ""
    missing: tuple[str, ...] = ()


def try_imports(
    folder: Path, entrypoints: Sequence[str], *, env: Mapping[str, str], timeout: float
) -> dict[str, ImportOutcome]:
    """Import entrypoints of a folder, as a job does, in a child process.

    Args:
        folder: The plugin's folder.
        entrypoints: The entrypoints.
        env: Variables of the code.
        timeout: Longest time of one child in seconds; then the child is killed, and every process
            that the child has started.

    Returns:
        The outcome of each entrypoint.
    """
    outcomes: dict[str, ImportOutcome] = {}
    waiting = list(dict.fromkeys(entrypoints))
    with tempfile.TemporaryDirectory(prefix="synapse-check-") as place:
        while waiting:
            report = Path(place, "report.jsonl")
            report.write_text("")
            end = _run_child(folder, waiting, report, env, timeout)
            for found in _read_report(report, len(waiting)):
                outcomes[waiting.pop(0)] = found
            if waiting:  # that one ended the child
                outcomes[waiting.pop(0)] = ImportOutcome(reason=end)
    return outcomes


def _read_report(report: Path, count: int) -> list[ImportOutcome]:
    """Return the outcomes that a child wrote, as far as they can be read.

    The modules run in the child, and may have written anything.
    """
    outcomes: list[ImportOutcome] = []
    with suppress(OSError, ValueError, RecursionError, TypeError, KeyError):
        with report.open("rb") as file:
            lines = file.read(_MAX_REPORT).decode().splitlines()
        for line in lines[:count]:
            found = json.loads(line)
            missing = tuple(str(name) for name in found["missing"])
            outcomes.append(ImportOutcome(**{**found, "missing": missing}))
    return outcomes


def _run_child(
    folder: Path, entrypoints: list[str], report: Path, env: Mapping[str, str], timeout: float
) -> str:
    """Run a child, and return how the child ended, as a reason."""
    task = {"folder": str(folder), "report": str(report), "entrypoints": entrypoints}
    variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    mark = f"check-{secrets.token_hex(16)}"
    child = subprocess.Popen(  # noqa: S603 - this package, by this interpreter
        build_command(_CHILD, json.dumps(task)),
        cwd=folder,
        env={**variables, **env, _MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        return (
            f"The import took more than {timeout:g} s. Work belongs into the function, not into "
            "the module."
        )
    finally:
        with suppress(OSError, AttributeError):  # Windows has no groups of processes
            os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait()
        _end_strays(mark)
    if code < 0:
        return f"The import ended the process by signal {-code}."
    return f"The import ended the process with exit code {code}."


def _end_strays(mark: str) -> None:
    """End processes that left the child's group, where psutil is installed."""
    with suppress(ImportError):
        load("synapse.jobs.local.process_tree").end_marked({mark})


def report_imports(task: str) -> None:
    """Import entrypoints in this process, write a line of JSON for each, and exit.

    Args:
        task: JSON with `folder`, `entrypoints` and the path of the `report`.
    """
    given = json.loads(task)
    folder, own_id = Path(given["folder"]), os.getpid()
    sys.dont_write_bytecode = True  # a check leaves nothing in the folder
    sys.path.insert(0, str(folder))
    with Path(given["report"]).open("a", encoding="utf-8") as report:
        for entrypoint in given["entrypoints"]:
            outcome = attrs.asdict(_try_import(entrypoint, folder))
            if os.getpid() != own_id:  # the module forked: one process reports
                os._exit(0)
            report.write(f"{json.dumps(outcome)}\n")
            report.flush()
    os._exit(0)  # whatever threads the modules have started


def _try_import(entrypoint: str, folder: Path) -> ImportOutcome:
    """Import an entrypoint; packages that are missing are replaced, to find the other ones."""
    stubs = _StubFinder()
    sys.meta_path.append(stubs)
    before = set(sys.modules)
    try:
        while True:
            try:
                load_entrypoint(entrypoint, is_strict=True)
            except EntrypointError as error:
                missing = _find_missing(error.__cause__, folder)
                if missing is not None and len(stubs.names) < _MAX_MISSING:
                    stubs.names.append(missing)
                    _forget_modules(set(sys.modules) - before, folder)
                    continue
                if error.__cause__ is None or not stubs.names:
                    reason = cut(str(error).rpartition("\n")[2], _LONGEST_REASON)
                    place = _find_place(error.__cause__, folder)
                    return ImportOutcome(reason=reason, place=place, missing=tuple(stubs.names))
            return ImportOutcome(missing=tuple(stubs.names))
    finally:
        sys.meta_path.remove(stubs)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in stubs.names:
                del sys.modules[name]
        if stubs.names:
            _forget_modules(set(sys.modules) - before, folder)


def _forget_modules(names: set[str], folder: Path) -> None:
    """Forget modules of the folder; others may refuse to be loaded twice."""
    for name in names:
        module = sys.modules[name]
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(place and is_own_file(place, folder) for place in places):
            del sys.modules[name]


def _find_missing(cause: BaseException | None, folder: Path) -> str | None:
    """Return the missing package whose import failed, if that is the cause."""
    if not isinstance(cause, ModuleNotFoundError) or not cause.name:
        return None
    top = cause.name.partition(".")[0]
    if (folder / top).exists() or (folder / f"{top}.py").exists():
        return None
    with suppress(ImportError, ValueError):
        if find_spec(top) is not None:
            return None
    return top


def _find_place(cause: BaseException | None, folder: Path) -> str:
    if cause is None:
        return ""
    if isinstance(cause, SyntaxError) and cause.filename:
        frames = [(cause.filename, cause.lineno)]
    else:
        frames = [
            (frame.filename, frame.lineno) for frame in traceback.extract_tb(cause.__traceback__)
        ]
    for file, line in reversed(frames):
        if is_own_file(file, folder):
            return f"{Path(file).relative_to(folder).as_posix()}:{line}"
    return ""


class _Anything(type):
    """The class of stand-ins for names of missing packages: good for most uses at import."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StandIn

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        is_decorator = len(args) == 1 and not kwargs and callable(args[0])
        return args[0] if is_decorator else _StandIn


class _StandIn(metaclass=_Anything):
    """A stand-in for any name of a missing package."""


class _StubFinder(MetaPathFinder, Loader):
    """Finds modules of missing packages, and makes empty ones.

    Attributes:
        names: Names of the missing packages.
    """

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        is_missing = fullname.partition(".")[0] in self.names
        return ModuleSpec(fullname, self, is_package=True) if is_missing else None

    def exec_module(self, module: ModuleType) -> None:
        module.__getattr__ = _get_stand_in  # type: ignore[method-assign] # as PEP 562 reads it


def _get_stand_in(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _StandIn
