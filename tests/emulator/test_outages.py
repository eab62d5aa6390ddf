"""The database is away, full, or undoes a transaction: each is a 503 that says what was done."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from synapse.emulator import Emulator
from synapse.emulator.outages import is_undone_by

from .client import connect
from .running import console, ended, printed, started

cluster = pytest.importorskip("postgres_cluster", reason="psycopg is missing")
psycopg = pytest.importorskip("psycopg")

over_postgres = pytest.mark.skipif(
    not os.environ.get(cluster.VARIABLE), reason="make test-postgres runs this"
)
OWN = "application_name = 'synapse-emulator'"


@pytest.fixture(scope="module")
def server():
    running = cluster.Cluster()
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.fixture(scope="module")
def backend(server):
    cluster.query(server.url, "CREATE ROLE few LOGIN")
    cluster.query(server.url, "CREATE DATABASE few OWNER few")
    url = cluster.name_database(server.url, "few").replace("//me:", "//few:")
    with Emulator(database_url=url) as running:
        yield running


@pytest.fixture
def api(backend):
    client = connect(backend, backend.create_tenant().api_token)
    with client.http:
        yield client


@pytest.fixture
def ask(server):
    """Runs statements as the administrator, in the backend's database."""
    url = cluster.name_database(server.url, "few")
    return lambda statement: cluster.query(url, statement)


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_put_off(response):
    return (response.status_code, response.headers.get("Retry-After")) == (503, "1")


def chain(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "vendor", "expected"),
    [
        (OperationalError("database is locked"), "sqlite", True),
        (OperationalError("no such table: x"), "sqlite", None),
        (chain(OperationalError("x"), psycopg.errors.DeadlockDetected("x")), "postgresql", True),
        (chain(OperationalError("x"), psycopg.errors.SerializationFailure("")), "postgresql", True),
        (chain(OperationalError("x"), psycopg.errors.DiskFull("x")), "postgresql", None),
        (OperationalError("server closed the connection"), "postgresql", False),
        (InterfaceError("connection already closed"), "postgresql", False),
        (IntegrityError("x"), "postgresql", None),
        (ValueError("database is locked"), "sqlite", None),
    ],
)
def test_failures_that_pass(error, vendor, expected):
    assert is_undone_by(error, vendor) is expected


@over_postgres
def test_a_restart_costs_no_later_request(server, backend, api):
    for _ in range(40):  # every thread of the backend has a connection
        api.project()
    server.stop()
    away = api.post("projects/", {"title": "unsent", "category": "image"})
    server.start()
    assert is_put_off(away)
    assert "cannot connect to its database" in away.json()["detail"]
    assert "The database failed: " in backend.log
    assert urlsplit(server.url).password not in backend.log
    assert [api.get("projects/").status_code for _ in range(40)] == [200] * 40
    assert api.ok("GET", "projects/?title=unsent")["count"] == 0


@over_postgres
def test_a_request_whose_connection_is_lost_may_have_been_processed(api, ask, server):
    task = api.task(api.project()["id"])["id"]
    url = cluster.name_database(server.url, "few")
    with psycopg.connect(url) as own, ThreadPoolExecutor(1) as pool:
        own.execute(f"SELECT 1 FROM emulator_task WHERE id = {task} FOR UPDATE")
        waiting = f"FROM pg_stat_activity WHERE {OWN} AND wait_event_type = 'Lock'"
        answer = pool.submit(api.request, "PATCH", f"tasks/{task}/", json={"priority": "high"})
        wait_for(lambda: ask(f"SELECT 1 {waiting}"))
        ask(f"SELECT pg_terminate_backend(pid) {waiting}")
        response = answer.result()
    assert response.status_code == 503
    assert "Retry-After" not in response.headers
    assert "may have been processed" in response.json()["detail"]
    assert api.ok("PATCH", f"tasks/{task}/", {"priority": "high"})["priority"] == "high"


@over_postgres
def test_too_many_connections_put_requests_off(api, ask):
    api.project()
    ask("ALTER ROLE few CONNECTION LIMIT 0")
    ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OWN}")
    refused = api.post("projects/", {"title": "Day", "category": "image"})
    ask("ALTER ROLE few CONNECTION LIMIT -1")
    assert is_put_off(refused)
    assert api.ok("GET", "projects/")["count"] == 1


@over_postgres
def test_a_deadlock_is_undone_and_put_off(api, ask, server):
    project = api.project()["id"]
    task = api.task(project)["id"]
    url = cluster.name_database(server.url, "few")
    with psycopg.connect(url) as own, ThreadPoolExecutor(1) as pool:
        own.execute("SET deadlock_timeout = '60s'")  # the other one notices the deadlock
        own.execute(f"SELECT 1 FROM emulator_task WHERE id = {task} FOR UPDATE")
        answer = pool.submit(api.request, "DELETE", f"projects/{project}/")
        waiting = f"SELECT 1 FROM pg_stat_activity WHERE {OWN} AND wait_event_type = 'Lock'"
        wait_for(lambda: ask(waiting))
        own.execute(f"SELECT 1 FROM emulator_project WHERE id = {project} FOR UPDATE")
        response = answer.result()
    assert is_put_off(response)
    assert "changed the same rows" in response.json()["detail"]
    assert api.ok("GET", f"tasks/{task}/")["id"] == task
    api.ok("DELETE", f"projects/{project}/")


@over_postgres
def test_a_job_survives_a_restart(server, api, backend):
    source = """
        import time, pathlib
        def run():
            print("up")
            while not pathlib.Path({path!r}).exists():
                time.sleep(0.05)
            print("down")
    """
    path = backend.data / "go"
    job = started(api, source.format(path=str(path)))
    printed(api, job, "up")
    server.stop()
    path.touch()
    server.start()
    assert ended(api, job)["status"] == "SUCCEEDED"
    assert console(api, job)[-1] == "down"
