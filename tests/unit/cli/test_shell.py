import sys
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.cli.app import app


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "some")


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [(["-c", "print(session)"], None), ([], "print(session)\n")],
)
def test_code_has_the_session(arguments: list[str], stdin: str | None) -> None:
    result = CliRunner().invoke(app, ["shell", *arguments], input=stdin)
    assert (result.exit_code, result.stdout) == (0, "Session('http://127.0.0.1:9/')\n")


@pytest.mark.parametrize("has_ipython", [True, False])
def test_interactive(has_ipython: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    double = SimpleNamespace(start_ipython=lambda argv, user_ns: calls.append(user_ns))
    monkeypatch.setitem(sys.modules, "IPython", double if has_ipython else None)
    monkeypatch.setattr("code.interact", lambda banner, local, exitmsg: calls.append(local))
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True)
    result = CliRunner().invoke(app, ["shell"], input="")
    assert result.exit_code == 0
    [names] = calls
    assert {"session", "synapse"} <= set(names)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def", "SyntaxError: invalid syntax"),
    ],
)
@pytest.mark.parametrize("is_piped", [True, False])
def test_an_error_of_the_code_is_shown_as_python_shows_it(
    code: str, said: str, is_piped: bool
) -> None:
    arguments = ["shell"] if is_piped else ["shell", "-c", code]
    result = CliRunner().invoke(app, arguments, input=code if is_piped else None)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == said
    assert "report it" not in result.stderr
    assert "synapse/cli" not in result.stderr  # the frames of the code alone


def test_an_error_of_the_sdk_is_one_line() -> None:
    code = "import synapse; raise synapse.UsageError('Wrong.')"
    result = CliRunner().invoke(app, ["shell", "-c", code])
    assert (result.exit_code, result.stderr) == (2, "synapse: Wrong.\n")
