"""Send a file to the presigned URLs that a server gave for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any

from synapse._internal.backoff import Backoff
from synapse.errors import ClientError, InvalidResponse
from synapse.transfer.checksum import compute_sha1
from synapse.transfer.file_part import FilePart
from synapse.transfer.local_file import LocalFile
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause

__all__ = ["put_part", "send_presigned"]

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0


def send_presigned(
    transport: Transport,
    target: Mapping[str, Any],
    file: LocalFile,
    *,
    content_type: str | None = None,
    retries: int = 2,
) -> dict[str, Any]:
    """Send a file to presigned URLs. One request, or one for each part. Sends no token.

    Args:
        transport: The transport.
        target: The server's row: `file_key`, and `presigned_url` or `multipart`.
        file: The file.
        content_type: Type that the server was told.
        retries: Further attempts of each request after a transient failure.

    Returns:
        The entry that confirms the file: `file_key`, `checksum` (SHA-1), `size`, `multipart`.

    Raises:
        InvalidResponse: The row has no URL, or a part was answered without an ETag.
        ClientError: The storage refused, or couldn't be reached.
        SynapseError: The file changed while it was sent.
    """
    entry = {
        "file_key": target.get("file_key"),
        "checksum": compute_sha1(file.read_at, file.size),
        "size": file.size,
    }
    multipart, url = target.get("multipart"), target.get("presigned_url")
    put = partial(
        put_part, transport, resource=file.label, content_type=content_type, retries=retries
    )
    if multipart:
        size = multipart["part_size"]
        parts = []
        for part in multipart["parts"]:
            number = part["part_number"]
            etag = put(part["presigned_url"], FilePart(file, (number - 1) * size, size))
            if not etag:
                raise InvalidResponse(
                    200,
                    f"the storage answered part {number} without an ETag",
                    resource=file.label,
                )
            parts.append({"part_number": number, "etag": etag})
        entry["multipart"] = {"upload_id": multipart["upload_id"], "parts": parts}
    elif url:
        put(url, FilePart(file))
    else:
        raise InvalidResponse(
            200, "the answer has no presigned URL", response=dict(target), resource=file.label
        )
    return entry


def put_part(
    transport: Transport,
    url: str,
    body: FilePart,
    resource: str,
    *,
    content_type: str | None = None,
    retries: int = 2,
) -> str | None:
    """PUT bytes to a presigned URL, and return the ETag. One request, and retries.

    Args:
        transport: The transport.
        url: The presigned URL.
        body: The bytes.
        resource: Name of the file in messages.
        content_type: Type that the server was told.
        retries: Further attempts after a transient failure: a PUT is idempotent.

    Raises:
        ClientError: The storage refused, or couldn't be reached.
    """
    headers = {"Content-Length": str(len(body))}
    if content_type is not None:
        headers["Content-Type"] = content_type
    backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
    for attempt in count(1):
        try:
            return transport.put(url, body, headers=headers, resource=resource).get("ETag")
        except ClientError as error:  # noqa: PERF203 # a failed request is slow in any case
            is_last = attempt > retries or not error.is_transient
            if is_last or not pause(backoff.delay(attempt)):
                raise
    raise AssertionError  # the loop has no end
