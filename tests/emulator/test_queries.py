"""Numbers of statements for lists, counted inside a process that runs the application."""

import json
import subprocess
import sys
import textwrap

import pytest

_COUNT = textwrap.dedent("""
    import io, json, sys, zipfile
    from pathlib import Path
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    folder = DataFolder(Path(sys.argv[1]))
    load_application(folder)

    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient
    from synapse.emulator.ground_truths import store_ground_truths
    from synapse.emulator.models import Blob, Model, Tenant

    client = APIClient(headers={"SYNAPSE-Access-Token": "Token " + folder.credentials().api_token})

    def post(path, body):
        response = client.post(path, body, format="json")
        assert response.status_code == 201, response.content
        return response.json()

    def upload(n):
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
        zipped = io.BytesIO()
        zipfile.ZipFile(zipped, "w").close()
        for n in range(size):
            plugin = post("/plugins/", {"name": "p"})["id"]
            file = SimpleUploadedFile("a.zip", zipped.getvalue())
            fields = {"plugin": plugin, "version": "1", "file": file}
            release = client.post("/plugin_releases/", fields, format="multipart").json()["id"]
            job = post(f"/plugins/{plugin}/run/", {})["job_id"]
            name = {"name": "n", "plugin": plugin, "project": projects[n]["id"]}
            model = post("/models/", name)["id"]
            Model.objects.filter(pk=model).update(blob=Blob.objects.all()[n])
            post("/serve_applications/", {"name": "n", "job": job, "plugin_release": release})
            post("/storages/", {"name": "n", "provider": "ftp", "configuration": {}})
            item = {"data_unit": units[n]["id"], "project": projects[n]["id"], "data": {}}
            items = [{**item, "category": "test"}]
            store_ground_truths(Tenant.objects.get(), items, dataset="a", version=str(n))
        client.patch(f"/jobs/{job}/", {"console_logs": ["a"] * size}, format="json")
        return bodies, tags, job

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
