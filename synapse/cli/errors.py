"""Print expected errors as one line, without a traceback, and decide the exit code."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from synapse._internal.described import cut
from synapse._internal.printable import clean
from synapse.cli.options import get_options
from synapse.errors import InvalidQuery, JournalInUse, SynapseError, UsageError

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "IN_USE",
    "SOME_FAILED",
    "USAGE",
    "exit_after",
    "exit_code_of",
    "one_line_errors",
    "print_error",
]

# The exit codes; the manual's page of the command line has the table.
FAILED = 1
USAGE = 2
SOME_FAILED = 3
# "Try again later", as sysexits.h calls it: cron's next run is early enough.
IN_USE = 75
INTERRUPTED = 130  # as shells do after SIGINT

# Arguments of uploads with their values, as messages name them.
_ARGUMENT = re.compile(r"\b(match|ignore|columns)=([{\[])")
_ENDS = {
    "{": re.compile(r"\}(?=\.( |$)| leaves)"),
    "[": re.compile(r"\](?=\.( |$)| leaves)"),
}

# Characters of a message; a server's reasons may have megabytes.
_LONGEST = 20_000
# Arguments without values, which are options where the running command has such.
_KEYWORD = re.compile(r"(?<![\w-])([a-z]+(?:_[a-z]+)*)=(?=[\s,.;)]|$)")

_PLACEHOLDERS = {
    "Give the argument base_url": "Run `synapse login`, pass --base-url",
    "the argument api_token": "the token that was given",
    "bump='patch'": "--bump patch",
    "resume=False": "--no-resume",
    "the argument base_url": "--base-url",
    "Give api_token, or SYNAPSE_API_TOKEN,": "Set SYNAPSE_API_TOKEN",
    'search("...")': "--search TEXT",
    "params={...}": "--param NAME=VALUE",
    "extra={...}": "--extra NAME=VALUE",
}


def print_error(message: str) -> None:
    """Print a message in red to standard error, with options for Python's arguments.

    Text of the server can't steer the terminal, or flood it.
    """
    from rich.console import Console

    console = Console(
        stderr=True,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=get_options().no_color or None,
    )
    for line in _write_as_options(cut(message, _LONGEST)).splitlines():
        console.print(clean(line), style="red")


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of a command that an error ended."""
    if isinstance(error, JournalInUse):
        return IN_USE
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    # A broken archive or configuration is also a usage error, but not one of the command line.
    return USAGE if type(error) in (UsageError, InvalidQuery) else FAILED


def exit_after(failed: int, *, done: int) -> None:
    """Exit with 3 if some of many failed, with 1 if all did; return if none did.

    Args:
        failed: Number of failures.
        done: Number of the others.

    Raises:
        typer.Exit: Something failed.
    """
    if failed:
        raise typer.Exit(SOME_FAILED if done else FAILED)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an expected error into one line on stderr and an exit code. Commands run inside it."""
    from synapse.emulator.errors import EmulatorError

    try:
        yield
    except (SynapseError, EmulatorError) as error:
        print_error(f"synapse: {error}")
        raise typer.Exit(exit_code_of(error)) from error
    except typer.Abort as error:
        # Raised for "no", and by a question that Ctrl-C interrupts.
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt as error:
        # Advice for Python, such as: "Stopped waiting. Job 5 goes on: session.jobs.get(5)..."
        what, is_advice, _ = str(error).partition(": session.")
        advice = f"{what}. The same command waits again." if is_advice else "Interrupted."
        typer.echo(clean(advice), err=True)
        raise typer.Exit(INTERRUPTED) from None


def _write_as_options(message: str) -> str:
    """Return a message with options in the place of Python's arguments."""
    text = "".join(map(_replace_arguments, message.splitlines(keepends=True)))
    for argument, option in _PLACEHOLDERS.items():
        text = text.replace(argument, option)
    return _KEYWORD.sub(_write_option, text)


def _write_option(found: re.Match[str]) -> str:
    option = f"--{found[1].replace('_', '-')}"
    return option if option in get_options().own else found[0]


def _replace_arguments(line: str) -> str:
    """Replace the arguments of uploads in a line; in linear time, as servers write lines, too."""
    parts: list[str] = []
    at = 0
    ends = dict.fromkeys(_ENDS, -1)  # the nearest end of each bracket; no line is searched twice
    for start in _ARGUMENT.finditer(line):
        bracket = start[2]
        if start.start() < at or ends[bracket] > len(line):
            continue
        if ends[bracket] < start.end() + 2:  # one character at least is inside
            found = _ENDS[bracket].search(line, start.end() + 1)
            ends[bracket] = len(line) + 1 if found is None else found.start() + 1
            if found is None:
                continue
        end = ends[bracket]
        parts += [line[at : start.start()], _write_options(start[1], line[start.end() - 1 : end])]
        at = end
    return "".join([*parts, line[at:]])


def _write_options(name: str, argument: str) -> str:
    """Return an argument as a shell's options: `--match 'masks/*.png=mask'`."""
    try:
        value = ast.literal_eval(argument)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):  # a server's text
        return f"{name}={argument}"
    pairs = [f"{key}={name}" for key, name in value.items()] if isinstance(value, dict) else value
    return " ".join(f"--{name} {shlex.quote(str(pair))}" for pair in pairs)
