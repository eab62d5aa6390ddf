"""`synapse plugin`: from an empty folder to a finished job."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, redirect_stdout, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from synapse._internal.lazy_import import load
from synapse.cli import special_verbs
from synapse.cli.errors import FAILED, INTERRUPTED, print_error
from synapse.cli.lazy_group import HintedCommand, HintedGroup, new_app
from synapse.cli.options import get_options, open_session, print_note
from synapse.cli.output import (
    Format,
    is_terminal,
    print_line,
    print_rows,
    print_text,
    resolve_format,
)
from synapse.cli.resource_options import DRY_RUN, OUTPUT
from synapse.cli.values import is_pair, read_pairs
from synapse.errors import NotFound, SynapseError, UsageError

if TYPE_CHECKING:
    from synapse.plugins import PluginReport
    from synapse.plugins.config import PluginConfig
    from synapse.resources.jobs import Job
    from synapse.session import Session

__all__ = ["app"]

_CONFIGS = ("config.yaml", "config.json")
_VERBS = ("list", "get", "count", "create", "update", "open")


class _PluginGroup(HintedGroup):
    hints = {verb: f"type synapse plugins {verb}." for verb in _VERBS}
    aliases = {**HintedGroup.aliases, "init": "new", "publish": "release", "test": "check"}


app = new_app(cls=_PluginGroup, help="Make, check, run and release the plugin in a folder.")

Category = Enum(  # type: ignore[misc] # the words are written once
    "Category", {word: word for word in load("synapse.plugins.config").CATEGORIES}, type=str
)


class Part(str, Enum):
    """Parts of a version."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


FOLDER = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="The plugin's folder.")]
CREDENTIALS = Annotated[
    bool, typer.Option("--allow-credentials", help="Accept files that look like credentials.")
]


@app.command("new", cls=HintedCommand)
def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The new plugin's folder.")],
    category: Annotated[
        Category, typer.Option("--category", "-c", help="Purpose of the plugin.")
    ] = Category["custom"],
    name: Annotated[
        str | None, typer.Option(help="Display name; by default from the folder's name.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="Short name; by default from the folder's name.")
    ] = None,
) -> None:
    """Make a plugin's folder with a skeleton that works, and a test."""
    made = load("synapse.plugins.scaffold").new(
        folder, category=category.value, name=name, code=code
    )
    print_line(str(made))
    typed = shlex.quote(str(made))
    words = "".join(f" {word}" for word in _list_required(made))
    print_note(f"Next: synapse plugin run {typed} --local{words}")
    print_note(f"      synapse plugin release {typed}")


@app.command("check", cls=HintedCommand)
def check(
    folder: FOLDER = Path(),
    output: OUTPUT = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Longest time of an import in seconds.")
    ] = 30.0,
    allow_credentials: CREDENTIALS = False,
) -> None:
    """Report everything for which a release would be refused, or a job would fail."""
    report = load("synapse.plugins.folder_check").check(
        folder, allow_credentials=allow_credentials, timeout=timeout
    )
    if output is None:
        print_text(str(report))
    else:
        _print_problems(report, output)
    if not report.is_ok:
        raise typer.Exit(FAILED)


@app.command("run", cls=HintedCommand)
def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER] [ACTION] [NAME=VALUE]...",
            help="The plugin's folder, by default the working folder; the action, if the plugin "
            "has several; parameters as NAME=TEXT, NAME:=JSON or NAME=@FILE.",
            show_default=False,
        ),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run the folder as it is, in this process.")
    ] = False,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="With --local: give the code an empty local backend.")
    ] = False,
    agent: Annotated[int | None, typer.Option(help="Id of the agent that runs the job.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Print the SDK's log, too.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Print the job's id, and don't wait.")
    ] = False,
    dry_run: DRY_RUN = False,
) -> None:
    """Run an action: as a job of the released version, or in this process.

    The output goes to standard error, and the result, as JSON, to standard output.
    """
    if emulator and not local:
        raise UsageError("--emulator needs --local: a job runs on the server that has the release.")
    task = _read_task(words or ())
    if dry_run:
        where = "in this process" if local else "as a job"
        release = f"{task.config.code}@{task.config.version}"
        print_note(f"Would run {task.action} of {release} {where}, with {task.params!r}.")
        return
    if local:
        _print_result(_run_here(task, debug=debug, has_emulator=emulator))
        return
    with open_session() as session:
        plugin = _find_plugin(session, task)
        job = plugin.run(
            task.action, params=task.params, agent=agent, debug=debug, version=task.config.version
        )
        if detach:
            print_line(str(job.id))
        else:
            _print_result(_follow(job))


@app.command("release", cls=HintedCommand)
def release(
    folder: FOLDER = Path(),
    bump: Annotated[
        Part | None, typer.Option(help="Part of the version to raise in the configuration first.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Make a release that a later one may replace.")
    ] = False,
    changelog: Annotated[str, typer.Option(help="Release notes of this version.")] = "",
    unstable: Annotated[
        bool, typer.Option("--unstable", help="Mark the release as not meant for everybody.")
    ] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Release code that can't be imported here.")
    ] = False,
    allow_credentials: CREDENTIALS = False,
    dry_run: DRY_RUN = False,
) -> None:
    """Check the folder, and upload a release; the first one creates the plugin."""
    if not no_check:
        report = load("synapse.plugins.folder_check").check(
            folder, allow_credentials=allow_credentials
        )
        if not report.is_ok:
            print_error(str(report))
            print_error("synapse: nothing was released.")
            raise typer.Exit(FAILED)
    if dry_run:
        config = load("synapse.plugins.config_file").load_config(folder)
        version = config.version
        if bump is not None:
            version = load("synapse.plugins.version_bump").raise_version(version, bump.value)
        print_note(f"Would release {config.code}@{version}.")
        return
    with open_session() as session:
        made = session.plugins.release(
            folder,
            bump=None if bump is None else bump.value,
            debug=debug,
            changelog=changelog,
            is_stable=not unstable,
            allow_credentials=allow_credentials,
        )
        print_line(f"{made.plugin.code}@{made.version}")
    print_note(f"Next: synapse plugin run {shlex.quote(str(folder))}")


@app.command("logs", cls=HintedCommand)
def logs(
    word: Annotated[
        str,
        typer.Argument(
            metavar="[JOB]",
            help="Id of the job, or the plugin's folder for the newest job of the plugin.",
        ),
    ] = ".",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines until the job ends.")
    ] = False,
    last: Annotated[
        int | None,
        typer.Option("--last", "-n", min=1, max=1000, help="Number of last lines to print."),
    ] = None,
) -> None:
    """Print the lines that a job printed."""
    job = word
    if _is_folder(word):
        with open_session() as session:
            newest = _find_plugin(session, _read_task([word])).jobs.order_by("-created").first()
        if newest is None:
            raise SynapseError(
                f"The plugin in {word} has no job. Start one: synapse plugin run {word}"
            )
        job = str(newest.id)
        print_note(f"Job {job}")
    special_verbs.logs(job, follow=follow, last=last)


@attrs.frozen
class _Task:
    """An action to run, with parameters.

    Attributes:
        folder: The plugin's folder.
        config: The configuration.
        action: The action's name; `None` for the only one.
        params: The parameters.
    """

    folder: Path
    config: PluginConfig
    action: str | None
    params: Mapping[str, Any]


def _read_task(words: Sequence[str]) -> _Task:
    """Read the arguments of a run.

    Raises:
        UsageError: There are too many words, or a parameter is malformed.
        PluginConfigError: The folder has no valid configuration.
    """
    names = [word for word in words if not is_pair(word)]
    pairs = [word for word in words if is_pair(word)]
    folder = Path(names.pop(0)) if names and _is_folder(names[0]) else Path()
    if len(names) > 1:
        raise UsageError(
            f"{names[1]!r} is not NAME=VALUE. Give the folder, the action, then the parameters."
        )
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder. Give the plugin's folder, or none.")
    config = load("synapse.plugins.config_file").load_config(folder)
    name = config.action(*names).name
    schema = config.actions[name].parameters or {}
    return _Task(folder, config, name, _read_params(pairs, schema))


def _is_folder(word: str) -> bool:
    """Return whether a word means a plugin's folder, and not an action or a job."""
    if word in (".", "..") or "/" in word or "\\" in word:
        return True
    return any(Path(word, name).is_file() for name in _CONFIGS)


def _list_required(folder: Path) -> list[str]:
    """Return placeholders for the parameters that the only action can't run without."""
    try:
        config = load("synapse.plugins.config_file").load_config(folder)
        schema = config.action().parameters or {}
    except SynapseError:  # of several actions, or without PyYAML
        return []
    properties = schema.get("properties", {})
    kinds = {name: properties.get(name, {}).get("type") for name in schema.get("required", ())}
    return [
        f"{name}:=JSON" if kind in ("array", "object") else f"{name}={name.upper()}"
        for name, kind in kinds.items()
    ]


def _read_params(words: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters; a text becomes another JSON value if the schema says so."""
    properties = schema.get("properties")
    params = {}
    for name, value, is_json in read_pairs(words):
        declared = properties.get(name) if isinstance(properties, Mapping) else None
        kinds = declared.get("type", "string") if isinstance(declared, Mapping) else "string"
        if not is_json and "string" not in ([kinds] if isinstance(kinds, str) else kinds):
            with suppress(ValueError):  # the check of the parameters says more
                value = json.loads(value)
        params[name] = value
    return params


def _find_plugin(session: Session, task: _Task) -> Any:
    try:
        return session.plugins.get(task.config.code)
    except NotFound as error:
        raise SynapseError(
            f"The server has no plugin {task.config.code!r}. Release it first: synapse plugin "
            f"release {task.folder}"
        ) from error


def _run_here(task: _Task, *, debug: bool, has_emulator: bool) -> Any:
    """Run the action in this process, and return the result."""
    options = get_options()
    with ExitStack() as stack:
        session: Session | None = None
        if has_emulator:
            emulator = stack.enter_context(load("synapse.emulator").Emulator())
            session = stack.enter_context(
                load("synapse.session").Session(emulator.url, emulator.api_token)
            )
        elif options.profile is not None or options.base_url is not None:
            session = stack.enter_context(open_session())
        if not is_terminal():  # the result alone
            stack.enter_context(redirect_stdout(sys.stderr))
        try:
            return load("synapse.plugins.local_run").run_local(
                task.folder, task.action, task.params, session=session, debug=debug
            )
        except Exception as error:  # the plugin's code may raise anything
            _fail_with_traceback(task.folder, error)
            raise


def _fail_with_traceback(folder: Path, error: Exception) -> None:
    """Print the traceback of an exception that the code raised, from the code on, and exit with 1.

    Raises:
        typer.Exit: The folder's code raised the exception, or can't be loaded.
    """
    entrypoints = load("synapse.plugins.entrypoints")
    if isinstance(error.__cause__, entrypoints.EntrypointError):
        print_error(f"synapse: {error}")
        raise typer.Exit(FAILED) from error
    own, frames = folder.resolve(), error.__traceback__
    while frames is not None and not entrypoints.is_own_file(
        frames.tb_frame.f_code.co_filename, own
    ):
        frames = frames.tb_next
    if frames is not None:
        print_error(entrypoints.format_traceback(error.with_traceback(frames)).rstrip("\n"))
        raise typer.Exit(FAILED) from error


def _follow(job: Job) -> Any:
    """Print a job's lines on standard error until the end, and return the result."""
    print_note(f"Job {job.id}")
    try:
        for line in job.follow():
            print_note(line)
        job.wait(progress=False)
    except KeyboardInterrupt:
        print_note(
            f"The job continues. Follow it: synapse plugin logs -f {job.id}; stop it: synapse jobs "
            f"stop {job.id}"
        )
        raise typer.Exit(INTERRUPTED) from None
    except load("synapse.errors").JobError as error:
        print_error(f"synapse: Job {job.id} {error.status}.")
        raise typer.Exit(FAILED) from error
    return job.result


def _print_result(result: Any) -> None:
    print_text(json.dumps(result, ensure_ascii=False, indent=2 if is_terminal() else None))


def _print_problems(report: PluginReport, output: Format) -> None:
    rows = [
        {"path": each.path, "reason": each.reason, "is_refusal": each.is_refusal}
        for each in report.problems
    ]
    print_rows(rows, resolve_format(output), key="path", columns=["path", "reason", "is_refusal"])
    for note in report.notes:
        print_note(note)
