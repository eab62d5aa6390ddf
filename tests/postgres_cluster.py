"""A PostgreSQL cluster of the run, and a fresh database in it for each local backend."""

from __future__ import annotations

import functools
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from synapse.emulator import Emulator

#: `postgresql` lets the run start a cluster; the URL of a database server names an own one.
VARIABLE = "SYNAPSE_TEST_DATABASE"
_PASSWORD = "secret-of-the-database"
# Databases of most installations sort words as a dictionary does, SQLite by code points.
_LOCALE = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")


def find_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian keeps them off the path."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, places)))
    if found is None:
        raise pytest.UsageError(f"PostgreSQL's {name} is missing: apt-get install postgresql.")
    return found


class Cluster:
    """A PostgreSQL server in a temporary folder, which ends with the run."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="synapse-pg-", dir="/tmp")
        self._user: str | None = None
        if os.geteuid() == 0:  # PostgreSQL doesn't run as root
            self._user = "postgres"
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._run(
            "initdb", "--auth=trust", "--username=me", "--encoding=UTF8", "--no-sync", *_LOCALE
        )

    @property
    def url(self) -> str:
        """The address of the first database."""
        return f"postgresql://me:{_PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self, **settings: Any) -> Cluster:
        """Start the server with settings, and wait until it takes connections."""
        settings = {"fsync": "off", "full_page_writes": "off", "max_connections": 300, **settings}
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1"
        options += "".join(f" -c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "start", "-w", "-o", options, "-l", f"{self.folder}/log")
        return self

    def stop(self) -> None:
        """End the server, by the process id in its folder, without waiting for clients."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def remove(self) -> None:
        """Remove the folder of a server, which ends first if it runs."""
        if Path(self.folder, "data", "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [find_program(program), "-D", f"{self.folder}/data", *arguments]
        subprocess.run(
            command, check=True, user=self._user, cwd=self.folder, stdout=subprocess.DEVNULL
        )


def name_database(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def query(url: str, statement: str) -> list[Any] | None:
    """Run a statement outside of a transaction, and return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[call-overload] # a test's own text
        return cursor.fetchall() if cursor.description else None


def create_database(url: str, name: str, template: str = "template1") -> str:
    """Create a database unless it exists, and return its address."""
    if not query(url, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        query(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name_database(url, name)


def run_django(url: str, *arguments: str) -> None:
    """Run one of Django's commands for the database of the backend."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "synapse.emulator.settings",
        "SYNAPSE_EMULATOR_DATABASE_URL": url,
    }
    command = [sys.executable, "-m", "django", *arguments]
    subprocess.run(command, check=True, env={**os.environ, **settings}, stdout=subprocess.DEVNULL)


def use_databases_of(url: str) -> None:
    """Give each backend of this process, which names no database, one of its own.

    A backend with a folder of its own has the same database at each start.
    """
    template = f"synapse_tables_{uuid.uuid4().hex[:8]}"

    @functools.cache
    def prepare_template() -> str:
        run_django(create_database(url, template), "migrate", "--verbosity=0")
        return template

    describe, stop = Emulator._child_options, Emulator.stop

    def choose(emulator: Emulator) -> str:
        place = emulator._wanted_data
        seed = str(id(emulator)) + template if place is None else str(place.absolute())
        return "synapse_" + hashlib.sha256(seed.encode()).hexdigest()[:16]

    def describe_with_database(self: Emulator) -> dict[str, Any]:
        options = describe(self)
        if options["database_url"] is None:
            options["database_url"] = create_database(url, choose(self), prepare_template())
        return options

    def stop_and_drop(self: Emulator) -> None:
        is_ours = self._child is not None and self._owner == os.getpid()
        stop(self)
        if is_ours and self._database_url is None and self._wanted_data is None:
            query(url, f"DROP DATABASE IF EXISTS {choose(self)} WITH (FORCE)")

    Emulator._child_options = describe_with_database  # type: ignore[method-assign] # for this run
    Emulator.stop = stop_and_drop  # type: ignore[method-assign] # for this run
