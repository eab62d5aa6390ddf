from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.agent import service
from synapse.cli.app import app
from synapse.config import save_profile

run = CliRunner()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SYNAPSE_BASE_URL", "SYNAPSE_AGENT_TOKEN", "SYNAPSE_TENANT", "SYNAPSE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No backend: give --backend"),
        (["--backend", "http://a"], "No token: set SYNAPSE_AGENT_TOKEN"),
        (["--backend", "a", "--token", "b"], "from --backend (SYNAPSE_BASE_URL) can't be used"),
        (["--backend", "http://a", "--token", "b", "--ray", "x"], "from --ray"),
    ],
)
def test_missing_and_malformed_options(arguments: list[str], message: str) -> None:
    result = run.invoke(app, ["agent", *arguments])

    assert result.exit_code == 1
    assert message in result.stderr


def test_options_reach_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[Any] = []

    def serve(options: Any, on_ready: Any) -> None:
        calls.append(options)
        on_ready("http://127.0.0.1:1")

    monkeypatch.setattr(service, "serve", serve)

    result = run.invoke(
        app, ["agent", "--backend", "http://a", "--token", "b", "--job-memory", "64"]
    )

    assert result.stdout == "Synapse agent ready at http://127.0.0.1:1 (Ctrl-C stops it)\n"
    [options] = calls
    assert (options.backend, options.port, options.workers) == ("http://a", 8100, 2)
    assert options.limits.memory == 64
    assert options.data == tmp_path / "synapse" / "agent"
    assert (options.url, options.ray, options.tenant) == (None, None, None)


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ([], "http://a/"),
        (["--profile", "b"], "http://b/"),
        (["--profile", "b", "--base-url", "http://c"], "http://c"),
    ],
)
def test_the_address_of_a_profile(
    arguments: list[str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_profile("default", {"base_url": "http://a/", "api_token": "secret"})
    save_profile("b", {"base_url": "http://b/", "api_token": "secret"})
    calls: list[Any] = []
    monkeypatch.setattr(service, "serve", lambda options, on_ready: calls.append(options))

    result = run.invoke(app, ["agent", "--token", "t", *arguments])

    assert result.exit_code == 0, result.output
    assert [options.backend for options in calls] == [address]


def test_a_profile_that_does_not_exist() -> None:
    result = run.invoke(app, ["agent", "--token", "t", "--profile", "nope"])
    assert result.exit_code == 1
    assert "has no profile [nope]" in result.stderr
