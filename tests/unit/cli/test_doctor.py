import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse import doctor
from synapse.cli import doctor as command
from synapse.cli.app import app
from synapse.doctor import Check, Examination, Finding
from synapse.doctor.report import failed, ok, skipped, warning

run = CliRunner()


class Session:
    """A session that can be closed."""

    transport = None
    closed = 0

    def close(self) -> None:
        Session.closed += 1


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """Replace the checks by findings; returns whether an upload was asked for, for each run."""
    uploads: list[bool] = []

    def replace(*findings: Finding) -> list[bool]:
        def examine(examination: Examination) -> Iterator[Finding]:
            uploads.append(examination.upload)
            assert examination.transport is None  # of the session below
            yield from findings

        monkeypatch.setattr(doctor, "CHECKS", [Check("it", examine, "")])
        monkeypatch.setattr(command, "open_session", Session)
        return uploads

    return replace


def test_lines_and_the_exit_code(check: Callable[..., list[bool]]) -> None:
    uploads = check(ok("Fine."), warning("Old.", "Renew it."))
    before = Session.closed

    result = run.invoke(app, ["doctor"])

    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == ["ok       it  Fine.", "warning  it  Old.", f"{' ' * 13}-> Renew it."]
    assert uploads == [False]
    assert Session.closed == before + 1


def test_a_failed_check_exits_with_1(check: Callable[..., list[bool]]) -> None:
    check(ok("Fine."), skipped("Not there."), failed("Broken.", "Mend it."))

    result = run.invoke(app, ["doctor", "--quiet"])

    assert result.exit_code == 1
    assert "Broken." in result.stdout
    assert "Fine." not in result.stdout
    assert "Not there." not in result.stdout


def test_json(check: Callable[..., list[bool]]) -> None:
    uploads = check(failed("Broken.", "Mend it."))

    result = run.invoke(app, ["doctor", "--json", "--upload"])

    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["status"] == "failed"
    assert document["findings"][0]["cure"] == "Mend it."
    assert uploads == [True]


def test_without_settings_the_other_checks_run() -> None:
    result = run.invoke(app, ["doctor", "--json"])

    document = json.loads(result.stdout)
    statuses = {row["check"]: row["status"] for row in document["findings"]}
    assert result.exit_code == 1
    assert (statuses["Python"], statuses["settings"], statuses["DNS"]) == (
        "ok",
        "failed",
        "skipped",
    )


def test_the_global_options_choose_the_server() -> None:
    result = run.invoke(app, ["doctor", "--json", "--base-url", "http://127.0.0.1:9"])

    found = [row["found"] for row in json.loads(result.stdout)["findings"]]
    assert any("No API token" in text for text in found)
