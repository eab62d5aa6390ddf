"""Store content on disk, once for each tenant and SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction

from synapse._internal.private_files import open_private
from synapse.emulator.folder import DataFolder
from synapse.emulator.models import Blob, Tenant, Upload
from synapse.emulator.tenancy import split_batches

_BLOCK = 1 << 20
# Ours, and those of Django's uploads.
_DRAFTS = ("*.draft", "*.joined", "tmp*.upload*")


def data_folder() -> DataFolder:
    """Return the data folder of this process."""
    return DataFolder(Path(settings.MEDIA_ROOT))


def blob_path(blob: Blob) -> Path:
    """Return the path of stored content."""
    return _content_path(blob.tenant_id, blob.key)


def find_blobs(tenant: Tenant, checksums: Iterable[str]) -> dict[str, Blob | None]:
    """Return a tenant's content by MD5, SHA-1 or SHA-256 in hex.

    Args:
        tenant: The tenant.
        checksums: The checksums, in lower case.

    Returns:
        The content by checksum; None where several contents have the checksum.
    """
    blobs: dict[str, Blob | None] = {}
    for name, length in (("sha256", 64), ("sha1", 40), ("checksum", 32)):
        for batch in split_batches(sorted({item for item in checksums if len(item) == length})):
            for blob in Blob.objects.filter(tenant=tenant, **{f"{name}__in": batch}):
                checksum = getattr(blob, name)
                blobs[checksum] = None if checksum in blobs else blob
    return blobs


def store(tenant: Tenant, content: File[bytes]) -> Blob:
    """Store a request's file, and return the row."""
    draft = _draft_path()
    try:
        with open_private(draft, "xb") as stream:
            sums = _hash(_write_through(content.chunks(_BLOCK), stream))
        return _store_draft(tenant, draft, sums)
    finally:
        draft.unlink(missing_ok=True)


def store_file(tenant: Tenant, path: Path, *, sha1: str) -> Blob | None:
    """Move a file into the store, and return the row; None if the SHA-1 is another."""
    with path.open("rb") as stream:
        sums = _hash(_read_blocks(stream))
    return _store_draft(tenant, path, sums) if sums.sha1 == sha1 else None


def store_upload(tenant: Tenant, path: Path) -> Blob:
    """Store the bytes of a finished upload, and return their row.

    The upload keeps the file: both share the bytes where the file system can.
    """
    draft = _draft_path()
    try:
        try:
            os.link(path, draft)
        except OSError:
            with path.open("rb") as source, open_private(draft, "xb") as target:
                shutil.copyfileobj(source, target, _BLOCK)
        with draft.open("rb") as stream:
            sums = _hash(_read_blocks(stream))
        return _store_draft(tenant, draft, sums)
    finally:
        draft.unlink(missing_ok=True)


def remove_left_files() -> None:
    """Remove incomplete files of a server that was killed. Call this before serving."""
    folder = data_folder()
    for pattern in _DRAFTS:
        for path in folder.incoming.rglob(pattern):
            path.unlink(missing_ok=True)
    # Another database's uploads may be here too, so others count as left after their lifetime.
    oldest = time.time() - Upload.lifetime.total_seconds()
    known = {Path(name).name for name in Upload.objects.values_list("file", flat=True) if name}
    for path in folder.incoming.glob("*.part"):
        if path.name not in known and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def _write_through(pieces: Iterable[bytes], stream: IO[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        stream.write(piece)
        yield piece


def _read_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(_BLOCK), b"")


@dataclass(frozen=True)
class _Checksums:
    """Checksums of one content, in hex; SHA-256 alone identifies the content."""

    checksum: str
    sha1: str
    sha256: str


def _hash(pieces: Iterable[bytes]) -> _Checksums:
    """Return all checksums, from one read."""
    digests = (hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False))
    strong = hashlib.sha256()
    for piece in pieces:
        for digest in (*digests, strong):
            digest.update(piece)
    return _Checksums(*(digest.hexdigest() for digest in (*digests, strong)))


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


def _content_path(tenant: int, key: str) -> Path:
    return data_folder().files / str(tenant) / key[:2] / key


def _store_draft(tenant: Tenant, draft: Path, sums: _Checksums) -> Blob:
    path = _content_path(tenant.pk, sums.sha256)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = draft.stat().st_size
    # Atomic, and harmless if another request has just stored the same bytes.
    draft.replace(path)
    # The row comes after the bytes, so that a row's bytes can always be read.
    older = _find_older(tenant, sums, size)
    if older is not None:
        before = blob_path(older)
        older.sha1, older.sha256 = sums.sha1, sums.sha256
        with contextlib.suppress(IntegrityError), transaction.atomic():
            older.save(update_fields=["sha1", "sha256"])
            transaction.on_commit(lambda: before.unlink(missing_ok=True))
    blob, _ = Blob.objects.get_or_create(
        tenant=tenant, sha256=sums.sha256, defaults={**asdict(sums), "size": size}
    )
    return blob


def _find_older(tenant: Tenant, sums: _Checksums, size: int) -> Blob | None:
    """Return a row for the same bytes from before SHA-256 was stored."""
    rows = Blob.objects.filter(tenant=tenant, checksum=sums.checksum, sha256="", size=size)
    for row in rows:
        with contextlib.suppress(OSError), blob_path(row).open("rb") as stream:
            if _hash(_read_blocks(stream)) == sums:
                return row
    return None
