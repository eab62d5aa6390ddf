"""`synapse plugin` without a server; tests/behaviour/plugins/test_plugin_commands.py has one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse import errors
from synapse.cli.app import app
from synapse.plugins.config_file import load_config


class Session:
    """A session with one plugin, whose job prints two lines."""

    calls: list[tuple[Any, ...]] = []
    outcome: Any = {"said": "a"}

    def __init__(self, base_url: str | None, *, profile: str | None) -> None:
        self.plugins = self.jobs = self
        self.id, self.code, self.version, self.plugin = "j1", "echo", "1.0.0", self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, key: str) -> Session:
        if key == "other":
            raise errors.NotFound(404, "No such plugin.")
        return self

    def run(self, action: str, **options: Any) -> Session:
        Session.calls.append((action, options))
        return self

    def release(self, folder: Path, **options: Any) -> Session:
        Session.calls.append((folder, options))
        return self

    def order_by(self, name: str) -> Session:
        return self

    def first(self) -> Session | None:
        return None if self.outcome is None else self

    def follow(self) -> Iterator[str]:
        yield "one"
        if isinstance(self.outcome, KeyboardInterrupt):
            raise self.outcome
        yield "two"

    logs = follow

    def wait(self, progress: bool) -> None:
        if isinstance(self.outcome, Exception):
            raise self.outcome

    @property
    def result(self) -> Any:
        return self.outcome


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[Session]:
    """The server's outcomes and the calls, without a server."""
    monkeypatch.setattr("synapse.session.Session", Session)
    monkeypatch.setattr(Session, "calls", [])
    monkeypatch.setattr(Session, "outcome", {"said": "a"})
    return Session


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the plugin `echo`, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(
        "code: echo\nname: Echo\nversion: 1.0.0\ncategory: custom\n"
        "actions:\n  say:\n    entrypoint: echo:run\n    parameters:\n      properties:\n"
        "        times: {type: integer}\n        text: {type: string}\n        all: {type: array}\n"
    )
    (tmp_path / "echo.py").write_text(
        "def run(context):\n    print('printed')\n    return dict(context.params)\n"
    )
    return tmp_path


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["plugin", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_new(tmp_path: Path) -> None:
    place = str(tmp_path / "street-census")

    result = run("new", place, "--category", "export", "--name", "Census")

    assert result.stdout == f"{place}\n"
    assert f"synapse plugin release {place}" in result.stderr
    config = load_config(place)
    assert (config.code, config.name, config.category) == ("street-census", "Census", "export")
    assert "which the skeleton would replace" in run("new", place, code=2).stderr
    assert "exprt" in run("new", place, "-c", "exprt", code=2).stderr


def test_check(folder: Path) -> None:
    assert run("check").stdout == "echo 1.0.0: 2 files, no problems\n"
    (folder / "echo.py").write_text("def run(params): ...\n")

    result = run("check", str(folder), code=1)
    assert result.stdout.startswith("echo 1.0.0: 2 files, 1 problem\n- config.yaml: actions.say.")
    rows = [json.loads(line) for line in run("check", "-o", "jsonl", code=1).stdout.splitlines()]
    assert [(row["path"], row["is_refusal"]) for row in rows] == [
        ("config.yaml: actions.say.entrypoint", False)
    ]
    assert "is not a folder" in run("check", "none", code=2).stderr


def test_a_local_run(folder: Path) -> None:
    result = run("run", "--local", "say", "times=3", "text=4", 'all:=["x"]')

    assert json.loads(result.stdout) == {"times": 3, "text": "4", "all": ["x"]}
    assert result.stderr == "printed\n"
    assert run("run", str(folder), "--local").stdout == "{}\n"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def run(): {}['key']", "KeyError: 'key'"),
        ("def run(): raise ValueError('bad')", "ValueError: bad"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import absent_package", "needs 'absent_package', which isn't installed"),
        ("import sys\ndef run(): sys.exit(3)", "The code called sys.exit(3)"),
    ],
)
def test_a_local_run_that_fails(folder: Path, source: str, line: str) -> None:
    (folder / "echo.py").write_text(source)

    result = run("run", "--local", code=1)

    assert result.stdout == ""
    assert line in result.stderr
    assert "synapse/plugins" not in result.stderr
    assert "cli/plugin.py" not in result.stderr


def test_ctrl_c_in_a_local_run(folder: Path) -> None:
    (folder / "echo.py").write_text("def run(): raise KeyboardInterrupt")
    assert run("run", "--local", code=130).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["sya"], 2, "did you mean 'say'"),
        (["say", "more"], 2, "'more' is not NAME=VALUE"),
        (["times=x"], 1, "is not of type 'integer'"),
        (["tims=1"], 0, ""),
        (["all:=[1"], 2, "all is not valid JSON"),
        (["./nowhere"], 2, "nowhere is not a folder"),
        (["./empty"], 1, "make one: `synapse plugin new FOLDER`."),
    ],
)
def test_wrong_arguments(folder: Path, arguments: list[str], code: int, message: str) -> None:
    (folder / "empty").mkdir()
    assert message in run("run", "--local", *arguments, code=code).stderr


def test_a_local_backend_for_a_job() -> None:
    assert "--emulator needs --local" in run("run", "--emulator", code=2).stderr


def test_a_run_on_the_server(folder: Path, server: type[Session]) -> None:
    result = run("run", "say", "times=3", "--debug", "--agent", "4")

    assert (result.stdout, result.stderr) == ('{"said": "a"}\n', "Job j1\none\ntwo\n")
    options = {"params": {"times": 3}, "agent": 4, "debug": True, "version": "1.0.0"}
    assert server.calls == [("say", options)]
    assert run("run", "--detach").stdout == "j1\n"


def test_ends_of_a_run_on_the_server(folder: Path, server: type[Session]) -> None:
    server.outcome = errors.JobFailed("no", job_id="j1", status="failed", lines=["one", "two"])
    result = run("run", code=1)
    assert result.stderr == "Job j1\none\ntwo\nsynapse: Job j1 failed.\n"
    server.outcome = KeyboardInterrupt()
    result = run("run", code=130)
    assert "The job continues. Follow it: synapse plugin logs -f j1" in result.stderr
    assert result.stdout == ""


def test_a_plugin_that_the_server_lacks(folder: Path, server: type[Session]) -> None:
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("code: echo", "code: other"))
    for command in ("run", "logs"):
        assert "Release it first: synapse plugin release ." in run(command, code=1).stderr


def test_release(folder: Path, server: type[Session]) -> None:
    result = run("release", "--bump", "minor", "--debug", "--changelog", "News.", "--unstable")

    assert result.stdout == "echo@1.0.0\n"
    options = {"bump": "minor", "debug": True, "changelog": "News.", "is_stable": False}
    assert server.calls == [(Path(), {**options, "allow_credentials": False})]

    (folder / "echo.py").write_text("import absent_package\n" + (folder / "echo.py").read_text())
    result = run("release", code=1)
    assert "Add the line 'absent_package'" in result.stderr
    assert result.stderr.endswith("synapse: nothing was released.\n")
    assert len(server.calls) == 1
    assert run("release", "--no-check").stdout == "echo@1.0.0\n"


def test_logs(folder: Path, server: type[Session]) -> None:
    for arguments in (["logs"], ["logs", "-f", "."], ["logs", "j1"]):
        result = run(*arguments)
        assert result.stdout == "one\ntwo\n"
    server.outcome = None
    assert "has no job. Start one" in run("logs", code=1).stderr


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("list", "type synapse plugins list."),
        ("reelase", "did you mean 'release'"),
    ],
)
def test_other_words(word: str, message: str) -> None:
    assert message in run(word, code=2).stderr


def test_words_of_other_tools(tmp_path: Path) -> None:
    assert run("init", str(tmp_path / "a")).stdout == f"{tmp_path / 'a'}\n"
    assert run("test", str(tmp_path / "a")).stdout.endswith("no problems\n")


def test_the_next_command_after_new_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    place = str(tmp_path / "my plugin")
    first, second = run("new", place).stderr.splitlines()
    assert shlex.split(first) == ["Next:", "synapse", "plugin", "run", place, "--local"]
    assert shlex.split(second) == ["synapse", "plugin", "release", place]


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("export", ["project=PROJECT"]),
        ("upload", ["collection=COLLECTION", "folder=FOLDER"]),
        ("smart_tool", ["points:=JSON"]),
    ],
)
def test_the_next_command_names_the_required_parameters(
    category: str, words: list[str], tmp_path: Path
) -> None:
    first, *_ = run("new", str(tmp_path / "a"), "-c", category).stderr.splitlines()
    assert shlex.split(first)[6:] == words
