"""A backend on loopback, a tenant for each test, and a closed network."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import socket
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings

import synapse
from synapse import profiles
from synapse._internal.backoff import Backoff
from synapse.clients.backend import BackendClient
from synapse.emulator import Emulator
from synapse.orm import session_base
from synapse.testing.tenants import EmulatorTenant

_ENVIRONMENT = [
    *(f"SYNAPSE_{name}" for name in ("BASE_URL", "API_TOKEN", "ACCESS_TOKEN", "TENANT", "PROFILE")),
    *(f"SYNAPSE_{name}" for name in ("AUTHORIZATION_TOKEN", "AGENT_TOKEN", "HOST", "WEB_URL")),
    *(f"SYNAPSE_PLUGIN_RUN_{name}" for name in ("HOST", "URL_HOST", "TENANT", "USER_TOKEN")),
    "SYNAPSE_CACHE_SIZE",
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
]


# A busy machine is slow, which says nothing about the code; and examples may share a server.
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tests")

# A shell makes background runs ignore Ctrl-C, but some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Files that take longest. Begun late, one of them would run alone at the end.
_LONG_FILES = frozenset(
    {
        "test_agent_command.py",
        "test_agent_logs.py",
        "test_bulk_upload.py",
        "test_bulk_upload_killed.py",
        "test_database.py",
        "test_documentation.py",
        "test_fault_matrix.py",
        "test_file_upload_killed.py",
        "test_job.py",
        "test_job_runner.py",
        "test_postgres.py",
        "test_venvs.py",
    }
)


def pytest_configure(config: pytest.Config) -> None:
    """Give the backends PostgreSQL and several workers, where the environment says so.

    `make test-postgres` and `make test-workers` set the variables.
    """
    if workers := os.environ.get("SYNAPSE_TEST_WORKERS"):
        from worker_processes import use_workers

        use_workers(int(workers))
    url = os.environ.get("SYNAPSE_TEST_DATABASE")
    if not url:
        return
    from postgres_cluster import Cluster, use_databases_of

    if url == "postgresql":  # in the first process; those of pytest-xdist inherit the address
        cluster = Cluster()
        config.add_cleanup(cluster.remove)
        os.environ["SYNAPSE_TEST_DATABASE"] = url = cluster.start().url
    use_databases_of(url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=lambda item: item.path.name not in _LONG_FILES)


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> Iterator[None]:
    """Isolate each test from the developer's configuration and the default session."""
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))
    monkeypatch.setattr(
        profiles, "login_path", lambda: tmp_path_factory.getbasetemp() / "no-config" / "config.json"
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    session_base.set_default(None)
    # A session of an earlier test, left open for the same address, would take our objects.
    monkeypatch.setattr(session_base, "_live", weakref.WeakSet())
    # An earlier test's command line, such as one with `--quiet`, is none of this test's business.
    if options := sys.modules.get("synapse.cli.options"):
        options.reset_options()
    yield
    session_base.set_default(None)


@pytest.fixture(autouse=True)
def short_pauses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a twentieth as long between attempts, except in tests of the pauses themselves."""
    if request.node.get_closest_marker("real_pauses") is None:
        delay = Backoff.delay
        monkeypatch.setattr(Backoff, "delay", lambda self, count: delay(self, count) / 20)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to other machines."""
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise AssertionError(f"A test tried to reach {host}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked)


@pytest.fixture(autouse=True)
def always_a_timeout(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail tests that make a request without a timeout, in any thread."""
    # Not at the pool: with a replaced pool, no request would go around the library's pool.
    send, without = requests.Session.send, []

    def checked(self: Any, request: requests.PreparedRequest, **options: Any) -> Any:
        timeout = options.get("timeout")
        if None in (timeout if isinstance(timeout, tuple) else (timeout,)):
            without.append(f"{request.method} {request.url}")
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", checked)
    yield
    assert not without, "These requests have no timeout."


@pytest.fixture(params=["quick", pytest.param("library", marks=pytest.mark.slow)])
def each_exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test by both ways of writing and reading HTTP: in one go, and the library's."""
    if request.param == "library":
        monkeypatch.setattr("synapse.transport.socket_deadlines.is_unchanged", lambda: False)


@pytest.fixture(scope="session")
def backend(synapse_backend: Emulator) -> Emulator:
    """The one emulator of the run."""
    return synapse_backend


@pytest.fixture
def emulator(synapse_emulator: EmulatorTenant) -> EmulatorTenant:
    """An empty tenant for this test alone."""
    return synapse_emulator


@pytest.fixture
def session(synapse_session: synapse.Session) -> synapse.Session:
    """The default session of this test."""
    return synapse_session


@pytest.fixture
def client(session: synapse.Session) -> BackendClient:
    """The compatibility namespace over this test's session."""
    return session.client


@pytest.fixture
def unit(session: synapse.Session, tmp_path: Any) -> synapse.DataUnit:
    """A data unit with one small file, in a collection of its own."""
    path = tmp_path / "sample.txt"
    path.write_bytes(b"a sample")
    uploaded = session.data_files.upload(path)
    collection = session.data_collections.create(
        name="Samples",
        category="text",
        file_specifications=[synapse.FileSpecification(name="text", file_type="text")],
    )
    files = {"text": {"checksum": uploaded.checksum, "path": "sample.txt"}}
    return collection.data_units.create(files=files)


@pytest.fixture
def project(session: synapse.Session, unit: synapse.DataUnit) -> synapse.Project:
    """A project with two pending tasks."""
    made = session.projects.create(
        title="Streets", category="text", data_collection=unit.data_collection_id
    )
    made.tasks.bulk_create([{"data_unit": unit}, {"data_unit": unit}])
    return made
