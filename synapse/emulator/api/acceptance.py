"""Validation of plain items of a list body, without DRF's work for each field of each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.relations import ManyRelatedField

from synapse.emulator.api.fields import DocumentField, TenantRelatedField

__all__ = ["compile_acceptance"]

# Stands for a value that only DRF can judge.
_UNSURE = object()

_Read = Callable[[Any], Any]


def compile_acceptance(
    serializer: Any, *, are_storable: bool
) -> Callable[[Any], dict[str, Any] | None]:
    """Return a function that validates an item; None where only DRF can judge.

    An item is judged here if each value has the very type that the field stores, so the values are
    those of `run_validation`. Everything else is DRF's: other types, errors, and fields with
    validators.

    Args:
        serializer: Serializer of one item.
        are_storable: Whether a database can store all documents of the body.
    """
    readers: dict[str, _Read] = {}
    needed: set[str] = set()
    for name, field in serializer.fields.items():
        if field.read_only:
            continue
        readers[name] = _make_reader(serializer, name, are_storable=are_storable)
        if field.required or field.default is not empty:
            needed.add(name)
    is_plain = not serializer.validators and not serializer.partial

    def accept(item: Any) -> dict[str, Any] | None:
        if type(item) is not dict or not is_plain or not needed <= item.keys():
            return None
        values = {}
        for name, read in readers.items():
            if name in item:
                value = read(item[name])
                if value is _UNSURE:
                    return None
                values[name] = value
        try:
            accepted: dict[str, Any] = serializer.validate(values)
        except serializers.ValidationError:
            return None
        return accepted

    return accept


def _make_reader(serializer: Any, name: str, *, are_storable: bool) -> _Read:
    """Return the function that validates a field's value."""
    field: Any = serializer.fields[name]
    if field.source != name or field.validators or hasattr(serializer, f"validate_{name}"):
        return _refuse
    kind = type(field)
    read: _Read = _refuse
    if kind is TenantRelatedField:
        read = _make_related_reader(field.rows())
    elif kind is ManyRelatedField and type(field.child_relation) is TenantRelatedField:
        read = _make_list_reader(field.child_relation.rows(), allow_empty=field.allow_empty)
    elif kind is serializers.ChoiceField:
        read = _make_choice_reader(field.choice_strings_to_values)
    elif kind is serializers.BooleanField:
        read = _read_boolean
    elif kind is DocumentField and not field.binary and are_storable:
        read = _read_document
    return _allow_null(read) if field.allow_null else read


def _refuse(value: Any) -> Any:
    del value
    return _UNSURE


def _allow_null(read: _Read) -> _Read:
    return lambda value: None if value is None else read(value)


def _make_related_reader(rows: Mapping[Any, Any]) -> _Read:
    def read(value: Any) -> Any:
        row = rows.get(value) if type(value) is int else None
        return _UNSURE if row is None else row

    return read


def _make_list_reader(rows: Mapping[Any, Any], *, allow_empty: bool) -> _Read:
    read_row = _make_related_reader(rows)

    def read(value: Any) -> Any:
        if type(value) is not list or not (value or allow_empty):
            return _UNSURE
        found = [read_row(key) for key in value]
        return _UNSURE if _UNSURE in found else found

    return read


def _make_choice_reader(values: Mapping[str, Any]) -> _Read:
    return lambda value: values.get(value, _UNSURE) if type(value) is str and value else _UNSURE


def _read_boolean(value: Any) -> Any:
    return value if type(value) is bool else _UNSURE


def _read_document(value: Any) -> Any:
    return _UNSURE if value is None else value
