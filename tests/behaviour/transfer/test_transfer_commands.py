"""The commands `synapse upload` and `synapse download`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.testing.tenants import EmulatorTenant

COMMAND = [sys.executable, "-c", "from synapse.cli import main; main()"]


@pytest.fixture(autouse=True)
def credentials(emulator: EmulatorTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says where the server is."""
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)


@pytest.fixture
def made(session: synapse.Session) -> tuple[synapse.DataCollection, synapse.Project]:
    """A collection, and a project over it."""
    collection = session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    project = session.projects.create(title="P", category="image", data_collection=collection)
    return collection, project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos."""
    source = tmp_path / "photos"
    source.mkdir()
    for name in "abc":
        (source / f"{name}.png").write_text(name)
    return source


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


def test_sync(made: Any, folder: Path, tmp_path: Path, state_home: Path) -> None:
    collection, project = made
    log = tmp_path / "sync.log"
    common = ("sync", folder, "--collection", collection.id, "--log", log)
    done = run(*common, "--project", project.id)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("new: 3, changed: 0, unchanged: 0, gone: 0, created: 3, tasks: 3")
    (folder / "a.png").unlink()
    done = run(*common, "--delete", "--yes", "--list")
    assert done.returncode == 0
    assert re.match(r"gone: a\.png \(unit \d+\)\nnew: 0, .*, deleted: 1,", done.stdout)
    (folder / "b.png").write_bytes(b"")
    assert run(*common).returncode == 3
    codes = [line.split()[1] for line in log.read_text().splitlines()]
    assert codes == ["exit=0", "exit=0", "exit=3"]
    assert collection.data_units.count() == 2


def test_up_and_down(made: Any, folder: Path, tmp_path: Path) -> None:
    collection, project = made
    done = run("upload", folder, "--collection", collection.id, "--project", project.id)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("created: 3, tasks: 3, skipped: 0, failed: 0, MB: 0.0")
    assert done.stdout.count("\n") == 1

    done = run("upload", folder, "--collection", collection.id, "--workers", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("created: 0, skipped: 3, failed: 0")
    assert collection.data_units.count() == project.tasks.count() == 3

    done = run("download", tmp_path / "one", "--collection", collection.id)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("downloaded: 3, skipped: 0, failed: 0")
    assert (tmp_path / "one" / "units.jsonl").exists()
    done = run("download", "--project", project.id, tmp_path / "two")
    assert (done.returncode, done.stderr) == (0, "")
    assert len((tmp_path / "two" / "annotations.jsonl").read_text().splitlines()) == 3


def test_failed_one_is_named(made: Any, folder: Path) -> None:
    (folder / "b.png").write_text("")
    done = run("upload", folder, "--collection", made[0].id)
    assert done.returncode == 3
    assert done.stdout.startswith("created: 2, skipped: 0, failed: 1")
    assert done.stderr.startswith(f"{folder / 'b.png'}: UsageError: ")
    assert done.stderr.count("\n") == 1


def test_folders_that_are_left_out_are_named(made: Any, folder: Path) -> None:
    for name in ("masks", "xml"):
        (folder / name).mkdir()
    (folder / "masks" / "a.png").write_text("mask")
    (folder / "xml" / "a.xml").write_text("<a/>")
    done = run("upload", folder, "--collection", made[0].id)
    assert done.returncode == 0
    assert done.stdout.startswith("created: 3, skipped: 0, ignored: 2, failed: 0")
    first, second = done.stderr.splitlines()
    assert first == "note: xml/: no file is for a specification (1)."
    assert second.startswith("note: masks/: masks were not taken (1), because")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signal for one process there")
@pytest.mark.parametrize("command", ["upload", "download"])
def test_ctrl_c(
    made: Any,
    tmp_path: Path,
    proxy: Any,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "many"
    source.mkdir()
    for number in range(60):
        (source / f"{number}.png").write_text(f"photo {number}")
    if command == "download":
        made[0].upload(source, progress=False)
    monkeypatch.setenv("SYNAPSE_BASE_URL", proxy.url)
    enough, is_signalled = threading.Event(), threading.Event()
    method, path = {"upload": ("POST", "/data_files/"), "download": ("GET", "/files/")}[command]
    seen: list[Any] = []

    def hold(exchange: Any) -> None:
        if exchange.method == method and exchange.path.startswith(path):
            seen.append(exchange)
        if len(seen) > 10:
            enough.set()
            is_signalled.wait(30)

    proxy.on_request = hold
    folder = source if command == "upload" else tmp_path / "copy"
    arguments = [command, folder, "--collection", made[0].id, "--workers", 4]
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert enough.wait(30)
        process.send_signal(signal.SIGINT)
        is_signalled.set()
        stdout, stderr = process.communicate(timeout=60)

    assert (process.returncode, stdout) == (130, "")
    stopped = re.fullmatch(r"Stopped: (\d+) of 60 done\. The same command goes on\.\n", stderr)
    assert stopped, stderr
    assert 5 <= int(stopped[1]) < 60
    done = run(*arguments)
    assert done.returncode == 0
    assert made[0].data_units.count() == 60
    assert "failed: 0" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("upload", "nowhere", "--collection", "1"), 1, "synapse: "),
        (("upload", ".", "--collection", "999999"), 1, "synapse: DataCollection 999999"),
        (("download", "x", "--project", "999999"), 1, "synapse: Project 999999"),
        (("upload", "."), 2, "--collection"),
        (("upload", ".", "--collection", "x"), 2, "--collection"),
        (("upload", ".", "--collection", "1", "--workers", "0"), 2, "--workers"),
        (("download", "x"), 2, "either --collection or --project"),
        (("download", "x", "--collection", "1", "--project", "1"), 2, "either --collection"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNAPSE_API_TOKEN")
    done = run("upload", ".", "--collection", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("synapse: No API token.")
    done = run("upload", ".", "--collection", "1", "--profile", "elsewhere")
    assert done.returncode == 1
    assert "elsewhere" in done.stderr
