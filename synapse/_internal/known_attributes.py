"""Objects that refuse assignments to attributes that they don't have."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from synapse._internal.hints import attribute_error, suggestion

__all__ = ["KnownAttributes"]

_PACKAGE = __name__.partition(".")[0]


class KnownAttributes:
    """Base class of objects whose options are fixed when they are made.

    Python would create any attribute on assignment, which then does nothing. A subclass of the
    user's may have attributes of its own.
    """

    # Public attributes that the constructors assign.
    _ASSIGNED: ClassVar[frozenset[str]] = frozenset()
    # Advice by the name of an attribute that is often assigned in vain.
    _INSTEAD: ClassVar[Mapping[str, str]] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] != "_" and not self._can_assign(name):
            raise attribute_error(self._refusal(name), name)
        super().__setattr__(name, value)

    def _can_assign(self, name: str) -> bool:
        if name in self._ASSIGNED:
            return True
        if hasattr(type(self), name):
            return not _is_read_only(type(self), name)
        is_of_user = type(self).__module__.partition(".")[0] != _PACKAGE
        return is_of_user and name not in self._INSTEAD and name not in _options(type(self))

    def _refusal(self, name: str) -> str:
        kind = type(self).__name__
        if name in self._INSTEAD:
            return f"{kind}.{name} can't be assigned. {self._INSTEAD[name]}"
        if name in _options(type(self)):
            return f"{kind}.{name} can't be assigned. Make another {kind} with {name}=."
        if _is_read_only(type(self), name):
            return f"{kind}.{name} can't be assigned: it is read-only."
        names = [other for other in dir(self) if not other.startswith("_")]
        return f"{kind} has no {name!r}{suggestion(name, names)}"


def _is_read_only(cls: type, name: str) -> bool:
    found = inspect.getattr_static(cls, name, None)
    return isinstance(found, property) and found.fset is None


def _options(cls: type) -> set[str]:
    """Return the names of the options of the package's classes that a class is made of."""
    ours = [one for one in cls.__mro__ if one.__module__.partition(".")[0] == _PACKAGE]
    makers = [vars(one)["__init__"] for one in ours if "__init__" in vars(one)]
    return {name for maker in makers for name in inspect.signature(maker).parameters} - {"self"}
