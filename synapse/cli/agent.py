"""The command that runs an agent."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from synapse.errors import ConfigurationError, MissingExtra

__all__ = ["add_agent"]


def add_agent(
    app: typer.Typer, errors_in_one_line: Callable[[], AbstractContextManager[None]]
) -> None:
    """Add the command to the command line.

    Args:
        app: The command line.
        errors_in_one_line: A block in which an expected error is one line and exit code 1.
    """

    @app.command()
    def agent(
        backend: Annotated[
            str,
            typer.Option(envvar="SYNAPSE_BASE_URL", help="The backend's address."),
        ] = "",
        token: Annotated[
            str,
            typer.Option(
                envvar="SYNAPSE_AGENT_TOKEN",
                help="The agent's token. Better in the variable: options can be seen by others.",
            ),
        ] = "",
        name: Annotated[str, typer.Option(help="What the backend shows it as.")] = "",
        host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
        port: Annotated[
            int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
        ] = 8100,
        url: Annotated[
            str, typer.Option(help="Where others reach it, if not at that address.")
        ] = "",
        data: Annotated[
            Path | None,
            typer.Option(help="The folder that keeps jobs, logs and releases."),
        ] = None,
        workers: Annotated[int, typer.Option(min=1, help="How many jobs run at once.")] = 2,
        job_timeout: Annotated[
            float, typer.Option(min=0.1, help="Seconds that a job may run.")
        ] = 3600.0,
        job_memory: Annotated[
            float, typer.Option(min=1, help="MiB of memory that a job may use.")
        ] = 4096.0,
        job_output: Annotated[
            float, typer.Option(min=0.001, help="MiB that a job may print.")
        ] = 100.0,
        ray: Annotated[
            str, typer.Option(help="Run jobs on the Ray cluster with this head, http://host:8265.")
        ] = "",
        runner: Annotated[
            str, typer.Option(help="How jobs run: local (processes) or ray; by default by --ray.")
        ] = "",
        tenant: Annotated[
            str, typer.Option(envvar="SYNAPSE_TENANT", help="The tenant's code, if need be.")
        ] = "",
    ) -> None:
        """Run jobs for a backend on this machine, or on a Ray cluster, until Ctrl-C.

        Jobs can do whatever this user can. The agent listens on this machine alone unless told
        otherwise, and answers only requests with the token.
        """
        with errors_in_one_line():
            try:
                from synapse.agent.service import AgentOptions, serve
            except ModuleNotFoundError as error:
                raise MissingExtra("The agent", "agent") from error
            from synapse.config import checked_url
            from synapse.jobs.spec import Limits

            if not backend:
                raise ConfigurationError("No backend: give --backend, or set SYNAPSE_BASE_URL.")
            if not token:
                raise ConfigurationError("No token: set SYNAPSE_AGENT_TOKEN, or give --token.")
            checked_url(backend, "--backend (SYNAPSE_BASE_URL)")
            if ray:
                checked_url(ray, "--ray, which is that of the head's dashboard,")
            logging.basicConfig(
                stream=sys.stderr, level=logging.WARNING, format="synapse agent: %(message)s"
            )
            limits = Limits(timeout=job_timeout, memory=job_memory, output=job_output)
            options = AgentOptions(
                backend=backend,
                token=token,
                name=name or socket.gethostname(),
                host=host,
                port=port,
                url=url or None,
                data=data or _state_folder(),
                workers=workers,
                limits=limits,
                runner=runner or None,
                ray=ray or None,
                ray_token=os.environ.get("RAY_AUTH_TOKEN"),
                tenant=tenant or None,
            )

            def say(address: str) -> None:
                typer.echo(f"Synapse agent ready at {address} (Ctrl-C stops it)")

            serve(options, on_ready=say)


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "synapse" / "agent"
