"""Print expected errors as one line, without a traceback."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import typer
from rich.console import Console

from synapse.errors import SynapseError

__all__ = ["one_line_errors", "print_error"]

# Arguments of uploads with their values, as messages name them.
_ARGUMENT = re.compile(r"\b(match|ignore|columns)=(\{.+?\}|\[.+?\])(?=\.( |$)| leaves)")

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
        print_error(f"synapse: {_ARGUMENT.sub(_write_options, str(error))}")
        raise typer.Exit((codes or {}).get(type(error), 1)) from error


def _write_options(found: re.Match[str]) -> str:
    """Return an argument as a shell's options: `--match 'masks/*.png=mask'`."""
    try:
        value = ast.literal_eval(found[2])
    except (SyntaxError, ValueError):
        return found[0]
    pairs = [f"{key}={name}" for key, name in value.items()] if isinstance(value, dict) else value
    return " ".join(f"--{found[1]} {shlex.quote(str(pair))}" for pair in pairs)
