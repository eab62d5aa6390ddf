"""Fields: how a class declares what the server sends, and how a value gets into its slot.

A field's value stays as JSON in the object until it is read for the first time; only then is it
converted and put into the field's slot. Reading it again costs nothing, a bad value hurts only who
reads it, and rows that are merely walked over are never converted.
"""

from __future__ import annotations

import sys
import types
import typing
from typing import TYPE_CHECKING, Any

import attrs

from synapse.errors import FieldMissing, FieldValueError
from synapse.orm.convert import (
    Choices,
    ValueObject,
    bind,
    choice_of,
    holds_nested,
    pass_through,
    same_json,
    structure_hook,
    text_hook,
    to_wire,
)
from synapse.orm.tracked import read_only, tracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from synapse.orm.resource import Resource

__all__ = ["MISSING", "Field", "FieldOptions", "field", "ids_of"]

_METADATA = "synapse"
_SHARED = frozenset({dict, list})


class _Missing:
    """The type of `MISSING`, so that it prints as what it is."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""Stands for a value that isn't there, where `None` would mean that the server said null."""


@attrs.frozen(eq=False, repr=False)
class FieldOptions:
    """What a class body says of a field."""

    read_only: bool = False
    aliases: tuple[str, ...] = ()
    filterable: bool | None = None
    target: str | None = None
    is_many: bool = False
    parameter: str | None = None
    hint: str = "only the server sets it"
    stands_for: str | None = None


def field(
    *,
    read_only: bool = False,
    aliases: tuple[str, ...] = (),
    filterable: bool | None = None,
    stands_for: str | None = None,
) -> Any:
    """Declare a field; its annotation is its type.

    Args:
        read_only: Only the server sets it; assigning raises.
        aliases: Names under which servers of another age send it.
        filterable: Whether queries may filter by it; by default, scalar types may.
        stands_for: The resource of which it is the id, where that can't be fetched by it. An
            object of that class may be given for the id.

    Returns:
        What attrs makes a slot of.
    """
    return declare(FieldOptions(read_only, aliases, filterable, stands_for=stands_for))


def declare(declared: FieldOptions) -> Any:
    """Wrap a declaration for attrs."""
    return attrs.field(metadata={_METADATA: declared})


class Field:
    """A declared field, bound to its class.

    Attributes:
        name: The attribute's and the wire's name.
        passes: The types whose values go into the slot as they are.
    """

    __slots__ = (
        "_annotation",
        "_binds",
        "_hook",
        "_kind",
        "_owner",
        "_text_hook",
        "clear",
        "declared",
        "name",
        "passes",
        "peek",
        "store",
    )

    def __init__(self, owner: type[Resource], attribute: attrs.Attribute[Any]) -> None:
        self.name = attribute.name
        self.declared: FieldOptions = attribute.metadata.get(_METADATA, FieldOptions())
        self.passes: frozenset[type] = frozenset()
        self._owner = owner
        self._annotation = attribute.type
        self._kind: Any = MISSING
        self._hook: Callable[[Any], Any] | None = None
        self._binds = False
        self._text_hook: Callable[[str], Any] | None = None
        # The slot's own accessors go around `__setattr__` and `__getattr__`.
        slot = owner.__dict__[attribute.name]
        self.store: Callable[[Resource, Any], None] = slot.__set__
        self.clear: Callable[[Resource], None] = slot.__delete__
        self.peek: Callable[..., Any] = slot.__get__

    @property
    def kind(self) -> Any:
        """The annotated type, evaluated when first needed: by then every module is there."""
        if self._kind is MISSING and self.is_relation:
            self._kind = Any  # converted by the identity map, and its class may not be imported
        elif self._kind is MISSING:
            holder = types.SimpleNamespace(__annotations__={"kind": self._annotation})
            namespace = vars(sys.modules[self._owner.__module__])
            self._kind = typing.get_type_hints(holder, namespace)["kind"]
            self.passes = pass_through(self._kind)
            self._text_hook = text_hook(self._kind)
        return self._kind

    @property
    def id_types(self) -> frozenset[type]:
        """The types whose values need no conversion, with the annotation evaluated."""
        return self.passes if self.kind is not None else frozenset()

    @property
    def is_relation(self) -> bool:
        """Whether it holds another resource."""
        return self.declared.target is not None

    @property
    def parameter(self) -> str:
        """The query parameter that filters by the field."""
        return self.declared.parameter or self.name

    @property
    def is_list(self) -> bool:
        """Whether it holds several values, of which a filter matches any."""
        parts = (self.kind, *typing.get_args(self.kind))
        return self.declared.is_many or any(typing.get_origin(part) is list for part in parts)

    @property
    def is_filterable(self) -> bool:
        """Whether queries may filter by it: said so, or a relation or scalar."""
        if self.declared.filterable is not None:
            return self.declared.filterable
        if self.is_relation:
            return True
        parts = set(typing.get_args(self.kind)) or {self.kind}
        containers = (dict, list, tuple, set, ValueObject)
        return not any(
            part is Any
            or typing.get_origin(part) is not None
            or (isinstance(part, type) and issubclass(part, containers))
            for part in parts
        )

    def current(self, resource: Resource) -> Any:
        """Return what is in the slot, or `MISSING`. Never makes a request."""
        try:
            return self.peek(resource)
        except AttributeError:
            return MISSING

    def raw(self, row: dict[str, Any]) -> Any:
        """Return what a row says, under the field's name or an older one, or `MISSING`."""
        value = row.get(self.name, MISSING)
        if value is MISSING and self.declared.aliases:
            for alias in self.declared.aliases:
                if alias in row:
                    return row[alias]
        return value

    def wire_name(self, row: dict[str, Any]) -> str:
        """Return the name that this server uses for the field."""
        if self.name not in row:
            for alias in self.declared.aliases:
                if alias in row:
                    return alias
        return self.name

    def assigned(self, value: Any) -> Any:
        """Return what to keep of a value that is assigned.

        That is an enumeration's member for its string, and an id where one is declared.

        So a field reads the same before and after it was saved.

        Raises:
            TypeError: It is an object, and the field isn't for one of its kind.
        """
        if not self.is_relation and hasattr(type(value), "__synapse_id__"):
            if why := self.refuses(value):
                raise TypeError(f"{self._owner.__name__}.{why}")
            return value.__synapse_id__()
        if type(value) is not str or self.choice is None or self._text_hook is None:
            return value
        return self._text_hook(value)

    def refuses(self, value: Any) -> str | None:
        """Say why an object can't be given for the field, or `None` if it can, or is none."""
        if not hasattr(type(value), "__synapse_id__"):
            return None
        own = self._owner.__name__ if self.name == "id" else None
        wanted = self.declared.target or self.declared.stands_for or own
        given = type(value).__name__
        if wanted is None:
            return f"{self.name} takes no object: give what is meant of the {given}."
        if wanted not in (cls.__name__ for cls in type(value).__mro__):
            return f"{self.name} takes a {wanted} or its id, not a {given}."
        return None

    @property
    def choice(self) -> type[Choices] | None:
        """The enumeration of the field's values, if they have one."""
        return None if self.is_relation else choice_of(self.kind)

    def convert(self, value: Any, resource: Resource) -> Any:
        """Turn a JSON value into the field's.

        Raises:
            FieldValueError: The declared type can't hold it.
        """
        if type(value) in self.passes:
            return value
        if self.declared.target is not None:
            return self._related(self.declared.target, value, resource)
        if self._hook is None:
            self._hook = structure_hook(self.kind)
            self._binds = holds_nested(self.kind)
        try:
            # Evaluating the kind, above, is what fills `passes`.
            converted = value if type(value) in self.passes else self._hook(value)
        except Exception as error:  # cattrs raises whatever the constructor of a type raises
            raise FieldValueError(self._complaint(value, resource, error)) from error
        if self._binds:
            bind(converted, resource._context)
        if type(converted) in _SHARED:
            return self._container(converted, resource)
        return converted

    def _container(self, value: Any, resource: Resource) -> Any:
        """Give out a list or mapping: one that reports changes, or one that can't be changed."""
        try:
            if self in resource._editable_fields():
                return tracked(value, resource._report_change)
            return read_only(value, f"{resource._label()}: {self.name}", self.declared.hint)
        except ValueError as error:
            raise FieldValueError(self._complaint(value, resource, error)) from None

    def read(self, resource: Resource) -> Any:
        """Fill the slot from what the server sent, loading the object once if need be.

        Raises:
            FieldMissing: The server doesn't send this field.
            FieldValueError: The declared type can't hold what it sent.
            LazyLoadError: Loading isn't allowed.
        """
        context = resource._context
        with context.lock:
            value = resource._raw.get(self.name, MISSING)
            # The short ways are for what each row of an iteration goes through.
            if not context.identity.held:
                if type(value) in self.passes:
                    self.store(resource, value)
                    return value
                if type(value) is str and self._text_hook is not None:
                    try:
                        value = self._text_hook(value)
                    except ValueError as error:
                        raise FieldValueError(self._complaint(value, resource, error)) from error
                    self.store(resource, value)
                    return value
            if value is not MISSING:
                return self._fill(resource, value)
        if self.raw(resource._raw) is MISSING:
            resource._load_for(self.name)
        with context.lock:
            value = self.raw(resource._raw)
            if value is not MISSING:
                return self._fill(resource, value)
        raise FieldMissing(
            f"The server doesn't send {self.name!r} for {resource._label()}; "
            f"it sends {', '.join(sorted(resource._raw))}."
        )

    def _fill(self, resource: Resource, value: Any) -> Any:
        """Convert a value into the slot, unless another thread has put something there.

        That can only be an edit, whose object is held, or the one copy of a list or mapping.
        """
        if type(value) in _SHARED or resource._context.identity.held:
            current = self.current(resource)
            if current is not MISSING:
                return current
        converted = self.convert(value, resource)
        self.store(resource, converted)
        return converted

    def differs(self, resource: Resource) -> bool:
        """Say whether the slot holds something else than what the server last said."""
        current = self.current(resource)
        return current is not MISSING and not self.matches(current, resource, resource._raw)

    def matches(self, current: Any, resource: Resource, row: dict[str, Any]) -> bool:
        """Say whether a value is what a row says."""
        said = self.raw(row)
        if said is MISSING:
            return False
        if self.is_relation:
            return bool(to_wire(current) == ids_of(said))
        if type(said) in self.passes:
            return same_json(to_wire(current), said)
        try:
            # Both as JSON, and both by way of the declared type, which may leave out a null.
            return same_json(to_wire(current), to_wire(self.convert(said, resource)))
        except FieldValueError:
            return False

    def _related(self, target: str, value: Any, resource: Resource) -> Any:
        """Make this session's objects of what a relation holds."""
        identity = resource._context.identity
        try:
            if not self.declared.is_many or value is None:
                return identity.related(target, value, via=self.name)
            if not isinstance(value, list):
                raise FieldValueError("a list was declared")
            related = [identity.related(target, one, via=self.name) for one in value]
        except FieldValueError as error:
            raise FieldValueError(self._complaint(value, resource, str(error))) from None
        return self._container(related, resource)

    def _complaint(self, value: Any, resource: Resource, why: object) -> str:
        try:
            shown = repr(value)
        except RecursionError:
            shown = f"a {type(value).__name__}"
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return f"{resource._label()} has a {self.name} that can't be read: {shown} ({why})."

    def __repr__(self) -> str:
        return f"Field({self._owner.__name__}.{self.name})"


def ids_of(value: Any) -> Any:
    """Return the ids in what a row says of a relation: ids, objects, or a list of those."""
    if isinstance(value, dict):
        return value.get("id")
    return [ids_of(one) for one in value] if isinstance(value, list) else value
