"""Store content on disk, once for each tenant and checksum."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

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
    """Return a tenant's content for some checksums, MD5 or SHA-1, by checksum."""
    blobs: dict[str, Blob] = {}
    for name, length in (("sha1", 40), ("checksum", 32)):
        for batch in split_batches(sorted({item for item in checksums if len(item) == length})):
            rows = Blob.objects.filter(tenant=tenant, **{f"{name}__in": batch})
            blobs.update({getattr(blob, name): blob for blob in rows})
    return blobs


def store(tenant: Tenant, content: File[bytes]) -> Blob:
    """Store a request's file, and return the row."""
    draft = _draft_path()
    try:
        with draft.open("xb") as stream:
            sums = _hash(_write_through(content.chunks(_BLOCK), stream))
        return _store_draft(tenant, draft, *sums)
    finally:
        draft.unlink(missing_ok=True)


def store_file(tenant: Tenant, path: Path, *, sha1: str) -> Blob | None:
    """Move a file into the store, and return the row; None if the SHA-1 is another."""
    with path.open("rb") as stream:
        sums = _hash(iter(lambda: stream.read(_BLOCK), b""))
    return _store_draft(tenant, path, *sums) if sums[1] == sha1 else None


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
        with draft.open("rb") as stream:
            _, sha1 = _hash(iter(lambda: stream.read(_BLOCK), b""))
        return _store_draft(tenant, draft, checksum, sha1)
    finally:
        draft.unlink(missing_ok=True)


def _write_through(pieces: Iterable[bytes], stream: IO[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        stream.write(piece)
        yield piece


def _hash(pieces: Iterable[bytes]) -> tuple[str, str]:
    """Return MD5 and SHA-1 in hex, from one read."""
    own, other = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    for piece in pieces:
        own.update(piece)
        other.update(piece)
    return own.hexdigest(), other.hexdigest()


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


def _store_draft(tenant: Tenant, draft: Path, checksum: str, sha1: str) -> Blob:
    path = blob_path(tenant, checksum)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = draft.stat().st_size
    # Atomic, and harmless if another request has just stored the same bytes.
    draft.replace(path)
    # The row comes after the bytes, so that a row's bytes can always be read.
    blob, _ = Blob.objects.get_or_create(
        tenant=tenant, checksum=checksum, defaults={"size": size, "sha1": sha1}
    )
    if not blob.sha1:
        blob.sha1 = sha1
        blob.save(update_fields=["sha1"])
    return blob
