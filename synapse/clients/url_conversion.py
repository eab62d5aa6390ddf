"""`url_conversion`: rewriting the file URLs in rows, as the callers of lists ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from synapse.errors import UsageError

__all__ = ["UrlConversion", "conversion_of", "converted"]

UrlConversion = Mapping[str, Any]
_KEYS = {"files_fields", "coerce", "is_list"}


def conversion_of(
    given: UrlConversion | None, files_fields: Iterable[str]
) -> tuple[tuple[str, ...], Callable[[Any], Any]] | None:
    """Read what a caller gave.

    Args:
        given: `{"files_fields": [...], "coerce": callable, "is_list": bool}`, each key optional, or
            the short form `{"files": callable}` with a field's name as key.
        files_fields: The fields that have file URLs, unless the caller says which.

    Returns:
        The fields and the callable, or `None` when there is nothing to rewrite.

    Raises:
        UsageError: It is neither form.
    """
    if not given:
        return None
    if set(given) <= _KEYS:
        coerce = given.get("coerce")
        fields = tuple(given.get("files_fields") or files_fields)
    elif len(given) == 1 and not set(given) & _KEYS:
        ((field, coerce),) = given.items()
        fields = (field,)
    else:
        raise UsageError(
            f"url_conversion has the keys {sorted(map(str, given))}: give files_fields, coerce and "
            "is_list, or one field with a callable."
        )
    if coerce is None:
        return None
    if not callable(coerce):
        raise UsageError(f"url_conversion's {coerce!r} can't be called with a URL.")
    return fields, coerce


def converted(
    row: dict[str, Any], conversion: tuple[tuple[str, ...], Callable[[Any], Any]]
) -> dict[str, Any]:
    """Return a row with the URLs of some fields rewritten; the row itself stays as it is.

    A field may be a URL or a file, which is a mapping with a `url`; or it holds those, in a list
    or by name. What else a file says of itself, such as its checksum, is no URL.
    """
    fields, coerce = conversion
    return {key: _field(value, coerce) if key in fields else value for key, value in row.items()}


def _field(value: Any, coerce: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_file(item, coerce) for item in value]
    # A file may be called "url", too.
    if isinstance(value, dict) and isinstance(value.get("url", {}), dict):
        return {name: _file(item, coerce) for name, item in value.items()}
    return _file(value, coerce)


def _file(value: Any, coerce: Callable[[Any], Any]) -> Any:
    if isinstance(value, str):
        return coerce(value)
    if isinstance(value, dict) and isinstance(value.get("url"), str):
        return {**value, "url": coerce(value["url"])}
    return value
