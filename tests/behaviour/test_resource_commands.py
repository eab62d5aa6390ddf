"""The commands of resources, run against the emulator."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest
from typer.testing import CliRunner

import synapse
from synapse.cli import ids, output, special_verbs
from synapse.cli.app import app
from synapse.testing.tenants import EmulatorTenant


@pytest.fixture(autouse=True)
def credentials(emulator: EmulatorTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says where the server is."""
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setattr("synapse.cli.resources.is_terminal", lambda: True)


def run(*arguments: object, stdin: str | None = None, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_page_that_needs_the_project(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "https://app.example.com/projects/{project}/tasks/{id}"
    monkeypatch.setenv("SYNAPSE_WEB_URL", template)
    task = project.tasks[0]
    address = f"https://app.example.com/projects/{project.id}/tasks/{task.id}\n"
    assert run("tasks", "open", task.id).stdout == address
    assert "987654" in run("tasks", "open", 987654, code=1).stderr


# -- Reading -------------------------------------------------------------------------------------


def test_lists_in_each_format(project: Any) -> None:
    ids = [task.id for task in project.tasks]
    common = ("tasks", "list", f"project={project.id}", "status=pending")
    assert run(*common, "-o", "ids").stdout == "".join(f"{key}\n" for key in ids)
    assert [row["id"] for row in rows(run(*common).stdout)] == ids
    chosen = [{"id": key, "status": "pending"} for key in ids]
    assert json.loads(run(*common, "-o", "json", "-f", "id,status").stdout) == chosen
    table = list(csv.DictReader(io.StringIO(run(*common, "-o", "csv").stdout)))
    assert [(row["id"], row["meta"], row["is_discarded"]) for row in table] == [
        (str(key), "{}", "false") for key in ids
    ]
    text = run(*common, "-o", "table", "-f", "id,status").stdout
    assert text.splitlines()[1:] == [f"{key:<{max(2, len(str(max(ids))))}}  pending" for key in ids]


def test_refined_lists(project: Any) -> None:
    one, two = (task.id for task in project.tasks)
    scope = f"project={project.id}"
    assert run("tasks", "list", scope, "-s", "-id", "-n", 1, "-o", "ids").stdout == f"{two}\n"
    assert run("task", "ls", scope, f"id={one},{two}", "-o", "ids").stdout == f"{one}\n{two}\n"
    assert run("tasks", "count", scope, f"id__lt={two}").stdout == "1\n"
    assert run("tasks", "list", scope, "status=completed").stdout == ""
    assert json.loads(run("tasks", "list", "id__in:=[]", "-o", "json").stdout) == []


def test_a_terminal_gets_a_screenful(
    units: Any, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synapse.cli.resources._SCREENFUL", 2)
    [task, *_] = units(3)
    result = run("tasks", "list", f"project={task.project_id}", "-f", "id")
    assert (len(result.stdout.splitlines()), result.stderr) == (3, "The first 2; -n 0 lists all.\n")
    result = run("tasks", "list", f"project={task.project_id}", "-f", "id", "-n", "0")
    assert (len(result.stdout.splitlines()), result.stderr) == (4, "")


def test_get(project: Any, session: synapse.Session) -> None:
    other = session.projects.create(title="Other", category="text")
    assert rows(run("projects", "get", other.id).stdout)[0]["title"] == "Other"
    lines = run("projects", "get", other.id, "-o", "table").stdout.splitlines()
    assert f"title{' ' * 27}Other" in lines
    result = run("projects", "get", project.id, 999999, other.id, "-f", "id", code=3)
    assert [row["id"] for row in rows(result.stdout)] == [project.id, other.id]
    assert result.stderr == "Project 999999: not found.\n1 failed, 2 done.\n"
    assert "Project 999999" in run("projects", "get", 999999, code=1).stderr
    assert "No id of projects" in run("projects", "get", code=2).stderr


@pytest.mark.parametrize("verb", ["get", "update", "delete"])
def test_an_empty_input_is_no_error(verb: str) -> None:
    options = {"update": ["priority=low"], "delete": ["--yes"]}.get(verb, [])
    result = run("tasks", verb, "-", *options, stdin="\n")
    assert (result.stdout, result.stderr) == ("", "No ids on standard input.\n")


def test_get_by_another_name(session: synapse.Session) -> None:
    plugins = [session.plugins.create(code=code, name=code) for code in ("cats", "dogs")]
    stdout = run("plugins", "get", "cats", plugins[1].id, "-o", "ids").stdout
    assert stdout.split() == [str(plugin.id) for plugin in plugins]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tasks list statsu=pending", "no filter 'statsu'; did you mean 'status'?"),
        ("tasks list nowhere=1", "goes through --param NAME=VALUE"),
        ("tasks list pending", "'pending' is not NAME=VALUE"),
        ("tasks list --status pending", "write status=VALUE, without dashes."),
        ("tasks list --json", "write -o json."),
        ("tasks list --limt 5", "--limit"),
        ("tasks list -f id,staus", "did you mean 'status'?"),
        ("tasks list is_discarded=maybe", "is not a truth value"),
        ("tasks lst", "did you mean 'list'?"),
        ("taks list", "did you mean 'tasks'?"),
        ("tasks update 1 staus=x", "did you mean 'status'?"),
        ("tasks update 1", "No field to set"),
        ("tasks create", "No values."),
        ("tasks create project:={", "project is not valid JSON"),
        ("tasks create meta=text", "meta takes JSON."),
        ("tasks create project=@nowhere.json", "nowhere.json can't be read"),
        ("tasks delete 1", "delete needs --yes"),
        ("plugins run", "No id of plugins."),
        ("projects export 1", "FOLDER is missing."),
        ("tasks tag nobody 1", "No tag 'nobody'"),
    ],
)
def test_usage_errors_say_what_to_type(arguments: str, message: str) -> None:
    result = run(*arguments.split(), code=2)
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""


# -- Writing -------------------------------------------------------------------------------------


def test_create(session: synapse.Session, tmp_path: Any) -> None:
    (tmp_path / "c.json").write_text('{"classification": {"kind": "text"}}')
    (tmp_path / "d.txt").write_text("Long text")
    words = ["title=Made", "category=image", f"configuration:=@{tmp_path}/c.json"]
    result = run("projects", "create", *words, f"description=@{tmp_path}/d.txt", "-o", "ids")
    made = session.projects.get(int(result.stdout))
    assert made.configuration == {"classification": {"kind": "text"}}
    assert (made.title, made.description) == ("Made", "Long text")
    assert result.stderr == f"Created Project {made.id}.\n"
    result = run("projects", "create", "title=T", "category=image", "--dry-run")
    assert rows(result.stdout) == [{"title": "T", "category": "image"}]
    assert session.projects.filter(title="T").count() == 0


def test_create_from_rows(project: Any) -> None:
    unit = project.tasks[0].data_unit_id
    lines = [{"data_unit": unit}, {"data_unit": 999999}, {"dataunit": 1}, {"data_unit": unit}]
    text = "\n".join(map(json.dumps, lines))
    result = run("tasks", "create", "-", f"project={project.id}", stdin=text, code=3)
    assert [row["data_unit"] for row in rows(result.stdout)] == [unit, unit]
    assert "Line 3: Task has no field 'dataunit'; did you mean 'data_unit'?" in result.stderr
    assert "Line 2: {'data_unit': ['Invalid pk \"999999\"" in result.stderr
    assert project.tasks.count() == 4
    assert "line 1: not valid JSON" in run("tasks", "create", "-", stdin="{", code=2).stderr


def test_rows_one_by_one_where_the_server_takes_no_list(session: synapse.Session) -> None:
    text = '{"title": "One"}\n{"nothing": 1}\n{"title": "Two"}\n'
    result = run("projects", "create", "-", "category=text", "-o", "ids", stdin=text, code=3)
    titles = [session.projects.get(int(key)).title for key in result.stdout.split()]
    assert (titles, "Line 2: Project has no field" in result.stderr) == (["One", "Two"], True)


def test_rows_choose_no_files_of_this_machine(session: synapse.Session, tmp_path: Any) -> None:
    (tmp_path / "secret.bin").write_bytes(b"secret")
    text = json.dumps({"name": "m", "file": str(tmp_path / "secret.bin")})
    result = run("models", "create", "-", stdin=text, code=1)
    assert result.stderr.startswith("Line 1: 'file' isn't a field. Write file=VALUE as an argument")
    assert run("plugins", "create", "-", stdin=json.dumps({"folder": str(tmp_path)}), code=1)
    assert session.models.count() == session.plugins.count() == 0


def test_each_row_is_told_before_the_next_is_sent(
    session: synapse.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    managers = type(session.projects)
    create = managers.create

    def stop_at_two(manager: Any, **values: Any) -> Any:
        if values["title"] == "Two":
            raise KeyboardInterrupt
        return create(manager, **values)

    monkeypatch.setattr(managers, "create", stop_at_two)
    text = '{"title": "One"}\n{"title": "Two"}\n'
    result = run("projects", "create", "-", "category=text", "-o", "ids", stdin=text, code=130)
    assert session.projects.get(int(result.stdout)).title == "One"
    assert result.stderr == "Stopped: 1 done, 0 failed; the others are left.\nInterrupted.\n"


@pytest.mark.parametrize("words", [("tag", "checked"), ("update", "priority=low"), ("get",)])
def test_broken_lines_of_a_pipe_are_named(project: Any, words: Any) -> None:
    run("tags", "create", f"project={project.id}", "name=checked")
    keys = [task.id for task in project.tasks]
    text = f'\ufeff{keys[0]}\r\n{{"x": 1}}\r\n\r\n{keys[1]}\r\n'
    result = run("tasks", *words, "-", stdin=text, code=3)
    assert "standard input, line 2: the row has no 'id'" in result.stderr
    if words[0] != "tag":
        assert len(result.stdout.splitlines()) == 2
    else:
        assert "Tagged 2 tasks." in result.stderr


def test_update(project: Any, session: synapse.Session) -> None:
    one, two = project.tasks
    text = f'{one.id}\n999999\n{{"id": {two.id}, "meta": {{"a": 1}}}}\n'
    result = run("tasks", "update", "-", "priority=high", stdin=text, code=3)
    assert result.stdout == f"{one.id}\n{two.id}\n"
    assert result.stderr.startswith("Task 999999: ")
    with synapse.Session(session.transport.base_url) as other:
        found = [other.tasks.get(task.id) for task in (one, two)]
    assert [(task.priority, task.meta) for task in found] == [("high", {}), ("high", {"a": 1})]
    result = run("tasks", "update", one.id, "priority=low", "--dry-run")
    assert (result.stdout, result.stderr) == ("", f"Would change Task {one.id}.\n")
    result = run("tasks", "update", one.id, "priority=hihg", code=1)
    assert "priority is one of low, normal, high" in result.stderr


def test_failed_changes_are_not_kept(
    project: Any, emulator: EmulatorTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with synapse.Session(emulator.url, emulator.api_token) as session:
        monkeypatch.setattr("synapse.cli.resources.open_session", lambda: nullcontext(session))
        run("tasks", "update", project.tasks[0].id, "priority=hihg", code=1)
        assert not session.identity.pinned


def test_delete(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = project.tasks
    result = run("tasks", "rm", "-", "--yes", stdin=f"{one.id}\n999999\n", code=3)
    assert (result.stdout, project.tasks.count()) == (f"{one.id}\n", 1)
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True)
    run("tasks", "delete", two.id, "--dry-run")
    result = run("tasks", "delete", two.id, stdin="n\n", code=1)
    assert (result.stdout, project.tasks.count()) == ("", 1)
    result = run("tasks", "delete", two.id, stdin="y\n")
    assert (result.stdout, project.tasks.count()) == (f"{two.id}\n", 0)
    assert result.stderr == f"Delete Task {two.id}? [y/N]: "


def test_tags_by_a_pipe(project: Any, session: synapse.Session) -> None:
    tag = session.task_tags.create(project=project, name="checked")
    ids = run("tasks", "list", f"project={project.id}", "-o", "ids").stdout
    result = run("tasks", "tag", "checked", *ids.split(), "--dry-run")
    assert result.stderr == "Would have tagged 2 tasks.\n"
    assert session.tasks.filter(tags=tag).count() == 0
    result = run("tasks", "tag", "checked", "-", stdin=f"{ids}999999\n", code=3)
    assert "Task 999999: not found.\nTagged 2 tasks.\n" in result.stderr
    assert session.tasks.filter(tags=tag).count() == 2
    run("tasks", "untag", tag.id, *ids.split())
    assert session.tasks.filter(tags=tag).count() == 0
    session.task_tags.create(
        project=session.projects.create(title="B", category="text"), name="checked"
    )
    assert "Several tags are named" in run("tasks", "tag", "checked", 1, code=2).stderr
    run("tasks", "tag", "checked", *ids.split(), "--project", project.id)
    assert session.tasks.filter(tags=tag).count() == 2


def test_tagging_is_in_batches(units: Any, session: synapse.Session) -> None:
    tasks = units(30)
    tag = session.task_tags.create(project=tasks[0].project, name="many")
    ids = "".join(f"{task.id}\n" for task in tasks)
    requests: list[str] = []
    result = run("tasks", "tag", "many", "-", "--verbose", stdin=ids)
    requests += [line for line in result.stderr.splitlines() if "POST" in line]
    assert session.tasks.filter(tags=tag).count() == 30
    assert len(requests) <= 2


def test_annotations_from_a_pipe(project: Any) -> None:
    one, two = project.tasks
    document = {"annotations": [{"type": "class", "label": "cat"}]}
    text = json.dumps({"id": one.id, "document": document}) + "\n999999\n"
    result = run(
        "tasks", "annotate", "-", json.dumps({"annotations": []}), "--action=save",
        stdin=text, code=3,
    )  # fmt: skip
    assert result.stdout == f"{one.id}\n"
    assert result.stderr.startswith("Task 999999: ")
    assert one.refresh().data["annotations"] == document["annotations"]
    result = run("tasks", "annotate", two.id, json.dumps(document), "--dry-run")
    assert (result.stderr, two.refresh().data) == (f"Would annotate Task {two.id}.\n", None)
    run("tasks", "annotate", two.id, json.dumps(document))
    assert two.refresh().status == "completed"
    assert "has no document" in run("tasks", "annotate", two.id, code=2).stderr
    text = f'{{"id": {one.id}}}\n{{"id": {two.id}, "data": {json.dumps(document)}}}\n'
    result = run("tasks", "annotate", "-", stdin=text, code=3)
    assert (result.stdout, "has no document" in result.stderr) == (f"{two.id}\n", True)


def test_annotating_needs_the_memory_of_a_batch(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synapse.cli.special_verbs.batches", lambda items: ids.batches(items, 1))
    sizes: list[int] = []
    annotate = special_verbs._annotate_batch

    def count(session: Any, batch: Any, *rest: Any) -> None:
        sizes.append(len(batch))
        annotate(session, batch, *rest)

    monkeypatch.setattr("synapse.cli.special_verbs._annotate_batch", count)
    keys = [task.id for task in project.tasks]
    run("tasks", "annotate", "-", '{"annotations": []}', stdin="\n".join(map(str, keys)))
    assert sizes == [1, 1]


# -- Methods -------------------------------------------------------------------------------------


def test_methods_of_jobs(session: synapse.Session) -> None:
    plugin = session.plugins.create(name="Detector")
    first, second = plugin.run("train"), plugin.run("train")
    first.update(console_logs=["one", "two"], status="succeeded")
    assert run("jobs", "logs", first.id).stdout == "one\ntwo\n"
    assert run("jobs", "logs", first.id, "-n", 1).stdout == "two\n"
    assert run("jobs", "tail", first.id, "-f").stdout == "one\ntwo\n"
    assert rows(run("jobs", "wait", first.id).stdout)[0]["status"] == "succeeded"
    second.update(status="failed", console_logs=["No \x1b[2Jpictures."])
    result = run("jobs", "wait", first.id, second.id, code=3)
    assert "No \\x1b[2Jpictures." in result.stderr
    assert len(rows(result.stdout)) == 1


def test_plugins_run_takes_parameters(session: synapse.Session) -> None:
    session.plugins.create(code="detector", name="Detector")
    result = run("plugins", "run", "detector", "train", "epochs:=3", "name=a")
    [row] = rows(result.stdout)
    job = session.jobs.get(row["id"])
    assert (job.action, dict(job.params)) == ("train", {"epochs": 3, "name": "a"})


def test_a_release_of_a_folder(session: synapse.Session, tmp_path: Any) -> None:
    (tmp_path / "echo.py").write_text("def run(context): print(context.params)")
    lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
    lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    [row] = rows(run("plugins", "release", tmp_path, "--changelog", "First").stdout)
    assert (row["version"], row["changelog"]) == ("1.0.0", "First")
    assert "release" in run("plugins", "release", tmp_path, code=1).stderr
    assert run("releases", "get", row["id"], "-o", "ids").stdout == f"{row['id']}\n"


def test_a_data_set_and_back(project: Any, session: synapse.Session, tmp_path: Any) -> None:
    shares = '{"train": 0.5, "val": 0.5}'
    result = run("projects", "export", project.id, tmp_path / "set", "coco", "--split", shares)
    assert result.stdout
    assert list((tmp_path / "set").iterdir())
    message = run("projects", "export", project.id, tmp_path / "b", "coc", code=2).stderr
    assert "did you mean 'coco'" in message


def test_methods_of_projects(project: Any, session: synapse.Session) -> None:
    assert rows(run("projects", "summary", project.id).stdout)[0]["tasks"] == 2
    text = run("projects", "summary", project.id, "-o", "table").stdout
    assert "2 tasks" in text.splitlines()[0]
    assert rows(run("users", "me").stdout)[0]["username"] == session.me.username


def test_collections_have_the_transfers(session: synapse.Session, tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text("abc")
    collection = session.data_collections.create(
        name="Texts",
        category="text",
        file_specifications=[synapse.FileSpecification(name="text", file_type="text")],
    )
    assert run("collections", "upload", collection.id, tmp_path).stdout.startswith("created: 1")
    result = run("collections", "sync", collection.id, tmp_path, "--dry-run")
    assert result.stdout.startswith("new: 0, changed: 0, unchanged: 1")
    result = run("data-collections", "download", collection.id, tmp_path / "copy")
    assert result.stdout.startswith("downloaded: 1")


# -- Terminals -----------------------------------------------------------------------------------


def test_data_cannot_steer_a_terminal(session: synapse.Session, terminal: None) -> None:
    evil = "a\x1b]0;owned\x07\x9b2Jb\u202e"
    made = session.projects.create(title=evil, category="text")
    for form in ("table", "json", "jsonl", "csv", "ids"):
        for verb in (["list", f"id={made.id}"], ["get", str(made.id)]):
            text = run("projects", *verb, "-o", form, "-f", "id,title").stdout
            assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(
                text.replace("\x1b[1m", "").replace("\x1b[0m", "")
            )
    note = run("projects", "delete", str(made.id), "--dry-run", code=0).stderr
    assert "\x1b" not in note


def test_in_a_pipe_data_stays_as_it_is(session: synapse.Session) -> None:
    made = session.projects.create(title="a\x1b\n\u202eb", category="text")
    text = run("projects", "list", f"id={made.id}", "-o", "csv", "-f", "title").stdout
    assert text == 'title\n"a\x1b\n\u202eb"\n'


@pytest.mark.parametrize("columns", ["40", "12", "1"])
def test_narrow_terminals(
    project: Any, terminal: None, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    project.title = "A title that is far too long for a terminal 日本語日本語日本語"
    project.save()
    from rich.cells import cell_len

    for arguments in (["list", "-f", "id,title,category"], ["list"]):
        lines = run("projects", *arguments).stdout.splitlines()
        assert lines
        assert max(map(cell_len, lines)) <= int(columns)


# -- What is imported ----------------------------------------------------------------------------


def test_a_list_loads_one_resource(emulator: EmulatorTenant) -> None:
    code = (
        "import sys; sys.argv = ['synapse', 'tasks', 'list', '-n', '1']\n"
        "from synapse.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "from synapse.orm import registry\n"
        "print(*registry._DECLARED, file=sys.stderr)\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    declared, modules = (line.split() for line in done.stderr.splitlines()[-2:])
    assert declared == ["synapse.resources.tasks"]
    unwanted = {"django", "rest_framework", "ray", "pandas", "numpy", "pyarrow", "PIL", "IPython"}
    assert not unwanted & set(modules)


def test_options_with_names_may_be_repeated(project: Any) -> None:
    found = rows(run("tasks", "list", "-f", "id,status", "-f", "priority", "-n", 1).stdout)
    assert [list(row) for row in found] == [["id", "status", "priority"]]
    run("tasks", "update", project.tasks[0].id, "priority=high")
    repeated = run("tasks", "list", "-s", "priority", "-s", "-id", "-o", "ids").stdout
    assert repeated == run("tasks", "list", "-s", "priority,-id", "-o", "ids").stdout
    assert repeated != run("tasks", "list", "-s", "-id", "-o", "ids").stdout


def test_a_file_in_the_place_of_a_document_is_answered(project: Any, tmp_path: Any) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    result = run("tasks", "annotate", project.tasks[0].id, path, code=2)
    assert f"is a file. Write @{path} for its content." in result.stderr
    result = run("tasks", "annotate", project.tasks[0].id, "{x", code=2)
    assert "The document is not valid JSON" in result.stderr
    assert "or write @FILE for a file." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tasks", "list"], ["Filters:", "status", "pending, in_progress", "__gte"]),
        (["tasks", "count"], ["Filters:", "assignee"]),
        (["tasks", "update"], ["Fields:", "priority", "One of low, normal, high."]),
        (["projects", "create"], ["Fields:", "title", "One of image, video", "true or false."]),
    ],
)
def test_help_names_the_fields(arguments: list[str], expected: list[str]) -> None:
    shown = run(*arguments, "-h").stdout
    for text in expected:
        assert text in " ".join(shown.split())
    assert "project_id" not in shown
    assert "Fields:" not in run("tasks", "get", "-h").stdout
