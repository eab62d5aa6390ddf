"""Habits from other command lines: each works, or one line says what to type."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.cli.app import app
from synapse.testing.tenants import EmulatorTenant

WORKS = ""

HABITS = {
    # Help and version.
    "-h": WORKS,
    "--help": WORKS,
    "-V": WORKS,
    "--version": WORKS,
    "version": "type synapse --version.",
    "help": "type synapse -h",
    "tasks -h": WORKS,
    "tasks list --help": WORKS,
    # Who and where.
    "whoami": WORKS,
    "me": WORKS,
    "auth login": "type synapse login",
    "config": "type synapse login, or profiles.",
    "init": "type synapse login, or profiles.",
    "profiles": WORKS,
    "tasks list --token abc": "set SYNAPSE_API_TOKEN, or synapse login.",
    "tasks list --url http://x": "write --base-url URL.",
    # Other names of groups.
    "project list": WORKS,
    "data_collections list": WORKS,
    "collection list": WORKS,
    "tags list": WORKS,
    "datasets": "type synapse data-collections list.",
    "projcts list": "did you mean 'projects'?",
    "ls": "type the kind first, as in synapse projects list.",
    "list projects": "type the kind first",
    "get 5": "type the kind first",
    "create": "type the kind first",
    # Other names of verbs.
    "projects ls": WORKS,
    "projects find": WORKS,
    "projects show {project}": WORKS,
    "projects view {project}": WORKS,
    "projects describe {project}": WORKS,
    "projects lst": "did you mean 'list'?",
    "projects rm {project}": "delete needs --yes",
    "projects rm {project} --dry-run": WORKS,
    "projects remove {project} --dry-run": WORKS,
    "tasks edit {task} priority=high": WORKS,
    "tasks set {task} priority=low": WORKS,
    "projects new title=Made category=text": WORKS,
    "projects add title=Made category=text": WORKS,
    # Options of lists.
    "tasks list -n 5": WORKS,
    "tasks list --limit 5": WORKS,
    "tasks list --json": "write -o json.",
    "tasks list --format json": "write -o json.",
    "tasks list --csv": "write -o csv.",
    "tasks list --output yaml": "Invalid value for '--output' / '-o': 'yaml' is not one of",
    "tasks list --status pending": "write status=VALUE, without dashes.",
    "tasks list --filter status=pending": "write filters as status=pending.",
    "tasks list --order-by id": "write --sort NAME.",
    "tasks list --page-size 5": "write -n NUMBER.",
    "tasks list --columns id": "write -f NAME,NAME.",
    "tasks list pending": "'pending' is not NAME=VALUE.",
    "tasks list --all": "write -n 0.",
    "tasks list -q": "write -o ids, or --quiet.",
    "tasks list -n x": "Invalid value for '--limit' / '-n': not a whole number.",
    "tasks list id>5": "Write id__gt=5.",
    "tasks list status!=pending": "list the values that you want",
    "tasks list assignee__isnull=true": "assignee= takes the values that are wanted.",
    "tasks list project=Streets": "`synapse projects list title=Streets` shows the ids.",
    "tasks list -f id -f status": WORKS,
    "tasks list -s -id -s status": WORKS,
    "projects get Streets": "`synapse projects list title=Streets` shows the ids.",
    "projects summary Streets": "`synapse projects list title=Streets` shows the ids.",
    "tasks delete project=1 --yes": "Pipe the ids of the objects that match",
    "tasks delete --all": "pipe the ids: ... list -o ids | ... delete - --yes.",
    "tasks update {task} priority high priority=low": "'priority' is not an id of tasks",
    "tasks tag checked {task}": "To create the tag: synapse task-tags create name=checked project=",
    "cache ls": WORKS,
    "Projects list": "did you mean 'projects'?",
    "tasks LIST": "did you mean 'list'?",
    "projects list title__icontains=a": "--search TEXT looks into all texts.",
    "projects create title=a title=b": "title is given twice.",
    "tasks list state=pending": "no filter 'state'",
    "tasks list status=pendin": "is not a TaskStatus",
    "tasks delete {task} --force": "write --yes.",
    "tasks delete {task} -y --dry-run": WORKS,
    "tasks get": "No id of tasks.",
    # Jobs, plugins and data.
    "run detector": "type synapse plugins run CODE ACTION NAME=VALUE.",
    "logs 5": "type synapse jobs logs ID -f.",
    "tasks 5": "type the verb first, as in get 5.",
    "wait 5": "type synapse jobs wait",
    "export 5": "type synapse projects export ID FOLDER.",
    "import 5": "type synapse projects import-from ID FOLDER.",
    "push photos": "type synapse upload PATH --collection ID.",
    "pull photos": "type synapse download FOLDER --project ID.",
    "resume": "type synapse transfer resume.",
    "python": "type synapse shell.",
    "api GET /tasks/": "type synapse shell",
    "completion bash": "type synapse --install-completion.",
    "upload .": "`synapse data-collections list` shows them.",
    "upload . --collection Photos": "`synapse data-collections list` shows them.",
    "upload": "Missing argument 'PATH...'",
    "upload . --colection 5": "--collection",
}


@pytest.fixture(autouse=True)
def credentials(emulator: EmulatorTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says where the server is."""
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)


@pytest.mark.parametrize("typed", HABITS)
def test_habit(typed: str, request: pytest.FixtureRequest) -> None:
    if "{" in typed:
        project: Any = request.getfixturevalue("project")
        typed_now = typed.format(project=project.id, task=project.tasks[0].id)
    else:
        typed_now = typed
    result = CliRunner().invoke(app, typed_now.split(), prog_name="synapse")
    said = HABITS[typed]
    if said == WORKS:
        assert result.exit_code == 0, result.output
    else:
        assert result.exit_code == 2
        assert said in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


def test_there_are_fifty() -> None:
    assert len(HABITS) >= 50
