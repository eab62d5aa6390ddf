"""Files of the agent in a folder that everyone may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from agent_world import make_world

from synapse.emulator import Emulator


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights")
def test_state_and_releases_are_private(synapse_backend: Emulator, tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    (folder / "releases").mkdir(mode=0o755, parents=True)
    folder.chmod(0o755)
    for name in ("agent.sqlite3", "agent.sqlite3-wal"):
        (folder / name).touch(mode=0o644)

    for world in make_world(synapse_backend, tmp_path):
        world.job(world.run("say"), until="succeeded")
        files = [*folder.iterdir(), *(folder / "releases").iterdir()]
        rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files if path.is_file()}
        assert {"agent.sqlite3", "agent.sqlite3-wal", "talker@1.0.0.zip"} <= rights.keys()
        assert set(rights.values()) == {0o600}
        folders = [path for path in folder.iterdir() if path.is_dir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
