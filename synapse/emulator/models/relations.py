"""A foreign key whose prefetch works for a thousand rows on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

if TYPE_CHECKING:
    from django.db.models import ForeignKey
else:

    class KeyedDescriptor(ForwardManyToOneDescriptor):
        """Prefetches by ``id IN (...)``.

        Django 5.2 writes ``id = 1 OR id = 2 OR ...`` on SQLite, which refuses an expression of
        more than a thousand terms, and hence a page of a thousand rows.
        """

        def get_prefetch_querysets(
            self, instances: Sequence[Any], querysets: Sequence[Any] | None = None
        ) -> tuple[Any, ...]:
            queryset = querysets[0] if querysets else self.get_queryset()
            key = attrgetter(self.field.attname)
            rows = queryset.filter(pk__in={key(instance) for instance in instances})
            return rows, attrgetter("pk"), key, True, self.field.cache_name, False

    class ForeignKey(models.ForeignKey):
        """A foreign key to a primary key; migrations see Django's own."""

        forward_related_accessor_class = KeyedDescriptor

        def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
            name, _, args, kwargs = super().deconstruct()
            return name, "django.db.models.ForeignKey", args, kwargs


__all__ = ["ForeignKey"]
