"""`synapse emulator`: run a local backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synapse.errors import MissingExtra

if TYPE_CHECKING:
    from synapse.emulator.server import ServerInfo

__all__ = ["emulator"]


def emulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder for the database and the files; by default a temporary one."),
    ] = None,
    job_timeout: Annotated[
        float | None, typer.Option(min=0, help="Longest run of a job in seconds; 3600 by default.")
    ] = None,
    job_memory: Annotated[
        float | None, typer.Option(min=0, help="Most memory of a job in MiB; 4096 by default.")
    ] = None,
    job_output: Annotated[
        float | None, typer.Option(min=0, help="Most output of a job in MiB; 100 by default.")
    ] = None,
    agent_timeout: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds without a heartbeat until an agent's jobs fail; 600 by default."
        ),
    ] = None,
    job_token_lifetime: Annotated[
        float | None,
        typer.Option(min=0, help="Most seconds that a job's token is valid; 7 days by default."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer requests.")
    ] = 1,
    python: Annotated[
        str, typer.Option(help="Python to try first for plugins of the platform's package.")
    ] = "",
    database_url: Annotated[
        str,
        typer.Option(
            envvar="SYNAPSE_EMULATOR_DATABASE_URL",
            show_envvar=False,
            help="Database instead of SQLite in the folder, such as postgresql://user@host/name. "
            "A password is safer in the variable SYNAPSE_EMULATOR_DATABASE_URL.",
        ),
    ] = "",
    share_database: Annotated[
        bool, typer.Option("--share-database", help="Use a database with another project's tables.")
    ] = False,
) -> None:
    """Run a local backend until Ctrl-C."""
    try:
        from synapse.emulator.server import serve
    except ModuleNotFoundError as error:
        raise MissingExtra("The emulator", "emulator") from error
    from synapse.jobs.spec import Limits

    options = {"timeout": job_timeout, "memory": job_memory, "output": job_output}
    limits = Limits(**{name: value for name, value in options.items() if value is not None})
    serve(
        host=host,
        port=port,
        data_dir=data,
        on_ready=_print_access,
        job_limits=limits,
        python=python or None,
        database_url=database_url or None,
        share_database=share_database,
        agent_timeout=agent_timeout,
        job_token_lifetime=job_token_lifetime,
        workers=workers,
    )


def _print_access(server: ServerInfo) -> None:
    typer.echo(f"Synapse emulator ready at {server.url} with {server.database} (Ctrl-C stops it)")
    typer.echo(f"export SYNAPSE_BASE_URL={server.url}")
    typer.echo(f"export SYNAPSE_API_TOKEN={server.api_token}")
    # Not exported: with both tokens, a session would also claim to be the agent.
    typer.echo(f"# An agent for it: SYNAPSE_AGENT_TOKEN={server.agent_token} synapse agent")
