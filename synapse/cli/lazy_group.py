"""Groups of commands that are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import typer
from typer.core import TyperGroup
from typing_extensions import override

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse.cli.errors import one_line_errors
from synapse.cli.options import add_global_options, reset_options

__all__ = ["LazyCommand", "LazyGroup", "build_command", "new_app"]

# The help's sections, in order.
_SECTIONS = ("Commands", "Resources")


@attrs.frozen
class LazyCommand:
    """A command or group that is not imported yet.

    Attributes:
        target: `module:attribute` of a function, of a `typer.Typer`, or of a function that returns
            a `typer.Typer` for the command's name if `is_factory`.
        help: The line of the help.
        is_factory: Whether the target is called with the name.
        section: Heading in the help.
    """

    target: str
    help: str
    is_factory: bool = False
    section: str = "Commands"

    def load(self, name: str) -> Any:
        """Import the command, and return it for click."""
        module, _, attribute = self.target.partition(":")
        target = getattr(load(module), attribute)
        return build_command(target(name) if self.is_factory else target, name)


def new_app(**options: Any) -> typer.Typer:
    """Return an application with the settings that all of ours share."""
    return typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        **options,
    )


def build_command(target: typer.Typer | Callable[..., Any], name: str) -> Any:
    """Return click's command for a function or an application, with the global options."""
    if not isinstance(target, typer.Typer):
        app = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )
        app.command(name)(target)
        target = app
    command = typer.main.get_command(target)
    command.name = name
    add_global_options(command)
    return command


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are run, completed or asked for help.

    Subclasses set the table.
    """

    table: dict[str, LazyCommand] = {}
    # Habits: another name of a command, or a sentence that says what to type.
    aliases: dict[str, str] = {}
    hints: dict[str, str] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        add_global_options(self)

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the help's order."""
        return list(self.table)

    def find_name(self, word: str) -> str | None:
        """Return the name of the command that a word means."""
        name = self.aliases.get(word, word)
        return name if name in self.table else None

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; `None` for an unknown name."""
        name = self.find_name(cmd_name)
        if name is None:
            return None
        if name not in self.commands:
            self.commands[name] = self.table[name].load(name)
        return self.commands[name]

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments name, or fail with what was meant."""
        word = args[0]
        if self.get_command(ctx, word) is None and not ctx.resilient_parsing:
            if word.startswith("-"):
                ctx.fail(f"No such option: {word}")
            if word in self.hints:
                ctx.fail(f"No such command {word!r}: {self.hints[word]}")
            ctx.fail(f"No such command {word!r}{suggestion(word, self._words())}")
        return super().resolve_command(ctx, args)

    def _words(self) -> Iterable[str]:
        return self.table

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table, without importing any command."""
        for section in _SECTIONS:
            rows = [(name, row.help) for name, row in self.table.items() if row.section == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    @override
    def invoke(self, ctx: Any) -> Any:
        """Run a command; expected errors become one line and an exit code."""
        with one_line_errors():
            return super().invoke(ctx)

    @override
    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Start a command line with the global options unset."""
        reset_options()
        return super().make_context(info_name, args, *rest, **extra)
