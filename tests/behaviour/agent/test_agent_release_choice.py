"""The agent runs the right release of those that it stores."""

from __future__ import annotations

from pathlib import Path

import pytest

import synapse
from synapse.emulator import Emulator
from synapse.testing.agents import RunningAgent

CONFIG = (
    "{code: same, name: Same, version: 1.0.0, category: export,"
    " actions: {go: {entrypoint: 'same:go'}}}"
)


@pytest.mark.slow
def test_of_a_backend_that_was_made_anew(tmp_path: Path) -> None:
    """Its releases are called as those of the last one were, and so is its address."""
    folder = tmp_path / "same"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    results = []
    port = 0
    for number in (1, 2):
        (folder / "same.py").write_text(f"def go(): return {number}")
        with Emulator(port=port) as emulator:
            port = int(emulator.url.rpartition(":")[2])
            agent = RunningAgent(emulator.url, emulator.agent_token, data=tmp_path / "data")
            with agent, synapse.Session(emulator.url, emulator.api_token) as session:
                plugin = session.plugins.create(folder=folder)
                plugin.release("1.0.0", folder)
                job = plugin.run(agent=session.agents.get(emulator.agent_token))
                results.append(job.wait(timeout=60, progress=False).result)

    assert results == [1, 2]
