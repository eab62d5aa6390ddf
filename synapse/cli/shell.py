"""`synapse shell`: Python with a session."""

from __future__ import annotations

import code
import importlib
import sys
from typing import Annotated, Any

import typer

from synapse.cli.options import open_session

__all__ = ["shell"]


def shell(
    command: Annotated[
        str | None, typer.Option("--command", "-c", help="Code to run instead of asking for it.")
    ] = None,
) -> None:
    """Start Python with `session` and `synapse` ready.

    IPython where that is installed. Code in a pipe is run.
    """
    import synapse

    with open_session() as session:
        names: dict[str, Any] = {"session": session, "synapse": synapse, "__name__": "__main__"}
        if command is not None:
            exec(compile(command, "<command>", "exec"), names)  # noqa: S102 - the user's own code
            return
        banner = f"synapse-sdk {synapse.__version__}, {session!r}: session, synapse"
        if not sys.stdin.isatty():
            exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)  # noqa: S102 - the user's own code from a pipe
            return
        try:
            ipython = importlib.import_module("IPython")
        except ImportError:
            code.interact(banner=banner, local=names, exitmsg="")
        else:
            typer.echo(banner)
            ipython.start_ipython(argv=["--no-banner"], user_ns=names)
