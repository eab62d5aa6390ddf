"""Run every console block of the page of the command line, and compare the output with the page.

The blocks of a page run in order, in one empty folder, with a new local backend, so ids begin at 1.
`...` in the expected output stands for anything. A command of ours runs in this process, as on a
terminal or, before a `|`, as in a pipe; other commands are the shell's.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from test_documentation import ROOT, find_blocks
from typer.testing import CliRunner

from synapse.cli import output, resources
from synapse.cli.app import app
from synapse.emulator import Emulator

PAGES = [ROOT / "docs" / "howto" / "command_line.md"]

_PROMPT = "$ "
_PARTS = re.compile(r"""(?:[^|'"]|'[^']*'|"[^"]*")+""")


class Console:
    """A shell that knows pipes and our command.

    Attributes:
        code: Exit code of the last command.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.code = 0
        self._is_terminal = True
        for module in (output, resources):
            monkeypatch.setattr(module, "is_terminal", lambda: self._is_terminal)

    def run(self, line: str) -> str:
        """Run a line, and return what a terminal shows."""
        if line == "echo $?":
            return f"{self.code}\n"
        if not re.search(r"\bsynapse ", line):
            return self._run_shell(line, None)
        parts = [part.strip() for part in _PARTS.findall(line)]
        shown, data = "", None
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            self._is_terminal = is_last
            if not part.startswith("synapse "):
                data = self._run_shell(part, data)
                continue
            result = CliRunner().invoke(app, _split(part)[1:], input=data, prog_name="synapse")
            assert not result.exception or isinstance(result.exception, SystemExit), line
            self.code, data = result.exit_code, result.stdout
            shown += result.output if is_last else result.stderr
            if is_last:
                return shown
        return shown + (data or "")

    def _run_shell(self, line: str, data: str | None) -> str:
        done = subprocess.run(["sh", "-c", line], input=data, capture_output=True, text=True)
        self.code = done.returncode
        return done.stdout + done.stderr


def _split(text: str) -> list[str]:
    """Return the words, with variables and patterns expanded as a shell does."""
    words: list[str] = []
    for word in shlex.split(os.path.expandvars(text)):
        is_quoted = f"'{word}'" in text or f'"{word}"' in text
        is_pattern = "*" in word and not is_quoted
        words += sorted(map(str, Path().glob(word))) if is_pattern else [word]
    return words


def read_session(text: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a block, each with the expected lines."""
    commands: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(_PROMPT):
            commands.append((line.removeprefix(_PROMPT), []))
        else:
            commands[-1][1].append(line)
    return commands


def matches(expected: list[str], shown: str) -> bool:
    """Return whether an output is the expected one; `...` stands for anything."""
    pattern = ".*".join(map(re.escape, "\n".join(expected).split("...")))
    return re.fullmatch(pattern, shown.rstrip("\n"), re.DOTALL) is not None


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal of 88 columns, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("COLUMNS", "88"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return Console(monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs(page: Path, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator() as emulator:
        monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
        monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
        for block in find_blocks(page.read_text(encoding="utf-8")):
            for line, expected in read_session(block.text) if block.language == "console" else ():
                shown = console.run(line)
                assert matches(expected, shown), f"{page.name}: {line}\nprints\n{shown}"


@pytest.mark.parametrize(
    ("expected", "shown", "is_match"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a"], "a\nb\n", False),
        ([], "", True),
        ([], "a", False),
        (["port ...", "end"], "port 80\nend\n", True),
        (["..."], "a\nb\n", True),
        (["a.c"], "abc\n", False),
    ],
)
def test_outputs_are_compared(expected: list[str], shown: str, is_match: bool) -> None:
    assert matches(expected, shown) == is_match


def test_pipes_and_exit_codes(console: Console) -> None:
    assert console.run("echo 'a | b' > file; cat file") == "a | b\n"
    assert "No such command" in console.run("synapse nothing | cat")
    assert console.run("synapse --version | tr a-z A-Z").startswith("SYNAPSE-SDK")
    console.run("synapse taks")
    assert console.run("echo $?") == "2\n"
