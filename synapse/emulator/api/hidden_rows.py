"""What a list leaves out: the units of files that were uploaded on their own, and their collection.

The server makes them by itself, so nobody expects them among those that were made. A list that asks
for one by its id, for the collection by its name, or for what is in it, has them.
"""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from synapse.emulator.tenancy import tenant_of


def listed_units(queryset: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """Leave the units of single files out of a list that isn't about them."""
    if {"id", "data_collection"} & request.query_params.keys():
        return queryset
    uploads = tenant_of(request).uploads_id
    return queryset if uploads is None else queryset.exclude(data_collection_id=uploads)


def listed_collections(queryset: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """Leave their collection out of a list that isn't about it."""
    if {"id", "name"} & request.query_params.keys():
        return queryset
    uploads = tenant_of(request).uploads_id
    return queryset if uploads is None else queryset.exclude(pk=uploads)
