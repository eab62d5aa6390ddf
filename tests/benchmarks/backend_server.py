"""A local backend with many tasks, for measuring the server and not clients.

Prints a line of JSON when it answers requests, and stops with SIGTERM. `PYTHONPATH` may name
another checkout, whose backend then runs. Only a checkout that has workers takes their number.

Usage: python backend_server.py TASKS UNITS [WORKERS]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from synapse.emulator.folder import DataFolder
from synapse.emulator.server import load_application, serve

_COPY = """
    WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %s)
    INSERT INTO emulator_task ({columns}) SELECT {values} FROM numbers JOIN emulator_task
    WHERE id = (SELECT min(id) FROM emulator_task)
"""


def fill(tasks: int, units: int) -> dict[str, Any]:
    """Make tasks, in turn for a number of units, and return what clients need."""
    from django.core import signing
    from django.db import connection

    from synapse.emulator import models

    tenant = models.Tenant.objects.get()
    collection = models.DataCollection.objects.create(tenant=tenant, name="c", category="image")
    specification = models.FileSpecification.objects.create(
        data_collection=collection, name="image", file_type="image"
    )
    project = models.Project.objects.create(
        tenant=tenant, title="p", category="image", data_collection=collection
    )
    blobs = models.Blob.objects.bulk_create(
        models.Blob(tenant=tenant, checksum=f"{n:032x}", sha1="", sha256=f"{n:064x}", size=n)
        for n in range(units)
    )
    rows = models.DataUnit.objects.bulk_create(
        models.DataUnit(tenant=tenant, data_collection=collection, checksum=f"{n:032x}")
        for n in range(units)
    )
    models.UnitFile.objects.bulk_create(
        models.UnitFile(
            data_unit=row, specification=specification, blob=blob, path=f"photos/{blob.pk}.png"
        )
        for row, blob in zip(rows, blobs, strict=True)
    )
    document = {"annotations": [{"id": "a", "type": "bbox", "coordinates": [10, 10, 100, 80.5]}]}
    first = models.Task.objects.create(
        tenant=tenant, project=project, data_unit=rows[0], data=document
    )
    columns = [field.column for field in models.Task._meta.concrete_fields if field.name != "id"]
    values = [f"{rows[0].pk} + n %% {units}" if c == "data_unit_id" else c for c in columns]
    with connection.cursor() as cursor:
        cursor.execute(_COPY.format(columns=", ".join(columns), values=", ".join(values)), [tasks])
    connection.close()
    # The cursor behind nearly all tasks; walking there takes longer than all else.
    cursor = signing.dumps([str(first.pk + tasks - 200)], salt="cursor:/sdk/tasks/:id")
    return {"project": project.pk, "units": [row.pk for row in rows], "cursor": cursor}


def main() -> None:
    """Serve until SIGTERM."""
    tasks, units, *workers = map(int, sys.argv[1:])
    options = {"workers": workers[0]} if workers else {}
    with tempfile.TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        load_application(folder)
        facts = fill(tasks, units)
        serve(
            port=0,
            data_dir=folder.path,
            on_ready=lambda info: print(
                json.dumps({**facts, "url": info.url, "token": info.api_token}), flush=True
            ),
            **options,
        )


if __name__ == "__main__":
    main()
