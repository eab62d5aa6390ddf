from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.cli.app import app
from synapse.emulator import server


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of each start, without any server."""
    calls: list[dict[str, Any]] = []

    def serve(*, on_ready: Any, **options: Any) -> None:
        calls.append(options)
        on_ready(
            server.ServerInfo("http://a", "default", "user", "agent", Path("data"), "sqlite:///d")
        )

    monkeypatch.setattr(server, "serve", serve)
    return calls


def test_the_output_is_for_a_shell(calls: list[dict[str, Any]]) -> None:
    result = CliRunner().invoke(app, ["emulator"])

    assert result.stdout.splitlines() == [
        "Synapse emulator ready at http://a with sqlite:///d (Ctrl-C stops it)",
        "export SYNAPSE_BASE_URL=http://a",
        "export SYNAPSE_API_TOKEN=user",
        "# An agent for it: SYNAPSE_AGENT_TOKEN=agent synapse agent",
    ]


def test_limits_that_are_not_given_keep_their_defaults(calls: list[dict[str, Any]]) -> None:
    from synapse.jobs.spec import Limits

    CliRunner().invoke(app, ["emulator", "--job-memory", "64", "--port", "0"])

    [options] = calls
    assert options["job_limits"] == Limits(memory=64)
    assert (options["host"], options["port"], options["data_dir"]) == ("127.0.0.1", 0, None)


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        ([], {"DATABASE_URL": "postgresql://shell/theirs"}, None),
        ([], {"SYNAPSE_EMULATOR_DATABASE_URL": "postgresql://h/own"}, "postgresql://h/own"),
        ([], {"SYNAPSE_EMULATOR_DATABASE_URL": ""}, None),
        (
            ["--database-url", "postgresql://h/option"],
            {"SYNAPSE_EMULATOR_DATABASE_URL": "postgresql://h/own"},
            "postgresql://h/option",
        ),
    ],
)
def test_the_database_is_named_for_the_emulator_alone(
    calls: list[dict[str, Any]], arguments: list[str], variables: dict[str, str], expected: Any
) -> None:
    CliRunner().invoke(app, ["emulator", *arguments], env=variables)

    [options] = calls
    assert options["database_url"] == expected
    assert options["share_database"] is False


def test_sharing_a_database_is_said(calls: list[dict[str, Any]]) -> None:
    CliRunner().invoke(app, ["emulator", "--share-database"])

    assert calls[0]["share_database"] is True
