"""Resources: the base class of everything that the server has."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from synapse._internal.hints import attribute_error, suggestion
from synapse._internal.redaction import is_signed
from synapse.errors import FieldValueError, InvalidResponse
from synapse.orm import registry
from synapse.orm.convert import same_json, to_wire
from synapse.orm.fields import MISSING, Field, ids_of
from synapse.orm.pickling import restore
from synapse.orm.tracked import is_tracked, tracked

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.orm.schema import Schema
    from synapse.orm.session_base import SessionBase

__all__ = ["Resource"]

# Shown by repr when the server has sent them; the first found one names the object.
_SHOWN = ("title", "name", "status")

_REFRESH = ("refresh", "use refresh()")
_DICT = ("to_dict", "use to_dict()")

# What people know from elsewhere: the name that it needs here, and how it is said.
_ELSEWHERE = {
    "as_dict": _DICT,
    "asdict": _DICT,
    "cancel": ("stop", "use stop()"),
    "destroy": ("delete", "use delete()"),
    "dict": _DICT,
    "get": ("to_dict", "read its attributes, or use to_dict()"),
    "items": _DICT,
    "json": _DICT,
    "keys": _DICT,
    "load": _REFRESH,
    "model_dump": _DICT,
    "pk": ("id", "use id"),
    "refresh_from_db": _REFRESH,
    "reload": _REFRESH,
    "tail": ("follow", "use follow()"),
    "terminate": ("stop", "use stop()"),
    "update": ("save", "assign to its fields, then save()"),
}
# What some resources have.
_OFFERED = {"delete", "save"}


class Resource:
    """One object on the server; a session has one Python object for each.

    Reading a field that the server hasn't sent yet loads the object once (one request); reading
    anything else makes none. Objects come from managers and relations, never from the constructor.
    """

    __slots__ = ("__weakref__", "_complete", "_context", "_raw", "_relation")
    __schema__: ClassVar[Schema]
    __set_context__: ClassVar[Callable[[Any, SessionBase], None]]
    __set_raw__: ClassVar[Callable[[Any, dict[str, Any]], None]]

    _context: SessionBase
    _raw: dict[str, Any]
    _complete: bool
    _relation: str
    if TYPE_CHECKING:
        # Every class declares its own, an integer or a string; here it is only known to be there.
        @property
        def id(self) -> Any:
            """The id on the server."""

        def __init__(self) -> None: ...

    else:
        # It takes whatever is given, so that what is given isn't what the message is about.
        def __init__(self, *_: Any, **__: Any) -> None:
            plural = type(self).__schema__.plural
            raise TypeError(
                f"{type(self).__name__} objects come from the server: use "
                f"session.{plural}.get(id) or session.{plural}.create(...)."
            )

    @property
    def extra(self) -> Mapping[str, Any]:
        """Keys from the server beyond the declared fields, read-only. Makes no request."""
        fields = type(self).__schema__.fields
        known = {*fields, *(alias for f in fields.values() for alias in f.declared.aliases)}
        return types.MappingProxyType({k: v for k, v in self._raw.items() if k not in known})

    @property
    def is_changed(self) -> bool:
        """True if the object has unsaved changes. Makes no request."""
        return any(field.differs(self) for field in self._editable_fields())

    def revert(self) -> Self:
        """Discard unsaved changes. Makes no request.

        Returns:
            The object itself.
        """
        with self._context.lock:
            for field in type(self).__schema__.fields.values():
                # The others stay, so that a list which somebody holds goes on being the field's.
                if field.differs(self):
                    field.clear(self)
            self._context.identity.release(self)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the known values as plain JSON, unsaved changes included.

        Relations are ids. Makes no request: fields that the server hasn't sent are missing.
        """
        known = dict(self._raw)
        for name, field in type(self).__schema__.fields.items():
            current = field.current(self)
            if current is not MISSING:
                known[field.wire_name(self._raw)] = to_wire(current)
            elif field.is_relation and name in known:
                known[name] = ids_of(known[name])
        plain: dict[str, Any] = to_wire(known)
        return plain

    @property
    def _key(self) -> Any:
        return self._raw["id"]

    def __synapse_id__(self) -> Any:
        """Return the id that stands for the object on the wire."""
        return self._key

    def _label(self) -> str:
        return type(self).__schema__.label(self._key)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        return self._context.transport.request(method, path, resource=self._label(), **options)

    def _take(
        self, row: Any, sent: Mapping[str, Any] | None = None, *, saved: bool = False
    ) -> None:
        """Update from a response that must be this object's row.

        Args:
            row: The response's body.
            sent: The request's body: a server that answers less has stored all of that.
            saved: Whether the request carried the object's own changes.
        """
        if not isinstance(row, dict) or row.get("id", self._key) != self._key:
            raise InvalidResponse(
                200, "the answer is not this object", response=row, resource=self._label()
            )
        with self._context.lock:
            self._absorb({**(sent or {}), **row}, sent if saved else None)
            self._context.identity.release(self)

    def _absorb(self, row: dict[str, Any], saved: Mapping[str, Any] | None = None) -> None:
        """Update from a newer row.

        A value that the user changed stays, unless that value was just saved. A value that the
        server didn't change stays too, so that a list which somebody holds remains the field's.
        """
        old = self._raw
        new = {**old, **row}
        stale = []
        editable = frozenset(self._editable_fields())
        for field in type(self).__schema__.fields.values():
            current = field.current(self)
            if current is MISSING:
                continue
            name = field.wire_name(old)
            if saved is not None and name in saved:
                if not same_json(to_wire(current), saved[name]):
                    continue  # edited again while it was being saved
            elif same_json(field.raw(new), field.raw(old)) or (
                field in editable and not field.matches(current, self, old)
            ):
                continue
            if not field.matches(current, self, new):
                stale.append(field)
        type(self).__set_raw__(self, new)
        for field in stale:
            field.clear(self)

    def _load_for(self, field: str) -> None:
        """Load the object for a field that the server hasn't sent yet, if possible."""

    def _editable_fields(self) -> Iterable[Field]:
        """Return the fields whose changes can be saved."""
        return ()

    def _hides_changes(self) -> bool:
        """Return whether a field contains a list or mapping that doesn't report changes."""
        return not all(is_tracked(field.current(self)) for field in self._editable_fields())

    def _report_change(self) -> None:
        """Hear that a list or mapping of a field was changed."""

    def _via(self) -> str | None:
        """Return the relation through which this stub became known."""
        return getattr(self, "_relation", None)

    def _set_via(self, relation: str) -> None:
        object.__setattr__(self, "_relation", relation)

    if not TYPE_CHECKING:
        # Hidden from type checkers: seeing it, they would accept any misspelled name.
        def __getattr__(self, name: str) -> Any:
            cls = type(self)
            field = cls.__schema__.fields.get(name)
            if field is None:
                if name[:1] == "_":
                    raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
                for base in cls.__mro__:
                    if name in base.__dict__:
                        # Its own getter said no; asked again, it says why.
                        return base.__dict__[name].__get__(self, cls)
                known = [*cls.__schema__.fields, *_public(cls)]
                if name in _OFFERED:
                    how = ": the server doesn't offer that."
                else:
                    how = suggestion(name, known, _ELSEWHERE)
                raise attribute_error(f"{cls.__name__} has no {name!r}{how}", name)
            return field.read(self)

    def __delattr__(self, name: str) -> None:
        field = type(self).__schema__.fields.get(name)
        if field is None:
            object.__delattr__(self, name)
            return
        if field not in self._editable_fields():
            raise AttributeError(f"{type(self).__name__}.{name} is read-only: it stays.")
        # What was assigned is given up, as `mock.patch.object` and its like expect.
        with self._context.lock:
            if field.current(self) is not MISSING:
                field.clear(self)
            self._context.identity.release(self)

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        field = cls.__schema__.fields.get(name)
        if field is None:
            if isinstance(getattr(cls, name, None), property) or not hasattr(
                getattr(cls, name, None), "__set__"
            ):
                known = [n for n, f in cls.__schema__.fields.items() if not f.declared.read_only]
                raise AttributeError(
                    f"{cls.__name__} has no field {name!r} to set{suggestion(name, known)}"
                )
            object.__setattr__(self, name, value)
            return
        if field not in self._editable_fields():
            raise AttributeError(f"{cls.__name__}.{name} is read-only: {field.declared.hint}.")
        with self._context.lock:
            if field.is_relation and value is not None:
                value = self._related(field, value)
            report = getattr(value, "_report", None)
            if report is not None and report != self._report_change:
                value = tracked(value, self._report_change)  # another object's stays the other's
            field.store(self, field.assigned(value))
            if field.differs(self):
                self._context.identity.hold(self)
            else:
                self._context.identity.release(self)

    def _related(self, field: Field, value: Any) -> Resource:
        """Check a value assigned to a relation, and return this session's object."""
        target = registry.find(str(field.declared.target))
        if isinstance(value, Resource):
            if not isinstance(value, target):
                raise TypeError(
                    f"{type(self).__name__}.{field.name} takes a {target.__name__} or its id, "
                    f"not a {type(value).__name__}."
                )
            if value._context is self._context:
                return value
            if value._context.key != self._context.key:
                raise ValueError(
                    f"{value!r} is on another server or in another tenant than {self!r}."
                )
            value = value._key
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError(
                f"{type(self).__name__}.{field.name} takes a {target.__name__} or its id, "
                f"not {value!r}."
            )
        related: Resource = self._context.identity.related(target.__name__, value, via=field.name)
        return related

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Resource):
            return NotImplemented
        return (
            type(self) is type(other)
            and self._key == other._key
            and self._context.key == other._context.key
        )

    def __hash__(self) -> int:
        return hash((self._context.key, type(self).__name__, self._key))

    def __repr__(self) -> str:
        shown = [
            f"{name}={str(value)!r}"
            for name in _SHOWN
            if (field := type(self).__schema__.fields.get(name)) is not None
            and (value := _known(field, self)) not in (MISSING, None)
        ]
        return f"<{' '.join([self._label(), *shown])}>"

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *type(self).__schema__.fields})

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        with self._context.lock:
            return self._reduced()

    def _reduced(self) -> tuple[Any, ...]:
        editable = frozenset(self._editable_fields())
        edits = {
            name: to_wire(field.current(self))
            for name, field in type(self).__schema__.fields.items()
            if field in editable and field.differs(self)
        }
        settings = self._context.transport.settings
        where = {
            "base_url": settings.base_url,
            "tenant": settings.tenant,
            "profile": settings.profile,
        }
        # The module of the session's class says how one is made, in a process that has none yet.
        modules = (type(self).__module__, type(self._context).__module__)
        # A signed address lets in whoever has it, and not for long: the field is loaded again.
        row = {name: value for name, value in self._raw.items() if not is_signed(value)}
        return restore, (type(self).__name__, modules, row, edits, where)


# The slots' own setters, which go around `__setattr__`: they run once for each object of a page.
Resource.__set_context__ = Resource.__dict__["_context"].__set__
Resource.__set_raw__ = Resource.__dict__["_raw"].__set__


def _public(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]


def _known(field: Field, one: Resource) -> Any:
    """Return a field's value as reading would, but without a request."""
    current = field.current(one)
    if current is not MISSING:
        return current
    said = field.raw(one._raw)
    if said is MISSING:
        return said
    try:
        return field.convert(said, one)
    except FieldValueError:
        return said
