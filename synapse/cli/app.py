"""The application `synapse`; the only place that registers commands."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse._version import __version__
from synapse.cli.agent import agent
from synapse.cli.cache import cache
from synapse.cli.configure import configure
from synapse.cli.demo import demo
from synapse.cli.emulator import emulator
from synapse.cli.files import download, upload
from synapse.cli.sync import sync

__all__ = ["app"]

app = typer.Typer(
    help="Work with a Synapse server, or run one on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"synapse-sdk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Work with a Synapse server, or run one on this machine."""


for command in (emulator, configure, upload, sync, download, agent, demo):  # in the help's order
    app.command()(command)
app.add_typer(cache)
