"""Rows of a response, written without DRF's look-ups for each field of each row."""

import contextlib
from collections.abc import Callable
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.relations import ManyRelatedField, PKOnlyObject

from synapse.emulator.api.related_values import RelatedValues, make_id_loader
from synapse.emulator.expansion import list_related

__all__ = ["compile_rows"]

_Read = Callable[[Any], Any]
# Types whose values JSON shows as they are.
_PLAIN = frozenset({bool, int, float, str, type(None)})
_PLAIN_FIELDS = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.FloatField,
    serializers.IntegerField,
)


def compile_rows(serializer: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a function that does the work of `to_representation` for the objects of a list.

    DRF looks at the object, the field and its settings for each value; here, how a field is read
    is decided once.
    """
    readers = [
        (name, _make_reader(serializer, name))
        for name, field in serializer.fields.items()
        if not field.write_only
    ]

    def write_row(instance: Any) -> dict[str, Any]:
        try:
            return {name: read(instance) for name, read in readers}
        except SkipField:
            return _write_without_skipped(readers, instance)

    return write_row


def _write_without_skipped(readers: list[tuple[str, _Read]], instance: Any) -> dict[str, Any]:
    row = {}
    for name, read in readers:
        with contextlib.suppress(SkipField):
            row[name] = read(instance)
    return row


def _make_reader(serializer: Any, name: str) -> _Read:
    """Return the function that reads a field's value from an object."""
    field: Any = serializer.fields[name]
    source: str = field.source
    kind = type(field)
    if "." in source or kind.get_attribute not in _KNOWN_LOOKUPS:
        return _make_slow_reader(field)
    if isinstance(field, ManyRelatedField):
        linked = _find_many_to_many(serializer.Meta.model, source)
        if linked and type(field.child_relation).to_representation is _SHOW_KEY:
            ids = RelatedValues.of(serializer.context).open(make_id_loader(linked), list)
            return lambda instance: ids[instance.pk]
        write = field.child_relation.to_representation
        return lambda instance: [write(row) for row in list_related(instance, source)]
    if isinstance(field, serializers.ListSerializer):
        return lambda instance: field.to_representation(list_related(instance, source))
    if isinstance(field, serializers.PrimaryKeyRelatedField):
        column = _find_column(serializer.Meta.model, source)
        is_plain = kind.to_representation is _SHOW_KEY
        return attrgetter(column) if column and is_plain else _make_slow_reader(field)
    if kind is serializers.SerializerMethodField:
        read: _Read = getattr(serializer, field.method_name)
        return read
    if isinstance(field, serializers.JSONField) and not field.binary:
        return attrgetter(source)
    if kind is serializers.DateTimeField:
        return _make_time_reader(field, source)
    if kind.to_representation in _KNOWN_WRITERS:
        return _make_plain_reader(field, source)
    return _make_slow_reader(field)


def _make_plain_reader(field: Any, source: str) -> _Read:
    get = attrgetter(source)

    def read(instance: Any) -> Any:
        value = get(instance)
        return value if type(value) in _PLAIN else field.to_representation(value)

    return read


def _make_time_reader(field: Any, source: str) -> _Read:
    get = attrgetter(source)

    def read(instance: Any) -> Any:
        value = get(instance)
        if type(value) is datetime and value.tzinfo is timezone.utc:
            return value.isoformat()[: -len("+00:00")] + "Z"
        return None if value is None else field.to_representation(value)

    return read


def _make_slow_reader(field: Any) -> _Read:
    """Return a reader that works as DRF does."""

    def read(instance: Any) -> Any:
        value = field.get_attribute(instance)
        key = value.pk if isinstance(value, PKOnlyObject) else value
        return None if key is None else field.to_representation(value)

    return read


def _find_column(model: type[models.Model], source: str) -> str | None:
    """Return the attribute with a foreign key's id."""
    field = next((each for each in model._meta.fields if each.name == source), None)
    return field.attname if isinstance(field, models.ForeignKey) else None


def _find_many_to_many(model: type[models.Model], source: str) -> Any:
    return next((each for each in model._meta.many_to_many if each.name == source), None)


_SHOW_KEY = serializers.PrimaryKeyRelatedField.to_representation
_KNOWN_LOOKUPS = {
    serializers.Field.get_attribute,
    serializers.RelatedField.get_attribute,
    ManyRelatedField.get_attribute,
}
_KNOWN_WRITERS = {field.to_representation for field in _PLAIN_FIELDS}
