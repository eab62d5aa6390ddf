"""Which rows a request can see."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from rest_framework.request import Request

from synapse.emulator.authentication import Access
from synapse.emulator.models import Job, Tenant, User
from synapse.emulator.prepared_query import PreparedQuery

# The range of a 64-bit column; SQLite refuses queries with numbers beyond.
_STORABLE = range(-(2**63), 2**63)

# Number of values in one statement, which databases limit.
_BATCH = 500

_T = TypeVar("_T")


def access_of(request: Request) -> Access:
    """Return the rights of an authenticated request."""
    access = request.auth
    if not isinstance(access, Access):  # a view without authentication has no business here
        raise TypeError("the request is not authenticated")
    return access


def tenant_of(request: Request) -> Tenant:
    """Return the tenant of an authenticated request."""
    return access_of(request).tenant


def lock_tenant(tenant: Tenant) -> None:
    """Lock a tenant for the transaction, to decide about unique things."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)


def visible(model: type[models.Model], request: Request) -> QuerySet[Any]:
    """Return the rows of a model in the request's tenant."""
    return _filter_rows(model, tenant_of(request).pk)


def _filter_rows(model: type[models.Model], tenant: int) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._default_manager.all()
    if issubclass(model, User):
        return rows.filter(memberships__tenant=tenant)
    try:
        model._meta.get_field("tenant")
    except FieldDoesNotExist:
        return rows.none()
    return rows.filter(tenant=tenant)


@functools.cache
def _prepare(model: type[models.Model]) -> PreparedQuery[Any] | None:
    """Return the query for one row, by the ids of tenant and row; None if no row has a tenant."""
    rows = _filter_rows(model, -1)
    return None if rows.query.is_empty() else PreparedQuery(rows.filter(pk=-2), -1, -2)


def fetch(model: type[models.Model], request: Request, keys: Iterable[Any]) -> dict[Any, Any]:
    """Return the rows of some primary keys in the request's tenant, by key."""
    storable = keep_storable(keys)
    if len(storable) == 1 and isinstance(storable[0], int) and (query := _prepare(model)):
        return {row.pk: row for row in query.fetch(tenant_of(request).pk, storable[0])}
    rows: dict[Any, Any] = {}
    for batch in split_batches(storable):
        rows.update(visible(model, request).in_bulk(batch))
        if issubclass(model, Job):
            renamed = visible(model, request).filter(requested_id__in=batch)
            rows.update({job.requested_id: job for job in renamed})
    return rows


def keep_storable(keys: Iterable[Any]) -> list[Any]:
    """Drop the numbers that no column can hold, and hence no row has."""
    return [key for key in keys if not isinstance(key, int) or key in _STORABLE]


def split_batches(values: Iterable[_T], size: int = _BATCH) -> Iterator[list[_T]]:
    """Split values into batches for one statement each."""
    items = list(values)
    return (items[start : start + size] for start in range(0, len(items), size))
