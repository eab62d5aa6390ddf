"""Read server-sent events that carry JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synapse.errors import InvalidResponse

__all__ = ["read_events"]


def read_events(lines: Iterable[str], resource: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects of an event stream's `data:` lines. Makes no request itself.

    Other fields and comments have no meaning here.

    Args:
        lines: The lines of the stream, without their ends.
        resource: Name of the log, for messages.

    Raises:
        InvalidResponse: An event is not a JSON object.

    Example:
        >>> list(read_events(['data: {"type": "log", "message": "Hello!"}', ""], "job 1"))
        [{'type': 'log', 'message': 'Hello!'}]
    """
    data: list[str] = []
    for line in lines:
        text = line.removesuffix("\r")
        if text.startswith("data:"):
            data.append(text.removeprefix("data:").removeprefix(" "))
        elif not text and data:
            yield _parse("\n".join(data), resource)
            data = []


def _parse(data: str, resource: str) -> Mapping[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, Mapping):
        raise InvalidResponse(
            200,
            "an event of the log is not a JSON object",
            response=data,
            hint="Follow the log with another protocol, such as protocol='poll'.",
            resource=resource,
        )
    return event
