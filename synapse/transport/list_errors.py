"""Reasons for the refused items of a request whose body is a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["reasons_by_position"]


def reasons_by_position(response: Any) -> dict[int, Any]:
    """Return the server's reasons by the position of the refused item.

    Older servers answer with a list, which has an empty value for each accepted item; newer ones
    with a mapping.

    Args:
        response: The decoded body of the refusal.

    Example:
        >>> reasons_by_position([{}, {"name": ["Required."]}])
        {1: {'name': ['Required.']}}
        >>> reasons_by_position({"3": {"name": ["Required."]}})
        {3: {'name': ['Required.']}}
    """
    items: Iterable[tuple[int, Any]]
    if isinstance(response, list):
        items = enumerate(response)
    elif isinstance(response, Mapping):
        items = ((int(key), reason) for key, reason in response.items() if str(key).isdecimal())
    else:
        return {}
    return {position: reason for position, reason in items if reason}
