"""The server's side of presigned uploads: announce files, and confirm what the storage has."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from synapse._internal.storage_providers import PRESIGNED_UPLOAD_PROVIDERS
from synapse._internal.validate import is_int
from synapse.errors import (
    ClientError,
    InvalidResponse,
    ValidationError,
)
from synapse.transfer.retry_delay import retry_transient
from synapse.transport import Transport
from synapse.transport.paging import get_page

__all__ = [
    "ANNOUNCED_FILES",
    "PresignedTarget",
    "announce",
    "confirm",
    "describe_file",
    "fetch_default_storage",
    "has_presigned_uploads",
    "read_confirmation",
]

ANNOUNCED_FILES = 1000
"""Largest number of files in one request."""

_STORAGES = "storages/"
# Statuses of servers without a list of storages, and of tokens that may not see the list.
_NOT_TOLD = frozenset({400, 403, 404, 405, 501})
_LIFETIME = 3600
# Parts of a large file take longer; servers grant a day at most.
_LONGEST_LIFETIME = 86_400
_LARGE = 50 * 1024 * 1024


def fetch_default_storage(transport: Transport, path: str = _STORAGES) -> dict[str, Any] | None:
    """Return the storage of new files: the default one, else the first. One request.

    Args:
        transport: The transport.
        path: Path of the list of storages.
    """
    page = get_page(transport, path, [("category", "internal")], resource="default storage")
    default = next((row for row in page.rows if row.get("is_default")), None)
    return default or next(iter(page.rows), None)


def has_presigned_uploads(transport: Transport) -> bool:
    """Return whether the server's default storage takes presigned uploads.

    One request for each session, which remembers the answer.

    Raises:
        ClientError: The server couldn't be reached.
    """
    option = transport.options.uploads
    if option != "auto":
        return option == "presigned"
    if transport.has_presigned_uploads is None:
        try:
            storage = fetch_default_storage(transport)
        except ClientError as error:
            if error.status_code not in _NOT_TOLD:
                raise
            storage = None
        provider = storage.get("provider") if storage else None
        transport.has_presigned_uploads = (
            isinstance(provider, str) and provider in PRESIGNED_UPLOAD_PROVIDERS
        )
    return transport.has_presigned_uploads


@attrs.frozen
class PresignedTarget:
    """The addresses for one file.

    Attributes:
        key: The server's key of the upload.
        upload_id: Id of the storage's upload in parts, if the file has parts.
        part_size: Bytes per part.
        urls: The presigned URLs, one for each part.
    """

    key: str
    upload_id: str | None
    part_size: int
    urls: list[str] = attrs.field(repr=False)

    @classmethod
    def parse(cls, row: Any, size: int, resource: str) -> PresignedTarget:
        """Read a server's row. Makes no request.

        Args:
            row: The row.
            size: Size of the file in bytes.
            resource: Name of the file in messages.

        Raises:
            InvalidResponse: The row has no URL, or the parts don't cover the file.
        """
        problem = "the answer has no presigned URL"
        if isinstance(row, Mapping) and isinstance(row.get("file_key"), str):
            parts = row.get("multipart")
            if not parts and isinstance(url := row.get("presigned_url"), str) and url:
                return cls(row["file_key"], None, size, [url])
            if isinstance(parts, Mapping) and parts:
                upload_id = parts.get("upload_id")
                part_size: Any = parts.get("part_size")
                urls = _read_urls(parts.get("parts"))
                is_valid = is_int(part_size) and part_size > 0 and upload_id
                if is_valid and len(urls) == max(1, -(-size // part_size)):
                    return cls(row["file_key"], str(upload_id), part_size, urls)
                problem = f"{len(urls)} parts of {part_size} bytes don't make {size} bytes"
        raise InvalidResponse(200, problem, resource=resource)

    def is_same_upload(self, other: PresignedTarget) -> bool:
        """Return whether the parts of one upload count for the other."""
        return (self.key, self.upload_id, self.part_size) == (
            other.key,
            other.upload_id,
            other.part_size,
        )


def _read_urls(parts: Any) -> list[str]:
    """Return the URLs of parts 1, 2 and so on; none if one is missing."""
    rows = [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    urls = {part.get("part_number"): part.get("presigned_url") for part in rows}
    numbered = [urls.get(number) for number in range(1, len(rows) + 1)]
    return [url for url in numbered if isinstance(url, str) and url] if all(numbered) else []


def describe_file(name: str, size: int) -> dict[str, Any]:
    """Return what the server is told of a file. Makes no request.

    Example:
        >>> describe_file("a.png", 3)
        {'filename': 'a.png', 'size': 3, 'content_type': 'image/png'}
    """
    content_type, _ = mimetypes.guess_type(name)
    return {"filename": name, "size": size, "content_type": content_type}


def announce(
    transport: Transport, path: str, files: Sequence[Mapping[str, Any]], *, resource: str
) -> list[Any]:
    """Request presigned URLs. One request; one more after each transient failure.

    Args:
        transport: The transport.
        path: Path of the endpoint that creates data files.
        files: `{"filename", "size", "content_type"}` for each file, at most 1,000. With the
            `file_key` of an earlier answer, a server may renew its URLs and keep what was sent.
        resource: Name of the request's subject in messages.

    Returns:
        The server's rows, in the order of the files.

    Raises:
        ClientError: The server refused, or couldn't be reached several times in a row.
        InvalidResponse: The answer has another number of files.
    """
    is_large = any(file["size"] > _LARGE for file in files)
    body = {"files": [*files], "expiration": _LONGEST_LIFETIME if is_large else _LIFETIME}
    endpoint = f"{path}presigned_upload/upload/"
    answer = retry_transient(
        transport, lambda: transport.request("POST", endpoint, json=body, resource=resource)
    )
    rows = answer.get("files") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list) or len(rows) != len(files):
        raise InvalidResponse(
            200,
            f"the answer doesn't have URLs for {len(files)} files",
            resource=resource,
        )
    return rows


def confirm(
    transport: Transport, path: str, entries: Sequence[Mapping[str, Any]], *, resource: str
) -> dict[str, Any]:
    """Create data files of what the storage has. One request, never repeated.

    Args:
        transport: The transport.
        path: Path of the endpoint that creates data files.
        entries: What was sent, at most 1,000 files.
        resource: Name of the request's subject in messages.

    Returns:
        The server's results by `file_key`.

    Raises:
        ClientError: The server refused, or couldn't be reached.
        InvalidResponse: The answer has no results.
    """
    answer = transport.request(
        "POST",
        f"{path}presigned_upload/confirm_upload/",
        json={"files": [*entries]},
        repeatable=False,
        resource=resource,
    )
    results = answer.get("results") if isinstance(answer, Mapping) else None
    if not isinstance(results, list):
        raise InvalidResponse(200, "the answer has no results", response=answer, resource=resource)
    return {str(row.get("file_key")): row for row in results if isinstance(row, Mapping)}


def read_confirmation(result: Any, entry: Mapping[str, Any], resource: str) -> Any:
    """Return the id of the data file that the server made of a sent file.

    Args:
        result: The server's result, or `None` for none.
        entry: What was sent.
        resource: Name of the file in messages.

    Raises:
        ValidationError: The server refused the file.
        InvalidResponse: The server stored other bytes.
    """
    if not isinstance(result, Mapping) or not result.get("success"):
        reason = result.get("error") if isinstance(result, Mapping) else None
        raise ValidationError(
            400,
            str(reason or "the server didn't confirm the file"),
            hint="Upload the file again.",
            response=result,
            resource=resource,
        )
    checksum = result.get("checksum")
    if checksum and str(checksum).lower() != entry["checksum"]:
        raise InvalidResponse(
            200,
            f"the stored file differs from the sent one, whose checksum is {entry['checksum']}",
            hint="Upload the file again.",
            response=result,
            resource=resource,
        )
    return result.get("data_file_id")
