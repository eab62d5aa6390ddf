"""Databases in temporary files, for what may be too much for the memory."""

from __future__ import annotations

import sqlite3
import weakref

__all__ = ["open_scratch_database"]


def open_scratch_database(owner: object | None = None) -> sqlite3.Connection:
    """Open an SQLite database in a temporary file, which SQLite removes when it's closed.

    Args:
        owner: The object that uses it. When it's no longer referenced, the database is closed.
    """
    # The garbage collection closes it in whatever thread it runs.
    database = sqlite3.connect("", check_same_thread=False)
    if owner is not None:
        weakref.finalize(owner, database.close)
    return database
