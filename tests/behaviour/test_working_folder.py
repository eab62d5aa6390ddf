"""The processes that the SDK starts import nothing from the working folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse import Session
from synapse.emulator.process import Emulator
from synapse.plugins.parameters import find_problems
from synapse.testing.agents import RunningAgent
from synapse.testing.tenants import EmulatorTenant


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that shows that a file of the working folder was run."""
    note = tmp_path / "was-run"
    for name in ("queue", "token", "json", "django", "waitress", "attrs", "jsonschema", "venv"):
        line = f"open({str(note)!r}, 'w').close(); raise SystemExit('shadowed')"
        (tmp_path / f"{name}.py").write_text(line)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":.")
    return note


def test_the_local_backend(note: Path) -> None:
    with Emulator() as emulator:
        assert Session(emulator.url, api_token=emulator.api_token).health()["status"] == "ok"

    assert not note.exists()


def test_an_agent(note: Path, emulator: EmulatorTenant) -> None:
    with RunningAgent(emulator.url, emulator.agent_token) as agent:
        assert agent.url

    assert not note.exists()


def test_checking_parameters(note: Path) -> None:
    problems = find_problems({"properties": {"a": {"pattern": "^b"}}}, {"a": "c"})

    assert list(problems) == ["a"]
    assert not note.exists()
