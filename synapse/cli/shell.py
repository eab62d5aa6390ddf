"""`synapse shell`: Python with a session."""

from __future__ import annotations

import code
import importlib
import sys
import traceback
from typing import Annotated, Any

import typer

from synapse.cli.errors import FAILED
from synapse.cli.options import open_session
from synapse.errors import SynapseError

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
            _run_code(command, "<command>", names)
            return
        banner = f"synapse-sdk {synapse.__version__}, {session!r}: session, synapse"
        if not sys.stdin.isatty():
            _run_code(sys.stdin.read(), "<stdin>", names)
            return
        try:
            ipython = importlib.import_module("IPython")
        except ImportError:
            code.interact(banner=banner, local=names, exitmsg="")
        else:
            typer.echo(banner)
            ipython.start_ipython(argv=["--no-banner"], user_ns=names)


def _run_code(text: str, place: str, names: dict[str, Any]) -> None:
    """Run the user's code; an exception of the code is printed as Python prints it.

    Raises:
        typer.Exit: The code raised an exception.
    """
    try:
        exec(compile(text, place, "exec"), names)  # noqa: S102 - the user's own code
    except SynapseError:
        raise  # one line, as for each command
    except Exception as error:  # the user's code may raise anything
        own = error.__traceback__ and error.__traceback__.tb_next
        traceback.print_exception(error.with_traceback(own))
        raise typer.Exit(FAILED) from error
