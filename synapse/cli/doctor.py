"""`synapse doctor`: examine the installation, the settings, the network and the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from synapse.cli.errors import FAILED
from synapse.cli.options import get_options, open_session

if TYPE_CHECKING:
    from synapse.doctor import DoctorReport
    from synapse.session import Session
    from synapse.transport import Transport

__all__ = ["doctor"]

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_WIDEST = 100


def doctor(
    upload: Annotated[
        bool,
        typer.Option(
            "--upload", help="Upload one byte, too, which stays on the server as a data file."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Examine the installation, the settings, the network and the server.

    Each line has a finding, and a cure where one is needed. The exit code is 1 if a check failed.
    The output has no token.
    """
    from synapse.doctor import CHECKS, examine

    sessions: list[Session] = []

    def connect() -> Transport:
        sessions.append(open_session())
        return sessions[-1].transport

    try:
        report = examine(connect, CHECKS, upload=upload)
    finally:
        for session in sessions:
            session.close()
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        _print_report(report)
    if report.has_failed:
        raise typer.Exit(FAILED)


def _print_report(report: DoctorReport) -> None:
    from rich.console import Console
    from rich.text import Text

    options = get_options()
    console = Console(soft_wrap=True, no_color=options.no_color or None)
    for finding, lines in report.to_lines(min(console.width, _WIDEST)):
        if options.quiet and finding.status not in ("warning", "failed"):
            continue
        text = Text("\n".join(lines))
        text.stylize(_STYLES[finding.status], 0, len(finding.status))
        console.print(text)
