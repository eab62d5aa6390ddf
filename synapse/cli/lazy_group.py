"""Groups of commands that are imported when they run, with hints for common mistakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import attrs
import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse.cli.errors import one_line_errors
from synapse.cli.lazy_parameters import delay_conversion
from synapse.cli.options import add_global_options, get_options, reset_options

__all__ = [
    "HintedCommand",
    "HintedGroup",
    "LazyCommand",
    "LazyGroup",
    "RootGroup",
    "build_command",
    "new_app",
]

# The help's sections, in order.
_SECTIONS = ("Commands", "Resources")
# Verbs of other command lines; each works where the group has no such verb itself.
_VERBS = {
    **dict.fromkeys(("ls", "find", "search", "filter", "query"), "list"),
    **dict.fromkeys(("show", "view", "retrieve", "describe", "info", "cat", "read"), "get"),
    **dict.fromkeys(("new", "add", "make"), "create"),
    **dict.fromkeys(("edit", "set", "patch", "modify"), "update"),
    **dict.fromkeys(("rm", "remove", "del", "destroy"), "delete"),
    **dict.fromkeys(("cancel", "kill"), "stop"),
    **dict.fromkeys(("log", "tail"), "logs"),
    **dict.fromkeys(("watch",), "follow"),
    **dict.fromkeys(("import",), "import-from"),
    **dict.fromkeys(("browse",), "open"),
}
# Options that take an id, and the group that lists the ids.
_ID_OPTIONS = {
    "--collection": "data-collections",
    "--project": "projects",
    "--agent": "agents",
}
_UsageError: type[Exception] = typer.BadParameter.__bases__[
    0
]  # click's, which some versions of typer contain


@attrs.frozen
class LazyCommand:
    """A command or group that is not imported yet.

    Attributes:
        target: `module:attribute` of a function, of a `typer.Typer`, or of a function that returns
            a `typer.Typer` for the `words`.
        help: The line of the help.
        words: Arguments of the function that returns a `typer.Typer`; empty for other targets.
        section: Heading in the help.
    """

    target: str
    help: str
    words: tuple[str, ...] = ()
    section: str = "Commands"

    def load(self, name: str) -> Any:
        """Import the command, and return it for click."""
        module, _, attribute = self.target.partition(":")
        target = getattr(load(module), attribute)
        return build_command(target(*self.words) if self.words else target, name)


class HintedCommand(TyperCommand):
    """A command with hints for options of other command lines."""

    # Names that the command takes as NAME=VALUE.
    names: Collection[str] = ()

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; add a hint to the error for an unknown option."""
        get_options().own = frozenset(name for each in self.params for name in each.opts)
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            self._rewrite(error)
            option = getattr(error, "option_name", None)
            hint = None if option is None else self._find_hint(str(option))
            if hint is not None:
                ctx.fail(f"No such option: {option}: {hint}")
            raise

    @override
    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, and the option for help."""
        return delay_conversion(super().get_params(ctx))

    @override
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the usage line's parts: the arguments as they are declared."""
        arguments = [each for each in self.params if each.param_type_name == "argument"]
        return ["[OPTIONS]", *(str(each.metavar or each.name).upper() for each in arguments)]

    @staticmethod
    def _rewrite(error: Any) -> None:
        """Replace the library's words in a message, and name the command that lists ids."""
        message = str(getattr(error, "message", None) or "")
        names = getattr(getattr(error, "param", None), "opts", ())
        kind = next((_ID_OPTIONS[name] for name in names if name in _ID_OPTIONS), None)
        if kind is not None and (not message or "integer" in message):
            error.message = f"Ids are numbers: `synapse {kind} list` shows them."
        elif "integer" in message:
            error.message = "not a whole number."
        else:
            error.message = message.removeprefix("Value error, ").replace("Input should", "must")

    def _find_hint(self, option: str) -> str | None:
        name = option.lstrip("-").replace("-", "_")
        hints = {
            **dict.fromkeys(("json", "csv", "jsonl", "table", "ids"), f"write -o {name}."),
            **dict.fromkeys(("format", "fmt"), "write -o json."),
            **dict.fromkeys(("filter", "where", "query"), "write filters as status=pending."),
            **dict.fromkeys(("force", "yes"), "write --yes."),
            **dict.fromkeys(("order_by", "order", "ordering", "sort_by"), "write --sort NAME."),
            **dict.fromkeys(("page_size", "max", "head", "first", "count"), "write -n NUMBER."),
            **dict.fromkeys(("all", "no_limit", "paginate"), "write -n 0."),
            "q": "write -o ids, or --quiet.",
            **dict.fromkeys(("columns", "field", "select"), "write -f NAME,NAME."),
            **dict.fromkeys(("token", "api_token"), "set SYNAPSE_API_TOKEN, or synapse login."),
            **dict.fromkeys(("url", "host", "server", "endpoint"), "write --base-url URL."),
        }
        own = {each for parameter in self.params for each in parameter.opts}
        if self.name == "delete" and name == "all":
            return "pipe the ids: ... list -o ids | ... delete - --yes."
        hint = hints.get(name)
        if hint is not None and (hint.split()[1].rstrip(".") in own or "=" in hint or "_" in hint):
            return hint
        if name in self.names:
            return f"write {name}=VALUE, without dashes."
        return None


class HintedGroup(TyperGroup):
    """A group that knows the verbs of other command lines, and suggests commands."""

    # Other names of the group's own commands, and sentences that say what to type.
    aliases: Mapping[str, str] = _VERBS
    hints: Mapping[str, str] = {}
    # Answer to an id in the place of a command.
    id_hint = "type the verb first, as in get 5."

    @override
    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the group, and the one for help."""
        return delay_conversion(super().get_params(ctx))

    def list_names(self) -> Iterable[str]:
        """Return the names of the commands, without importing any."""
        return self.commands

    def find_name(self, word: str) -> str | None:
        """Return the name of the command that a word means."""
        names = self.list_names()
        dashed = word.replace("_", "-")
        for name in (word, dashed, self.aliases.get(dashed, "")):
            if name in names:
                return name
        return None

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by name or by another tool's verb; `None` for an unknown name."""
        name = self.find_name(cmd_name)
        return None if name is None else self.commands[name]

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments name, or fail with a suggestion."""
        word = args[0]
        if self.find_name(word) is None and not ctx.resilient_parsing:
            if word.startswith("-"):
                ctx.fail(f"No such option: {word}")
            if word.isdecimal():
                ctx.fail(f"No such command {word!r}: {self.id_hint}")
            if word in self.hints:
                ctx.fail(f"No such command {word!r}: {self.hints[word]}")
            ctx.fail(f"No such command {word!r}{suggestion(word.lower(), self.list_names())}")
        return super().resolve_command(ctx, args)


class LazyGroup(HintedGroup):
    """A group whose commands are imported when they are run, completed or asked for help.

    Subclasses set the table.
    """

    table: Mapping[str, LazyCommand] = {}

    @override
    def list_names(self) -> Iterable[str]:
        """Return the names in the table."""
        return self.table

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the help's order."""
        return list(self.table)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; `None` for an unknown name."""
        name = self.find_name(cmd_name)
        if name is not None and name not in self.commands:
            self.commands[name] = self.table[name].load(name)
        return super().get_command(ctx, cmd_name)

    @override
    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete the names of the table, without importing any command."""
        stubs = {
            name: TyperCommand(name, help=row.help)
            for name, row in self.table.items()
            if name not in self.commands and name.startswith(incomplete)
        }
        self.commands.update(stubs)
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            for name in stubs:
                del self.commands[name]

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table, without importing any command."""
        for section in _SECTIONS:
            rows = [(name, row.help) for name, row in self.table.items() if row.section == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)


class RootGroup(LazyGroup):
    """The group of a whole command line, which has the global options and reports errors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        add_global_options(self)

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


def new_app(
    *, cls: type[TyperGroup] = HintedGroup, has_completion: bool = False, **options: Any
) -> typer.Typer:
    """Return an application with the common settings."""
    return typer.Typer(
        cls=cls,
        **options,
        add_completion=has_completion,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def build_command(target: typer.Typer | Callable[..., Any], name: str) -> Any:
    """Return click's command for a function or an application, with the global options."""
    if not isinstance(target, typer.Typer):
        app = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )
        app.command(name, cls=HintedCommand)(target)
        target = app
    command = typer.main.get_command(target)
    command.name = name
    add_global_options(command)
    return command
