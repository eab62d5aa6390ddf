"""Queries that Django compiles once, for those that nearly every request makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators

__all__ = ["PreparedQuery", "PreparedValues"]

_Model = TypeVar("_Model", bound=models.Model)


class PreparedQuery(Generic[_Model]):
    """A query whose values change, and nothing else.

    Args:
        queryset: Rows of a model, with ``select_related`` or not, and no other additions.
        values: The values in the query set, in the order in which `fetch` takes others. They must
            be different ones.
    """

    def __init__(self, queryset: models.QuerySet[_Model], *values: int | str) -> None:
        self._model = queryset.model
        self._compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        self._sql, parameters = self._compiler.as_sql()
        if sorted(map(str, parameters)) != sorted(map(str, values)):
            raise ValueError(f"the query has the values {parameters}, not {values}")
        self._order = [values.index(value) for value in parameters]
        self._converters = self._compiler.get_converters(
            [column[0] for column in self._compiler.select]
        )
        info: Any = self._compiler.klass_info
        self._columns = len(info["select_fields"])
        find_populators: Any = get_related_populators  # the stubs are of a later version
        self._populators = find_populators(info, self._compiler.select, DEFAULT_DB_ALIAS)

    def fetch(self, *values: int | str) -> list[_Model]:
        """Return the objects of the rows (one statement)."""
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [values[position] for position in self._order])
            rows: Any = cursor.fetchall()
        if self._converters:
            rows = self._compiler.apply_converters(rows, self._converters)
        return [self._load(row) for row in rows]

    def _load(self, row: Any) -> _Model:
        columns = self._columns
        loaded = self._model.from_db(DEFAULT_DB_ALIAS, _ALL, row[:columns])
        for populator in self._populators:
            populator.populate(row, loaded)
        return loaded


class PreparedValues:
    """Columns of the rows that a list of ids selects, without an object for each row.

    Args:
        columns: The result of ``values_list``, with columns that need no conversion.
        key: Name of the field that the ids are for.
    """

    def __init__(self, columns: models.QuerySet[Any, Any], key: str) -> None:
        rows = columns.filter(**{f"{key}__in": [_ID]})
        compiler = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        head, mark, tail = sql.partition("IN (%s)")
        if not mark or parameters != (_ID,):
            raise ValueError(f"the query has other values than the ids: {sql} {parameters}")
        if compiler.get_converters([column[0] for column in compiler.select]):
            raise ValueError(f"the query has columns that need a conversion: {sql}")
        self._head, self._tail = f"{head}IN (", f"){tail}"

    def fetch(self, keys: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return the columns of the rows (one statement)."""
        marks = ", ".join(["%s"] * len(keys))
        with connection.cursor() as cursor:
            cursor.execute(self._head + marks + self._tail, keys)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


#: Stands for the ids while Django compiles the query.
_ID = -1
#: Stands for the names of fields, which Django reads only where some are deferred.
_ALL: tuple[str, ...] = ()
