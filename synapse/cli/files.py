"""`synapse upload` and `synapse download`: transfer many files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synapse.cli.errors import one_line_errors, print_error

if TYPE_CHECKING:
    from synapse.session import Session
    from synapse.transfer.bulk.report import DownloadReport, UploadReport

__all__ = ["download", "upload"]

_WORKERS = typer.Option(min=1, max=256, help="Number of files in flight at once.")
_PROFILE = typer.Option(help="Profile with the server's address and the token.")


def upload(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A folder, a pattern or a manifest.")
    ],
    collection: Annotated[int, typer.Option(help="Id of the data collection.")],
    project: Annotated[
        int | None, typer.Option(help="Id of a project; every data unit becomes a task in it.")
    ] = None,
    workers: Annotated[int, _WORKERS] = 8,
    profile: Annotated[str | None, _PROFILE] = None,
) -> None:
    """Upload many files as data units. The same command continues a stopped upload."""
    with one_line_errors(), _open_session(profile) as session:
        report = session.data_collections.get(collection).upload(
            source, project=project, workers=workers
        )
        for note in report.notes:
            typer.echo(f"note: {note}", err=True)
        _print_report(report)


def download(
    dest: Annotated[Path, typer.Argument(help="Folder for the files.")],
    collection: Annotated[
        int | None, typer.Option(help="Id of a data collection; downloads the files.")
    ] = None,
    project: Annotated[
        int | None, typer.Option(help="Id of a project; downloads the files and annotations.")
    ] = None,
    workers: Annotated[int, _WORKERS] = 8,
    profile: Annotated[str | None, _PROFILE] = None,
) -> None:
    """Download many files. The same command fetches missing files."""
    if (collection is None) == (project is None):
        raise typer.BadParameter("give either --collection or --project")
    with one_line_errors(), _open_session(profile) as session:
        if collection is not None:
            report = session.data_collections.get(collection).download(dest, workers=workers)
        else:
            report = session.projects.get(project).download(dest, workers=workers)
        _print_report(report)


def _open_session(profile: str | None) -> Session:
    from synapse.session import Session

    return Session(profile=profile)


def _print_report(report: UploadReport | DownloadReport) -> None:
    """Print the numbers to stdout and each failure to stderr; exit with 1 after failures."""
    typer.echo(str(report).partition("\n")[0])
    for failure in report.failed:
        print_error(str(failure))
    if report.failed:
        raise typer.Exit(1)
