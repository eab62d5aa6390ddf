"""`--dry-run`: nothing is sent that writes, and no file appears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from urllib3.connectionpool import HTTPConnectionPool

import synapse
from synapse.cli.app import app
from synapse.testing.tenants import EmulatorTenant

CONFIG = {
    "code": "tried",
    "name": "Tried",
    "version": "1.2.3",
    "category": "export",
    "actions": {"go": {"entrypoint": "plugin:go"}},
}

# Commands, and a part of what they say.
COMMANDS = {
    "upload {folder} --collection {collection}": "would create: 2, files: 2, failed: 0, MB: 0.0",
    "collections upload {collection} {folder}": "would create: 2, files: 2",
    "collections sync {collection} {folder}": "new: 2",
    "download {new} --collection {collection}": "would download: 1, skipped: 0, failed: 0",
    "collections download {collection} {new}": "would download: 1",
    "projects download {project} {new}": "would download: 1",
    "projects export {project} {new} --format coco": "Would export Project {project} (",
    "projects create title=New category=text": '"title": "New"',
    "projects update {project} title=New": "Would change Project {project}.",
    "projects delete {project}": "Would delete Project {project}.",
    "tasks annotate {task} {{}}": "Would annotate Task {task}.",
    "data-files upload {folder}/a.txt": "Would upload data files (",
    "plugins release {plugin}": "Would release plugins (",
    "plugin release {plugin}": "Would release tried@1.2.3.",
    "plugin release {plugin} --bump minor": "Would release tried@1.3.0.",
    "plugin run {plugin} --local": "Would run go of tried@1.2.3 in this process, with {{}}.",
}


@pytest.fixture
def names(
    emulator: EmulatorTenant,
    project: synapse.Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    folder, plugin = tmp_path / "texts", tmp_path / "plugin"
    folder.mkdir()
    plugin.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(name)
    (plugin / "config.json").write_text(json.dumps(CONFIG))
    (plugin / "plugin.py").write_text("def go():\n    pass\n")
    return {
        "folder": folder,
        "plugin": plugin,
        "new": tmp_path / "new",
        "collection": project.data_collection_id,
        "project": project.id,
        "task": project.tasks[0].id,
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_written(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    methods = []
    urlopen = HTTPConnectionPool.urlopen

    def count(self: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        methods.append(method)
        return urlopen(self, method, url, *args, **options)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", count)
    root = names["folder"].parent
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    words = command.format(**names).split()

    result = CliRunner().invoke(app, [*words, "--dry-run"])

    assert result.exit_code == 0, (result.output, result.exception)
    assert COMMANDS[command].format(**names) in result.output
    assert set(methods) <= {"GET"}
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before
    assert not names["new"].exists()


def test_an_object_that_is_missing(names: dict[str, Any]) -> None:
    command = ["projects", "import-from", "987654", str(names["folder"]), "--dry-run"]
    assert CliRunner().invoke(app, command).exit_code == 1


def test_reports_of_python(project: synapse.Project, names: dict[str, Any]) -> None:
    collection = project.data_collection
    assert collection is not None
    up = collection.upload(names["folder"], dry_run=True)
    assert (up.dry_run, up.created, up.files_sent, up.bytes) == (True, 2, 2, 2)
    assert str(up) == "would create: 2, files: 2, failed: 0, MB: 0.0"
    collection.download(names["new"])
    down = collection.download(names["new"], dry_run=True)
    assert (down.downloaded, down.skipped, down.bytes) == (0, 1, 0)
    assert str(down) == "would download: 0, skipped: 1, failed: 0, MB: 0.0"


def test_invalid_items_are_counted(project: synapse.Project, tmp_path: Path) -> None:
    collection = project.data_collection
    assert collection is not None
    (tmp_path / "a.txt").write_text("a")
    records = iter([{"files": {"text": tmp_path / "a.txt"}}] * 1000 + [{"files": {"txt": "b"}}])
    report = collection.upload(records, dry_run=True)
    assert (report.created, len(report.failed)) == (1000, 1)
    with pytest.raises(synapse.UsageError, match="txt"):
        collection.upload([{"files": {"txt": "b"}}], dry_run=True)
