"""Upload of a file in one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse.errors import InvalidResponse
from synapse.transfer.checksum import Hasher
from synapse.transfer.local_file import LocalFile, SourceArgument
from synapse.transfer.multipart import MultipartFile, showing_errors
from synapse.transfer.progress import FileProgress, Progress
from synapse.transport import Transport

__all__ = ["check_arrived", "send", "upload_file"]


def upload_file(
    transport: Transport,
    path: str,
    source: SourceArgument,
    *,
    name: str | None = None,
    fields: Mapping[str, str] | None = None,
    has_checksum: bool = True,
) -> dict[str, Any]:
    """Send a file as a form, streamed from the disk, and check the stored bytes. One request.

    Args:
        transport: The transport.
        path: The endpoint.
        source: A path, or a file opened for reading bytes.
        name: The file's name on the server.
        fields: Further fields of the form.
        has_checksum: Whether the endpoint answers the MD5 of the stored bytes.

    Returns:
        The server's row of the file.

    Raises:
        UsageError: The source can't be read, or has no name.
        InvalidResponse: The server's checksum differs from the sent bytes'.
        SynapseError: The file changed while being sent.
    """
    with LocalFile(source, name=name) as file:
        part = Progress().file(file.name, file.size)
        row, checksum = send(transport, path, file, part, fields=fields)
        return check_arrived(row, checksum, file.label, has_checksum=has_checksum)


def send(
    transport: Transport,
    path: str,
    source: LocalFile,
    part: FileProgress,
    *,
    fields: Mapping[str, str] | None = None,
    checksum: str | None = None,
) -> tuple[Any, str]:
    """Send a file as a form. One request.

    Args:
        transport: The transport.
        path: The endpoint.
        source: The file.
        part: The file's progress.
        fields: Further fields of the form.
        checksum: The file's MD5 in hex, if known; otherwise computed.

    Returns:
        The server's response, and the MD5 of the sent bytes.

    Raises:
        SynapseError: The file changed while being sent.
        ClientError: The server refused, or couldn't be reached.
    """
    with Hasher(source.read_at, source.size) as hasher:
        body = MultipartFile(
            source,
            fields=fields,
            on_block=hasher.add if checksum is None else None,
            on_sent=lambda offset: part.at(offset, is_confirmed=False),
        )
        with showing_errors():
            row = transport.request(
                "POST", path, body=body, headers=body.headers, resource=source.label
            )
        if checksum is None:
            checksum = hasher.hexdigest(source.size)
    source.check_unchanged()
    return row, checksum


def check_arrived(
    row: Any, checksum: str, label: str, *, has_checksum: bool = True
) -> dict[str, Any]:
    """Return the server's row of a file, if the row matches the sent bytes. Makes no request.

    Args:
        row: The response.
        checksum: MD5 of the sent bytes, in hex.
        label: Name of the file in messages.
        has_checksum: Whether the endpoint answers the MD5 of the stored bytes.

    Raises:
        InvalidResponse: The row is about other bytes.
    """
    if isinstance(row, dict) and (not has_checksum or row.get("checksum") == checksum):
        return row
    raise InvalidResponse(
        200,
        f"what the server has is not what was sent (its MD5 would be {checksum})",
        hint="Upload the file again.",
        response=row,
        resource=label,
    )
