"""The command `synapse`, run as people run it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse._internal.installation import install_command

COMMAND = [sys.executable, "-c", "from synapse.cli import main; main()"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def as_the_shell_would(lines: list[str]) -> dict[str, str]:
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


@contextmanager
def emulator(*arguments: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, str]]:
    """Run `synapse emulator` until the end of the block; it must then end well."""
    process = subprocess.Popen(
        [*COMMAND, "emulator", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline().rstrip("\n") for _ in range(4)]
        ready = re.fullmatch(
            r"Synapse emulator ready at (\S+) with \S+ \(Ctrl-C stops it\)", lines[0]
        )
        assert ready, (lines, process.stderr and process.stderr.read() if not lines[0] else "")
        assert all(line.startswith("export ") for line in lines[1:3])
        assert re.fullmatch(r"# .*: SYNAPSE_AGENT_TOKEN=\S+ synapse agent", lines[3])
        variables = as_the_shell_would(lines[1:3])
        assert list(variables) == ["SYNAPSE_BASE_URL", "SYNAPSE_API_TOKEN"]
        assert variables["SYNAPSE_BASE_URL"] == ready.group(1)
        yield variables
    finally:
        process.send_signal(stop)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert rest == ""
    assert errors == ""


def test_the_version_is_shown() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"synapse-sdk {synapse.__version__}\n"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_needs_no_extra(option: str) -> None:
    done = without("typer", option)
    assert (done.returncode, done.stdout) == (0, f"synapse-sdk {synapse.__version__}\n")


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "synapse", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"synapse-sdk {synapse.__version__}\n"


def test_a_reader_that_is_gone_is_no_traceback() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process:
        assert process.stderr.read() == ""
    assert process.returncode == 1


def run_broken(error: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose code raises an error."""
    code = (
        "import sys, synapse.cli.demo as module\n"
        f"def demo(): raise {error}\n"
        "module.demo = demo; sys.argv[0] = 'synapse'; from synapse.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_unexpected_error_is_one_line() -> None:
    done = run_broken("ZeroDivisionError('zero')")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("synapse: unexpected ZeroDivisionError: zero. Run the command")
    assert "Traceback" in run_broken("ZeroDivisionError('zero')", "--verbose").stderr


@pytest.mark.parametrize("options", [[], ["--verbose"]])
def test_an_unexpected_error_is_harmless(options: list[str]) -> None:
    url = "https://a.example/?X-Amz-Signature=s3cret"
    text = run_broken(f"ValueError('\x1b[2J {url} ' + 'x' * 5_000)", *options).stderr
    assert "ValueError: \\x1b[2J https://a.example/?X-Amz-Signature=*** xxx" in text
    assert len(text) < 5_000 or options


@pytest.mark.parametrize("arguments", ["--version", "-h"])
def test_a_full_disk_is_no_traceback(arguments: str) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*COMMAND, arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "synapse: writing the output failed: No space left on device. Free disk space, or write "
        "elsewhere.\n"
    )


@pytest.mark.parametrize(
    ("closed", "arguments", "code", "said"),
    [
        (0, ["login"], 2, "Standard input is not a terminal."),
        (0, ["tasks", "tag", "checked", "-"], 0, "Tagged 0 tasks."),
        (1, ["profiles"], 0, ""),
        (1, ["--version"], 0, ""),
        (2, ["nonsense"], 2, ""),
    ],
)
def test_closed_streams_are_no_traceback(
    closed: int, arguments: list[str], code: int, said: str
) -> None:
    script = f"import os, sys; os.close({closed}); os.execv(sys.executable, sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "SYNAPSE_BASE_URL": "http://127.0.0.1:9", "SYNAPSE_API_TOKEN": "some"},
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "unexpected" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_while_a_class_is_made() -> None:
    error = "RuntimeError('Error calling __set_name__') from KeyboardInterrupt()"
    done = run_broken(error)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_an_interrupted_command() -> None:
    done = run_broken("KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_without_a_command_there_is_help() -> None:
    done = run()
    assert "emulator" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert run("emulator", "--help").returncode == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_emulator_says_how_to_reach_it_and_stops_cleanly(
    monkeypatch: Any, stop: signal.Signals
) -> None:
    with emulator(stop=stop) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with synapse.connect() as session:
            assert session.projects.count() == 0


def test_a_restart_on_the_same_data_finds_everything(tmp_path: Path) -> None:
    data = tmp_path / "new" / "folder"
    (tmp_path / "a.txt").write_text("abc")

    def connect(variables: dict[str, str]) -> synapse.Session:
        return synapse.Session(variables["SYNAPSE_BASE_URL"], variables["SYNAPSE_API_TOKEN"])

    with emulator("--data", str(data)) as first, connect(first) as session:
        made = session.projects.create(title="Kept", category="text")
        checksum = session.data_files.upload(tmp_path / "a.txt").checksum
    with emulator("--data", str(data), stop=signal.SIGINT) as second, connect(second) as session:
        assert second["SYNAPSE_API_TOKEN"] == first["SYNAPSE_API_TOKEN"]
        assert session.projects.get(made.id).to_dict() == made.to_dict()
        assert session.data_files.verify_checksums([checksum]) == {checksum}


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("emulator", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"port {port}" in done.stderr
    assert done.stderr.startswith("synapse: ")


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_data_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path, below: str) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = run("emulator", "--port", "0", "--data", str(blocked / below))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert str(blocked) in done.stderr
    assert blocked.read_text() == "not a folder"


def without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where a module isn't installed."""
    code = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = ['synapse', *sys.argv[1:]];"
        "from synapse.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("typer", ["--help"], "cli"),
        ("django", ["emulator", "--port", "0"], "emulator"),
        ("waitress", ["emulator", "--port", "0"], "emulator"),
        ("sklearn", ["demo"], "demo"),
    ],
)
def test_an_extra_that_is_not_installed_is_one_line(
    module: str, arguments: list[str], extra: str
) -> None:
    done = without(module, *arguments)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert install_command(extra) in done.stderr


def test_a_port_out_of_range_is_a_usage_error() -> None:
    done = run("emulator", "--port", "70000")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_command_is_installed() -> None:
    path = Path(sys.executable).with_name("synapse")
    assert os.access(path, os.X_OK)


# -- Interrupted and cut off ---------------------------------------------------------------------


def list_projects(tables: Any) -> subprocess.Popen[str]:
    """Start a list of many rows."""
    tables.rows["projects"] = [{"id": n, "title": "x" * 100} for n in range(1, 3001)]
    environment = {**os.environ, "SYNAPSE_BASE_URL": tables.url, "SYNAPSE_API_TOKEN": "some"}
    return subprocess.Popen(
        [*COMMAND, "projects", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no signal for one process there")
def test_ctrl_c_during_a_request(tables: Any) -> None:
    is_waiting, is_signalled = threading.Event(), threading.Event()

    def hold(asked: Any) -> None:
        if len(tables.asked) > 3:
            is_waiting.set()
            is_signalled.wait(30)

    tables.before = hold
    with list_projects(tables) as process:
        assert is_waiting.wait(30)
        process.send_signal(signal.SIGINT)
        is_signalled.set()
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "Interrupted.\n")


def test_a_pipe_that_is_closed_early(tables: Any) -> None:
    with list_projects(tables) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith('{"id": 1,')
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
    assert len(tables.asked) < 30


def test_ctrl_c_while_modules_are_imported() -> None:
    code = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder()); sys.argv = ['synapse', 'tasks', 'list']\n"
        "from synapse.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_letters_that_a_terminal_lacks(tables: Any, form: str) -> None:
    tables.rows["projects"] = [{"id": 1, "title": "\u65e5\u672c \ud83d\ude00"}]
    environment = {
        **os.environ,
        "PYTHONIOENCODING": "ascii",
        "SYNAPSE_BASE_URL": tables.url,
        "SYNAPSE_API_TOKEN": "some",
        "COLUMNS": "20",
    }
    done = subprocess.run(
        [*COMMAND, "projects", "list", "-o", form, "-f", "id,title"],
        capture_output=True,
        check=False,
        timeout=60,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u65e5" in done.stdout


def test_completion_sends_no_request(tables: Any) -> None:
    environment = {
        **os.environ,
        "SYNAPSE_BASE_URL": tables.url,
        "SYNAPSE_API_TOKEN": "some",
        "_SYNAPSE_COMPLETE": "complete_bash",
        "COMP_WORDS": "synapse tasks list status=",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert "status=pending" in done.stdout.splitlines()
    assert (done.stderr, tables.asked) == ("", [])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, "_SYNAPSE_COMPLETE": f"source_{shell}"}
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"complete_{shell}" in done.stdout
    assert "synapse" in done.stdout
