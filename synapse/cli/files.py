"""The commands that bring files up and down."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from synapse.session import Session
    from synapse.transfer.bulk.report import DownloadReport, UploadReport

__all__ = ["add_commands"]

_WORKERS = typer.Option(min=1, max=256, help="How many files at once.")
_PROFILE = typer.Option(help="The profile with the server's address and the token.")


def add_commands(
    app: typer.Typer, one_line_errors: Callable[[], AbstractContextManager[None]], errors: Console
) -> None:
    """Add `upload` and `download`.

    Args:
        app: The application.
        one_line_errors: Turns an expected error into one line and an exit code.
        errors: Console for failures.
    """

    @app.command()
    def upload(
        source: Annotated[
            str, typer.Argument(metavar="FOLDER", help="A folder, a pattern or a manifest.")
        ],
        collection: Annotated[int, typer.Option(help="The id of the data collection.")],
        project: Annotated[
            int | None, typer.Option(help="The id of a project to make tasks in.")
        ] = None,
        workers: Annotated[int, _WORKERS] = 8,
        profile: Annotated[str | None, _PROFILE] = None,
    ) -> None:
        """Upload many files as data units. The same command continues a stopped upload."""
        with one_line_errors(), _session(profile) as session:
            report = session.data_collections.get(collection).upload(
                source, project=project, workers=workers
            )
            _conclude(report, errors)

    @app.command()
    def download(
        dest: Annotated[Path, typer.Argument(help="The folder that they go into.")],
        collection: Annotated[
            int | None, typer.Option(help="The id of a data collection: its files.")
        ] = None,
        project: Annotated[
            int | None, typer.Option(help="The id of a project: its files and annotations.")
        ] = None,
        workers: Annotated[int, _WORKERS] = 8,
        profile: Annotated[str | None, _PROFILE] = None,
    ) -> None:
        """Download many files. The same command fetches missing files."""
        if (collection is None) == (project is None):
            raise typer.BadParameter("give either --collection or --project")
        with one_line_errors(), _session(profile) as session:
            if collection is not None:
                report = session.data_collections.get(collection).download(dest, workers=workers)
            else:
                report = session.projects.get(project).download(dest, workers=workers)
            _conclude(report, errors)


def _session(profile: str | None) -> Session:
    from synapse.session import Session

    return Session(profile=profile)


def _conclude(report: UploadReport | DownloadReport, errors: Console) -> None:
    """Print the numbers to stdout, and each failure to stderr."""
    typer.echo(str(report).partition("\n")[0])
    for failure in report.failed:
        errors.print(str(failure), style="red")
    if report.failed:
        raise typer.Exit(1)
