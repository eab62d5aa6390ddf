"""`synapse mcp`: tools for language models."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse.cli.options import open_session

__all__ = ["mcp"]


def mcp(
    write: Annotated[
        bool, typer.Option("--write", help="Allow tools that create, update, annotate and run.")
    ] = False,
    http: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            metavar="PORT",
            help="Answer by HTTP on a port of 127.0.0.1 (0: any), not on standard input.",
        ),
    ] = None,
) -> None:
    """Offer tools to a language model by the Model Context Protocol. Nothing is ever deleted."""
    from synapse.integrations.mcp_server import serve_http, serve_stdio

    with open_session() as session:
        if http is None:
            serve_stdio(session, write=write)
        else:
            serve_http(
                session,
                http,
                write=write,
                on_ready=lambda address: typer.echo(f"MCP: {address}", err=True),
            )
