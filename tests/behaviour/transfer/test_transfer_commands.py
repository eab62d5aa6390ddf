"""The commands `synapse upload` and `synapse download`."""

from __future__ import annotations

import subprocess
import sys
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
    assert done.returncode == 1
    assert done.stdout.startswith("created: 2, skipped: 0, failed: 1")
    assert done.stderr.startswith(f"{folder / 'b.png'}: UsageError: ")
    assert done.stderr.count("\n") == 1


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
