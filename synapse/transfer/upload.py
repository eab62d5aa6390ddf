"""Upload of one file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Any

from synapse.errors import InvalidQuery, InvalidResponse
from synapse.transfer.multipart import MultipartFile
from synapse.transport import Transport

__all__ = ["upload_file"]


def upload_file(
    transport: Transport,
    path: str,
    source: str | os.PathLike[str] | IO[bytes],
    *,
    name: str | None = None,
) -> dict[str, Any]:
    """Send a file in one request, streamed from the disk, and check what arrived.

    Args:
        transport: The way to the server.
        path: The endpoint.
        source: A path, or a file opened for reading bytes.
        name: The file's name on the server.

    Returns:
        The server's record of the file.

    Raises:
        InvalidQuery: The source can't be read, or has no name.
        InvalidResponse: The server's checksum isn't that of what was sent.
    """
    if isinstance(source, (str, os.PathLike)):
        where = Path(source)
        try:
            if not stat.S_ISREG(where.stat().st_mode):
                raise InvalidQuery(f"{where} is not a file.")
            with where.open("rb") as file:
                return _send(transport, path, file, name or where.name)
        except OSError as error:
            raise InvalidQuery(f"{where} can't be read: {error.strerror or error}.") from error
    own = getattr(source, "name", None)
    name = name or (Path(own).name if isinstance(own, str) else None)
    if not name:
        raise InvalidQuery("A file without a name of its own needs one: upload(file, name=...).")
    return _send(transport, path, source, name)


def _send(transport: Transport, path: str, file: IO[bytes], name: str) -> dict[str, Any]:
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    body = MultipartFile(file, size=size, filename=name)
    label = f"file {name!r}"
    row = transport.request("POST", path, body=body, headers=body.headers, resource=label)
    if not isinstance(row, dict) or row.get("checksum") != body.checksum:
        raise InvalidResponse(
            200,
            f"what the server has is not what was sent (its MD5 would be {body.checksum})",
            hint="Upload the file again.",
            response=row,
            resource=label,
        )
    return row
