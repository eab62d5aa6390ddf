"""Serializer fields that every resource uses."""

import copy
import json
import re
from collections.abc import Hashable, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.relations import ManyRelatedField

from synapse.emulator.tenancy import fetch

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class DocumentField(serializers.JSONField):
    """A JSON document that any database and any client can hold.

    JSON text may contain values that databases can't store: numbers that overflow to infinity, a
    NUL.
    """

    default_error_messages = {
        "unstorable": "The document has a number, text or nesting that cannot be stored.",
    }

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not is_storable(value):
            self.fail("unstorable")
        return value


def is_storable(document: Any) -> bool:
    """Return whether any database and any client can hold a document."""
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    except (ValueError, RecursionError):
        return False
    return "\\u0000" not in text or not _ESCAPED_NUL.search(text)


def copy_field(field: Any) -> Any:
    """Return an unbound field's copy, without the work of its constructor."""
    if isinstance(field, serializers.BaseSerializer) or hasattr(field, "child"):
        return copy.deepcopy(field)
    clone = _copy_alone(field)
    if isinstance(field, ManyRelatedField):
        clone.child_relation = _copy_alone(field.child_relation)
        clone.child_relation.parent = clone
    return clone


def _copy_alone(field: Any) -> Any:
    clone = object.__new__(type(field))
    clone.__dict__.update(vars(field))
    return clone


class ObjectField(DocumentField):
    """A JSON document that is an object."""

    default_error_messages = {"not_an_object": 'Expected an object, but got type "{kind}".'}

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            self.fail("not_an_object", kind=type(value).__name__)
        return value


class WordField(serializers.ChoiceField):
    """A choice of words in any letter case."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data.lower() if isinstance(data, str) else data)


class PositionalListSerializer(serializers.ListSerializer[Any]):
    """A list with a list of errors, empty objects for valid items.

    Newer versions of DRF answer an object keyed by position instead; the platform does not.
    """

    def to_internal_value(self, data: Any) -> list[Any]:
        try:
            items: list[Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail: Any = error.detail
            if not all(isinstance(key, int) for key in detail):
                raise
            raise serializers.ValidationError(
                [detail.get(position, {}) for position in range(len(data))]
            ) from error
        return items


class TenantRelatedField(serializers.PrimaryKeyRelatedField[Any]):
    """A relation by id, to a row of the request's tenant only.

    Rows are cached in the context, so that a list body fetches each only once, and
    :meth:`prefetch` fetches those of a whole body together.
    """

    def to_internal_value(self, data: Any) -> Any:
        key = self._key(data)
        if key is None:
            self.fail("incorrect_type", data_type=type(data).__name__)
        rows = self.rows()
        if key not in rows:
            self._fetch({key})
        if rows[key] is None:
            self.fail("does_not_exist", pk_value=data)
        return rows[key]

    def prefetch(self, values: Iterable[Any]) -> None:
        """Fetch the rows of raw ids; validation handles malformed ids."""
        # A body names the same few rows again and again.
        different = {(type(value), value) for value in values if isinstance(value, Hashable)}
        keys = {self._key(value) for _, value in different} - {None}
        self._fetch(keys - set(self.rows()))

    def _key(self, data: Any) -> Any:
        if isinstance(data, bool | float | list | dict):
            return None
        try:
            return self._model_class._meta.pk.to_python(data)
        except ValidationError:
            return None

    @property
    def _model_class(self) -> Any:
        field: Any = self
        return field.queryset.model  # `get_queryset` would copy the query set

    def rows(self) -> dict[Any, Any]:
        """Return the fetched rows by id; None for those that the tenant hasn't."""
        context: Any = self.context
        rows: dict[Any, Any] = context.setdefault("related", {}).setdefault(self._model_class, {})
        return rows

    def _fetch(self, keys: set[Any]) -> None:
        rows = fetch(self._model_class, self.context["request"], keys)
        self.rows().update({key: rows.get(key) for key in keys})
