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
        on_ready(server.ServerInfo("http://a", "default", "user", "agent", Path("data")))

    monkeypatch.setattr(server, "serve", serve)
    return calls


def test_the_output_is_for_a_shell(calls: list[dict[str, Any]]) -> None:
    result = CliRunner().invoke(app, ["emulator"])

    assert result.stdout.splitlines() == [
        "Synapse emulator ready at http://a (Ctrl-C stops it)",
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
