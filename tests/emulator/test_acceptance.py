"""Items of list bodies get the values and the errors that DRF gives them."""

import json
import subprocess
import sys
import textwrap

import pytest

from .grown_database import GROW

_COMPARE = GROW + textwrap.dedent("""
    from unittest import mock
    from rest_framework.request import Request
    from rest_framework.test import APIRequestFactory
    from synapse.emulator.api import base
    from synapse.emulator.api.annotation import TaskSerializer
    from synapse.emulator.authentication import TokenAuthentication
    from synapse.emulator.models import TaskTag

    bodies, tags, _ = grow(2)
    plain, tag = bodies[0], tags[0]["id"]
    own = post("/task_tags/", {"name": "own", "project": bodies[1]["project"]})["id"]
    request = Request(APIRequestFactory(headers={
        "SYNAPSE-Access-Token": "Token " + folder.credentials().api_token
    }).get("/"), authenticators=[TokenAuthentication()])
    odd = [None, True, 0, 1.0, "", "x", [], {}, [tag], [tag, 0], [None], "1", [True], -1, 2**70,
           {"a": 1}, "pending", "PENDING", "low", str(plain["project"]), plain["project"], [own],
           "\\u0000", "\\\\u0000", {"\\u0000": 1}, [1e400], "deep"]
    deep = []
    for _ in range(900):
        deep = [deep]
    items = [plain, {}, None, [], "x", 3, {**plain, "unknown": 1}, {"project": plain["project"]}]
    for name in ("project", "data_unit", "status", "priority", "assignee", "tags", "data", "meta",
                 "is_discarded", "files", "id", "created"):
        for value in odd:
            items.append({**plain, name: deep if value == "deep" else value})

    accepted = []

    def validate(body, ours):
        make = base.compile_acceptance if ours else lambda *_, **__: lambda item: None

        def count(*args, **options):
            accept = make(*args, **options)

            def judge(item):
                found = accept(item)
                accepted.append(found is not None)
                return found
            return judge

        with mock.patch.object(base, "compile_acceptance", count):
            serializer = TaskSerializer(data=body, many=True, context={"request": request})
            is_valid = serializer.is_valid()
        values = [{k: repr(v) for k, v in row.items()} for row in serializer.validated_data]
        return [is_valid, values, json.loads(json.dumps(serializer.errors, default=str))]

    found = []
    for body in [[item] for item in items] + [[plain, item] for item in items] + [[]]:
        found.append([validate(body, True), validate(body, False)])
    print(json.dumps({"found": found, "accepted": sum(accepted), "items": len(accepted)}))
""")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    command = [sys.executable, "-c", _COMPARE, str(tmp_path_factory.mktemp("items"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_values_and_errors_are_those_of_the_framework(compared):
    for ours, theirs in compared["found"]:
        assert ours == theirs


def test_plain_items_are_accepted_and_others_left_to_the_framework(compared):
    assert 50 < compared["accepted"] < compared["items"] / 2
