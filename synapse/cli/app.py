"""The application `synapse`; the only place that registers commands."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse._version import __version__
from synapse.cli.lazy_group import LazyCommand, LazyGroup, new_app

__all__ = ["COMMANDS", "app"]

# In the help's order. A command is a function or a `typer.Typer`, and is imported when it runs.
COMMANDS = {
    "emulator": LazyCommand("synapse.cli.emulator:emulator", "Run a local backend until Ctrl-C."),
    "configure": LazyCommand(
        "synapse.cli.configure:configure", "Check a token, and write a profile."
    ),
    "upload": LazyCommand("synapse.cli.files:upload", "Upload many files as data units."),
    "sync": LazyCommand("synapse.cli.sync:sync", "Bring a collection up to date with a folder."),
    "download": LazyCommand("synapse.cli.files:download", "Download many files."),
    "agent": LazyCommand(
        "synapse.cli.agent:agent",
        "Run jobs for a backend on this machine, or on a Ray cluster.",
    ),
    "cache": LazyCommand(
        "synapse.cli.cache:cache", "Look at the cached files of this user, and remove them."
    ),
    "demo": LazyCommand("synapse.cli.demo:demo", "Upload, annotate and train on a local backend."),
}


class _Root(LazyGroup):
    table = COMMANDS


app = new_app(
    cls=_Root,
    help="Work with a Synapse server, or run one on this machine.",
    context_settings={"help_option_names": ["-h", "--help"]},
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
            "--version",
            "-V",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Work with a Synapse server, or run one on this machine."""
