"""Core endpoints: chunked uploads."""

from __future__ import annotations

import os
from typing import Any

from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.timed_transport import set_read_timeout
from synapse.transfer.chunk_protocol import upload_path
from synapse.transfer.chunked_upload import CHUNK_SIZE, Progress, upload_in_chunks

__all__ = ["CoreClientMixin"]


class CoreClientMixin(BackendBase):
    """Chunked uploads."""

    def create_chunked_upload(
        self,
        file_path: str | os.PathLike[str],
        chunk_size: int = CHUNK_SIZE,
        on_progress: Progress | None = None,
        *,
        read_timeout: float | None = None,
    ) -> dict[str, Any]:
        """Upload a file in chunks. One request for each chunk and one to finish.

        Args:
            file_path: Path of the file.
            chunk_size: Bytes per chunk; default 50 MiB.
            on_progress: Called after each chunk with the bytes sent and the size of the file.
            read_timeout: Seconds without a byte of a response; default: the client's.

        Returns:
            The row of the upload, with the `id`.

        Raises:
            UsageError: The file can't be read or is empty.
            ClientError: The server refused the upload, or several attempts in a row failed.

        Example:
            >>> path = Path("video.bin")
            >>> path.write_bytes(b"x" * 2500)
            2500
            >>> client.create_chunked_upload(path, chunk_size=1000)["status"]
            2
        """
        transport = set_read_timeout(self._transport, read_timeout)
        return upload_in_chunks(
            transport, file_path, chunk_size=chunk_size, progress=on_progress or False
        )

    def get_chunked_upload(self, upload_id: Id) -> dict[str, Any]:
        """Return the state of a chunked upload. One request.

        Args:
            upload_id: Id of the upload.

        Raises:
            NotFound: No upload has this id, or the upload has expired.
        """
        row: dict[str, Any] = self._get(
            upload_path(upload_id), resource=f"chunked upload {upload_id}"
        )
        return row
