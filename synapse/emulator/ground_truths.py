"""The way in for ground truth: the platform's interface has none."""

from typing import Any

from django.db import transaction

from synapse.emulator.models import (
    DataUnit,
    GroundTruth,
    GroundTruthDataset,
    GroundTruthEvent,
    GroundTruthVersion,
    Project,
    Tenant,
)
from synapse.emulator.tenancy import keep_storable, split_batches

_WRITTEN = ["category", "project", "data", "meta", "updated"]


def find_unknown_ids(tenant: Tenant, items: list[dict[str, Any]]) -> list[dict[str, list[str]]]:
    """Return, for each item, the ids that the tenant doesn't have; empty without any."""
    valid_ids = {
        "data_unit": _find_ids(DataUnit, tenant, {item["data_unit"] for item in items}),
        "project": {None, *_find_ids(Project, tenant, {item.get("project") for item in items})},
    }
    problems = [
        {
            name: [f'Invalid pk "{item[name]}" - object does not exist.']
            for name, keys in valid_ids.items()
            if item.get(name) not in keys
        }
        for item in items
    ]
    return problems if any(problems) else []


@transaction.atomic
def store_ground_truths(
    tenant: Tenant, items: list[dict[str, Any]], *, dataset: str, version: str
) -> GroundTruthVersion:
    """Store ground truths in a version of a dataset; create both if missing.

    A unit has one ground truth in a dataset, and one event in a version: later items replace
    earlier ones of the same unit.
    """
    of_tenant, _ = GroundTruthDataset.objects.get_or_create(tenant=tenant, name=dataset)
    row, _ = GroundTruthVersion.objects.get_or_create(
        tenant=tenant, ground_truth_dataset=of_tenant, version=version
    )
    rows_by_unit = {
        item["data_unit"]: {
            "tenant": tenant,
            "data_unit_id": item["data_unit"],
            "category": item["category"],
            "project_id": item.get("project"),
            "data": item["data"],
            "meta": item.get("meta", {}),
        }
        for item in items
    }
    GroundTruth.objects.bulk_create(
        (GroundTruth(**values, ground_truth_dataset=of_tenant) for values in rows_by_unit.values()),
        update_conflicts=True,
        unique_fields=["ground_truth_dataset", "data_unit"],
        update_fields=_WRITTEN,
    )
    truths: dict[int, int] = {}
    for units in split_batches(rows_by_unit):
        rows = of_tenant.ground_truths.filter(data_unit__in=units)
        truths.update(rows.values_list("data_unit_id", "pk"))
    GroundTruthEvent.objects.bulk_create(
        (
            GroundTruthEvent(
                **values, ground_truth_id=truths[unit], ground_truth_dataset_version=row
            )
            for unit, values in rows_by_unit.items()
        ),
        update_conflicts=True,
        unique_fields=["ground_truth_dataset_version", "data_unit"],
        update_fields=_WRITTEN,
    )
    return row


def _find_ids(model: type[Any], tenant: Tenant, keys: set[Any]) -> set[Any]:
    ids: set[Any] = set()
    for batch in split_batches(keep_storable(keys - {None})):
        rows = model.objects.filter(tenant=tenant, pk__in=batch)
        ids.update(rows.values_list("pk", flat=True))
    return ids
