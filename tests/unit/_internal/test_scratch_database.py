"""Databases in temporary files."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from synapse._internal.scratch_database import open_scratch_database


class Owner:
    """Something that uses a database."""


def test_it_is_closed_with_its_owner_in_another_thread() -> None:
    owners = [Owner()]
    database = open_scratch_database(owners[0])
    database.execute("CREATE TABLE rows (id)")

    thread = threading.Thread(target=owners.clear)
    thread.start()
    thread.join()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT * FROM rows")


def test_without_an_owner_it_stays_open() -> None:
    database = open_scratch_database()
    assert database.execute("SELECT 1").fetchone() == (1,)
    database.close()
