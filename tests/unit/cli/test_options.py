import logging
import os
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from synapse.cli.lazy_group import LazyCommand, RootGroup, new_app
from synapse.cli.options import (
    GlobalOptions,
    add_global_options,
    get_options,
    open_session,
    print_note,
)

_seen: list[GlobalOptions] = []
_own: list[str] = []


def show() -> None:
    """Show."""
    _seen.append(get_options())
    print_note("a note")


def configure(profile: str = "default") -> None:
    """Have an option of one of the names."""
    _own.append(profile)


group = new_app()
group.command("inner")(show)
group.command("other")(configure)


class Root(RootGroup):
    table = {
        name: LazyCommand(f"{__name__}:{target}", name)
        for name, target in {"show": "show", "configure": "configure", "group": "group"}.items()
    }


app = new_app(cls=Root)


@app.callback()
def _root() -> None:
    """Root."""


def run(*arguments: str) -> Any:
    _seen.clear()
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "p", "--base-url", "http://a", "show"],
        ["show", "--base-url", "http://a", "--profile", "p"],
        ["--profile", "p", "show", "--base-url", "http://a"],
        ["--profile", "q", "group", "--base-url", "http://a", "inner", "--profile", "p"],
    ],
)
def test_before_and_after_the_command(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 0
    assert _seen == [GlobalOptions(profile="p", base_url="http://a")]


def test_each_command_line_starts_anew() -> None:
    run("show", "--quiet", "--no-color")
    assert (_seen[0].quiet, _seen[0].no_color) == (True, True)
    run("show")
    assert _seen == [GlobalOptions()]


@pytest.mark.parametrize(("options", "stderr"), [([], "a note\n"), (["--quiet"], "")])
def test_notes(options: list[str], stderr: str) -> None:
    assert run("show", *options).stderr == stderr


def test_an_own_option_of_the_name_stays() -> None:
    assert run("--profile", "p", "configure", "--profile", "mine").exit_code == 0
    assert _own.pop() == "mine"


def test_session_of_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, Any]] = []
    monkeypatch.setattr(
        "synapse.session.Session", lambda base_url, profile: made.append((base_url, profile))
    )
    run("show", "--profile", "p")
    open_session()
    run("show", "--base-url", "http://a")
    open_session()
    assert made == [(None, "p"), ("http://a", None)]


def test_verbose_shows_the_log_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("synapse")
    before = (logger.level, list(logger.handlers))
    levels: list[int] = []
    monkeypatch.setattr(logger, "setLevel", levels.append)
    run("show", "--verbose")
    assert levels == [logging.DEBUG, before[0]]
    assert logger.handlers == before[1]


def test_the_log_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def show() -> None:
        logging.getLogger("synapse.transport").debug("%s\nb", "\x1b[2J")

    command = typer.main.get_command(app)
    add_global_options(command)
    with pytest.raises(SystemExit):
        command(["--verbose"])
    assert capsys.readouterr().err == "synapse.transport: \\x1b[2J\nb\n"


@pytest.mark.parametrize(
    ("options", "argument", "variable"),
    [
        ([], None, None),
        (["--quiet"], False, None),
        (["--progress", "none"], False, None),
        (["--progress", "bar"], True, None),
        (["--progress", "lines"], None, "lines"),
    ],
)
def test_progress(
    options: list[str],
    argument: bool | None,
    variable: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SYNAPSE_PROGRESS", raising=False)
    variables: list[str | None] = []
    monkeypatch.setitem(
        globals(), "print_note", lambda text: variables.append(os.environ.get("SYNAPSE_PROGRESS"))
    )
    run("show", *options)
    assert _seen[0].progress_argument is argument
    assert variables == [variable]
    assert "SYNAPSE_PROGRESS" not in os.environ
