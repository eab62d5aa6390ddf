import subprocess
import sys
from importlib import import_module

import pytest
import typer
from typer.testing import CliRunner

from synapse import __version__
from synapse.cli.app import COMMANDS, app

run = CliRunner()


def test_the_version() -> None:
    result = run.invoke(app, ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"synapse-sdk {__version__}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_as_the_table_says(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    target = getattr(import_module(module), attribute)
    text = target.info.help if isinstance(target, typer.Typer) else target.__doc__
    assert isinstance(text, str)
    # The table has the docstring's first line, or the start of it.
    assert text.startswith(COMMANDS[name].help.removesuffix("."))
    result = run.invoke(app, [name, "-h"])
    assert (result.exit_code, "--profile" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("uplaod", "No such command 'uplaod'; did you mean 'upload'?"),
        ("--nothing", "No such option: --nothing"),
    ],
)
def test_an_unknown_command_is_a_usage_error(word: str, message: str) -> None:
    result = run.invoke(app, [word])
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from synapse.cli.app import app; app(['--help'], standalone_mode=False);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "upload" in done.stdout
    modules = {name for name in done.stderr.split() if name.startswith("synapse.cli.")}
    assert modules == {
        f"synapse.cli.{name}"
        for name in (
            "app",
            "bash_completion",
            "errors",
            "lazy_parameters",
            "lazy_group",
            "options",
            "resource_names",
        )
    }
    assert not {"requests", "django", "rich"} & set(done.stderr.split())
