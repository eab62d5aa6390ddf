"""Transactions take turns, and columns are read exactly, inside a process with Django."""

import subprocess
import sys
import textwrap

import pytest

_START = textwrap.dedent("""
    import sys
    from pathlib import Path
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    load_application(DataFolder(Path(sys.argv[1])))
""")

_TURNS = _START + textwrap.dedent("""
    from django.db import connection, transaction
    from synapse.emulator.sqlite.base import _queue

    def is_free():
        free = _queue.enter(0)
        if free:
            _queue.leave()
        return free

    assert is_free()
    with transaction.atomic():
        assert not is_free()
        with transaction.atomic():
            assert not is_free()
        assert not is_free()
    assert is_free()
    try:
        with transaction.atomic():
            raise KeyError
    except KeyError:
        assert is_free()
    try:
        with transaction.atomic():
            connection.close()
    except Exception:
        pass
    assert is_free()
    with transaction.atomic():
        assert not is_free()
    connection.close()
    assert is_free()
""")


_VALUES = _START + textwrap.dedent("""
    from datetime import datetime, timezone
    from django.db import connection
    from django.db.models import Max
    from synapse.emulator.models import Project, Tenant

    project = Project.objects.create(tenant=Tenant.objects.get(), title="p", category="image")

    def read(name, stored):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE emulator_project SET {name} = %s", [stored])
        return getattr(Project.objects.get(), name)

    day = datetime(2026, 11, 29, 13, 39, 1, tzinfo=timezone.utc)
    exact = day.replace(microsecond=40)
    assert read("created", "2026-11-29 13:39:01") == day
    assert read("created", "2026-11-29 13:39:01.000040") == exact
    for stored in ("2026-11-29 13:39:01.000040", "2026-11-29T14:39:01.000040+01:00"):
        value = read("created", stored)
        assert value == exact and value.tzinfo is not None, stored
        assert Project.objects.aggregate(m=Max("created"))["m"] == exact, stored

    for stored, expected in (("{}", {}), ("null", None), (' {"a": 1} ', {"a": 1})):
        assert read("settings", stored) == expected, stored
    numbers = read("settings", '{"a": [1e300, -0.0, 12345678901234567890]}')
    assert repr(numbers) == "{'a': [1e+300, -0.0, 12345678901234567890]}"
""")


_STATEMENTS = _START + textwrap.dedent("""
    from django.db import connection

    def select(statement, values):
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    for values in ([1, "a"], [2, "%s"]):
        found = select("SELECT %s, %s, '100%%', '%%s'", values)
        assert found == [(*values, "100%", "%s")], found
        found = select("SELECT %(b)s, %(a)s", dict(zip("ab", values)))
        assert found == [tuple(reversed(values))], found
    many = ", ".join(["%s"] * 3000)  # longer than the statements that are kept
    assert select(f"SELECT 1 WHERE %s IN ({many})", [7, *range(3000)]) == [(1,)]
""")


@pytest.mark.parametrize(
    "script", [_TURNS, _VALUES, _STATEMENTS], ids=["turns", "values", "statements"]
)
def test_inside_the_process(tmp_path, script):
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
