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
# Returns a field's reader; the flag says whether a database can store the documents.
_Make = Callable[[Any, bool], _Read]


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
    fields = serializer.fields
    key = (type(serializer), *fields)
    plan = _plans.get(key)
    if plan is None:
        plan = _plans[key] = _ValidationPlan(serializer)
    if serializer.partial or plan.has_validators:
        return lambda _: None
    needed = plan.needed
    readers = {name: make(fields[name], are_storable) for name, make in plan.makers.items()}

    def accept(item: Any) -> dict[str, Any] | None:
        if type(item) is not dict or not needed <= item.keys():
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


class _ValidationPlan:
    """Validation of a serializer class's items, whose declarations don't change.

    Attributes:
        has_validators: Whether items as a whole have validators.
        needed: Names of the fields that an item must have.
        makers: Makers of the readers, by field name.
    """

    def __init__(self, serializer: Any) -> None:
        fields = {name: each for name, each in serializer.fields.items() if not each.read_only}
        self.has_validators = bool(serializer.validators)
        self.needed = {
            name for name, field in fields.items() if field.required or field.default is not empty
        }
        self.makers = {name: _choose_maker(serializer, name) for name in fields}


_plans: dict[tuple[Any, ...], _ValidationPlan] = {}


def _choose_maker(serializer: Any, name: str) -> _Make:
    """Return the function that makes a field's reader."""
    field: Any = serializer.fields[name]
    if field.source != name or field.validators or hasattr(serializer, f"validate_{name}"):
        return _make_refusal
    make = _MAKERS.get(type(field), _make_refusal)
    if field.allow_null:
        return lambda field, are_storable: _allow_null(make(field, are_storable))
    return make


def _refuse(value: Any) -> Any:
    del value
    return _UNSURE


def _allow_null(read: _Read) -> _Read:
    return lambda value: None if value is None else read(value)


def _make_refusal(field: Any, are_storable: bool) -> _Read:
    del field, are_storable
    return _refuse


def _make_related_reader(field: Any, are_storable: bool) -> _Read:
    del are_storable
    rows: Mapping[Any, Any] = field.rows()

    def read(value: Any) -> Any:
        row = rows.get(value) if type(value) is int else None
        return _UNSURE if row is None else row

    return read


def _make_list_reader(field: Any, are_storable: bool) -> _Read:
    if type(field.child_relation) is not TenantRelatedField:
        return _refuse
    read_row = _make_related_reader(field.child_relation, are_storable)
    allow_empty: bool = field.allow_empty

    def read(value: Any) -> Any:
        if type(value) is not list or not (value or allow_empty):
            return _UNSURE
        found = [read_row(key) for key in value]
        return _UNSURE if _UNSURE in found else found

    return read


def _make_choice_reader(field: Any, are_storable: bool) -> _Read:
    del are_storable
    values: Mapping[str, Any] = field.choice_strings_to_values
    return lambda value: values.get(value, _UNSURE) if type(value) is str and value else _UNSURE


def _make_boolean_reader(field: Any, are_storable: bool) -> _Read:
    del field, are_storable
    return lambda value: value if type(value) is bool else _UNSURE


def _make_document_reader(field: Any, are_storable: bool) -> _Read:
    if field.binary or not are_storable:
        return _refuse
    return lambda value: _UNSURE if value is None else value


_MAKERS: dict[type[Any], _Make] = {
    TenantRelatedField: _make_related_reader,
    ManyRelatedField: _make_list_reader,
    serializers.ChoiceField: _make_choice_reader,
    serializers.BooleanField: _make_boolean_reader,
    DocumentField: _make_document_reader,
}
