"""Prepared queries, compared with Django's inside a process that runs the application."""

import json
import subprocess
import sys
import textwrap

import pytest

_COMPARE = textwrap.dedent("""
    import json, sys
    from pathlib import Path
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    folder = DataFolder(Path(sys.argv[1]))
    load_application(folder)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient
    from synapse.emulator.models import Job, Plugin, Tenant, Token, User
    from synapse.emulator.models.accounts import create_account
    from synapse.emulator.prepared_query import PreparedQuery, PreparedValues

    tenant = Tenant.objects.get()
    other = create_account(Tenant.objects.create(code="other"))
    plugin = Plugin.objects.create(tenant=tenant, name="p", code="p")
    job = Job.objects.create(tenant=tenant, plugin=plugin, action="a")
    Token.for_job(job, User.objects.first())

    def show(row):
        values = {k: str(v) for k, v in vars(row).items() if k != "_state"}
        state = row._state
        related = {name: one and show(one) for name, one in state.fields_cache.items()}
        return [type(row).__name__, values, related, state.adding, state.db]

    rows = Token.objects.select_related("user__tenant", "job__tenant")
    query = PreparedQuery(rows.filter(kind="kind", digest="digest"), "digest", "kind")
    with CaptureQueriesContext(connection) as captured:
        found = [show(row) for token in Token.objects.all()
                 for row in query.fetch(token.digest, token.kind)]
    statements = len(captured)
    expected = [show(row) for row in rows]
    def refuse(make):
        try:
            make()
        except ValueError as error:
            return str(error).partition(":")[0]

    refusal = refuse(lambda: PreparedQuery(rows.filter(pk=3, kind="kind"), "kind"))

    keys = [token.pk for token in Token.objects.all()]
    columns = Token.objects.order_by("-pk").values_list("pk", "user__username")
    values = PreparedValues(columns, "pk").fetch(keys[1:])
    of_django = list(columns.filter(pk__in=keys[1:]))
    refusals = [
        refuse(lambda: PreparedValues(columns.filter(kind="kind"), "pk")),
        refuse(lambda: PreparedValues(Job.objects.values_list("params"), "plugin")),
    ]

    value = folder.credentials().api_token
    client = APIClient(headers={"SYNAPSE-Access-Token": f"Token {value}"})
    codes = [client.get("/users/me/").status_code]
    Token.objects.filter(digest=Token.hash(value)).delete()
    codes.append(client.get("/users/me/").status_code)
    print(json.dumps({
        "found": found, "expected": expected, "statements": statements, "refusal": refusal,
        "none": query.fetch("digest", "user"), "codes": codes, "refusals": refusals,
        "values": values, "of_django": of_django,
    }))
""")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    command = [sys.executable, "-c", _COMPARE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_objects_are_those_that_django_makes(compared):
    assert len(compared["found"]) == 4
    assert compared["found"] == compared["expected"]
    assert any(row[2]["job"] for row in compared["found"])
    assert compared["statements"] == 1 + len(compared["found"])
    assert compared["none"] == []


def test_other_values_than_the_query_has_are_refused(compared):
    assert compared["refusal"] == "the query has the values ('kind', 3), not ('kind',)"


def test_columns_are_those_that_django_reads(compared):
    assert len(compared["values"]) == 3
    assert compared["values"] == compared["of_django"]


def test_columns_with_a_conversion_and_other_conditions_are_refused(compared):
    assert compared["refusals"] == [
        "the query has other values than the ids",
        "the query has columns that need a conversion",
    ]


def test_a_deleted_token_is_refused_at_once(compared):
    assert compared["codes"] == [200, 401]
