"""Values that a response's rows get when all rows are known, inside a process with Django."""

import json
import subprocess
import sys
import textwrap

import pytest

from .client import IMAGE
from .grown_database import GROW

_SCRIPT = GROW + textwrap.dedent("""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from synapse.emulator.api.related_values import RelatedValues, make_id_loader
    from synapse.emulator.models import Task

    post("/tasks/", grow(3)[0])
    batches = []

    def load(values, request):
        batches.append(len(values))
        for key, value in values.items():
            value.append([key, request])

    context = {}
    related = RelatedValues.of(context)
    values = related.open(load, list)
    rows = [values[key % 1001] for key in range(2002)]
    before = [len(row) for row in rows]
    assert RelatedValues.of(context) is related and related.open(load, list) is values
    related.fill("r")
    related.fill("s")

    tags = related.open(make_id_loader(Task._meta.get_field("tags")), list)
    keys = [task.pk for task in Task.objects.all()]
    linked = [tags[key] for key in [*keys, 10**6]]
    with CaptureQueriesContext(connection) as captured:
        related.fill(None)
    expected = [list(task.tags.values_list("pk", flat=True)) for task in Task.objects.all()]
    print(json.dumps({
        "batches": batches, "before": max(before), "first": rows[0], "again": rows[1001],
        "linked": linked, "expected": [*expected, []], "statements": len(captured),
    }))
""")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path_factory.mktemp("related"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_values_are_filled_once_and_together(filled):
    assert filled["before"] == 0
    assert filled["batches"] == [1000, 1]
    assert filled["first"] == filled["again"] == [[0, "r"]]


def test_ids_of_linked_rows_take_one_statement(filled):
    assert filled["linked"] == filled["expected"]
    assert any(filled["linked"])
    assert filled["statements"] == 1


def test_links_and_files_of_several_rows(api):
    text = {"name": "caption", "file_type": "text"}
    collection = api.collection(IMAGE, text)
    both = api.unit(collection["id"], caption=b"words", image=b"pixels")
    one = api.unit(collection["id"], image=b"other")
    assert list(both["files"]) == ["image", "caption"]
    assert list(one["files"]) == ["image"]
    project = api.project()["id"]
    tags = [api.ok("POST", "task_tags/", {"name": name})["id"] for name in "ab"]
    bodies = [
        {"project": project, "data_unit": both["id"], "tags": tags[::-1]},
        {"project": project, "data_unit": one["id"], "tags": tags[:1]},
        {"project": project, "data_unit": both["id"]},
        {"project": project},
    ]
    expected = [(tags, both["files"]), (tags[:1], one["files"]), ([], both["files"]), ([], {})]
    created = api.ok("POST", "tasks/", bodies)
    listed = api.get("sdk/tasks/", project=project).json()["results"]
    for rows in (created, listed):
        assert [(row["tags"], row["files"]) for row in rows] == expected
    expanded = api.get("sdk/tasks/", project=project, expand="data_unit").json()["results"]
    assert expanded[0]["data_unit"] == expanded[2]["data_unit"] == both
    assert expanded[3]["data_unit"] is None
