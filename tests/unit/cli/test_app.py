from typer.testing import CliRunner

from synapse import __version__
from synapse.cli.app import app

run = CliRunner()


def test_commands_in_the_order_of_the_help() -> None:
    names = [command.callback.__name__ for command in app.registered_commands if command.callback]

    assert names == ["emulator", "configure", "upload", "sync", "download", "agent", "demo"]


def test_the_version() -> None:
    result = run.invoke(app, ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"synapse-sdk {__version__}\n")


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run.invoke(app, ["annotate"]).exit_code == 2
