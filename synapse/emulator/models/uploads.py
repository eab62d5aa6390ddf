"""Uploads that arrive in pieces."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.db import models
from drf_chunked_upload import settings as upload_settings
from drf_chunked_upload.models import AbstractChunkedUpload

from synapse.emulator.models.accounts import Tenant, User
from synapse.emulator.models.relations import ForeignKey


class Upload(AbstractChunkedUpload):  # type: ignore[misc] # the library ships no types
    """An upload, visible to the user who began the upload.

    Replaces the library's model, whose migration is out of step.
    """

    user = ForeignKey(User, models.CASCADE, related_name="+", editable=False)
    tenant = ForeignKey(Tenant, models.CASCADE, related_name="+", editable=False)
    offset: int  # declared by the library, which ships no types

    #: Lifetime of an upload, during which chunks are accepted.
    lifetime = upload_settings.EXPIRATION_DELTA

    @property
    def path(self) -> Path:
        """Path of the bytes."""
        return Path(self.file.path)

    def append_chunk(
        self, chunk: File[bytes], chunk_size: int | None = None, save: bool = True
    ) -> None:
        """Write a chunk at the offset in the row.

        Appending to the file would be wrong: after a crash between write and commit, the file is
        longer than the row says, and the surplus is overwritten.
        """
        with self.path.open("r+b") as stream:
            stream.seek(self.offset)
            stream.truncate()
            for part in chunk.chunks():
                stream.write(part)
            self.offset = stream.tell()
        if save:
            self.save(update_fields=["offset"])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row, and then the bytes."""
        path = self.path if self.file else None
        answer = models.Model.delete(self)
        if path is not None:
            path.unlink(missing_ok=True)
        return answer
