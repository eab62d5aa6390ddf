"""Print expected errors as one line, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import typer
from rich.console import Console

from synapse.errors import SynapseError

__all__ = ["one_line_errors", "print_error"]

_console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def print_error(message: str) -> None:
    """Print a message in red to standard error."""
    _console.print(message, style="red")


@contextmanager
def one_line_errors(codes: Mapping[type[Exception], int] | None = None) -> Iterator[None]:
    """Turn an expected error into one line on stderr and an exit code, by default 1."""
    from synapse.emulator.errors import EmulatorError

    try:
        yield
    except (SynapseError, EmulatorError) as error:
        print_error(f"synapse: {error}")
        raise typer.Exit((codes or {}).get(type(error), 1)) from error
