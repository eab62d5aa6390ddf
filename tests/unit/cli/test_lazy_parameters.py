import subprocess
import sys
from enum import Enum
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from synapse.cli.lazy_group import HintedCommand

seen: list[Any] = []


class Size(str, Enum):
    """A choice."""

    SMALL = "small"


def remember(value: int | None) -> int | None:
    seen.append(value)
    return -1 if value is None else value


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=HintedCommand)
def command(
    name: Annotated[str, typer.Argument()],
    words: Annotated[list[str] | None, typer.Argument()] = None,
    number: Annotated[int | None, typer.Option(callback=remember)] = None,
    size: Annotated[Size | None, typer.Option()] = None,
    several: Annotated[list[int] | None, typer.Option()] = None,
    preset: Annotated[int, typer.Option(envvar="PRESET_OF_A_TEST")] = 3,
) -> None:
    """Note the values."""
    typer.echo(repr((name, words, number, size, several, preset)))


def run(*arguments: str, **variables: str) -> Any:
    return CliRunner().invoke(app, arguments, env=variables)


def test_values_are_converted() -> None:
    result = run(
        *("a", "b", "--number", "5", "--size", "small", "--several", "1", "--several", "2"),
        PRESET_OF_A_TEST="7",
    )
    expected = ("a", ["b"], 5, Size.SMALL, [1, 2], 7)
    assert (result.exit_code, result.stdout) == (0, f"{expected!r}\n")


def test_unset_parameters_are_as_those_of_typer() -> None:
    plain = typer.Typer(add_completion=False, rich_markup_mode=None)
    plain.command()(command)
    seen.clear()
    result = run("a")
    assert (
        result.stdout
        == CliRunner().invoke(plain, ["a"]).stdout
        == (f"{('a', None, -1, None, None, 3)!r}\n")
    )
    assert seen == [None, None]  # callbacks are called for unset options, too


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'name'"),
        (["a", "--number", "x"], "Invalid value for '--number'"),
        (["a", "--size", "huge"], "Invalid value for '--size'"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, message.lower() in result.stderr.lower()) == (2, True)


def test_a_command_without_values_loads_no_pydantic() -> None:
    script = """
import sys
from typing import Annotated
import typer
from synapse.cli.lazy_group import build_command

def command(
    number: Annotated[int | None, typer.Option()] = None,
    words: Annotated[list[str] | None, typer.Argument()] = None,
) -> None:
    print(number, words, "pydantic" in sys.modules)

build_command(command, "command")(sys.argv[1:], standalone_mode=False)
"""

    def run_script(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    assert run_script().endswith("None None False\n")
    assert run_script("--number", "5").startswith("5 None ")
