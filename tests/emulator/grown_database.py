"""A script that fills a database, for tests inside a process that runs the application."""

import textwrap

GROW = textwrap.dedent("""
    import io, json, sys, zipfile
    from pathlib import Path
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    folder = DataFolder(Path(sys.argv[1]))
    load_application(folder)

    from django.core.files.uploadedfile import SimpleUploadedFile
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
""")
