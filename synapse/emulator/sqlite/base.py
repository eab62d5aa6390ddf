"""The connection class that Django looks for in the module of a database engine."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from django.db.backends.sqlite3.base import FORMAT_QMARK_REGEX, SQLiteCursorWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLiteWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations as SQLiteOperations
from django.utils.dateparse import parse_datetime

from synapse.emulator.sqlite.write_queue import WriteQueue

__all__ = ["DatabaseWrapper"]

_queue = WriteQueue()


def _read_time(text: bytes) -> datetime | None:
    """Return a column's time; Django stores UTC without an offset."""
    try:
        return datetime.fromisoformat(f"{text.decode()}+00:00")
    except ValueError:  # another program stored it in another way
        return parse_datetime(text.decode())


# Django's own converter leaves the time zone to a second step, which takes four times as long.
sqlite3.register_converter("datetime", _read_time)


class DatabaseOperations(SQLiteOperations):
    """Conversions that leave times in UTC alone."""

    def convert_datetimefield_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if type(value) is datetime and value.tzinfo is timezone.utc:
            return value
        return super().convert_datetimefield_value(value, expression, connection)


class Cursor(SQLiteCursorWrapper):
    """A cursor that converts the placeholders of a statement once, not for each execution."""

    def convert_query(self, query: str, *, param_names: Sequence[str] | None = None) -> str:
        if param_names is None and len(query) <= _LONGEST_KEPT:
            return _convert(query)
        converted: str = super().convert_query(query, param_names=param_names)
        return converted


# Longer statements have many values; their number nearly always differs.
_LONGEST_KEPT = 4096


@functools.lru_cache(maxsize=512)
def _convert(query: str) -> str:
    # As the original of `convert_query` does.
    return FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(SQLiteWrapper):
    """A connection whose transactions begin in the order of their threads' arrival.

    SQLite lets a writer sleep and try again, ever longer: while others come and go, one may wait
    many times as long as the rest.
    """

    ops_class = DatabaseOperations
    _has_turn = False

    def create_cursor(self, name: str | None = None) -> Any:
        del name  # for other databases
        return self.connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        if not self._has_turn:
            # Without a turn in time, SQLite decides, as between processes.
            self._has_turn = _queue.enter(self.settings_dict["OPTIONS"]["timeout"])
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc] # not in the stubs
        except BaseException:
            self._end_turn()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc] # not in the stubs
        if autocommit:  # a transaction has ended
            self._end_turn()

    def close(self) -> Any:
        try:
            return super().close()
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _queue.leave()
