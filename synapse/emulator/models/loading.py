"""Objects of database rows, made without Django's work for each of their fields."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models.base import ModelState
from typing_extensions import Self

__all__ = ["LoadedModel"]


class LoadedModel(models.Model):
    """A model whose rows become objects at once; no signal follows a row's loading."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any
    ) -> Self:
        """Return the object of a row, as Django calls this for each row."""
        names = _list_names(cls)
        if options or len(values) != len(names):  # some fields are deferred
            return super().from_db(db, field_names, values, **options)
        loaded = cls.__new__(cls)
        state = loaded._state = ModelState()
        state.adding, state.db = False, db
        # Django's way sends two signals, and sets each field through the fields' descriptors, which
        # only matter where a value replaces another.
        loaded.__dict__.update(zip(names, values, strict=True))
        return loaded


@functools.cache
def _list_names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)
