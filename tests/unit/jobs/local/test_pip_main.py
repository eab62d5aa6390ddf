"""pip with settings, and the programs that pip starts without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse.jobs.local import pip_main
from synapse.jobs.local.pip_main import SettingsHiding

SETTINGS = {"PIP_INDEX_URL": "http://user:secret@127.0.0.1:9/", "HOME": "/server/secret"}
SHOW = "import os; print(os.environ.get('PIP_INDEX_URL'), os.environ['HOME'], os.environ['MORE'])"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(SettingsHiding, "settings", SETTINGS)
    monkeypatch.setattr(SettingsHiding, "plain", {"HOME": "/job"})
    for name, value in {**SETTINGS, "MORE": "kept"}.items():
        monkeypatch.setenv(name, value)
    return


def show(command: object, **options: object) -> str:
    with SettingsHiding(command, stdout=subprocess.PIPE, text=True, **options) as process:
        output, _ = process.communicate()
    assert process.returncode == 0
    return str(output).strip()


@pytest.mark.parametrize(
    "options",
    [{}, {"env": None}, {"env": {**SETTINGS, "MORE": "kept"}}, {"env": {"MORE": "kept"}}],
    ids=["inherited", "none", "given", "given without"],
)
def test_built_code_sees_no_settings(options: dict[str, object]) -> None:
    assert show([sys.executable, "-c", SHOW], **options) == "None /job kept"


@pytest.mark.parametrize("name", ["git", "hg", "svn", "bzr", "keyring"])
def test_programs_that_fetch_see_them(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    program.write_text('#!/bin/sh\necho "$PIP_INDEX_URL $HOME $MORE"\n')
    program.chmod(0o755)

    assert show([str(program), "clone"]) == f"{SETTINGS['PIP_INDEX_URL']} /server/secret kept"
    assert show([program]) == f"{SETTINGS['PIP_INDEX_URL']} /server/secret kept"


def test_shell_sees_none() -> None:
    assert show("echo $HOME; git --nothing 2>/dev/null || true", shell=True) == "/job"


@pytest.mark.parametrize("runner", ["__pip-runner__.py", "pip"])
def test_pip_that_pip_starts_has_them_and_shows_none(runner: str) -> None:
    answer = show([sys.executable, f"/some/where/pip/{runner}", "config", "list"])

    assert f":env:.index-url='{SETTINGS['PIP_INDEX_URL']}'" in answer


def test_pip_reads_its_settings_from_the_pipe() -> None:
    environment = {key: value for key, value in os.environ.items() if key not in SETTINGS}

    done = subprocess.run(
        [sys.executable, pip_main.__file__, "0", "config", "list"],
        input=json.dumps(SETTINGS) + "\n",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert f":env:.index-url='{SETTINGS['PIP_INDEX_URL']}'" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_settings_are_in_no_initial_environment_and_no_command_line() -> None:
    source = "import sys; sys.stdin.read()"
    with SettingsHiding(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        shown = Path(f"/proc/{process.pid}/environ").read_bytes()
        shown += Path(f"/proc/{process.pid}/cmdline").read_bytes()

    assert b"secret" not in shown
