"""Lists and mappings of JSON fields that report their changes.

Changes are found by comparison; a report only makes the session pin the object until saving, so
that an edit isn't lost with the last reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synapse._internal.short_traceback import shortened
from synapse._internal.yaml_values import write_as

__all__ = ["TrackedDict", "TrackedList", "adopt", "is_tracked", "read_only", "tracked"]

Report = Callable[[], None]

# Python's own limit isn't reached by then, whatever walks through the value.
_DEEPEST = 200


class TrackedDict(dict[Any, Any]):
    """A `dict` that reports each change, and pickles and copies as a plain `dict`."""

    __slots__ = ("_report",)
    _report: Report

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return dict, (dict(self),)


class TrackedList(list[Any]):
    """A `list` that reports each change, and pickles and copies as a plain `list`."""

    __slots__ = ("_report",)
    _report: Report

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return list, (list(self),)


def _reporting(base: type, name: str) -> Callable[..., Any]:
    method = getattr(base, name)

    def call(self: TrackedDict | TrackedList, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            # Also after an error: items before the failing one have been added.
            if (report := getattr(self, "_report", None)) is not None:
                report()

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


_SHARED = "__setitem__", "__delitem__", "clear", "pop"
_OF_DICT = "__ior__", "popitem", "setdefault", "update"
_OF_LIST = "__iadd__", "__imul__", "append", "extend", "insert", "remove", "reverse", "sort"

for _name in _SHARED + _OF_DICT:
    setattr(TrackedDict, _name, _reporting(dict, _name))
for _name in _SHARED + _OF_LIST:
    setattr(TrackedList, _name, _reporting(list, _name))


def tracked(value: Any, report: Report, depth: int = 0) -> Any:
    """Copy a JSON value with tracked lists and mappings at every depth.

    Raises:
        ValueError: The value is nested too deeply to be compared and sent.
    """
    if isinstance(value, dict):
        below = _one_deeper(depth)
        mapping = TrackedDict({key: tracked(item, report, below) for key, item in value.items()})
        mapping._report = report
        return mapping
    if isinstance(value, (list, tuple)):
        below = _one_deeper(depth)
        items = TrackedList([tracked(item, report, below) for item in value])
        items._report = report
        return items
    return value


def _one_deeper(depth: int) -> int:
    if depth == _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
    return depth + 1


def adopt(current: Any, stored: Any) -> Any:
    """Return a stored value, in the current lists and mappings as far as they report changes.

    Args:
        current: A field's value, equal to the stored one as JSON.
        stored: The server's value, converted.
    """
    if _is_same(current, stored):
        return current
    if isinstance(current, TrackedDict) and isinstance(stored, dict):
        # The methods of `dict` report no change. What another thread adds meanwhile stays.
        for key in [key for key in dict.copy(current) if type(key) is not str]:
            dict.__delitem__(current, key)
        for key, item in stored.items():
            dict.__setitem__(current, key, adopt(current.get(key), item))
        return current
    if isinstance(current, TrackedList) and isinstance(stored, list):
        for position, item in enumerate(stored[: len(current)]):
            list.__setitem__(current, position, adopt(current[position], item))
        return current
    return stored


def _is_same(current: Any, stored: Any) -> bool:
    """Return whether a value reads as the stored one, down to the types."""
    if type(current) in (dict, TrackedDict):
        items = dict.copy(current)  # another thread may add an item
        return (
            isinstance(stored, dict)
            and items.keys() == stored.keys()
            and all(type(key) is str for key in items)
            and all(_is_same(item, stored[key]) for key, item in items.items())
        )
    if type(current) in (list, TrackedList):
        return (
            isinstance(stored, list)
            and len(current) == len(stored)
            and all(map(_is_same, current, stored))
        )
    return type(current) is type(stored) and bool(current == stored)


class _ReadOnly:
    """Base of containers that refuse changes and name the alternative."""

    __slots__ = ()
    if TYPE_CHECKING:
        _what: str
        _hint: str

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise shortened(TypeError(f"{self._what} is read-only: {self._hint}."))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name[:1] == "_":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            # Such as `add` or `all`, from users who take the list for a manager.
            raise shortened(
                AttributeError(f"{self._what} has no {name!r}, and is read-only: {self._hint}.")
            )


class ReadOnlyDict(_ReadOnly, dict[Any, Any]):
    """A `dict` that refuses changes, and pickles and copies as a plain `dict`."""

    __slots__ = ("_hint", "_what")

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return dict, (dict(self),)


class ReadOnlyList(_ReadOnly, list[Any]):
    """A `list` that refuses changes, and pickles and copies as a plain `list`."""

    __slots__ = ("_hint", "_what")

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return list, (list(self),)


for _name in _SHARED + _OF_DICT:
    setattr(ReadOnlyDict, _name, _ReadOnly._refuse)
for _name in _SHARED + _OF_LIST:
    setattr(ReadOnlyList, _name, _ReadOnly._refuse)


def read_only(value: Any, what: str, hint: str, depth: int = 0) -> Any:
    """Copy a JSON value with read-only lists and mappings at every depth.

    Args:
        value: The value.
        what: Name of the value, for the message.
        hint: The alternative to changing the value.
        depth: Depth of the value inside the field.

    Raises:
        ValueError: The value is nested too deeply to be compared.
    """
    made: ReadOnlyDict | ReadOnlyList
    if isinstance(value, dict):
        below = _one_deeper(depth)
        made = ReadOnlyDict({k: read_only(item, what, hint, below) for k, item in value.items()})
    elif isinstance(value, (list, tuple)):
        below = _one_deeper(depth)
        made = ReadOnlyList([read_only(item, what, hint, below) for item in value])
    else:
        return value
    made._what, made._hint = what, hint
    return made


for _class, _base in (
    (TrackedDict, dict),
    (TrackedList, list),
    (ReadOnlyDict, dict),
    (ReadOnlyList, list),
):
    write_as(_class, _base)


def is_tracked(value: Any) -> bool:
    """Return whether every list and mapping in a value reports changes."""
    if isinstance(value, dict):
        # A copy of the list: another thread may be editing the value.
        return isinstance(value, TrackedDict) and all(map(is_tracked, list(value.values())))
    if isinstance(value, list):
        return isinstance(value, TrackedList) and all(map(is_tracked, value))
    return not isinstance(value, (tuple, set)) or all(map(is_tracked, value))
