"""The backend on PostgreSQL; `make test-postgres` runs these tests, and the others over it."""

import json
import os
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError

from .client import IMAGE, connect
from .running import SLEEP, console, ended, started, until

cluster = pytest.importorskip("postgres_cluster", reason="psycopg is missing")

URL = os.environ.get(cluster.VARIABLE)
pytestmark = pytest.mark.skipif(not URL, reason="make test-postgres runs this")

DOCUMENTS = [
    '{"b": 1, "a": 2, "aa": {"z": 0, "y": 0}}',
    '{"zero": -0.0, "large": 1e+300, "small": 1e-300, "whole": 1.0, "exact": 0.1}',
    '{"integer": 123456789012345678901234567890, "text": "\\u00fc \\ud83d\\ude00"}',
    '[null, true, [], {}, ""]',
    "[" * 80 + "]" * 80,
    '"' + "x" * 2_000_000 + '"',
]


def create(name):
    return cluster.create_database(URL, f"{name}_{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def url():
    return create("shared")


@pytest.fixture(scope="module")
def backend(url):
    with Emulator(database_url=url) as running:
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


def test_documents_of_an_older_database_become_text():
    url = create("older")
    with Emulator(database_url=url) as emulator:
        api = connect(emulator, emulator.api_token)
        project = api.project(configuration={"a": 1})["id"]
    cluster.run_django(url, "migrate", "emulator", "0007", "--verbosity=0")
    column = "ALTER TABLE emulator_project ALTER COLUMN configuration TYPE "
    cluster.query(url, f"{column} jsonb USING configuration::jsonb")
    with Emulator(database_url=url) as emulator:
        api = connect(emulator, emulator.api_token)
        assert api.ok("GET", f"projects/{project}/")["configuration"] == {"a": 1}
        assert api.project(configuration={"b": 1, "a": -0.0})["configuration"] == {"b": 1, "a": 0}
    kinds = cluster.query(
        url,
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE data_type LIKE 'json%'",
    )
    assert kinds == []


def test_texts_of_an_older_database_get_the_order_of_sqlite():
    url = create("worded")
    titles = ("b", "A", "a", "B")
    with Emulator(database_url=url) as emulator:
        api = connect(emulator, emulator.api_token)
        for title in titles:
            api.project(title=title)
    cluster.query(url, "ALTER TABLE emulator_project ALTER COLUMN title TYPE varchar(255)")
    with Emulator(database_url=url) as emulator:
        api = connect(emulator, emulator.api_token)
        rows = api.ok("GET", "projects/?ordering=title")["results"]
    assert [row["title"] for row in rows] == ["A", "B", "a", "b"]


def test_a_job_runs(pg):
    assert ended(pg, started(pg, "def run(): print('hi')"))["status"] == "SUCCEEDED"


def test_a_second_backend_ends_no_job(url, backend, pg):
    job = started(pg, SLEEP)
    until(pg, job, "RUNNING")
    with pytest.raises(EmulatorError) as error:
        Emulator(database_url=url).start()
    parts = urlsplit(url)
    assert str(error.value) == (
        f"The database postgresql://me@127.0.0.1:{parts.port}{parts.path} is in use by another "
        "local backend: stop that one, or choose another database."
    )
    assert pg.ok("GET", f"jobs/{job}/")["status"] == "RUNNING"


def test_schemas_of_one_database_are_apart(url, backend, pg):
    cluster.query(url, "CREATE SCHEMA other")
    project = pg.project(title="first schema")
    with Emulator(database_url=f"{url}?options=-csearch_path%3Dother") as second:
        assert connect(second, second.api_token).project(title="second schema")["id"] == 1
        with pytest.raises(EmulatorError, match="in use by another local backend"):
            Emulator(database_url=f"{url}?options=-csearch_path%3Dother").start()
    assert pg.ok("GET", f"projects/{project['id']}/")["title"] == "first schema"


def test_a_schema_that_does_not_exist_is_named():
    url = create("bare")
    with pytest.raises(EmulatorError) as error:
        Emulator(database_url=f"{url}?options=-csearch_path%3Dnowhere").start()
    assert "has no schema of its search_path" in str(error.value)


def test_foreign_tables_are_refused_unless_allowed():
    url = create("theirs")
    cluster.query(url, "CREATE TABLE orders (id int)")
    with pytest.raises(EmulatorError, match=r"tables of another project \(orders\)"):
        Emulator(database_url=url).start()
    assert cluster.query(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (1,)
    ]
    with Emulator(database_url=url, share_database=True) as emulator:
        assert connect(emulator, emulator.api_token).project()["id"] == 1


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_password_is_in_no_command_and_no_job(url, backend, pg):
    secret = urlsplit(url).password
    job = started(pg, "import os\ndef run(): print('seen', dict(os.environ))")
    assert ended(pg, job)["status"] == "SUCCEEDED"
    assert any("seen" in line for line in console(pg, job))
    assert secret not in "".join(console(pg, job))
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not any(secret.encode() in command for command in commands)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:1/none",
        "postgresql://me:s3cret/@127.0.0.1/none",
        "postgresql://me:s3cret#@127.0.0.1/none",
        "postgresql://me:@s3cret@127.0.0.1:no/none",
        "postgresql://me:s3cret@127.0.0.1:1/none?nonsense=1",
    ],
)
def test_the_password_is_in_no_error(url):
    with pytest.raises(EmulatorError) as error:
        Emulator(database_url=url).start()
    assert "s3cret" not in str(error.value)
