"""`synapse sync`: bring a collection up to date with a folder, for a person or for cron."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from synapse.cli.dry_run import open_dry_session
from synapse.cli.errors import exit_code_of
from synapse.cli.files import (
    COLUMNS,
    IGNORE,
    MATCH,
    WORKERS,
    print_report,
    read_pairs,
    show_bar,
)
from synapse.cli.options import open_session, print_note
from synapse.cli.transfer import resumable
from synapse.errors import SynapseError

if TYPE_CHECKING:
    from synapse.transfer.bulk.report import SyncReport

__all__ = ["sync"]

_LISTED = ("new", "changed", "gone", "twice")


class _OnChange(str, Enum):
    NEW = "new"
    REPLACE = "replace"
    SKIP = "skip"


class _Annotations(str, Enum):
    MOVE = "move"
    REVIEW = "review"


@resumable
def sync(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A folder, a pattern or a manifest.")
    ],
    collection: Annotated[int, typer.Option(help="Id of the data collection.")],
    project: Annotated[
        int | None, typer.Option(help="Id of a project; every data unit becomes a task in it.")
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            help="Value that identifies a unit: 'path', or a place in meta, such as 'meta.coco_id'."
        ),
    ] = "path",
    on_change: Annotated[
        _OnChange, typer.Option(help="Action if the files of a unit changed.")
    ] = _OnChange.NEW,
    annotations: Annotated[
        _Annotations, typer.Option(help="Whether tasks that move keep their status.")
    ] = _Annotations.MOVE,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete units that the source lacks.")
    ] = False,
    delete_annotated: Annotated[
        bool, typer.Option("--delete-annotated", help="Delete units with annotations, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking, as in cron.")] = False,
    scope: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Keys that may be deleted.")
    ] = None,
    max_delete: Annotated[
        float, typer.Option(min=0, max=1, help="Largest part of the units to delete in a run.")
    ] = 0.5,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the changes, and make none.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="List new, changed and gone units.")
    ] = False,
    log: Annotated[Path | None, typer.Option(help="File that gets one line for each run.")] = None,
    journal: Annotated[Path | None, typer.Option(help="File that stores the progress.")] = None,
    match: Annotated[list[str] | None, MATCH] = None,
    ignore: Annotated[list[str] | None, IGNORE] = None,
    columns: Annotated[list[str] | None, COLUMNS] = None,
    workers: Annotated[int, WORKERS] = 8,
) -> None:
    """Bring a collection up to date with a folder; nothing is created twice.

    Exit codes: 0 done, 1 failed, 2 wrong options, 3 some units failed, 75 another run is active.
    """
    pairs = read_pairs("match", match), read_pairs("columns", columns)
    deletes = (delete or delete_annotated) and not dry_run
    if deletes and not yes:
        _confirm(source, collection)
    report: SyncReport | None = None
    with (
        _log_run(log, source, collection) as line,
        open_dry_session() if dry_run else open_session() as session,
        show_bar("Sync") as progress,
    ):
        report = session.data_collections.get(collection).sync(
            source,
            key=key,
            project=project,
            on_change=cast("Any", on_change.value),
            annotations=cast("Any", annotations.value),
            delete="annotated" if delete_annotated else delete,
            scope=scope,
            max_delete=max_delete,
            dry_run=dry_run,
            workers=workers,
            progress=progress,
            match=pairs[0],
            ignore=ignore,
            columns=pairs[1],
            journal=journal,
        )
        line.append(str(report).partition("\n")[0])
        if report.failed:
            line.append(f"first failure: {report.failed[0]}")
        _show(report, is_listed=listed or dry_run)


def _show(report: SyncReport, *, is_listed: bool) -> None:
    for name in _LISTED if is_listed else ():
        for entry in getattr(report, name):
            text = entry.key if entry.key.isprintable() else repr(entry.key)
            typer.echo(f"{name}: {text}" + (f" (unit {entry.unit})" if entry.unit else ""))
    for note in report.notes:
        print_note(f"note: {note}")
    print_report(report)


def _confirm(source: str, collection: int) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("--delete needs --yes if the input is not a terminal")
    typer.confirm(f"Delete units of collection {collection} that {source} lacks?", abort=True)


@contextmanager
def _log_run(path: Path | None, source: str, collection: int) -> Iterator[list[str]]:
    """Append a line about the run to a file, also if the run fails."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    parts: list[str] = []
    code = 0
    try:  # a log that can't be written stops the run before any request
        opened = nullcontext() if path is None else path.open("a", encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"--log {path} can't be written: {error.strerror}") from None
    with opened as file:
        try:
            yield parts
        except typer.Exit as end:
            code = end.exit_code
            raise
        except BaseException as error:
            code = exit_code_of(error)
            is_expected = isinstance(error, SynapseError)
            parts.append(str(error) if is_expected else f"{type(error).__name__}: {error}")
            raise
        finally:
            text = " ".join(" ".join(parts).split())
            if file is not None:
                file.write(f"{started} exit={code} collection={collection} {source!r} {text}\n")
