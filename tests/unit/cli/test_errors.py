import pytest
import typer

from synapse.cli.errors import one_line_errors, print_error
from synapse.emulator.errors import EmulatorError
from synapse.errors import UsageError


@pytest.mark.parametrize("error", [UsageError("no [bold]"), EmulatorError("no [bold]")])
def test_an_expected_error_is_one_line_and_exit_code_1(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as stop, one_line_errors():
        raise error

    assert stop.value.exit_code == 1
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "synapse: no [bold]\n")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors():
        _ = 1 / 0


def test_a_long_message_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("x " * 200)

    assert capsys.readouterr().err == "x " * 200 + "\n"
