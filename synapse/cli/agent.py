"""`synapse agent`: run jobs for a backend."""

from __future__ import annotations

import logging
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from synapse._internal.user_folders import expand_home, find_home
from synapse.cli.options import get_options
from synapse.errors import ConfigurationError, MissingExtra

__all__ = ["agent"]


def agent(
    backend: Annotated[
        str, typer.Option(envvar="SYNAPSE_BASE_URL", help="Address of the backend.")
    ] = "",
    token: Annotated[
        str,
        typer.Option(
            envvar="SYNAPSE_AGENT_TOKEN",
            help="Token of the agent. Prefer the variable: other users can see options.",
        ),
    ] = "",
    name: Annotated[
        str, typer.Option(help="Name that the backend shows; by default the machine's.")
    ] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8100,
    url: Annotated[
        str, typer.Option(help="URL at which others reach the agent, if not the address.")
    ] = "",
    data: Annotated[Path | None, typer.Option(help="Folder for jobs, logs and releases.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of jobs that run at once.")] = 2,
    job_timeout: Annotated[
        float, typer.Option(min=0.1, help="Longest run of a job in seconds.")
    ] = 3600.0,
    job_memory: Annotated[float, typer.Option(min=1, help="Most memory of a job in MiB.")] = 4096.0,
    job_output: Annotated[
        float, typer.Option(min=0.001, help="Most output of a job in MiB.")
    ] = 100.0,
    python: Annotated[
        str, typer.Option(help="Python to try first for plugins of the platform's package.")
    ] = "",
    ray: Annotated[
        str, typer.Option(help="Run jobs on the Ray cluster with this head, http://host:8265.")
    ] = "",
    runner: Annotated[
        str,
        typer.Option(help="Runner of jobs: local or ray; by default ray with --ray, else local."),
    ] = "",
    tenant: Annotated[
        str,
        typer.Option(
            envvar="SYNAPSE_TENANT", help="Code of the tenant, if the agent belongs to several."
        ),
    ] = "",
) -> None:
    """Run jobs for a backend on this machine, or on a Ray cluster, until Ctrl-C.

    Jobs can do whatever this user can. The agent listens on this machine alone unless told
    otherwise, and answers only requests with the token.
    """
    try:
        from synapse.agent.service import AgentOptions, serve
    except ModuleNotFoundError as error:
        raise MissingExtra("The agent", "agent") from error
    from synapse._internal.server_url import checked_url
    from synapse.jobs.spec import Limits

    backend = get_options().base_url or backend or _find_address()
    if not backend:
        raise ConfigurationError(
            "No backend: give --backend, set SYNAPSE_BASE_URL, or run `synapse login`."
        )
    if not token:
        raise ConfigurationError("No token: set SYNAPSE_AGENT_TOKEN, or give --token.")
    checked_url(backend, "--backend (SYNAPSE_BASE_URL)")
    if ray:
        checked_url(ray, "--ray (the address of the head's dashboard)")
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="synapse agent: %(message)s"
    )
    options = AgentOptions(
        backend=backend,
        token=token,
        name=name or socket.gethostname(),
        host=host,
        port=port,
        url=url or None,
        data=data or _state_folder(),
        workers=workers,
        limits=Limits(timeout=job_timeout, memory=job_memory, output=job_output),
        python=python or None,
        runner=runner or None,
        ray=ray or None,
        ray_token=os.environ.get("RAY_AUTH_TOKEN") or None,
        tenant=tenant or None,
    )
    serve(options, on_ready=_print_address)


def _find_address() -> str:
    """Return the address of the profile; empty if no profile has one.

    Raises:
        ConfigurationError: The profile that was asked for doesn't exist.
    """
    from synapse.profiles import profile_path, read_profiles

    wanted = get_options().profile or os.environ.get("SYNAPSE_PROFILE")
    known = read_profiles()
    if wanted and wanted not in known:
        raise ConfigurationError(f"{profile_path()} has no profile [{wanted}].")
    return str(known.get(wanted or "default", {}).get("base_url") or "")


def _print_address(address: str) -> None:
    typer.echo(f"Synapse agent ready at {address} (Ctrl-C stops it)")


def _state_folder() -> Path:
    """Return the default folder of the agent's data."""
    root = os.environ.get("XDG_STATE_HOME")
    home = expand_home(root) if root else find_home() / ".local" / "state"
    return home / "synapse" / "agent"
