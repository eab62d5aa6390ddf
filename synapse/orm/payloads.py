"""Documents that a server answers as a pointer, to be fetched from a storage.

Bulk lists may have `{"mode": "presigned", "presigned_url": ...}` in the place of a document, or
`{"mode": "inline", "truncated": true, "presigned_url": ...}`. The URL needs no credentials, and
expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse.errors import ClientError, InvalidResponse
from synapse.transport.body import read_whole
from synapse.transport.decoding import loads
from synapse.transport.transport import Transport

__all__ = ["fetch_document", "find_pointer", "has_expired"]

# Statuses of storages for a signature that has expired.
_EXPIRED = {400, 401, 403, 404, 410}


def find_pointer(value: Any) -> str | None:
    """Return the URL in a value that stands for a document, or `None` for a document.

    Example:
        >>> find_pointer({"mode": "presigned", "presigned_url": "https://s.example/1", "size": 9})
        'https://s.example/1'
        >>> find_pointer({"mode": "night"})
    """
    if not isinstance(value, Mapping):
        return None
    is_pointer = value.get("mode") == "presigned" or (
        value.get("mode") == "inline" and value.get("truncated") is True
    )
    url = value.get("presigned_url")
    return url if is_pointer and isinstance(url, str) else None


def has_expired(error: ClientError) -> bool:
    """Return whether a storage's refusal may come from an expired URL."""
    return error.status_code in _EXPIRED


def fetch_document(transport: Transport, url: str, resource: str) -> Any:
    """Fetch a document. One request, without credentials on another host.

    Args:
        transport: The transport.
        url: The URL of the document.
        resource: Name of the document, for messages.

    Raises:
        InvalidResponse: The response isn't JSON.
        ClientError: The host refused, or couldn't be reached.
    """
    with transport.stream(url, headers={"Accept": "application/json"}, resource=resource) as answer:
        content = read_whole(answer, transport.options.largest)
    try:
        return loads(content)
    except ValueError:
        raise InvalidResponse(200, "the document isn't JSON", resource=resource) from None
