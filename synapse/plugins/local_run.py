"""Run an action of a plugin's folder in this process, as it is, for trials and debugging."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from synapse._internal.user_folders import expand_home
from synapse.errors import SynapseError, UsageError
from synapse.plugins.config import Action, PluginConfig
from synapse.plugins.config_file import find_config, load_config
from synapse.plugins.entrypoints import EntrypointError, call_entrypoint, load_entrypoint
from synapse.plugins.job_context import LocalContext, make_current
from synapse.plugins.job_updates import to_json
from synapse.plugins.log_markers import validate_level
from synapse.plugins.platform_form import uses_platform_package
from synapse.plugins.run_check import Runnable, check_run
from synapse.plugins.specifiers import admits

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = ["run_local"]

# Seconds between two printed lines of progress.
_PERIOD = 0.5


def run_local(
    folder: str | os.PathLike[str],
    action: str | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    session: Session | None = None,
    debug: bool = False,
) -> Any:
    r"""Run an action of a plugin's folder in this process, and return the result.

    Nothing is packed or released, and no job is created: the code runs as it is, so breakpoints and
    debuggers work. Until the call ends, the working directory and the first place for imports are
    the folder, and the variables of `env` in the configuration are set. Printed and logged lines go
    to standard output, progress and metrics to standard error. One call at a time in a process.
    Only the code makes requests.

    Args:
        folder: The plugin's folder.
        action: Name of the action; optional for a plugin with one action.
        params: The action's parameters, checked against the action's schema.
        session: The code's session and, meanwhile, the default session: with a server, or with a
            local backend. By default the default session, made when the code uses it.
        debug: Value of `context.debug`.

    Returns:
        The reported result, or the returned value, as JSON values.

    Raises:
        UsageError: The plugin has no such action, the entrypoint can't be imported or called, the
            configuration requires another Python, the platform's package runs the action, or JSON
            can't hold the result.
        PluginConfigError: The configuration is missing, or has mistakes.
        ValidationError: A parameter doesn't fit.
        SynapseError: The code called `sys.exit` with another code than 0.

    Example:
        >>> folder = Path("echo")
        >>> folder.mkdir()
        >>> _ = (folder / "echo.py").write_text("def run(context): return context.params['text']")
        >>> lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
        >>> lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
        >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
        >>> run_local(folder, "say", {"text": "hello"})
        'hello'
    """
    place = expand_home(folder).resolve()
    if not place.is_dir():
        raise UsageError(f"{folder} is not a folder. Pass the plugin's folder.")
    config = load_config(place)
    wire = to_json(params or {}, "params")
    if not isinstance(wire, dict):
        raise UsageError(f"params={params!r:.60} is not valid. Pass a mapping.")
    runnable = Runnable.from_config(config.version, find_config(place)[1])
    name = check_run(runnable, action, wire, label=f"Plugin {config.code!r}")
    chosen = config.action(name)
    _refuse_other_runners(place, config, chosen)
    context = _LocalRun(
        wire,
        session=session,
        action=chosen.name,
        plugin_code=config.code,
        version=config.version,
        debug=debug,
    )
    with _work_in(place, config.env), make_current(context), _use_by_default(session):
        try:
            value = _call(chosen, context)
        finally:
            context.print_reports(is_last=True)
    if value is not None and not context.reports.has_result:
        try:
            context.result(value)
        except UsageError as error:
            raise UsageError(f"The returned value can't be the result: {error}") from error
    return context.reports.result


def _call(action: Action, context: LocalContext) -> Any:
    try:
        function, takes_context = load_entrypoint(action.entrypoint)
    except EntrypointError as error:
        raise UsageError(f"The action {action.name!r} can't run: {error}") from error
    try:
        return call_entrypoint(function, [context] if takes_context else [])
    except SystemExit as end:
        if end.code not in (None, 0):
            raise SynapseError(f"The code called sys.exit({end.code!r}).") from end
        return None


def _refuse_other_runners(folder: Path, config: PluginConfig, action: Action) -> None:
    """Refuse code that this process can't run.

    Raises:
        UsageError: The code needs another Python, or the platform's package.
    """
    required, version = config.requires.python, platform.python_version()
    if not admits(required, version):
        raise UsageError(
            f"The plugin requires Python {required}, and this is {version}. Run it by another "
            "Python, or change requires.python in the configuration."
        )

    def read(name: str) -> bytes | None:
        path = folder / name
        return path.read_bytes() if path.is_file() else None

    if uses_platform_package(config, action, read):
        raise UsageError(
            f"The platform's package runs the action {action.name!r}, in its own environment. "
            "Release the plugin, and run the action on a local backend."
        )


class _LocalRun(LocalContext):
    """A local context that prints the reports."""

    def __init__(self, params: Mapping[str, Any], **options: Any) -> None:
        super().__init__(params, changed=self.print_reports, **options)
        self._printed_at = 0.0
        self._shown: dict[str, str] = {}

    def log(self, message: object, level: str = "info") -> None:
        """Print a message, with the level unless that is `info`."""
        word = validate_level(level)
        sys.stdout.write(f"{message}\n" if word == "info" else f"{word}: {message}\n")

    def print_reports(self, *, is_last: bool = False) -> None:
        """Print news of progress and metrics, unless lines were printed a moment ago."""
        now = time.monotonic()
        if not is_last and now - self._printed_at < _PERIOD and self._shown:
            return
        self._printed_at = now
        for name, line in self._describe_reports().items():
            if self._shown.get(name) != line:
                self._shown[name] = line
                sys.stderr.write(f"{name}: {line}\n")

    def _describe_reports(self) -> dict[str, str]:
        reports, lines = self.reports, {}
        if reports.progress is not None:
            percents = {name: row["percent"] for name, row in dict(reports.progress_record).items()}
            several = ", ".join(f"{name} {percent:g} %" for name, percent in percents.items())
            lines["progress"] = f"{reports.progress:g} %" + (
                f" ({several})" if list(percents) != ["default"] else ""
            )
        if reports.metrics_record:
            metrics = dict(reports.metrics_record)
            lines["metrics"] = ", ".join(f"{name}={value}" for name, value in metrics.items())
        return lines


@contextmanager
def _work_in(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Make a folder the working directory and the first place for imports.

    Modules of the folder are imported anew, and forgotten afterwards: the next run takes the files
    as they are then, and another plugin has modules of the same names.
    """
    own = {path.stem if path.suffix == ".py" else path.name for path in folder.iterdir()}
    own -= {*sys.stdlib_module_names, "synapse", "synapse_sdk"}

    def take_modules() -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.partition(".")[0] in own]
        return {name: sys.modules.pop(name) for name in names}

    before = Path.cwd()
    variables = {name: os.environ.get(name) for name in env}
    others, places = take_modules(), sys.path[:]
    importlib.invalidate_caches()
    try:
        os.chdir(folder)
        os.environ.update(env)
        sys.path.insert(0, str(folder))
        yield
    finally:
        sys.path[:] = places
        take_modules()
        sys.modules.update(others)
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        os.chdir(before)


@contextmanager
def _use_by_default(session: Session | None) -> Iterator[None]:
    """Make a session the default one."""
    if session is None:
        yield
        return
    from synapse.orm import session_base

    previous = session_base.set_default(session)
    try:
        yield
    finally:
        session_base.set_default(previous)
