"""One `__repr__` for many attrs classes: compiling it takes half the time of making a class."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["FieldRepr"]


class FieldRepr:
    """Base of attrs classes with `repr=False`: shows the fields as attrs does."""

    __slots__ = ()

    def __repr__(self) -> str:
        cls: Any = type(self)
        parts = [
            f"{each.name}={getattr(self, each.name)!r}" for each in attrs.fields(cls) if each.repr
        ]
        return f"{cls.__qualname__.rpartition('>.')[2]}({', '.join(parts)})"
