"""A row whose values are keys and attributes."""

from __future__ import annotations

from typing import Any

from synapse._internal.hints import suggestion
from synapse._internal.short_traceback import shortened

__all__ = ["Record"]


class Record(dict[str, Any]):
    """A row that scripts read by key or by attribute: `row["name"]` and `row.name`.

    Rows inside it are records, too.

    Example:
        >>> row = Record({"id": 7, "parts": [{"number": 1}]}, name="media")
        >>> row["name"], row.parts[0].number, row.model_dump(exclude_none=True)["id"]
        ('media', 1, 7)
    """

    def __init__(self, *rows: Any, **values: Any) -> None:
        super().__init__(*rows, **values)
        for key, value in self.items():
            self[key] = _convert(value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            hint = suggestion(name, list(self))
            raise shortened(AttributeError(f"The row has no {name!r}{hint}")) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    @classmethod
    def model_validate(cls, values: Any) -> Any:
        """Return a record of a mapping."""
        return cls(values)

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return the values as a dict.

        Args:
            exclude_none: Whether to leave out the keys without a value.
        """
        return {key: value for key, value in self.items() if not exclude_none or value is not None}


def _convert(value: Any) -> Any:
    if type(value) is dict:
        return Record(value)
    return [_convert(item) for item in value] if type(value) is list else value
