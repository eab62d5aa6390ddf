import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.cli.app import app
from synapse.config import resolve
from synapse.errors import AuthenticationError
from synapse.profiles import profile_path, read_profiles, save_profile


class User:
    """Ada."""

    username = "ada"
    id = 7


class Session:
    """A session whose token belongs to Ada, unless the token is wrong."""

    def __init__(self, base_url: Any, api_token: Any = None, **options: Any) -> None:
        self.token = api_token

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def me(self) -> User:
        if self.token == "wrong":
            raise AuthenticationError(401, "Invalid token.")
        return User()


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SYNAPSE_BASE_URL", "SYNAPSE_API_TOKEN", "SYNAPSE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("synapse.session.Session", Session)


def run(*arguments: str, stdin: str | None = None, code: int = 0) -> Any:
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == code, result.output
    return result


def test_a_token_of_a_pipe() -> None:
    result = run("login", "--with-token", "--base-url", "http://a", stdin="secret\n")
    assert result.stdout == ""
    assert (
        result.stderr == f"Logged in as ada at http://a/: profile [default] of {profile_path()}.\n"
    )
    assert read_profiles() == {"default": {"base_url": "http://a/", "api_token": "secret"}}
    assert stat.S_IMODE(profile_path().stat().st_mode) == 0o600
    run(
        "login",
        "--with-token",
        "--profile",
        "b",
        "--tenant",
        "t",
        "--base-url",
        "http://b",
        stdin="x",
    )
    assert resolve(profile="b").tenant == "t"
    assert set(read_profiles()) == {"default", "b"}


def test_questions_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True)
    result = run("login", stdin="http://a\nsecret\n")
    assert "secret" not in result.output
    assert read_profiles()["default"]["api_token"] == "secret"
    # The address of the profile is the default of the question.
    run("login", stdin="\nother\n")
    assert read_profiles()["default"] == {"base_url": "http://a/", "api_token": "other"}


def test_an_address_is_checked_before_the_token_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True)
    result = run("login", stdin="localhost\nsecret\n", code=1)
    assert "'localhost' from your answer can't be used" in result.stderr
    assert "API token" not in result.output


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (["--with-token", "--base-url", "http://a"], "wrong", 1, "Invalid token."),
        (["--with-token"], "secret", 2, "The address is missing."),
        ([], "", 2, "Write synapse login --with-token."),
        (["--with-token", "--base-url", "a b"], "secret", 1, "--base-url"),
    ],
)
def test_mistakes_write_nothing(arguments: list[str], stdin: str, code: int, message: str) -> None:
    assert message in run("login", *arguments, stdin=stdin, code=code).stderr
    assert not profile_path().exists()


def test_a_dry_run_writes_nothing() -> None:
    result = run("login", "--with-token", "--dry-run", "--base-url", "http://a", stdin="secret")
    assert result.stderr == "The token is ada's. Nothing is written.\n"
    assert not profile_path().exists()


def test_whoami(monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("a", {"base_url": "http://a", "api_token": "secret"})
    text = run("whoami", "--profile", "a", "-o", "table").stdout
    assert "username      ada\n" in text
    assert "base_url      http://a/\n" in text
    assert "secret" not in text
    assert "profile       a\nprofile_from  --profile\n" in text
    monkeypatch.setenv("SYNAPSE_PROFILE", "a")
    row = json.loads(run("whoami", "-o", "jsonl").stdout)
    assert (row["profile"], row["profile_from"]) == ("a", "SYNAPSE_PROFILE")
    monkeypatch.delenv("SYNAPSE_PROFILE")
    assert run("whoami", "-o", "ids", "--profile", "a").stdout == "7\n"
    message = run("whoami", code=1).stderr
    assert message.startswith("synapse: No base URL. Run `synapse login`, pass --base-url, set ")


def test_a_password_in_an_address_is_not_listed() -> None:
    save_profile("default", {"base_url": "http://user:hunter2@a/", "api_token": "secret"})
    assert "http://***@a/" in run("profiles", "-o", "csv").stdout


def test_whoami_names_the_default_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("default", {"base_url": "http://a", "api_token": "secret"})
    row = json.loads(run("whoami", "-o", "jsonl").stdout)
    assert row["profile"] == "default"
    assert row["profile_from"] == f"the default, in {profile_path()}"
    monkeypatch.setenv("SYNAPSE_BASE_URL", "http://a")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "other-secret")
    row = json.loads(run("whoami", "-o", "jsonl").stdout)
    assert (row["profile"], row["profile_from"]) == (None, None)


def test_profiles_and_logout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has no profile" in run("profiles").stderr
    save_profile("default", {"base_url": "http://a", "api_token": "secret"})
    save_profile("b", {"base_url": "http://b", "token_command": "pass", "tenant": "t"})
    text = run("profiles", "-o", "csv").stdout
    assert text == (
        "profile,base_url,tenant,token,is_current\n"
        "default,http://a,,api_token,true\n"
        "b,http://b,t,token_command,false\n"
    )
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "other")
    result = run("logout", "--profile", "b")
    assert result.stderr.splitlines()[1].startswith("The variable SYNAPSE_API_TOKEN is set")
    assert list(read_profiles()) == ["default"]
    assert "No profile is named [b]" in run("logout", "--profile", "b", code=2).stderr
    assert "other" not in result.output
    assert os.environ["SYNAPSE_API_TOKEN"] == "other"
