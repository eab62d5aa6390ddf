"""Data units of single uploaded files, so that each can become a task."""

from synapse.emulator.api.units import compute_unit_checksum
from synapse.emulator.models import (
    Blob,
    DataCollection,
    DataUnit,
    FileSpecification,
    Tenant,
    UnitFile,
)
from synapse.emulator.models.base import Category
from synapse.emulator.tenancy import lock_tenant

_COLLECTION = "Uploaded files"
_NAME = "file"


def create_implicit_unit(tenant: Tenant, blob: Blob, filename: str) -> DataUnit:
    """Create a unit of one file, inside a transaction."""
    specification = _find_specification(tenant) or _create_specification(tenant)
    unit = DataUnit.objects.create(
        tenant=tenant,
        data_collection_id=specification.data_collection_id,
        checksum=compute_unit_checksum({_NAME: {"checksum": blob.checksum}}),
    )
    UnitFile.objects.create(data_unit=unit, specification=specification, blob=blob, path=filename)
    return unit


def _find_specification(tenant: Tenant) -> FileSpecification | None:
    # The tenant itself may have been read long ago, before the first such file came.
    rows = FileSpecification.objects.filter(name=_NAME)
    return rows.filter(data_collection__uploads_of=tenant).first()


def _create_specification(tenant: Tenant) -> FileSpecification:
    lock_tenant(tenant)
    tenant.refresh_from_db(fields=["uploads"])
    if tenant.uploads is None:
        tenant.uploads = DataCollection.objects.create(
            tenant=tenant, name=_COLLECTION, category=Category.DATA
        )
        tenant.save(update_fields=["uploads"])
    specification, _ = FileSpecification.objects.get_or_create(
        data_collection=tenant.uploads,
        name=_NAME,
        defaults={
            "file_type": FileSpecification.FileType.DATA,
            "is_required": True,
            "is_primary": True,
        },
    )
    return specification
