"""Every writing command's `--dry-run`: no writing request, and the errors of a real run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
from typer.testing import CliRunner

import synapse
from synapse.cli.app import app
from synapse.cli.dry_run import READS
from synapse.cli.resource_group import VERBS as RESOURCE_VERBS
from synapse.cli.resource_names import get_command_name
from synapse.cli.resources import make_command
from synapse.cli.verbs import LEFT_OUT, find_methods
from synapse.orm import registry
from synapse.testing.tenants import EmulatorTenant

VERBS = {
    get_command_name(plural): {
        verb: typer.main.get_command(make_command(plural, verb)) for verb in verbs
    }
    for plural, verbs in RESOURCE_VERBS.items()
}
READ_VERBS = {"list", "get", "count", "open"}


@pytest.fixture(autouse=True)
def writes(
    emulator: EmulatorTenant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[list[str]]:
    """The writing requests that reach the server, which is behind a relay that counts them."""
    counted: list[str] = []
    address = urlsplit(emulator.url)

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def relay(self) -> None:
            if self.command != "GET":
                counted.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = HTTPConnection(str(address.hostname), address.port or 80, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            content = response.read()
            connection.close()
            self.send_response(response.status)
            self.send_header("Content-Type", response.headers["Content-Type"] or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay  # noqa: N815 - the server's names

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("SYNAPSE_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield counted
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: object, stdin: str | None = None, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures and an empty file."""
    source = tmp_path / "photos"
    source.mkdir()
    (source / "a.png").write_text("abc")
    (source / "b.png").write_text("defg")
    return source


@pytest.fixture
def photos(session: synapse.Session) -> tuple[synapse.DataCollection, synapse.Project]:
    collection = session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    project = session.projects.create(title="P", category="image", data_collection=collection)
    return collection, project


# -- Which commands have the option --------------------------------------------------------------


@pytest.mark.parametrize("group", VERBS)
def test_every_writing_command_has_the_option(group: str) -> None:
    [cls] = [
        each
        for each in registry.declared()
        if each.__module__.startswith("synapse.")
        and get_command_name(each.__schema__.plural) == group
    ]
    reading = READ_VERBS | {
        name.replace("_", "-")
        for owner, name, _ in find_methods(cls)
        if f"{owner.__name__}.{name}" in READS
    }
    for verb, command in VERBS[group].items():
        has_option = any("--dry-run" in parameter.opts for parameter in command.params)
        assert has_option == (verb not in reading), f"{group} {verb}"


def test_reading_methods_exist() -> None:
    declared: list[Any] = list(registry.declared())
    methods = {
        f"{owner.__name__}.{name}" for cls in declared for owner, name, _ in find_methods(cls)
    }
    assert methods >= READS
    assert not READS & set(LEFT_OUT)


# -- What a dry run does -------------------------------------------------------------------------


def test_no_command_sends_a_writing_request(
    photos: Any,
    project: Any,
    folder: Path,
    tmp_path: Path,
    session: synapse.Session,
    writes: list[str],
) -> None:
    """Every writing command is here, with arguments that work."""
    collection, pictures = photos
    task = project.tasks[0]
    code = tmp_path / "echo"
    code.mkdir()
    (code / "echo.py").write_text("def run(context): return 1")
    (code / "config.yaml").write_text(
        "code: echo\nname: Echo\nversion: 1.0.0\ncategory: export\n"
        "actions:\n  say: {entrypoint: 'echo:run'}\n"
    )
    release = session.plugins.release(code)
    job = release.plugin.run("say", params={"x": 1})
    model = session.models.create(name="M", file=folder / "a.png")
    session.task_tags.create(project=project, name="good")
    document = json.dumps({"annotations": {}})
    data_set = tmp_path / "data_set"
    data_set.mkdir()
    (data_set / "a.png").write_text("abc")
    image = {"id": 1, "file_name": "a.png", "width": 2, "height": 2}
    names = {"images": [image], "annotations": [], "categories": []}
    (data_set / "annotations.json").write_text(json.dumps(names))
    before = _read_files(tmp_path)
    commands: dict[str, tuple[object, ...]] = {
        "projects create": ("title=T", "category=image"),
        "tasks update": (task.id, "priority=high"),
        "tasks delete": (task.id,),
        "tasks tag": ("good", task.id),
        "tasks untag": ("good", task.id),
        "tasks annotate": (task.id, document),
        # The emulator has no assignments; an unknown one comes as far.
        "assignments tag": ("good", 5),
        "assignments untag": ("good", 5),
        "agents connect": ("secret-token-of-agent",),
        "projects import-from": (pictures.id, data_set),
        "jobs stop": (job.id,),
        "jobs update": (job.id, "progress_record:={}"),
        "plugins release": (code,),
        "plugins run": ("echo", "say", "x=1"),
        "plugin release": (code, "--bump", "patch"),
        "plugin run": (code, "say"),
        "data-files upload": (folder / "a.png",),
        "models download": (model.id, tmp_path / "m.bin"),
        "plugin-releases download": (release.id, tmp_path / "r.zip"),
        "projects export": (project.id, tmp_path / "set", "coco"),
        "projects download": (project.id, tmp_path / "copy"),
        "data-collections download": (collection.id, tmp_path / "copy"),
        "data-collections upload": (collection.id, folder),
        "data-collections sync": (collection.id, folder, "--delete"),
        "upload": (folder, "--collection", collection.id, "--project", pictures.id),
        "download": (tmp_path / "copy", "--project", project.id),
        "sync": (folder, "--collection", collection.id),
    }
    covered = {command for command in commands if command.split()[0] in VERBS}
    rest = {
        f"{group} {verb}"
        for group, verbs in VERBS.items()
        for verb in verbs
        if any("--dry-run" in each.opts for each in verbs[verb].params)
        and verb not in ("create", "update", "delete")
    } - covered
    assert not rest
    errors = {}
    for command, arguments in commands.items():
        result = CliRunner().invoke(app, [*command.split(), *map(str, arguments), "--dry-run"])
        if result.exit_code != (1 if command.startswith("assignments") else 0):
            errors[command] = result.output or repr(result.exception)
    assert not errors
    assert writes == []
    assert _read_files(tmp_path) == before


def _read_files(folder: Path) -> dict[str, bytes | None]:
    # A sync stores the checksums of files that it has read, also in a dry run.
    paths = [path for path in folder.rglob("*") if path.relative_to(folder).parts[0] != "state"]
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


def test_a_transfer_finds_mistakes(photos: Any, folder: Path, tmp_path: Path, writes: Any) -> None:
    collection, _ = photos
    common = ("upload", folder, "--collection", collection.id, "--dry-run")
    (folder / "b.png").write_text("")
    result = run(*common, code=3)
    assert result.stdout.startswith("would create: 1, files: 1, failed: 1")
    assert "b.png is empty" in result.stderr
    (folder / "a.png").unlink()
    run(*common, code=1)
    run(*common, "--match", "never/*=image", code=2)
    run("upload", folder, "--collection", 987654, "--dry-run", code=1)
    run("download", tmp_path / "copy", "--collection", 987654, "--dry-run", code=1)
    assert writes == []
    assert not (tmp_path / "state").exists()


def test_what_would_be_done_is_printed(project: Any, session: synapse.Session) -> None:
    task = project.tasks[0]
    session.plugins.create(code="detector", name="Detector")
    result = run("plugins", "run", "detector", "train", "epochs:=3", "--dry-run")
    plugin = session.plugins.get("detector")
    assert result.stderr == (
        f"Would run Plugin {plugin.id} (params={{'epochs': 3}}, action='train', "
        f"POST /plugins/{plugin.id}/run/).\n"
    )
    assert result.stdout == ""
    assert run("tasks", "annotate", task.id, "{}", "--dry-run").stderr == (
        f"Would annotate Task {task.id}.\n"
    )
    stderr = run("agents", "connect", "secret-token-of-agent", "--dry-run").stderr
    assert "secret-token" not in stderr
    assert stderr.startswith("Would connect agents (token=***, POST ")


def test_mistakes_are_found(project: Any, tmp_path: Path, session: synapse.Session) -> None:
    one, two = (task.id for task in project.tasks)
    dry = "--dry-run"
    assert "Task 987654: not found." in run("tasks", "delete", 987654, dry, code=1).stderr
    result = run("tasks", "update", one, 987654, "priority=low", dry, code=3)
    assert f"Would change Task {one}." in result.stderr
    run("tasks", "update", one, "is_discarded=perhaps", dry, code=2)
    lines = f'{{"id": {one}, "priority": "low"}}\n{{"id": {two}, "unit": 1}}\n'
    result = run("tasks", "update", "-", dry, stdin=lines, code=3)
    assert f"Task {two}" in result.stderr
    assert "987654" in run("jobs", "stop", 987654, dry, code=1).stderr
    result = run("tasks", "create", "-", f"project={project.id}", dry, stdin='{"unit": 1}', code=1)
    assert "Line 1: Task has no field 'unit'" in result.stderr
    run("tasks", "annotate", one, 987654, "{}", dry, code=3)
    target = tmp_path / "set"
    assert "not known" in run("projects", "export", project.id, target, "coc", dry, code=2).stderr
    assert not target.exists()
    assert "config.yaml: Missing" in run("plugins", "release", tmp_path, dry, code=1).stderr
    session.plugins.create(code="detector", name="Detector")
    run("plugins", "run", "nothing", "train", dry, code=1)
