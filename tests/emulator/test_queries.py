"""Numbers of statements for lists, counted inside a process that runs the application."""

import json
import subprocess
import sys
import textwrap

import pytest

from .grown_database import GROW

_COUNT = GROW + textwrap.dedent("""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def statements(call):
        with CaptureQueriesContext(connection, ) as captured:
            response = call()
        assert response.status_code in (200, 201), response.content
        return len(captured)

    counts = {}
    for size in (2, 10):
        bodies, tags, job = grow(size)

        def send(path, body):
            return statements(lambda: client.post(path, body, format="json"))

        row = counts[size] = {"POST /tasks/": send("/tasks/", bodies)}
        logs = [{"message": "a", "job": job, "data": {}} for _ in range(size)]
        row["POST /logs/"] = send("/logs/", logs)
        of_tenant = [row["id"] for row in client.get("/sdk/tasks/").json()["results"]]
        for action in ("add", "remove"):
            body = {"ids": of_tenant, "tags": [tag["id"] for tag in tags], "action": action}
            row[f"POST /tasks/set_tags/ {action}"] = send("/tasks/set_tags/", body)
        row["console_logs/"] = statements(lambda: client.get(f"/jobs/{job}/console_logs/"))
        for path in sys.argv[2:]:
            row[path] = statements(lambda: client.get(path))
    print(json.dumps(counts))
""")

_PATHS = [
    "/projects/",
    "/projects/?expand=data_collection",
    "/projects/?expand=~all",
    "/sdk/tasks/",
    "/sdk/tasks/?expand=project",
    "/sdk/tasks/?expand=project.data_collection",
    "/sdk/tasks/?expand=project,data_unit.data_collection,assignee,tags",
    "/sdk/tasks/?expand=data_unit&expand=project.data_collection.project",
    "/sdk/tasks/?expand=~all",
    "/sdk/tasks/?expand=*",
    "/sdk/tasks/?expand=tags.project,data_unit.*",
    "/data_collections/",
    "/data_collections/?expand=project",
    "/data_units/",
    "/data_units/?expand=data_collection",
    "/data_units/?expand=~all",
    "/task_tags/?expand=project",
    "/sdk/assignments/",
    "/sdk/assignments/?expand=project,task.data_unit,assignee,tags",
    "/sdk/assignments/?expand=~all",
    "/plugins/",
    "/plugin_releases/",
    "/plugin_releases/?expand=plugin",
    "/jobs/",
    "/jobs/?expand=~all",
    "/jobs/?expand=plugin_release.plugin",
    "/models/",
    "/models/?expand=project.data_collection,plugin",
    "/serve_applications/",
    "/serve_applications/?expand=job.plugin,plugin_release.plugin",
    "/storages/",
    "/sdk/ground_truth_events/",
    "/sdk/ground_truth_events/?expand=~all",
    "/sdk/ground_truth_events/?expand=data_unit.data_collection,ground_truth.data_unit",
    "/ground_truths/",
    "/ground_truths/?expand=data_unit,project",
    "/ground_truth_dataset_versions/",
]

_OTHERS = [
    "POST /tasks/",
    "POST /logs/",
    "POST /tasks/set_tags/ add",
    "POST /tasks/set_tags/ remove",
    "console_logs/",
]


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    run = subprocess.run(
        [sys.executable, "-c", _COUNT, str(tmp_path_factory.mktemp("data")), *_PATHS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("path", [*_PATHS, *_OTHERS])
def test_more_rows_cost_no_more_statements(counts, path):
    assert counts["10"][path] == counts["2"][path]
    assert counts["10"][path] <= 20
