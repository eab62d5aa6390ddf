"""How many statements a list costs, counted inside a process that runs the application."""

import json
import subprocess
import sys
import textwrap

import pytest

_COUNT = textwrap.dedent("""
    import json, sys
    from pathlib import Path
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    folder = DataFolder(Path(sys.argv[1]))
    load_application(folder)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    client = APIClient(headers={"SYNAPSE-Access-Token": "Token " + folder.credentials().api_token})

    def post(path, body):
        response = client.post(path, body, format="json")
        assert response.status_code == 201, response.content
        return response.json()

    def upload(n):
        from django.core.files.uploadedfile import SimpleUploadedFile
        file = SimpleUploadedFile("a.png", b"%d" % n)
        response = client.post("/data_files/", {"file": file}, format="multipart")
        return response.json()["checksum"]

    SPEC = {"name": "image", "file_type": "image"}
    COLLECTION = {"name": "c", "category": "image", "file_specifications": [SPEC]}

    def grow(size):
        collections = [
            post("/data_collections/", COLLECTION)
            for _ in range(size)
        ]
        sums = [upload(n) for n in range(size)]
        units = post("/data_units/", [
            {"data_collection": c["id"], "files": {"image": {"checksum": s}}}
            for c, s in zip(collections, sums)
        ])
        projects = [
            post("/projects/", {"title": "p", "category": "image", "data_collection": c["id"]})
            for c in collections
        ]
        tags = [post("/task_tags/", {"name": "t"}) for _ in range(size)]
        me = client.get("/users/me/").json()["id"]
        bodies = [
            {"project": p["id"], "data_unit": u["id"], "tags": [t["id"]], "assignee": me}
            for p, u, t in zip(projects, units, tags)
        ]
        return bodies

    def statements(call):
        with CaptureQueriesContext(connection, ) as captured:
            response = call()
        assert response.status_code in (200, 201), response.content
        return len(captured)

    counts = {}
    for size in (2, 10):
        bodies = grow(size)
        row = counts[size] = {
            "POST /tasks/": statements(lambda: client.post("/tasks/", bodies, format="json"))
        }
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


@pytest.mark.parametrize("path", [*_PATHS, "POST /tasks/"])
def test_more_rows_cost_no_more_statements(counts, path):
    assert counts["10"][path] == counts["2"][path]
    assert counts["10"][path] <= 20
