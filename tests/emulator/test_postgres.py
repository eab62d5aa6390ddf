"""The backend on a PostgreSQL server of its own; skipped where there is none."""

import importlib.util
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from synapse._internal.installation import install_command
from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError

from .client import IMAGE, connect
from .running import SLEEP, ended, started, until

pytestmark = pytest.mark.slow

DOCUMENTS = [
    '{"b": 1, "a": 2, "aa": {"z": 0, "y": 0}}',
    '{"zero": -0.0, "large": 1e+300, "small": 1e-300, "whole": 1.0, "exact": 0.1}',
    '{"integer": 123456789012345678901234567890, "text": "\\u00fc \\ud83d\\ude00"}',
    '[null, true, [], {}, ""]',
]


def find_program(name):
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, places)))


class Server:
    """A PostgreSQL server in a temporary folder."""

    def __init__(self, folder):
        self.folder = folder
        self.user = None
        if os.geteuid() == 0:  # PostgreSQL doesn't run as root
            self.user = "postgres"
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.run("initdb", "--auth=trust", "--username=me", "--encoding=UTF8", "--no-sync")

    def run(self, program, *arguments):
        command = [find_program(program), "-D", f"{self.folder}/data", *arguments]
        subprocess.run(
            command, check=True, user=self.user, cwd=self.folder, stdout=subprocess.DEVNULL
        )

    def start(self):
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "start", "-w", "-o", options, "-l", f"{self.folder}/log")

    def stop(self):
        self.run("pg_ctl", "stop", "-w", "-m", "immediate")

    def create(self, name):
        self.query("postgres", f"CREATE DATABASE {name}")
        return f"postgresql://me:secret@127.0.0.1:{self.port}/{name}"

    def query(self, name, statement):
        import psycopg

        url = f"postgresql://me@127.0.0.1:{self.port}/{name}"
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None


@pytest.fixture(scope="module")
def server():
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip(f"psycopg isn't installed: {install_command('postgres')}")
    if find_program("initdb") is None:
        pytest.skip("PostgreSQL isn't installed: its initdb isn't on PATH")
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        pytest.skip("PostgreSQL doesn't run as root, and no user postgres exists")
    folder = tempfile.mkdtemp(prefix="synapse-pg-", dir="/tmp")
    running = Server(folder)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def backend(server):
    with Emulator(database_url=server.create("shared")) as running:
        yield running


@pytest.fixture
def pg(backend):
    client = connect(backend, backend.create_tenant().api_token)
    with client.http:
        yield client


@pytest.mark.parametrize("text", DOCUMENTS)
def test_documents_come_back_as_they_were(pg, text):
    def send(path, **values):
        body = json.dumps({**values, "meta": 0}).replace('"meta": 0', f'"meta": {text}')
        headers = {"Content-Type": "application/json"}
        response = pg.request("POST", path, data=body, headers=headers)
        assert response.status_code == 201, response.text
        return response

    collection = pg.collection(IMAGE)["id"]
    checksum = pg.file(b"pixels")["checksum"]
    files = {"image": {"checksum": checksum}}
    row = send("data_units/", data_collection=collection, files=files).json()
    received = pg.get(f"data_units/{row['id']}/").json()["meta"]
    assert json.dumps(received) == json.dumps(json.loads(text))


def test_documents_of_an_older_database_become_text(server):
    url = server.create("older")
    with Emulator(database_url=url) as emulator:
        api = connect(emulator, emulator.api_token)
        project = api.project(configuration={"a": 1})["id"]
    settings = {
        "DJANGO_SETTINGS_MODULE": "synapse.emulator.settings",
        "SYNAPSE_EMULATOR_DATABASE_URL": url,
    }
    command = [sys.executable, "-m", "django", "migrate", "emulator", "0007"]
    subprocess.run(command, check=True, env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
    column = "ALTER TABLE emulator_project ALTER COLUMN configuration TYPE "
    server.query("older", f"{column} jsonb USING configuration::jsonb")
    with Emulator(database_url=url) as emulator:
        api = connect(emulator, emulator.api_token)
        assert api.ok("GET", f"projects/{project}/")["configuration"] == {"a": 1}
        assert api.project(configuration={"b": 1, "a": -0.0})["configuration"] == {"b": 1, "a": 0}
    kinds = server.query(
        "older",
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE data_type LIKE 'json%'",
    )
    assert kinds == []


def test_filters_search_and_orderings(pg):
    projects = [pg.project(title=title)["id"] for title in ("Night", "Day", "Night & day")]
    assert pg.ids("projects/", search="night", ordering="-id") == [projects[2], projects[0]]
    collection = pg.collection(IMAGE)["id"]
    file = pg.file(b"pixels")["checksum"]
    for place in ("harbour", "hills"):
        files = {"image": {"checksum": file}}
        body = {"data_collection": collection, "files": files, "meta": {"place": place}}
        pg.ok("POST", "data_units/", body)
    assert len(pg.ids("data_units/", search="harb")) == 1


def test_a_job_runs(pg):
    assert ended(pg, started(pg, "def run(): print('hi')"))["status"] == "SUCCEEDED"


def test_a_second_backend_ends_no_job(server, backend, pg):
    job = started(pg, SLEEP)
    until(pg, job, "RUNNING")
    with pytest.raises(EmulatorError) as error:
        Emulator(database_url=f"postgresql://me:secret@127.0.0.1:{server.port}/shared").start()
    assert str(error.value) == (
        f"The database postgresql://me@127.0.0.1:{server.port}/shared is in use by another local "
        "backend: stop that one, or choose another database."
    )
    assert pg.ok("GET", f"jobs/{job}/")["status"] == "RUNNING"


def test_foreign_tables_are_refused_unless_allowed(server):
    url = server.create("theirs")
    server.query("theirs", "CREATE TABLE orders (id int)")
    with pytest.raises(EmulatorError, match=r"tables of another project \(orders\)"):
        Emulator(database_url=url).start()
    assert server.query("theirs", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (1,)
    ]
    with Emulator(database_url=url, share_database=True) as emulator:
        assert connect(emulator, emulator.api_token).project()["id"] == 1


def test_a_restart_of_the_database_costs_no_request(server, backend, pg):
    """Last in the file: the server's advisory lock is taken again later."""
    for _ in range(40):  # every thread of the backend has a connection
        pg.project()
    server.stop()
    server.start()
    assert [pg.get("projects/").status_code for _ in range(40)] == [200] * 40
