"""Rows that lists leave out: implicit units and their collection.

The server creates them by itself, so nobody expects them in a list. Lists that select one by id,
for the collection by name, or for the collection's content include them.
"""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from synapse.emulator.tenancy import tenant_of


def hide_implicit_units(queryset: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """Leave implicit units out, unless the list selects by id or collection."""
    if {"id", "id__in", "data_collection"} & request.query_params.keys():
        return queryset
    uploads = tenant_of(request).uploads_id
    return queryset if uploads is None else queryset.exclude(data_collection_id=uploads)


def hide_implicit_collection(queryset: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """Leave the implicit collection out, unless the list selects by id or name."""
    if {"id", "id__in", "name"} & request.query_params.keys():
        return queryset
    uploads = tenant_of(request).uploads_id
    return queryset if uploads is None else queryset.exclude(pk=uploads)
