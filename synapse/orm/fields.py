"""Fields: the declaration of a value, and the descriptor that converts the value on reading.

A value stays JSON until the first read; then the converted value fills the field's slot. Reading
again costs nothing, a bad value fails only its reader, and rows that are merely walked over are
never converted.
"""

from __future__ import annotations

import sys
import types
import typing
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from synapse._internal.described import brief
from synapse._internal.json_values import to_comparable, to_json
from synapse.errors import ClientError, FieldMissing, FieldValueError
from synapse.orm import registry
from synapse.orm.convert import (
    Choices,
    ValueObject,
    bind,
    choice_of,
    containers_of,
    holds_nested,
    pass_through,
    same_json,
    structure_hook,
    text_hook,
)
from synapse.orm.foreign_objects import KeyedSession, refuse_foreign
from synapse.orm.payloads import fetch_document, find_pointer, has_expired
from synapse.orm.tracked import read_only, tracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from synapse.orm._typing import Entity

__all__ = ["MISSING", "Field", "FieldOptions", "field", "ids_of"]

_METADATA = "synapse"
_SHARED = frozenset({dict, list})


class _Missing:
    """Type of the `MISSING` marker."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""Stands for a value that isn't there, where `None` would mean that the server said null."""


class FieldOptions(NamedTuple):
    """Options of a field in a class body."""

    read_only: bool = False
    aliases: tuple[str, ...] = ()
    filterable: bool | None = None
    target: str | None = None
    is_many: bool = False
    parameter: str | None = None
    hint: str = "only the server sets it"
    stands_for: str | None = None
    may_be_remote: bool = False
    required: bool = False


def field(
    *,
    read_only: bool = False,
    aliases: tuple[str, ...] = (),
    filterable: bool | None = None,
    stands_for: str | None = None,
    may_be_remote: bool = False,
    required: bool = False,
) -> Any:
    """Declare a field; the annotation is the type.

    Args:
        read_only: Only the server sets the field; assigning raises.
        aliases: Names that servers of another age use.
        filterable: Whether queries may filter by the field; scalar types may by default.
        stands_for: Entity whose id the field holds, where that resource can't be fetched by id.
            An object of that class may be assigned.
        may_be_remote: Whether the server may send a pointer to the document instead, which is
            resolved when the field is read.
        required: Whether the server creates no object without the field. Type checkers ask for it;
            the run time leaves the decision to the server.

    Returns:
        The marker that attrs turns into a slot.
    """
    return declare(
        FieldOptions(
            read_only,
            aliases,
            filterable,
            stands_for=stands_for,
            may_be_remote=may_be_remote,
            required=required,
        )
    )


def declare(declared: FieldOptions) -> Any:
    """Wrap a declaration for attrs."""
    return attrs.field(metadata={_METADATA: declared})


class Field:
    """A declared field of a class.

    Attributes:
        name: Name of the attribute and of the key on the wire.
        annotation: The type as the class declares it, not evaluated.
        passes: Types whose values go into the slot unchanged.
    """

    __slots__ = (
        "_binds",
        "_containers",
        "_hook",
        "_kind",
        "_owner",
        "_text_hook",
        "annotation",
        "clear",
        "declared",
        "name",
        "passes",
        "peek",
        "store",
    )

    def __init__(self, owner: type[Entity], attribute: attrs.Attribute[Any]) -> None:
        self.name = attribute.name
        self.declared: FieldOptions = attribute.metadata.get(_METADATA, FieldOptions())
        self.passes: frozenset[type] = frozenset()
        self._owner = owner
        self.annotation = attribute.type
        self._kind: Any = MISSING
        self._hook: Callable[[Any], Any] | None = None
        self._binds = False
        self._containers: tuple[type, ...] = ()
        self._text_hook: Callable[[str], Any] | None = None
        # The slot's own accessors go around `__setattr__` and `__getattr__`.
        slot = owner.__dict__[attribute.name]
        self.store: Callable[[Entity, Any], None] = slot.__set__
        self.clear: Callable[[Entity], None] = slot.__delete__
        self.peek: Callable[..., Any] = slot.__get__

    @property
    def kind(self) -> Any:
        """The annotated type, evaluated at first use, when every module is complete."""
        if self._kind is MISSING and self.is_relation:
            self._kind = Any  # converted by the identity map, and its class may not be imported
        elif self._kind is MISSING:
            holder = types.SimpleNamespace(__annotations__={"kind": self.annotation})
            namespace = vars(sys.modules[self._owner.__module__])
            self._kind = typing.get_type_hints(holder, namespace)["kind"]
            self.passes = pass_through(self._kind)
            self._text_hook = text_hook(self._kind)
            self._containers = containers_of(self._kind)
        return self._kind

    @property
    def id_types(self) -> frozenset[type]:
        """The types whose values need no conversion, with the annotation evaluated."""
        return self.passes if self.kind is not None else frozenset()

    def fill(self, resources: list[Entity]) -> None:
        """Convert the row's value of new objects, which no caller has yet.

        Values that need more than one call are left to the first read. A value that the declared
        type can't hold ends the filling: its first read raises the error.
        """
        if self.declared.may_be_remote:
            return
        name, passes, hook, store = self.name, self.passes, self._text_hook, self.store
        try:
            for resource in resources:
                value = resource._raw.get(name, MISSING)
                if type(value) in passes:
                    store(resource, value)
                elif hook is not None and type(value) is str:
                    store(resource, hook(value))
        except ValueError:
            return

    @property
    def is_relation(self) -> bool:
        """True if the field holds another resource."""
        return self.declared.target is not None

    @property
    def parameter(self) -> str:
        """The query parameter that filters by the field."""
        return self.declared.parameter or self.name

    @property
    def is_list(self) -> bool:
        """True if the field holds several values; a filter then matches any."""
        parts = (self.kind, *typing.get_args(self.kind))
        return self.declared.is_many or any(typing.get_origin(part) is list for part in parts)

    @property
    def is_filterable(self) -> bool:
        """True if queries may filter by the field: by declaration, or as a relation or scalar."""
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

    def to_keys(self, value: Any) -> Any:
        """Return a relation's id, or list of ids, in the type of the related class's ids."""
        if self.declared.target is None or value is None or value is MISSING:
            return value
        to_key = registry.get(self.declared.target).__schema__.to_key
        return [to_key(one) for one in value] if isinstance(value, list) else to_key(value)

    def current(self, resource: Entity) -> Any:
        """Return the slot's value, or `MISSING`. Never makes a request."""
        try:
            return self.peek(resource)
        except AttributeError:
            return MISSING

    def raw(self, row: dict[str, Any]) -> Any:
        """Return a row's value under the field's name or an alias, or `MISSING`."""
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

    def assigned(self, value: Any, session: KeyedSession | None = None) -> Any:
        """Return the value to store for an assigned one.

        Strings become an enumeration's members, and objects become ids where an id is declared, so
        a field reads the same before and after saving.

        Raises:
            TypeError: The value is an object of another kind than the field holds.
            UsageError: The value is an object of another server or tenant than the session's.
            FieldValueError: A list or mapping was declared, and the value isn't one.
        """
        if not self.is_relation and hasattr(type(value), "__synapse_id__"):
            if why := self.refuses(value):
                raise TypeError(f"{self._owner.__name__}.{why}")
            if session is not None:
                refuse_foreign(session, value)
            return value.__synapse_id__()
        if why := self.refuses_kind(value):
            raise FieldValueError(why)
        if type(value) is not str or self.choice is None or self._text_hook is None:
            return value
        return self._text_hook(value)

    def refuses(self, value: Any) -> str | None:
        """Return the reason why an object doesn't fit the field, or `None`."""
        if not hasattr(type(value), "__synapse_id__"):
            return None
        own = self._owner.__name__ if self.name in ("id", self._owner.__schema__.key) else None
        wanted = self.declared.target or self.declared.stands_for or own
        given = type(value).__name__
        if wanted is None:
            return f"{self.name} takes a value, not an object. Pass a field of the {given}."
        if wanted not in (cls.__name__ for cls in type(value).__mro__):
            return f"{self.name} takes a {wanted} or its id, not a {given}."
        return None

    def refuses_kind(self, value: Any) -> str | None:
        """Return the reason why a value isn't the declared list or mapping, or `None`.

        Raises:
            FieldValueError: JSON can't hold the value.
        """
        if self.kind is Any or not self._containers or value is None:
            return None
        plain = value if isinstance(value, (str, dict, list, tuple)) else to_json(value, self.name)
        given = list if isinstance(plain, tuple) else type(plain)
        if issubclass(given, self._containers):
            return None
        wanted = self._containers[0].__name__
        shown = f"the {type(value).__name__} {brief(value)}"
        advice = " Read JSON text with json.loads()." if isinstance(value, str) else ""
        return (
            f"{self._owner.__name__}.{self.name} takes a {wanted}, not {shown}. "
            f"Pass a {wanted}.{advice}"
        )

    @property
    def choice(self) -> type[Choices] | None:
        """The enumeration of the field's values, if they have one."""
        return None if self.is_relation else choice_of(self.kind)

    def convert(self, value: Any, resource: Entity) -> Any:
        """Convert a JSON value into the declared type.

        Raises:
            FieldValueError: The declared type can't hold the value.
        """
        if type(value) in self.passes:
            return value
        if self.declared.target is not None:
            return self._related(self.declared.target, value, resource)
        if self._hook is None:
            self._hook = structure_hook(self.kind)
            self._binds = holds_nested(self.kind)
        try:
            # Evaluating the kind, above, fills `passes`.
            converted = value if type(value) in self.passes else self._hook(value)
        except Exception as error:  # cattrs raises whatever the constructor of a type raises
            raise FieldValueError(self._complaint(value, resource, error)) from error
        if self._binds:
            bind(converted, resource._session)
        if type(converted) in _SHARED:
            return self._container(converted, resource)
        return converted

    def _container(self, value: Any, resource: Entity) -> Any:
        """Return a list or mapping that reports changes, or a read-only one."""
        try:
            if self in resource._editable_fields():
                return tracked(value, resource._report_change)
            return read_only(value, f"{resource._label()}: {self.name}", self.declared.hint)
        except ValueError as error:
            raise FieldValueError(self._complaint(value, resource, error)) from None

    def read(self, resource: Entity) -> Any:
        """Fill the slot from the server's row, loading the object once if necessary.

        Raises:
            FieldMissing: The server doesn't send this field.
            FieldValueError: The declared type can't hold the server's value.
            LazyLoadError: Loading isn't allowed.
        """
        session = resource._session
        if self.declared.may_be_remote:
            self._fetch_remote(resource)
        with session.lock:
            value = resource._raw.get(self.name, MISSING)
            # Fast paths for the types in every row of an iteration.
            if not session.identity.pinned:
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
        with session.lock:
            value = self.raw(resource._raw)
            if value is not MISSING:
                return self._fill(resource, value)
        raise FieldMissing(
            f"The server doesn't send {self.name!r} for {resource._label()}; "
            f"it sends {', '.join(sorted(resource._raw))}."
        )

    def _fetch_remote(self, resource: Entity) -> None:
        """Put a document in the place of the pointer to it; none or one request.

        One request for the row and another for the document, if the pointer has expired.
        """
        url = find_pointer(resource._raw.get(self.name))
        if url is None:
            return
        session, label = resource._session, f"{self.name} of {resource._label()}"
        session.before_lazy_load(resource, self.name)
        try:
            document = fetch_document(session.transport, url, label)
        except ClientError as error:
            if not has_expired(error) or not type(resource).__schema__.has_detail:
                raise
            resource._reload()
            url = find_pointer(resource._raw.get(self.name))
            if url is None:
                return
            document = fetch_document(session.transport, url, label)
        with session.lock:
            if find_pointer(resource._raw.get(self.name)) == url:
                resource._raw[self.name] = document

    def _fill(self, resource: Entity, value: Any) -> Any:
        """Fill the slot, unless another thread has filled the slot first.

        The other value is an edit, whose object is pinned, or the one copy of a list or mapping.
        """
        if type(value) in _SHARED or resource._session.identity.pinned:
            current = self.current(resource)
            if current is not MISSING:
                return current
        converted = self.convert(value, resource)
        self.store(resource, converted)
        return converted

    def differs(self, resource: Entity) -> bool:
        """Return whether the slot's value differs from the server's last row."""
        current = self.current(resource)
        return current is not MISSING and not self.matches(current, resource, resource._raw)

    def matches(self, current: Any, resource: Entity, row: dict[str, Any]) -> bool:
        """Return whether a value equals a row's value."""
        said = self.raw(row)
        if said is MISSING:
            return False
        if self.is_relation:
            return bool(to_comparable(current) == self.to_keys(ids_of(said)))
        if type(said) in self.passes:
            return same_json(to_comparable(current), said)
        try:
            # Both as JSON, and both by way of the declared type, which may leave out a null.
            return same_json(to_comparable(current), to_comparable(self.convert(said, resource)))
        except FieldValueError:
            return False

    def _related(self, target: str, value: Any, resource: Entity) -> Any:
        """Return this session's objects for a relation's JSON value."""
        identity = resource._session.identity
        try:
            if not self.declared.is_many or value is None:
                return identity.related(target, value, via=self.name)
            if not isinstance(value, list):
                raise FieldValueError("a list was declared")
            related = [identity.related(target, one, via=self.name) for one in value]
        except FieldValueError as error:
            raise FieldValueError(self._complaint(value, resource, str(error))) from None
        return self._container(related, resource)

    def _complaint(self, value: Any, resource: Entity, why: object) -> str:
        try:
            shown = repr(value)
        except RecursionError:
            shown = f"a {type(value).__name__}"
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return f"{resource._label()} has a {self.name} that can't be read: {shown} ({why})."

    def __repr__(self) -> str:
        return f"Field({self._owner.__name__}.{self.name})"


def ids_of(value: Any) -> Any:
    """Return the ids in a relation's JSON value: ids, objects, or a list of either."""
    if isinstance(value, dict):
        return value.get("id")
    return [ids_of(one) for one in value] if isinstance(value, list) else value
