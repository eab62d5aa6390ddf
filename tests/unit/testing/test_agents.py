"""A child process with an agent; tests/behaviour/agent uses a real one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from synapse.testing import agents
from synapse.testing.agents import RunningAgent


class Child:
    """A started process."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of each start, without any process."""
    started: list[dict[str, Any]] = []

    def answer(child: Any, log: Any, options: dict[str, Any], *_: Any) -> dict[str, str]:
        started.append(options)
        return {"url": f"http://127.0.0.1:{options['port'] or 4567}"}

    monkeypatch.setattr(agents.subprocess, "Popen", lambda *_, **__: Child())
    monkeypatch.setattr(agents, "wait_until_ready", answer)
    monkeypatch.setattr(agents, "end_process", lambda *_, **__: None)
    return started


def test_the_port_stays_over_a_restart(started: list[dict[str, Any]]) -> None:
    agent = RunningAgent("http://127.0.0.1:9", "token", workers=2)
    agent.start()
    agent.start()
    agent.kill()
    agent.start()

    assert [options["port"] for options in started] == [0, 4567]
    assert started[0]["workers"] == 2
    assert agent.url == "http://127.0.0.1:4567"
    assert "token" not in repr(agent)
    agent.close()


def test_a_temporary_folder_is_removed_at_the_end(started: list[dict[str, Any]]) -> None:
    with RunningAgent("http://127.0.0.1:9", "token") as agent:
        folder = Path(started[0]["data"])
        assert folder.is_dir()
        assert agent.log == ""

    assert not folder.exists()
    assert repr(agent) == "<RunningAgent stopped>"


def test_a_given_folder_stays(started: list[dict[str, Any]], tmp_path: Path) -> None:
    RunningAgent("http://127.0.0.1:9", "token", data=tmp_path).start().close()

    assert started[0]["data"] == str(tmp_path)
    assert tmp_path.is_dir()


def test_a_failed_start_leaves_nothing(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.BytesIO()
    monkeypatch.setattr(agents.tempfile, "TemporaryFile", lambda: log)
    monkeypatch.setattr(agents, "wait_until_ready", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        RunningAgent("http://127.0.0.1:9", "token").start()

    assert log.closed
