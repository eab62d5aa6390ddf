"""Convert between the wire's JSON and Python values, by one cattrs converter.

Servers of different ages disagree on spellings: an enumeration keeps an unknown value as a string,
and a value object keeps unknown keys in `extra`.
"""

from __future__ import annotations

import enum
import functools
import sys
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from synapse._internal.described import Described, Description, describe_fields, represent
from synapse._internal.json_values import to_json
from synapse._internal.yaml_values import write_as

if TYPE_CHECKING:
    from cattrs import Converter

    from synapse.orm._typing import SessionLike

__all__ = [
    "Choices",
    "ValueObject",
    "bind",
    "choice_of",
    "containers_of",
    "holds_nested",
    "members_of",
    "parse_time",
    "pass_through",
    "structure_hook",
    "text_hook",
]


class Choices(str, enum.Enum):
    """The base of the enumerations: each member is the string that goes over the wire."""

    def __str__(self) -> str:
        return str(self.value)

    @property
    def spellings(self) -> tuple[str, ...]:
        """All spellings that servers of different ages use; a filter asks for any of them."""
        return (self.value,)


write_as(Choices, lambda member: member.value)


class _OfSession(Described):
    """Base class with a slot for the session.

    The slot isn't a field: comparing, printing, pickling and sending ignore the session.
    """

    __slots__ = ("_session",)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ValueObject(_OfSession):
    """Base of frozen structured values inside a resource, such as a data unit's file.

    Subclasses are declared with `repr=False`, for a `repr` of bounded size.

    Attributes:
        extra: Keys from the server beyond the declared fields.
    """

    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    def __synapse_json__(self) -> dict[str, Any]:
        """Return the keys as they go over the wire: those that are set, and unknown ones."""
        known = {
            field.name: getattr(self, field.name)
            for field in attrs.fields(type(self))
            if field.name != "extra" and getattr(self, field.name) is not None
        }
        return {**self.extra, **known}

    def __repr__(self) -> str:
        return represent(self)

    def _describe(self) -> Description:
        notes = [f"Also sent: {', '.join(map(repr, self.extra))[:200]}."] if self.extra else []
        return Description(type(self).__name__, fields=describe_fields(self), notes=notes)


write_as(ValueObject, to_json)


def parse_time(value: Any, _: Any = None) -> datetime:
    """Parse an ISO 8601 time as DRF writes times.

    Raises:
        ValueError: The text isn't such a time.

    Example:
        >>> parse_time("2026-01-31T12:00:00Z").isoformat()
        '2026-01-31T12:00:00+00:00'
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time")
    if sys.version_info < (3, 11) and value.endswith(("Z", "z")):
        value = f"{value[:-1]}+00:00"
    return datetime.fromisoformat(value)


def text_hook(kind: Any) -> Callable[[str], Any] | None:
    """Return a fast parser for a declared type whose JSON form is a string.

    Enumerations and times are in every row of an iteration: one call converts them.

    Args:
        kind: The annotated type.

    Returns:
        A function that raises `ValueError` for other strings, or `None` where a string needs more
        than one call.
    """
    parts = members_of(kind)
    if datetime in parts:
        return parse_time if sys.version_info < (3, 11) else datetime.fromisoformat
    choice = choice_of(kind)
    return None if choice is None else _Members(choice).__getitem__


def structure_hook(kind: Any) -> Callable[[Any], Any]:
    """Return the function that converts JSON into a declared type; computed once per field.

    Args:
        kind: The annotated type. Lists and mappings accept nothing else: cattrs alone would make a
            list of letters out of a string.

    Returns:
        A function that raises the errors of cattrs or of the type's constructor.
    """
    parts = members_of(kind)
    if datetime in parts:
        return parse_time
    choice = choice_of(kind)
    if choice is not None:
        return _choice_hook(choice)
    hook = _converter().get_structure_hook(kind)
    containers = containers_of(kind)
    if not containers:
        return lambda value: hook(value, kind)

    def structure(value: Any) -> Any:
        if not isinstance(value, containers):
            raise TypeError(f"a {containers[0].__name__} was declared")
        return hook(value, kind)

    return structure


def bind(value: Any, session: SessionLike) -> None:
    """Attach a session to every value object inside a converted value."""
    if isinstance(value, ValueObject):
        object.__setattr__(value, "_session", session)
    elif isinstance(value, dict):
        for item in value.values():
            bind(item, session)
    elif isinstance(value, list):
        for item in value:
            bind(item, session)


def holds_nested(kind: Any) -> bool:
    """Return whether values of a type contain value objects.

    Example:
        >>> holds_nested(dict[str, ValueObject] | None), holds_nested(dict[str, str])
        (True, False)
    """
    if isinstance(kind, type) and get_origin(kind) is None:
        return issubclass(kind, ValueObject)
    return any(holds_nested(part) for part in get_args(kind))


def same_json(one: Any, other: Any) -> bool:
    """Compare two JSON values as JSON has them: `True` isn't 1, at any depth.

    Example:
        >>> same_json({"a": [1]}, {"a": [1.0]}), same_json({"a": [1]}, {"a": [True]})
        (True, False)
    """
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def pass_through(kind: Any) -> frozenset[type]:
    """Return the exact types whose values need no conversion for a declared type.

    `None` always passes: a null from the server is `None`, whatever was declared.
    """
    parts = members_of(kind)
    simple = {part for part in parts if part in (str, int, float, bool)}
    if any(isinstance(part, type) and issubclass(part, enum.Enum) for part in parts):
        simple.discard(str)
    if float in simple:
        simple.add(int)
    return frozenset({*simple, type(None)})


@functools.cache
def _converter() -> Converter:
    # Imported at the first value: cattrs costs a third of the budget of `import synapse`.
    from cattrs import Converter

    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(datetime, parse_time)
    for primitive in (str, int, float, bool):
        converter.register_structure_hook(primitive, _primitive)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: value)
    converter.register_structure_hook_factory(
        lambda kind: choice_of(kind) is not None, lambda kind: _ignoring_type(structure_hook(kind))
    )
    converter.register_structure_hook_factory(
        lambda kind: isinstance(kind, type) and issubclass(kind, ValueObject),
        lambda kind: _nested(kind, converter),
    )
    return converter


def _primitive(value: Any, kind: type) -> Any:
    """Accept values that surely mean the declared type; cattrs alone reads "false" as True."""
    by_kind: dict[type, tuple[type, ...]] = {str: (str, int, float), bool: (bool,)}
    allowed = by_kind.get(kind, (int, float, str))
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{_named(kind)} was declared")
    converted = kind(value)
    if kind is int and isinstance(value, float) and converted != value:
        raise ValueError("a whole number was declared")
    return converted


def _named(kind: type) -> str:
    return {str: "a text", int: "a whole number", float: "a number"}.get(kind, "true or false")


def choice_of(kind: Any) -> type[Choices] | None:
    """Return the enumeration inside a type such as `SomeChoice | str`, if any."""
    for part in members_of(kind):
        if isinstance(part, type) and issubclass(part, Choices):
            return part
    return None


def _ignoring_type(hook: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: None if value is None else hook(value)


def containers_of(kind: Any) -> tuple[type, ...]:
    """Return `dict` or `list`, as far as a declared type takes nothing else.

    Example:
        >>> containers_of(dict[str, int] | None), containers_of(str)
        ((<class 'dict'>,), ())
    """
    return tuple({get_origin(part) or part for part in members_of(kind)} & {dict, list})


def members_of(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


class _Members(dict[str, Any]):
    """The members of an enumeration by their strings; any other string stands for itself."""

    def __init__(self, choice: type[Choices]) -> None:
        super().__init__({member.value: member for member in choice})
        self._choice = choice

    def __missing__(self, value: str) -> Any:
        try:
            return self._choice(value)  # another spelling that the enumeration knows
        except ValueError:
            return value


def _choice_hook(choice: type[Choices]) -> Callable[[Any], Any]:
    """Return the function that finds an enumeration's member, and keeps unknown strings."""
    members = _Members(choice)

    def structure(value: Any) -> Any:
        if not isinstance(value, str):
            raise TypeError(f"{choice.__name__} takes a string")
        return members[value]

    return structure


def _nested(kind: type[ValueObject], converter: Converter) -> Callable[[Any, Any], ValueObject]:
    attrs.resolve_types(kind)
    fields = {field.name: field for field in attrs.fields(kind) if field.name != "extra"}

    def structure(value: Any, _: Any) -> ValueObject:
        if isinstance(value, kind):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(f"expected an object, got {value!r}")
        known = {
            name: None if value[name] is None else converter.structure(value[name], field.type)
            for name, field in fields.items()
            if name in value
        }
        extra = {key: item for key, item in value.items() if key not in fields}
        return kind(**known, extra=extra)

    return structure
