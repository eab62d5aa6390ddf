"""Core endpoints: chunked uploads."""

from __future__ import annotations

import os
from typing import Any

from synapse.clients.backend.base import BackendBase
from synapse.transfer.chunked_upload import CHUNK_SIZE, Progress, upload_in_chunks

__all__ = ["CoreClientMixin"]


class CoreClientMixin(BackendBase):
    """Chunked uploads."""

    def create_chunked_upload(
        self,
        file_path: str | os.PathLike[str],
        chunk_size: int = CHUNK_SIZE,
        on_progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Upload a file in chunks. One request for each chunk and one to finish.

        Args:
            file_path: Path of the file.
            chunk_size: Bytes per chunk; default 50 MiB.
            on_progress: Called after each chunk with the bytes sent and the size of the file.

        Returns:
            The row of the upload, with the `id`.

        Raises:
            UsageError: The file can't be read or is empty.
            ClientError: The server refused the upload, or several attempts in a row failed.

        Example:
            >>> path = getfixture("tmp_path") / "video.bin"
            >>> path.write_bytes(b"x" * 2500)
            2500
            >>> client = getfixture("client")
            >>> client.create_chunked_upload(path, chunk_size=1000)["status"]
            2
        """
        return upload_in_chunks(
            self._transport, file_path, chunk_size=chunk_size, progress=on_progress or False
        )
