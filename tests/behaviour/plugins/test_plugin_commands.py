"""The commands at the beginning of the page about plugins, as the page shows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import synapse
from synapse import Session
from synapse.testing.tenants import EmulatorTenant

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "howto" / "plugins.md"


def read_commands() -> list[str]:
    """Return the commands of the page's first block."""
    block = re.search(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line.startswith("$ ")]
    return [line.removeprefix("$ ").partition("#")[0].strip() for line in lines]


@pytest.fixture
def environment(emulator: EmulatorTenant, tmp_path: Path) -> dict[str, str]:
    """Variables of a shell where the emulator's lines were run, with the command `synapse`."""
    tools = tmp_path / "bin"
    tools.mkdir()
    command = tools / "synapse"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m synapse "$@"\n')
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(synapse.__file__).parents[1]),
        "SYNAPSE_BASE_URL": emulator.url,
        "SYNAPSE_API_TOKEN": emulator.api_token,
    }


def test_five_commands_lead_from_an_empty_folder_to_a_finished_job(
    session: Session, environment: dict[str, str], tmp_path: Path
) -> None:
    start, *commands = read_commands()
    assert start == "synapse emulator"  # this one runs in another terminal
    assert len(commands) == 4
    empty = tmp_path / "empty"
    empty.mkdir()

    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    result = {"greeting": "Hello, Ada!", "times": 3}
    made, local, released, job = done.stdout.splitlines()
    assert (made, released) == ("greeter", "greeter@0.1.0")
    assert json.loads(local) == json.loads(job) == result
    [finished] = session.plugins.get("greeter").jobs
    assert (str(finished.status), finished.result) == ("succeeded", result)
    assert done.stderr.count("Hello, Ada!\n") == 6


def test_a_local_backend_for_one_run(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("SYNAPSE_BASE_URL", "SYNAPSE_API_TOKEN"):
        del environment[name]
    (tmp_path / "config.yaml").write_text(
        "code: count\nname: Count\nversion: 1.0.0\ncategory: custom\n"
        "actions: {count: {entrypoint: 'count_projects:run'}}\n"
    )
    (tmp_path / "count_projects.py").write_text(
        "def run(context):\n    breakpoint()\n    return context.session.projects.count()\n"
    )
    done = subprocess.run(
        ["synapse", "plugin", "run", "--local", "--emulator"],
        cwd=tmp_path,
        env=environment,
        input="p context.action\nc\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert "(Pdb) 'count'" in done.stderr
