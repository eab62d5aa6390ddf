"""`url_conversion`: the argument of lists that rewrites the file URLs in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from synapse.errors import UsageError

__all__ = ["UrlConversion", "convert_row", "is_url_conversion", "parse_conversion"]

UrlConversion = Mapping[str, Any]
_KEYS = {"files_fields", "coerce", "is_list"}


def is_url_conversion(argument: Any) -> bool:
    """Return whether an argument is a rule for URLs, not query parameters."""
    return (
        isinstance(argument, Mapping)
        and bool(argument)
        and (set(argument) <= _KEYS or any(callable(value) for value in argument.values()))
    )


def parse_conversion(
    argument: UrlConversion | None, files_fields: Iterable[str]
) -> tuple[tuple[str, ...], Callable[[Any], Any]] | None:
    """Return the fields and the callable of a `url_conversion` argument.

    Args:
        argument: `{"files_fields": [...], "coerce": callable, "is_list": bool}`, each key optional,
            or the short form `{"files": callable}` with the name of a field as the key.
        files_fields: Fields to rewrite if the argument names none.

    Returns:
        The fields and the callable; `None` if no URL is to be rewritten.

    Raises:
        UsageError: The argument has neither form.
    """
    if not argument:
        return None
    if set(argument) <= _KEYS:
        coerce = argument.get("coerce")
        fields = tuple(argument.get("files_fields") or files_fields)
    elif len(argument) == 1 and not set(argument) & _KEYS:
        ((field, coerce),) = argument.items()
        fields = (field,)
    else:
        raise UsageError(
            f"url_conversion has the keys {sorted(map(str, argument))}. Pass files_fields, coerce "
            "and is_list, or one field with a callable."
        )
    if coerce is None:
        return None
    if not callable(coerce):
        raise UsageError(f"url_conversion={coerce!r} is not callable. Pass a function of one URL.")
    return fields, coerce


def convert_row(
    row: dict[str, Any], conversion: tuple[tuple[str, ...], Callable[[Any], Any]]
) -> dict[str, Any]:
    """Return a copy of a row with the URLs of some fields rewritten.

    A field holds a URL, a file (a mapping with a `url`), or a list or mapping of those. The other
    values of a file, such as the checksum, stay as they are.
    """
    fields, coerce = conversion
    return {
        key: _convert_field(value, coerce) if key in fields else value for key, value in row.items()
    }


def _convert_field(value: Any, coerce: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_convert_file(item, coerce) for item in value]
    # A mapping whose "url" is a mapping has a file named "url".
    if isinstance(value, dict) and isinstance(value.get("url", {}), dict):
        return {name: _convert_file(item, coerce) for name, item in value.items()}
    return _convert_file(value, coerce)


def _convert_file(value: Any, coerce: Callable[[Any], Any]) -> Any:
    if isinstance(value, str):
        return coerce(value)
    if isinstance(value, dict) and isinstance(value.get("url"), str):
        return {**value, "url": coerce(value["url"])}
    return value
