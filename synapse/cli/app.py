"""The commands."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from synapse._version import __version__
from synapse.cli.agent import add_agent
from synapse.cli.files import add_commands
from synapse.errors import MissingExtra, SynapseError

__all__ = ["app"]

app = typer.Typer(
    help="Work with a Synapse server, or run one on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"synapse-sdk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Work with a Synapse server, or run one on this machine."""


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn an expected error into one line on stderr and exit code 1."""
    from synapse.emulator.errors import EmulatorError

    try:
        yield
    except (SynapseError, EmulatorError) as error:
        _errors.print(f"synapse: {error}", style="red")
        raise typer.Exit(1) from None


@app.command()
def emulator(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder that keeps everything; a temporary one by default."),
    ] = None,
    job_timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds that a job may run; 3600 by default.")
    ] = None,
    job_memory: Annotated[
        float | None, typer.Option(min=0, help="MiB of memory that it may use; 4096 by default.")
    ] = None,
    job_output: Annotated[
        float | None, typer.Option(min=0, help="MiB that it may print; 100 by default.")
    ] = None,
) -> None:
    """Run a local backend until Ctrl-C."""
    with _one_line_errors():
        try:
            from synapse.emulator.server import ServerInfo, serve
        except ModuleNotFoundError as error:
            raise MissingExtra("The emulator", "emulator") from error

        def say(server: ServerInfo) -> None:
            typer.echo(f"Synapse emulator ready at {server.url} (Ctrl-C stops it)")
            typer.echo(f"export SYNAPSE_BASE_URL={server.url}")
            typer.echo(f"export SYNAPSE_API_TOKEN={server.api_token}")
            # Not exported: with both tokens, a session would also claim to be the agent.
            typer.echo(f"# An agent for it: SYNAPSE_AGENT_TOKEN={server.agent_token} synapse agent")

        from synapse.jobs.spec import Limits

        given = {"timeout": job_timeout, "memory": job_memory, "output": job_output}
        limits = Limits(**{name: value for name, value in given.items() if value is not None})
        serve(host=host, port=port, data_dir=data, on_ready=say, job_limits=limits)


@app.command()
def configure(
    profile: Annotated[str, typer.Option(help="The profile's name.")] = "default",
    base_url: Annotated[
        str, typer.Option(prompt="Base URL", help="The server's address; asked for if not given.")
    ] = "http://127.0.0.1:8000",
    api_token: Annotated[
        str, typer.Option(prompt="API token", hide_input=True, help="Asked for if not given.")
    ] = "",
    tenant: Annotated[str, typer.Option(help="The tenant's code, if need be.")] = "",
) -> None:
    """Write a profile: where to connect and as whom. The token is checked first."""
    from synapse.config import save_profile
    from synapse.session import Session

    with _one_line_errors():
        with Session(base_url, api_token, tenant=tenant or None) as session:
            me = session.me
        values = {"base_url": base_url, "api_token": api_token}
        path = save_profile(profile, {**values, **({"tenant": tenant} if tenant else {})})
        typer.echo(f"Profile [{profile}] for {me.username} is written to {path}")


add_commands(app, _one_line_errors, _errors)
add_agent(app, _one_line_errors)


@app.command()
def demo() -> None:
    """Run the whole story on a local backend: real images in, annotations out, all checked."""
    with _one_line_errors():
        try:
            quickstart = importlib.import_module("synapse.examples.quickstart")
        except ModuleNotFoundError as error:
            raise MissingExtra("The demo", "demo") from error
        if not quickstart.main():
            raise typer.Exit(1)
