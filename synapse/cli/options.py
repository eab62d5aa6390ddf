"""Options that every command takes, before or after the name, and the session that they make."""

from __future__ import annotations

import logging
import os
import sys
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from synapse._internal.printable import clean

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = [
    "GlobalOptions",
    "ProgressStyle",
    "add_global_options",
    "get_options",
    "open_session",
    "print_note",
    "reset_options",
]


class ProgressStyle(str, Enum):
    """Displays of progress."""

    AUTO = "auto"
    BAR = "bar"
    LINES = "lines"
    NONE = "none"


@attrs.define
class GlobalOptions:
    """The global options of one command line.

    Attributes:
        profile: Profile with the server's address and the token.
        base_url: Address of the server, instead of the profile's.
        quiet: Whether standard error gets errors only.
        verbose: Whether standard error gets the requests, too.
        no_color: Whether all output is without colours; `NO_COLOR` does the same.
        progress: Display of transfers and waits.
        own: Names of the running command's own options, which messages use in place of arguments.
    """

    profile: str | None = None
    base_url: str | None = None
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    progress: ProgressStyle = ProgressStyle.AUTO
    own: frozenset[str] = attrs.field(default=frozenset(), eq=False)

    @property
    def progress_argument(self) -> bool | None:
        """The `progress` argument of the SDK's methods; lines are chosen by the environment."""
        if self.quiet or self.progress is ProgressStyle.NONE:
            return False
        return True if self.progress is ProgressStyle.BAR else None


_options = GlobalOptions()


def get_options() -> GlobalOptions:
    """Return the global options of this command line."""
    return _options


def reset_options() -> None:
    """Unset the global options, before a command line is read."""
    global _options
    _options = GlobalOptions()


def open_session(**options: Any) -> Session:
    """Return a session of the global options, of a profile or of the environment.

    Args:
        **options: Further options of `synapse.Session`.
    """
    from synapse.session import Session

    return Session(_options.base_url, profile=_options.profile, **options)


def print_note(text: str) -> None:
    """Print a remark on standard error, unless `--quiet` is given."""
    if not _options.quiet:
        sys.stderr.write(f"{clean(text)}\n")


def add_global_options(command: Any) -> None:
    """Add the options to a command of click's, and to the commands below it.

    A command's own option of the same name stays, such as `configure --profile`.
    """
    own = {name for parameter in command.params for name in parameter.opts}
    command.params += [each for each in _parameters() if not own.intersection(each.opts)]
    for child in getattr(command, "commands", {}).values():
        add_global_options(child)


def _store(ctx: typer.Context, parameter: typer.CallbackParam, value: Any) -> None:
    # An option that isn't given must not unset what was given before the command.
    if value not in (None, False):
        setattr(_options, str(parameter.name), value)
    if parameter.name == "progress" and value is ProgressStyle.LINES:
        _set_variable(ctx, "SYNAPSE_PROGRESS", "lines")
    if value and parameter.name == "verbose":
        _show_log(ctx)


class _CleanFormatter(logging.Formatter):
    """Writes lines that can't steer the terminal: messages quote servers."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(clean, super().format(record).split("\n")))


def _show_log(ctx: typer.Context) -> None:
    """Show the SDK's log until the command has ended."""
    logger, handler = logging.getLogger("synapse"), logging.StreamHandler(sys.stderr)
    level = logger.level
    handler.setFormatter(_CleanFormatter("%(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)

    def restore() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)

    ctx.call_on_close(restore)


def _set_variable(ctx: typer.Context, name: str, value: str) -> None:
    """Set an environment variable until the command has ended."""
    before = os.environ.get(name)
    os.environ[name] = value

    def restore() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    ctx.call_on_close(restore)


def _declare(
    profile: Annotated[
        str | None,
        typer.Option(
            callback=_store,
            expose_value=False,
            help="Profile with the server's address and the token.",
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(callback=_store, expose_value=False, help="Address of the server."),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", callback=_store, expose_value=False, help="Print errors only."),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", callback=_store, expose_value=False, help="Print requests, too."),
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color",
            callback=_store,
            expose_value=False,
            help="Print no colours, as with the variable NO_COLOR.",
        ),
    ] = False,
    progress: Annotated[
        ProgressStyle | None,
        typer.Option(
            callback=_store,
            expose_value=False,
            help="Display of transfers and waits; by default a bar on a terminal, else lines.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Declare the options, for typer."""


@cache
def _parameters() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command()(_declare)
    return list(typer.main.get_command(app).params)
