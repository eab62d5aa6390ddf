"""`synapse upload` and `synapse download`: transfer many files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synapse.cli.errors import INTERRUPTED, exit_after, print_error
from synapse.cli.options import get_options, open_session, print_note
from synapse.cli.resource_options import DRY_RUN
from synapse.cli.transfer import resumable

if TYPE_CHECKING:
    from synapse.resources.data_collections import DataCollection
    from synapse.resources.projects import Project
    from synapse.transfer.bulk.report import DownloadReport, UploadReport
    from synapse.transfer.progress import Progress

__all__ = [
    "COLUMNS",
    "IGNORE",
    "MATCH",
    "WORKERS",
    "download",
    "print_report",
    "read_pairs",
    "show_bar",
    "upload",
]

WORKERS = typer.Option(min=1, max=256, help="Number of files in flight at once.")
MATCH = typer.Option(
    metavar="PATTERN=NAME",
    help="Files for a specification, such as 'masks/*_m.png=mask'. May be repeated; the first "
    "pattern that matches decides.",
)
IGNORE = typer.Option(metavar="PATTERN", help="Files or folders to leave out. May be repeated.")
COLUMNS = typer.Option(
    metavar="COLUMN=NAME",
    help="A manifest's column for a specification, such as 'file_name=image'. May be repeated.",
)


@resumable
def upload(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="A folder, a pattern, a manifest, or several files."
        ),
    ],
    collection: Annotated[int, typer.Option(help="Id of the data collection.")],
    project: Annotated[
        int | None, typer.Option(help="Id of a project; every data unit becomes a task in it.")
    ] = None,
    match: Annotated[list[str] | None, MATCH] = None,
    ignore: Annotated[list[str] | None, IGNORE] = None,
    columns: Annotated[list[str] | None, COLUMNS] = None,
    workers: Annotated[int, WORKERS] = 8,
    dry_run: DRY_RUN = False,
) -> None:
    """Upload many files as data units. The same command continues a stopped upload."""
    pairs = read_pairs("match", match), read_pairs("columns", columns)
    with open_session() as session, show_bar("Upload") as progress:
        report = session.data_collections.get(collection).upload(
            source[0] if len(source) == 1 else source,
            project=project,
            workers=workers,
            progress=progress,
            match=pairs[0],
            ignore=ignore,
            columns=pairs[1],
            dry_run=dry_run,
        )
    for note in report.notes:
        print_note(f"note: {note}")
    print_report(report)


@resumable
def download(
    dest: Annotated[Path, typer.Argument(help="Folder for the files.")],
    collection: Annotated[
        int | None, typer.Option(help="Id of a data collection; downloads the files.")
    ] = None,
    project: Annotated[
        int | None, typer.Option(help="Id of a project; downloads the files and annotations.")
    ] = None,
    workers: Annotated[int, WORKERS] = 8,
    dry_run: DRY_RUN = False,
    resume: Annotated[
        bool,
        typer.Option(help="Go on after a stopped command, or remove its lines and list all again."),
    ] = True,
) -> None:
    """Download many files. The same command continues a stopped download."""
    if (collection is None) == (project is None):
        raise typer.BadParameter("give either --collection or --project")
    with (
        open_session() as session,
        show_bar("Download") as progress,
    ):
        if collection is not None:
            source: DataCollection | Project = session.data_collections.get(collection)
        else:
            source = session.projects.get(project)
        report = source.download(
            dest, workers=workers, progress=progress, dry_run=dry_run, resume=resume
        )
    print_report(report)


def read_pairs(option: str, texts: list[str] | None) -> dict[str, str] | None:
    """Return the values of an option that is repeated, by the text before the last `=`."""
    pairs = [text.rpartition("=") for text in texts or ()]
    if any(not key or not value for key, _, value in pairs):
        raise typer.BadParameter(f"--{option} needs a value of the form TEXT=NAME")
    return {key: value for key, _, value in pairs} or None


@contextmanager
def show_bar(description: str) -> Iterator[Progress]:
    """Show the progress, unless `--quiet` is given; after Ctrl-C, say how to go on, and exit."""
    from synapse.transfer.progress import describe_stop, show_progress

    try:
        with show_progress(get_options().progress_argument, description) as progress:
            yield progress
    except KeyboardInterrupt:
        typer.echo(describe_stop(progress, "The same command goes on."), err=True)
        raise typer.Exit(INTERRUPTED) from None


def print_report(report: UploadReport | DownloadReport) -> None:
    """Print the numbers to stdout and each failure to stderr; then exit if something failed."""
    typer.echo(str(report).partition("\n")[0])
    for failure in report.failed:
        print_error(str(failure))
    done = sum(getattr(report, name, 0) for name in ("created", "downloaded", "skipped"))
    exit_after(len(report.failed), done=done)
