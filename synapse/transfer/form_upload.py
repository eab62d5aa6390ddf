"""Upload of a file in one request, as a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse.errors import InvalidResponse
from synapse.transfer.checksum import Checksums, Hasher, find_algorithm
from synapse.transfer.local_file import LocalFile, SourceArgument
from synapse.transfer.multipart import MultipartFile, unwrap_progress_errors
from synapse.transfer.progress import FileProgress, Progress
from synapse.transport import Transport

__all__ = ["find_stored_checksums", "send_form", "upload_file", "validate_stored"]


def upload_file(
    transport: Transport,
    path: str,
    source: SourceArgument,
    *,
    name: str | None = None,
    fields: Mapping[str, str] | None = None,
    has_checksum: bool = True,
) -> dict[str, Any]:
    """Send a file as a form and verify the stored checksum. One request.

    The file is streamed from the disk.

    Args:
        transport: The transport.
        path: Path of the endpoint.
        source: A path, or a file opened for reading bytes.
        name: Name of the file on the server.
        fields: Further fields of the form.
        has_checksum: Whether the endpoint answers with the stored file's checksum.

    Returns:
        The server's row of the file.

    Raises:
        UsageError: The source can't be read, or has no name.
        InvalidResponse: The server's checksum differs from that of the sent bytes.
        SynapseError: The file changed while it was sent.
    """
    with LocalFile(source, name=name) as file:
        progress = Progress().file(file.name, file.size)
        row, checksums = send_form(transport, path, file, progress, fields=fields)
        return validate_stored(row, checksums, file, has_checksum=has_checksum)


def send_form(
    transport: Transport,
    path: str,
    source: LocalFile,
    progress: FileProgress,
    *,
    fields: Mapping[str, str] | None = None,
    checksums: Checksums | None = None,
) -> tuple[Any, Checksums]:
    """Send a file as a form. One request.

    Args:
        transport: The transport.
        path: Path of the endpoint.
        source: The file.
        progress: Progress of the file.
        fields: Further fields of the form.
        checksums: Checksums of the file, if known; by default computed while sending.

    Returns:
        The decoded response, and the checksums of the sent bytes.

    Raises:
        SynapseError: The file changed while it was sent.
        ClientError: The server refused, or couldn't be reached.
    """
    with Hasher(source.read_at, source.size, algorithm="md5") as hasher:
        body = MultipartFile(
            source,
            fields=fields,
            on_block=hasher.add if checksums is None else None,
            on_sent=lambda offset: progress.at(offset, is_confirmed=False),
        )
        with unwrap_progress_errors():
            row = transport.request(
                "POST", path, body=body, headers=body.headers, resource=source.label
            )
        if checksums is None:
            checksums = hasher.checksums(source.size)
    source.check_unchanged()
    return row, checksums


def validate_stored(
    row: Any, checksums: Checksums, source: LocalFile, *, has_checksum: bool = True
) -> dict[str, Any]:
    """Return the server's row if the checksum is right. Makes no request.

    Reads the file again if the server's checksum is of another kind than the known ones.

    Args:
        row: The decoded response.
        checksums: Checksums of the sent bytes, at least one kind.
        source: The file.
        has_checksum: Whether the endpoint answers with the stored file's checksum.

    Raises:
        InvalidResponse: The checksums differ.
        SynapseError: The file changed, or can't be read any more.
    """
    stored = row.get("checksum") if isinstance(row, dict) else None
    if has_checksum and not checksums.like(stored):
        with Hasher(source.read_at, algorithm=find_algorithm(str(stored))) as hasher:
            checksums = hasher.checksums(source.size)
        source.check_unchanged()
    if isinstance(row, dict) and (not has_checksum or checksums.matches(row.get("checksum"))):
        return row
    raise InvalidResponse(
        200,
        f"the stored file differs from the sent one, whose checksum is {checksums.like(stored)}",
        hint="Upload the file again.",
        response=row,
        resource=source.label,
    )


def find_stored_checksums(
    transport: Transport, path: str, checksums: Sequence[str], *, resource: str
) -> set[str]:
    """Return the checksums of which the server has a file. One request.

    Args:
        transport: The transport.
        path: Path of the endpoint that creates data files.
        checksums: Checksums in hex.
        resource: Name of the request's subject in messages.

    Raises:
        ClientError: The server refused, or couldn't be reached.
    """
    answer = transport.request(
        "POST",
        f"{path}verify_checksums/",
        json={"checksums": list(checksums)},
        resource=resource,
    )
    stored = answer
    if isinstance(answer, dict):
        # Servers of different ages use one key or the other.
        stored = answer.get("existing_checksums", answer.get("checksums"))
    if not isinstance(stored, list):
        return set()
    return {checksum for checksum in stored if isinstance(checksum, str)}
