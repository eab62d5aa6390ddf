"""Pages of a list. The settings name this module, so it may import no view."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.db import models
from django.db.models import Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView


class Pagination(PageNumberPagination):
    """``page`` and ``page_size``: by default 100 rows, at most 1000."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class CursorPagination(Pagination):
    """``pagination=cursor``: pages without a count, each as cheap as the first.

    A cursor holds the values by which the last row of a page is ordered. The next page is a range
    of the index behind them, whatever rows came or went meanwhile.
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        ordering = [str(name) for name in queryset.query.order_by]
        fields = _ordering_fields(queryset.model, ordering)
        salt = f"cursor:{request.path}:{'.'.join(ordering)}"
        cursor = request.query_params.get("cursor")
        if cursor:
            queryset = queryset.filter(_behind(ordering, fields, _read(cursor, salt)))
        size = self.get_page_size(request) or self.page_size
        rows = list(queryset[: size + 1])
        self._next = None
        if len(rows) > size:
            del rows[size:]
            values = [field.value_to_string(rows[-1]) for field in fields]
            url = request.build_absolute_uri()
            self._next = replace_query_param(url, "cursor", signing.dumps(values, salt=salt))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": None, "results": data})


def _ordering_fields(model: type[models.Model], ordering: Sequence[str]) -> list[Any]:
    fields = [model._meta.get_field(name.lstrip("-")) for name in ordering]
    for field in fields:
        if field.null:  # databases differ in the place of nulls
            raise ValidationError(
                {"ordering": [f"{field.name} can be null. Use page numbers for this order."]}
            )
    return fields


def _read(cursor: str, salt: str) -> list[str]:
    try:
        values: list[str] = signing.loads(cursor, salt=salt)
    except signing.BadSignature:
        raise ValidationError(
            {"cursor": ["Invalid cursor. Follow the links of the pages of one list, unchanged."]}
        ) from None
    return values


def _behind(ordering: Sequence[str], fields: Sequence[Any], texts: Sequence[str]) -> Q:
    """Return the condition for rows behind the values: greater in the first that differs."""
    values = [field.to_python(text) for field, text in zip(fields, texts, strict=True)]
    condition = Q()
    for position, name in enumerate(ordering):
        same = {
            field.attname: value for field, value in zip(fields[:position], values, strict=False)
        }
        lookup = f"{fields[position].attname}__{'lt' if name.startswith('-') else 'gt'}"
        condition |= Q(**same, **{lookup: values[position]})
    # Redundant, but a range that an index serves.
    edge = f"{fields[0].attname}__{'lte' if ordering[0].startswith('-') else 'gte'}"
    return condition & Q(**{edge: values[0]})
