"""Which rows a request can see."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from rest_framework.request import Request

from synapse.emulator.authentication import Access
from synapse.emulator.models import Tenant, User

#: The range of a 64-bit column; SQLite refuses queries with numbers beyond.
STORABLE = range(-(2**63), 2**63)

#: Number of values in one statement, which databases limit.
BATCH = 500


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
    tenant = tenant_of(request)
    rows: QuerySet[Any] = model._default_manager.all()
    if issubclass(model, User):
        return rows.filter(memberships__tenant=tenant)
    try:
        model._meta.get_field("tenant")
    except FieldDoesNotExist:
        return rows.none()
    return rows.filter(tenant=tenant)


def fetch(model: type[models.Model], request: Request, keys: Iterable[Any]) -> dict[Any, Any]:
    """Return the rows of some primary keys in the request's tenant, by key."""
    wanted = [key for key in keys if not isinstance(key, int) or key in STORABLE]
    rows: dict[Any, Any] = {}
    for start in range(0, len(wanted), BATCH):
        rows.update(visible(model, request).in_bulk(wanted[start : start + BATCH]))
    return rows
