from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from synapse import errors
from synapse.cli.lazy_group import LazyCommand, RootGroup, new_app


def fail(word: str) -> None:
    """Fail in a way."""
    if word == "stop":
        raise KeyboardInterrupt
    raise getattr(errors, word)("it broke")


def make(name: str) -> typer.Typer:
    made = new_app(help=f"The group {name}.")
    for verb in ("list", "get"):
        made.command(verb)(lambda verb=verb: typer.echo(f"{name} {verb}"))
    return made


class Root(RootGroup):
    table = {
        "fail": LazyCommand(f"{__name__}:fail", "Fail."),
        "tasks": LazyCommand(f"{__name__}:make", "Tasks.", ("tasks",), section="Resources"),
        "broken": LazyCommand("synapse.cli.nothing:at_all", "Never imported."),
    }
    aliases = {"task": "tasks"}
    hints = {"rm": "type 'synapse tasks delete'."}


app = new_app(cls=Root)


@app.callback()
def _root() -> None:
    """Root."""


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def test_help_has_sections_and_imports_nothing() -> None:
    result = run("--help")
    assert result.exit_code == 0
    commands, resources = result.stdout.split("Commands:")[1].split("Resources:")
    assert ("Never imported." in commands, "Tasks." in resources) == (True, True)


def test_completion_imports_nothing() -> None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("root", [], resilient_parsing=True)
    names = [item.value for item in command.shell_complete(context, "")]
    assert {"fail", "tasks", "broken"} <= set(names)
    assert [item.value for item in command.shell_complete(context, "br")] == ["broken"]
    assert command.commands == {}


@pytest.mark.parametrize("name", ["tasks", "task"])
def test_a_function_makes_the_group_for_its_words(name: str) -> None:
    assert run(name, "get").stdout == "tasks get\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tsks"], "No such command 'tsks'; did you mean 'tasks'?"),
        (["rm"], "No such command 'rm': type 'synapse tasks delete'."),
        (["--wrong"], "No such option: --wrong"),
    ],
)
def test_unknown(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("word", "code", "stderr"),
    [
        ("SynapseError", 1, "synapse: it broke\n"),
        ("UsageError", 2, "synapse: it broke\n"),
        ("InvalidQuery", 2, "synapse: it broke\n"),
        ("BadArchive", 1, "synapse: it broke\n"),
        ("JournalInUse", 75, "synapse: it broke\n"),
        ("stop", 130, "Interrupted.\n"),
    ],
)
def test_exit_codes(word: str, code: int, stderr: str) -> None:
    result = run("fail", word)
    assert (result.exit_code, result.stderr) == (code, stderr)
