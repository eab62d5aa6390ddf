"""Insertion of many rows, without Django's work for each field of each row."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.utils.timezone import now

from synapse.emulator.models.loading import LoadedModel

__all__ = ["insert_rows"]

_Model = TypeVar("_Model", bound=models.Model)
# Types whose values SQLite stores as they are.
_PLAIN = frozenset({bool, int, float, str, type(None)})
_EMPTY: dict[str, Any] = {}


def insert_rows(model: type[_Model], items: Sequence[Mapping[str, Any]]) -> list[_Model]:
    """Insert rows inside a transaction, and return their objects with ids.

    Args:
        model: The rows' model.
        items: Values by field, as for the model's constructor.
    """
    plan = _find_plan(model)
    if plan is None or connection.vendor != "sqlite" or not connection.in_atomic_block:
        return model._default_manager.bulk_create(model(**item) for item in items)
    rows: list[_Model] = []

    def make_rows() -> Iterator[list[Any]]:
        for key, item in enumerate(items, _find_next_id(model)):
            values = [read(item) for read in plan.readers]
            row = model.from_db(DEFAULT_DB_ALIAS, (), [key, *values])
            for name in plan.relations:
                if name in item:
                    row._state.fields_cache[name] = item[name]
            rows.append(row)
            yield [key, *[write(value) for write, value in zip(plan.writers, values, strict=True)]]

    with connection.cursor() as cursor:
        cursor.executemany(plan.statement, list(make_rows()))
    return rows


class _InsertPlan:
    """Statement and converters for inserting a model's rows into SQLite."""

    def __init__(self, fields: Sequence[Any], table: str) -> None:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in fields)
        marks = ", ".join(["%s"] * len(fields))
        head = f"INSERT INTO {quote(table)} ({columns})"
        self.statement = f"{head} VALUES ({marks})"
        self.readers = [_make_reader(field) for field in fields[1:]]
        self.writers = [_make_writer(field) for field in fields[1:]]
        self.relations = [field.name for field in fields if field.is_relation]


@functools.cache
def _find_plan(model: type[models.Model]) -> _InsertPlan | None:
    """Return a model's plan; None if only Django can insert the rows."""
    fields = model._meta.concrete_fields
    is_special = (
        not issubclass(model, LoadedModel)
        or not isinstance(fields[0], models.BigAutoField)
        or any(isinstance(field, models.FileField) for field in fields)
    )
    return None if is_special else _InsertPlan(fields, model._meta.db_table)


def _find_next_id(model: type[models.Model]) -> int:
    """Return the id of the next row; the transaction lets nobody else insert one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [model._meta.db_table])
        row = cursor.fetchone()
    return 1 if row is None else int(row[0]) + 1


def _make_reader(field: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Return the function that reads a field's value from an item."""
    name, attribute, get_default = field.name, field.attname, field.get_default
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return lambda _: now()
    if field.is_relation:

        def read_key(item: Mapping[str, Any]) -> Any:
            if name in item:
                row = item[name]
                return None if row is None else row.pk
            return item[attribute] if attribute in item else get_default()

        return read_key
    if not callable(field.default):
        default = get_default()
        return lambda item: item.get(name, default)
    return lambda item: item[name] if name in item else get_default()


def _make_writer(field: Any) -> Callable[[Any], Any]:
    """Return the function that makes a value one that SQLite stores."""

    def write(value: Any) -> Any:
        return field.get_db_prep_save(value, connection)

    if isinstance(field, models.JSONField):
        null = write(None)

        def write_document(value: Any) -> Any:
            if value is None:
                return null
            # Most documents are empty at first.
            return "{}" if value == _EMPTY else json.dumps(value, cls=field.encoder)

        return write_document
    if isinstance(field, models.DateTimeField):
        return lambda value: (
            str(value.replace(tzinfo=None))
            if isinstance(value, datetime) and value.tzinfo is timezone.utc
            else write(value)
        )
    write_word = functools.lru_cache(maxsize=64)(write)  # of an enumeration

    def write_value(value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        return write_word(value) if isinstance(value, Enum) else write(value)

    return write_value
