"""Inserted rows are those that Django inserts, inside a process that runs the application."""

import json
import subprocess
import sys
import textwrap

from .grown_database import GROW

_COMPARE = GROW + textwrap.dedent("""
    from datetime import datetime, timedelta, timezone
    from django.db import connection, transaction
    from synapse.emulator.bulk_insert import insert_rows
    from synapse.emulator.models import DataUnit, Project, Task, TaskTag, Tenant, User

    post("/tasks/", grow(2)[0])
    tenant, project, unit = Tenant.objects.get(), Project.objects.first(), DataUnit.objects.first()
    common = {"tenant": tenant, "project": project}
    items = {
        Task: [
            common,
            {**common, "data_unit": unit, "status": "completed", "data": {"a": [1.5, None, "b"]}},
            {**common, "data_unit": None, "assignee": User.objects.first(), "is_discarded": True},
            {**common, "data": 3, "meta": ["c"], "priority": "low"},
        ],
        TaskTag: [{**common, "name": "d"}, {"tenant": tenant, "name": "e", "meta": {"f": -0.0}}],
        DataUnit: [{"tenant": tenant, "data_collection_id": unit.data_collection_id}],
    }

    def show(rows):
        return [{k: repr(v) for k, v in vars(row).items()
                 if k not in ("_state", "id", "created", "updated")} for row in rows]

    def read(model, rows):
        with connection.cursor() as cursor:
            keys = ", ".join(str(row.pk) for row in rows)
            cursor.execute(f"SELECT * FROM {model._meta.db_table} WHERE id IN ({keys}) ORDER BY id")
            names = [column[0] for column in cursor.description]
            return [{k: [type(v).__name__, v] for k, v in zip(names, row)
                     if k not in ("id", "created", "updated")} for row in cursor.fetchall()]

    found, orders, times = [], [], []
    for model, values in items.items():
        last = model.objects.order_by("pk").last().pk
        with transaction.atomic():
            ours = insert_rows(model, values)
        usual = model.objects.bulk_create(model(**item) for item in values)
        found.append([show(ours), show(usual)])
        found.append([read(model, ours), read(model, usual)])
        orders.append([last, *[row.pk for row in [*ours, *usual]]])
        again = list(model.objects.filter(pk__in=[row.pk for row in ours]).order_by("pk"))
        times.append([[row.created == other.created for row, other in zip(ours, again)],
                      [abs(row.created - datetime.now(timezone.utc)) < timedelta(hours=1)
                       for row in again]])
    outside = insert_rows(TaskTag, [{"tenant": tenant, "name": "g"}])
    print(json.dumps({"found": found, "orders": orders, "times": times, "outside": outside[0].pk}))
""")


def test_rows_are_those_that_django_inserts(tmp_path):
    command = [sys.executable, "-c", _COMPARE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    for ours, theirs in result["found"]:
        assert ours == theirs
    for keys in result["orders"]:
        assert keys == list(range(keys[0], keys[0] + len(keys)))
    assert all(all(same) and all(near) for same, near in result["times"])
    assert result["outside"]
