from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer._completion_classes import BashComplete
from typer._completion_shared import get_completion_script

import synapse.cli.app  # which installs the script

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a script for bash")

_PYTHON = f"exec {sys.executable} -c 'from synapse.cli import main; main()' \"$@\""


def complete(line: str, words: list[str], tmp_path: Path, command: str) -> list[str]:
    """Return what bash puts in the place of the last of the words, which bash splits."""
    program = tmp_path / "synapse"
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    script = get_completion_script(
        prog_name="synapse", complete_var="_SYNAPSE_COMPLETE", shell="bash"
    )
    script += (
        f"\nCOMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}"
        f"\nCOMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}"
        "\n_synapse_completion synapse; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_values_after_an_equals_sign_are_completed(tmp_path: Path) -> None:
    words = ["synapse", "tasks", "list", "status", "=", "pe"]
    assert complete("synapse tasks list status=pe", words, tmp_path, _PYTHON) == ["pending"]


@pytest.mark.parametrize(
    ("line", "words", "answer", "expected"),
    [
        ("synapse tasks is=", ["synapse", "tasks", "is", "="], "is=true", "true"),
        ("synapse a=1,x", ["synapse", "a", "=", "1,x"], "a=1,xy", "1,xy"),
        ("synapse a=b pri", ["synapse", "a", "=", "b", "pri"], "priority=", "priority="),
        (
            "synapse --base-url http://h:80 tas",
            ["synapse", "--base-url", "http", ":", "//h", ":", "80", "tas"],
            "tasks",
            "tasks",
        ),
        ("synapse -f id,st", ["synapse", "-f", "id,st"], "id,status", "id,status"),
        ("synapse  tasks ", ["synapse", "tasks", ""], "list", "list"),
    ],
)
def test_words_are_joined_as_they_were_typed(
    line: str, words: list[str], answer: str, expected: str, tmp_path: Path
) -> None:
    command = f'echo {answer}; echo "$COMP_CWORD $COMP_WORDS" > {tmp_path}/asked'
    assert complete(line, words, tmp_path, command) == [expected]
    typed = [*line.split(), *([""] if line.endswith(" ") else [])]
    assert (tmp_path / "asked").read_text() == f"{len(typed) - 1} " + "\n".join(typed) + "\n"


def test_the_application_uses_the_script() -> None:
    assert synapse.cli.app.app is not None
    script = get_completion_script(prog_name="x", complete_var="_X", shell="bash")
    assert "compopt -o nospace" in script
    assert "complete -o default -F _x_completion x" in script
    assert "compopt -o nospace" in BashComplete.source_template
