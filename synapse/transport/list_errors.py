"""Reasons for the refused fields and items of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["describe_fields", "describe_reasons", "reasons_by_position"]

_MOST_DESCRIBED = 3


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


def describe_reasons(reasons: Mapping[int, Any]) -> str:
    """Describe the first reasons by the position of the refused item.

    Example:
        >>> describe_reasons({700: {"name": ["Required."]}})
        'item 700: name: Required.'
    """
    items = [
        f"item {position}: {describe_fields(reason)}"
        if isinstance(reason, Mapping)
        else str(reason)
        for position, reason in reasons.items()
    ]
    others = len(items) - _MOST_DESCRIBED
    more = f"; and {others} more" if others > 0 else ""
    return "; ".join(items[:_MOST_DESCRIBED]) + more


def describe_fields(reasons: Any) -> str:
    """Describe the reasons of one item by field.

    Example:
        >>> describe_fields({"title": ["Required."], "non_field_errors": ["Locked."]})
        'title: Required.; Locked.'
    """
    if isinstance(reasons, Mapping):
        parts = [
            describe_fields(texts)
            if field == "non_field_errors"
            else f"{field}: {describe_fields(texts)}"
            for field, texts in reasons.items()
            if texts
        ]
        return "; ".join(parts)
    if isinstance(reasons, list):
        return " ".join(describe_fields(text) for text in reasons if text)
    return str(reasons)
