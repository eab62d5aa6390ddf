"""Whose database the backend uses, and that it uses the database alone."""

import os
import re
import sqlite3
import subprocess
import sys

import pytest

from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError

from .client import connect
from .running import SLEEP, started


def tables(path):
    with sqlite3.connect(path) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
    database.close()
    return names


@pytest.fixture
def theirs(tmp_path):
    """The database of another Django project."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id)")
        database.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app, name)")
        database.execute("INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial')")
    database.close()
    return path


def test_tables_of_another_project_are_refused_and_stay_alone(theirs):
    before = tables(theirs)
    with pytest.raises(EmulatorError) as error:
        Emulator(database_url=f"sqlite:///{theirs}").start()

    assert str(error.value) == (
        f"The database sqlite:///{theirs} has tables of another project (orders, "
        "django_migrations of shop). Choose an empty database, or allow this one with "
        "--share-database (share_database=True in Python)."
    )
    assert tables(theirs) == before


def test_migrations_of_another_project_alone_are_refused_too(theirs):
    with sqlite3.connect(theirs) as database:
        database.execute("DROP TABLE orders")
    database.close()
    with pytest.raises(EmulatorError, match=r"tables of another project \(django_migrations of sh"):
        Emulator(database_url=f"sqlite:///{theirs}").start()


def test_a_shared_database_is_said_at_each_start(theirs):
    with sqlite3.connect(theirs) as database:
        database.execute("ALTER TABLE django_migrations ADD COLUMN applied")
    database.close()
    url = f"sqlite:///{theirs}"
    with Emulator(database_url=url, share_database=True) as emulator:
        api = connect(emulator, emulator.api_token)
        assert api.project()["id"] == 1
    assert {"orders", "emulator_project"} <= set(tables(theirs))
    with pytest.raises(EmulatorError, match="tables of another project"):
        Emulator(database_url=url).start()


def test_its_own_database_is_taken_again(tmp_path):
    url = f"sqlite:///{tmp_path}/own.db"
    for number in (1, 2):
        with Emulator(database_url=url) as emulator:
            assert connect(emulator, emulator.api_token).project()["id"] == number


@pytest.mark.slow
def test_a_second_backend_on_one_database_ends_no_job(tmp_path):
    path = tmp_path / "shared.db"
    link = tmp_path / "link.db"
    with Emulator(tmp_path / "first", database_url=f"sqlite:///{path}") as first:
        link.symlink_to(path)
        api = connect(first, first.api_token)
        job = started(api, SLEEP)
        for url in (f"sqlite:///{path}", f"sqlite:///{link}"):
            with pytest.raises(EmulatorError, match="is in use by another local backend"):
                Emulator(tmp_path / "second", database_url=url).start()
        assert api.ok("GET", f"jobs/{job}/")["status"] in ("QUEUED", "RUNNING")
    with Emulator(tmp_path / "second", database_url=f"sqlite:///{path}"):
        pass


@pytest.mark.sqlite
def test_another_folders_own_database_is_in_use_too(tmp_path):
    with Emulator(tmp_path / "first"):
        url = f"sqlite:///{tmp_path}/first/db.sqlite3"
        with pytest.raises(EmulatorError, match="in use by another local backend"):
            Emulator(tmp_path / "second", database_url=url).start()


def test_the_shells_database_stays_as_it_is(tmp_path):
    path = tmp_path / "theirs.db"
    code = """if True:
        import os, signal, sys
        from synapse.cli.app import app
        import synapse.emulator.server as server
        serve = server.serve
        def once(*, on_ready, **options):
            def ready(info):
                on_ready(info)
                os.kill(os.getpid(), signal.SIGTERM)
            serve(on_ready=ready, **options)
        server.serve = once
        app(["emulator", "--port", "0"])
    """
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{path}"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert not path.exists()
    assert "db.sqlite3 (Ctrl-C stops it)" in run.stdout.splitlines()[0]


def parts_of_tables(path):
    """Return the columns and constraints of each table, and the indexes, whatever their order."""
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = {name: sorted(re.split(r", (?=[\"C])", sql)) for name, sql in rows}
    database.close()
    return found


MIGRATE = """
import sys
from pathlib import Path
from synapse.emulator.folder import DataFolder
from synapse.emulator.server import _set_up_django
_set_up_django(DataFolder(Path(sys.argv[1])))
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""


@pytest.mark.slow
@pytest.mark.sqlite
def test_new_tables_are_those_of_the_migrations(tmp_path):
    subprocess.run([sys.executable, "-c", MIGRATE, tmp_path / "old"], check=True)
    with Emulator(data=tmp_path / "new"):
        pass
    [old], [new] = (list((tmp_path / name).glob("*.sqlite3")) for name in ("old", "new"))

    assert parts_of_tables(new) == parts_of_tables(old)
    with Emulator(data=tmp_path / "old") as emulator:
        assert connect(emulator, emulator.api_token).get("projects/").status_code == 200
