import pytest
import typer

from synapse.cli.errors import one_line_errors, print_error
from synapse.cli.options import GlobalOptions
from synapse.emulator.errors import EmulatorError
from synapse.errors import SynapseError, UsageError


@pytest.mark.parametrize("error", [SynapseError("no [bold]"), EmulatorError("no [bold]")])
def test_an_expected_error_is_one_line_and_exit_code_1(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as stop, one_line_errors():
        raise error

    assert stop.value.exit_code == 1
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "synapse: no [bold]\n")


@pytest.mark.parametrize(
    ("reason", "raised"), [(KeyboardInterrupt, typer.Exit), (EOFError, typer.Abort)]
)
def test_interrupted_questions(reason: type[BaseException], raised: type[Exception]) -> None:
    def ask() -> None:
        try:
            raise reason
        except reason:
            raise typer.Abort from None

    with pytest.raises(raised) as stop, one_line_errors():
        ask()
    assert getattr(stop.value, "exit_code", 130) == 130


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Give the argument base_url, or more.", "Run `synapse login`, pass --base-url, or more."),
        ("From the argument api_token; check.", "From the token that was given; check."),
        ("Use a version, or pass bump='patch'.", "Use a version, or pass --bump patch."),
        ("Pass resume=False to begin anew.", "Pass --no-resume to begin anew."),
    ],
)
def test_arguments_of_python_are_options(
    message: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(message)
    assert capsys.readouterr().err == f"{expected}\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Pass match= to assign the file.", "Pass --match to assign the file."),
        ("Pass max_delete=.", "Pass --max-delete."),
        ("Pass records= or more.", "Pass records= or more."),
        ("Write match=value.", "Write match=value."),
    ],
)
def test_arguments_that_the_command_has_as_options(
    message: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = GlobalOptions(own=frozenset(("--match", "--max-delete")))
    monkeypatch.setattr("synapse.cli.errors.get_options", lambda: options)
    print_error(message)
    assert capsys.readouterr().err == f"{expected}\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "Interrupted."),
        (
            "Stopped waiting. Job 5 goes on: session.jobs.get(5).wait() waits again.",
            "Stopped waiting. Job 5 goes on. The same command waits again.",
        ),
    ],
)
def test_an_interrupt_says_how_to_go_on(
    message: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as stop, one_line_errors():
        raise KeyboardInterrupt(*[message][: bool(message)])
    assert (stop.value.exit_code, capsys.readouterr().err) == (130, f"{expected}\n")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors():
        _ = 1 / 0


def test_a_long_message_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("x " * 200 + "x")

    assert capsys.readouterr().err == "x " * 200 + "x\n"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "Pass match={'a b/*.png': 'mask', '*.jpg': 'image'}.",
            "Pass --match 'a b/*.png=mask' --match '*.jpg=image'.",
        ),
        ("Pass ignore=['a', 'b']. More.", "Pass --ignore a --ignore b. More."),
        ("Pass columns={'n': 'x'}.", "Pass --columns n=x."),
        ("a. ignore=['gt'] leaves them out.", "a. --ignore gt leaves them out."),
        ("ignore=[1].", "--ignore 1."),
        ("Pass match={x}.", "Pass match={x}."),
        ("A server's match={[]: 1}.", "A server's match={[]: 1}."),
        pytest.param(f"match={{{'-' * 9_000}1}}.", f"match={{{'-' * 9_000}1}}.", id="deep"),
        ("Pass match= to assign them.", "Pass match= to assign them."),
    ],
)
def test_arguments_are_written_as_options(
    message: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit), one_line_errors():
        raise UsageError(message)
    assert capsys.readouterr().err == f"synapse: {line}\n"


def test_a_message_of_megabytes_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("x" * 10_000_000)
    assert 1_000 < len(capsys.readouterr().err) < 50_000
