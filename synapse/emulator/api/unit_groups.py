"""Groups of data units: a tree by name in each collection."""

from collections.abc import Iterable

from synapse.emulator.api.base import ResourceSerializer
from synapse.emulator.models import DataUnitGroup, Tenant
from synapse.emulator.tenancy import lock_tenant

#: Names from the top of a collection's tree down.
GroupPath = tuple[int, tuple[str, ...]]


class DataUnitGroupSerializer(ResourceSerializer):
    """A group, with the id of its parent."""

    class Meta(ResourceSerializer.Meta):
        model = DataUnitGroup
        fields = ("id", "data_collection", "parent", "name")


def ensure_groups(tenant: Tenant, paths: Iterable[GroupPath]) -> dict[GroupPath, int]:
    """Return the ids of the last groups of some paths, made where missing; in a transaction.

    Args:
        tenant: The owner.
        paths: Ids of collections with the names of nested groups.
    """
    wanted = set(paths)
    if not wanted:
        return {}
    lock_tenant(tenant)
    collections = {collection for collection, _ in wanted}
    rows = DataUnitGroup.objects.filter(tenant=tenant, data_collection__in=collections)
    ids: dict[tuple[int, int | None, str], int] = {
        (row.data_collection_id, row.parent_id, row.name): row.pk for row in rows
    }
    ends: dict[GroupPath, int] = {}
    for collection, names in sorted(wanted):
        parent: int | None = None
        for name in names:
            key = (collection, parent, name)
            if key not in ids:
                ids[key] = DataUnitGroup.objects.create(
                    tenant=tenant, data_collection_id=collection, parent_id=parent, name=name
                ).pk
            parent = ids[key]
        if parent is not None:
            ends[collection, names] = parent
    return ends
