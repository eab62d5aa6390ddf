"""`synapse transfer`: list and continue transfers that were interrupted."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import attrs
import typer

from synapse._internal.lazy_import import load
from synapse._internal.private_files import open_private
from synapse._internal.user_folders import find_user_folder
from synapse.cli.errors import print_error
from synapse.cli.lazy_group import new_app
from synapse.cli.options import get_options, print_note
from synapse.cli.output import print_rows, resolve_format
from synapse.cli.resource_options import OUTPUT
from synapse.errors import AuthenticationError, ConfigurationError, NotFound, UsageError

__all__ = ["app", "resumable"]

_P = ParamSpec("_P")
# Commands that may be in a record, and their functions.
_COMMANDS = {
    "upload": "synapse.cli.files:upload",
    "download": "synapse.cli.files:download",
    "sync": "synapse.cli.sync:sync",
}

app = new_app(help="List and continue transfers that were interrupted.")


@attrs.frozen
class _Record:
    """A transfer that was interrupted or failed.

    Attributes:
        id: Name of the record.
        command: Name of the command.
        values: The command's arguments.
        folder: Working folder, for relative paths.
        settings: Profile and address of the server; never a token.
        started: Time of the start, in seconds since 1970.
    """

    id: str
    command: str
    values: dict[str, Any]
    folder: str
    settings: dict[str, Any]
    started: float


def resumable(function: Callable[_P, None]) -> Callable[_P, None]:
    """Return a command that `synapse transfer resume` continues if it doesn't end well."""

    @functools.wraps(function)
    def command(*args: _P.args, **values: _P.kwargs) -> None:
        again = {name: True if name == "resume" else value for name, value in values.items()}
        path = None if values.get("dry_run") else _write(function.__name__, again)
        try:
            function(*args, **values)
        except (AuthenticationError, ConfigurationError, NotFound, UsageError, typer.BadParameter):
            if path is not None:
                path.unlink(missing_ok=True)  # the same command would fail again
            raise
        if path is not None:
            path.unlink(missing_ok=True)

    return command


@app.command("list")
def list_transfers(
    output: OUTPUT = None,
) -> None:
    """List the transfers that did not end well."""
    rows = [
        {
            "id": record.id,
            "command": record.command,
            "what": _describe(record),
            "folder": record.folder,
            "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started)),
        }
        for record in _read_all()
    ]
    columns = ["id", "command", "what", "folder", "started"]
    print_rows(rows, resolve_format(output), key="id", columns=columns)


@app.command("resume")
def resume(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids of transfers; by default all."),
    ] = None,
) -> None:
    """Continue transfers: finished files are not sent again."""
    records = {record.id: record for record in _read_all()}
    for key in ids or ():
        if key not in records:
            raise UsageError(f"No transfer {key!r}. `synapse transfer list` prints the ids.")
    chosen = [records[key] for key in ids] if ids else list(records.values())
    if not chosen:
        print_note("No transfer was interrupted.")
    worst = 0
    for record in chosen:
        worst = max(worst, _resume(record))
    if worst:
        raise typer.Exit(worst)


@app.command("forget")
def forget(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of transfers.")],
) -> None:
    """Take transfers off the list; files stay where they are."""
    for key in ids:
        if not key.isalnum() or not (_folder() / f"{key}.json").exists():
            raise UsageError(f"No transfer {key!r}. `synapse transfer list` prints the ids.")
        (_folder() / f"{key}.json").unlink(missing_ok=True)


def _resume(record: _Record) -> int:
    """Run a command again, and return its exit code."""
    print_note(f"{record.command} {_describe(record)}")
    try:
        os.chdir(record.folder)
    except OSError as error:
        print_error(f"synapse: the folder {record.folder} can't be entered: {error.strerror}.")
        return 1
    options = get_options()
    for name, value in record.settings.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    module, _, attribute = _COMMANDS[record.command].partition(":")
    function = getattr(load(module), attribute)
    errors = load("synapse.cli.errors")
    try:
        with errors.one_line_errors():
            function(**_revive(function, record.values))
    except typer.Exit as end:
        return int(end.exit_code)
    return 0


def _revive(function: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments in the types that the command declares."""
    inspect = load("inspect")
    revived = dict(values)
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        kinds = [parameter.annotation, *getattr(parameter.annotation, "__args__", ())]
        for kind in kinds:
            kinds += [part for part in getattr(kind, "__args__", ()) if part not in kinds]
        value = revived.get(name)
        for kind in kinds:
            is_known = isinstance(kind, type) and issubclass(kind, (Enum, Path))
            if is_known and isinstance(value, str):
                revived[name] = kind(value)
    return revived


def _describe(record: _Record) -> str:
    values = {name: value for name, value in record.values.items() if value not in (None, [], "")}
    first = values.pop("source", None) or values.pop("dest", "")
    words = [" ".join(first) if isinstance(first, list) else str(first)]
    words += [f"--{name} {values[name]}" for name in ("collection", "project") if name in values]
    return " ".join(words)


# -- Records -------------------------------------------------------------------------------------


def _folder() -> Path:
    return find_user_folder("XDG_STATE_HOME", ".local/state") / "synapse" / "transfers"


def _write(command: str, values: dict[str, Any]) -> Path | None:
    """Write a record, which replaces that of the same command; `None` where none can be written."""
    options = get_options()
    settings = {
        "profile": options.profile,
        "base_url": options.base_url or os.environ.get("SYNAPSE_BASE_URL"),
    }
    content = {
        "command": command,
        "values": values,
        "folder": str(Path.cwd()),
        "settings": {name: value for name, value in settings.items() if value},
    }
    text = json.dumps(content, default=str, sort_keys=True)
    path = _folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open_private(draft, "w") as file:
            json.dump({**json.loads(text), "started": time.time()}, file)
        draft.replace(path)  # at once, so that a kill leaves no half of a record
    except OSError:
        return None  # the transfer itself doesn't need the record
    return path


def _read_all() -> Iterator[_Record]:
    """Yield the records, oldest first; broken ones are left out."""
    records: list[_Record] = []
    for path in _folder().glob("*.json"):
        try:
            if not path.is_file():  # a named pipe has no end
                continue
            record = _Record(path.stem, **json.loads(path.read_text("utf-8")))
            kinds = {type(record.values), type(record.settings)}
            if record.command in _COMMANDS and kinds == {dict}:
                records.append(attrs.evolve(record, started=float(record.started)))
        except (OSError, ValueError, TypeError, RecursionError):
            continue
    yield from sorted(records, key=lambda record: record.started)
