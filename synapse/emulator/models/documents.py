"""JSON documents that every database returns as they were stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

_decode = json.JSONDecoder().raw_decode

if TYPE_CHECKING:
    from django.db.models import JSONField
else:

    class JSONField(models.JSONField):
        """A document as text; migrations see Django's own field.

        PostgreSQL's ``jsonb`` sorts keys, has no -0.0, and writes 1e300 as an integer.
        """

        def db_type(self, connection: Any) -> str | None:
            if connection.vendor == "postgresql":
                return "text"
            return super().db_type(connection)

        def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
            # Most documents; Django's way does the same with more calls for each.
            if type(value) is str and self.decoder is None:
                try:
                    document, end = _decode(value)
                except ValueError:
                    end = -1
                if end == len(value):
                    return document
            return super().from_db_value(value, expression, connection)

        def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
            if connection.vendor != "postgresql" or hasattr(value, "as_sql"):
                return super().get_db_prep_value(value, connection, prepared)
            return json.dumps(value, cls=self.encoder)

        def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
            name, _, args, kwargs = super().deconstruct()
            return name, "django.db.models.JSONField", args, kwargs


__all__ = ["JSONField"]
