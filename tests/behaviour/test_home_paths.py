"""Paths with `~`: no call makes a folder of that name below the current one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.emulator.process import Emulator
from synapse.plugins.packaging import pack
from synapse.testing.agents import RunningAgent
from synapse.testing.tenants import EmulatorTenant

Call = Callable[[synapse.Session, synapse.Project], object]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and a current folder beside the home."""
    home, current = tmp_path / "home", tmp_path / "current"
    for folder in (home, current, home / "photos", home / "plugin"):
        folder.mkdir()
    (home / "photos" / "a.txt").write_text("a")
    (home / "photos" / "list.csv").write_text("text\n~/photos/a.txt\n")
    actions = {"say": {"entrypoint": "p:run"}}
    config = {"code": "p", "name": "P", "version": "1.0.0", "category": "export"}
    (home / "plugin" / "config.json").write_text(json.dumps({**config, "actions": actions}))
    (home / "plugin" / "p.py").write_text("def run(): ...")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(current)
    return home


def collection_of(project: synapse.Project) -> synapse.DataCollection:
    assert project.data_collection is not None
    return project.data_collection


def download_file(session: synapse.Session, project: synapse.Project) -> None:
    unit = next(iter(collection_of(project).data_units))
    unit.files["text"].download("~/made")


def upload_with_journal(session: synapse.Session, project: synapse.Project) -> None:
    collection_of(project).upload("~/photos/*.txt", journal="~/made", progress=False)


WRITES: dict[str, Call] = {
    "project.download": lambda _, project: project.download("~/made", progress=False),
    "collection.download": lambda _, project: collection_of(project).download(
        "~/made", progress=False
    ),
    "file.download": download_file,
    "journal": upload_with_journal,
    "pack": lambda *_: pack("~/plugin", Path("~/made")),
    "Emulator": lambda *_: Emulator(data="~/made").start().stop(),
}


@pytest.mark.parametrize("name", WRITES)
def test_files_are_made_in_the_home(
    home: Path, session: synapse.Session, project: synapse.Project, name: str
) -> None:
    WRITES[name](session, project)

    assert (home / "made").exists()
    assert not list(Path().iterdir())


def test_an_agents_folder_is_in_the_home(home: Path, emulator: EmulatorTenant) -> None:
    with RunningAgent(emulator.url, emulator.agent_token, data="~/made"):
        assert (home / "made").is_dir()

    assert not list(Path().iterdir())


def test_the_commands_folder_is_in_the_home(
    home: Path, emulator: EmulatorTenant, project: synapse.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    command = [sys.executable, "-c", "from synapse.cli import main; main()", "download"]
    arguments = ["~/made", "--project", str(project.id)]
    done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)

    assert (done.stderr, (home / "made").is_dir()) == ("", True)
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "source", ["~/photos/*.txt", "~/photos/list.csv", ["~/photos/a.txt"], [Path("~/photos/a.txt")]]
)
def test_sources_of_an_upload_are_in_the_home(
    home: Path, project: synapse.Project, source: Any
) -> None:
    report = collection_of(project).upload(source, progress=False)

    assert (report.created, report.failed) == (1, [])


def test_one_file_is_in_the_home(home: Path, session: synapse.Session) -> None:
    assert session.data_files.upload("~/photos/a.txt").checksum


@pytest.mark.parametrize("source", [".", "**/*.txt", "list.csv", ["./~/photos/b.txt"]])
def test_a_folder_that_is_called_so_is_uploaded_as_it_is(
    home: Path, project: synapse.Project, source: Any
) -> None:
    """Paths that a walk finds aren't a user's, and `./~` is no home."""
    folder = Path("~")
    folder.mkdir()
    (folder / "photos").mkdir()
    (folder / "photos" / "b.txt").write_text("bb")

    if source == "list.csv":
        Path(source).write_text("text\n./~/photos/b.txt\n")

    report = collection_of(project).upload(source, progress=False)

    assert (report.created, report.failed) == (1, [])
