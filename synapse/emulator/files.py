"""Store content on disk, once for each tenant and checksum."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.files.base import File

from synapse.emulator.folder import DataFolder
from synapse.emulator.models import Blob, Tenant
from synapse.emulator.tenancy import split_batches

_BLOCK = 1 << 20


def data_folder() -> DataFolder:
    """Return the data folder of this process."""
    return DataFolder(Path(settings.MEDIA_ROOT))


def blob_path(tenant: Tenant, checksum: str) -> Path:
    """Return the path of the content with a checksum."""
    return data_folder().files / str(tenant.pk) / checksum[:2] / checksum


def find_blobs(tenant: Tenant, checksums: Iterable[str]) -> dict[str, Blob]:
    """Return a tenant's content for some checksums, by checksum."""
    blobs: dict[str, Blob] = {}
    for batch in split_batches(sorted(set(checksums))):
        rows = Blob.objects.filter(tenant=tenant, checksum__in=batch)
        blobs.update({blob.checksum: blob for blob in rows})
    return blobs


def store(tenant: Tenant, content: File[bytes]) -> Blob:
    """Store a request's file, and return the row."""
    digest = hashlib.md5(usedforsecurity=False)
    draft = _draft_path()
    try:
        with draft.open("xb") as stream:
            for chunk in content.chunks(_BLOCK):
                digest.update(chunk)
                stream.write(chunk)
        return _store_draft(tenant, draft, digest.hexdigest())
    finally:
        draft.unlink(missing_ok=True)


def store_upload(tenant: Tenant, path: Path, checksum: str) -> Blob:
    """Store the bytes of a finished upload, and return their row.

    The upload keeps the file: both share the bytes where the file system can.
    """
    draft = _draft_path()
    try:
        try:
            os.link(path, draft)
        except OSError:
            shutil.copyfile(path, draft)
        return _store_draft(tenant, draft, checksum)
    finally:
        draft.unlink(missing_ok=True)


def md5(path: Path, size: int) -> str:
    """Return the MD5 of a file's first ``size`` bytes, in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while size > 0 and (block := stream.read(min(_BLOCK, size))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _draft_path() -> Path:
    return data_folder().incoming / f"{uuid.uuid4().hex}.draft"


def _store_draft(tenant: Tenant, draft: Path, checksum: str) -> Blob:
    path = blob_path(tenant, checksum)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = draft.stat().st_size
    # Atomic, and harmless if another request has just stored the same bytes.
    draft.replace(path)
    # The row comes after the bytes, so that a row's bytes can always be read.
    blob, _ = Blob.objects.get_or_create(tenant=tenant, checksum=checksum, defaults={"size": size})
    return blob
