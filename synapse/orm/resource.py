"""Resources: the base class of everything that the server has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from synapse._internal.described import Described, Description
from synapse._internal.hints import attribute_error, suggestion
from synapse._internal.json_values import to_comparable, to_json
from synapse._internal.redaction import is_signed
from synapse._internal.short_traceback import shortened
from synapse.errors import InvalidResponse, NotFound
from synapse.orm import registry
from synapse.orm.convert import same_json
from synapse.orm.description import describe_resource, summary_of
from synapse.orm.fields import MISSING, Field, FieldOptions, ids_of
from synapse.orm.foreign_objects import refuse_foreign
from synapse.orm.pickling import restore
from synapse.orm.tracked import adopt, is_tracked, read_only, tracked

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.orm._typing import Entity
    from synapse.orm.schema import Schema
    from synapse.orm.session_base import SessionBase

__all__ = ["Deletable", "Editable", "Fetchable", "Resource"]

_REFRESH = ("refresh", "use refresh()")
_DICT = ("to_dict", "use to_dict()")

# Habits from other libraries: the name here that replaces each, and how to write that.
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
# Verbs that only some resources have.
_OFFERED = {"delete", "save"}


class Resource(Described):
    """One object on the server; a session has one Python object for each.

    Reading a field that the server hasn't sent yet loads the object once (one request); reading
    anything else makes none. Objects come from managers and relations, never from the constructor.
    """

    __slots__ = ("__weakref__", "_complete", "_raw", "_relation", "_session")
    __schema__: ClassVar[Schema]
    __set_context__: ClassVar[Callable[[Any, SessionBase], None]]
    __set_raw__: ClassVar[Callable[[Any, dict[str, Any]], None]]

    _session: SessionBase
    _raw: dict[str, Any]
    _complete: bool
    _relation: str
    if TYPE_CHECKING:
        # Every class declares an id of its own type, an integer or a string.
        id: Any

        def __init__(self) -> None: ...

    else:
        # Accept any arguments, so that the error explains where objects come from instead of
        # complaining about arguments.
        def __init__(self, *_: Any, **__: Any) -> None:
            plural = type(self).__schema__.plural
            raise shortened(
                TypeError(
                    f"{type(self).__name__} objects come from the server: use "
                    f"session.{plural}.get(id) or session.{plural}.create(...)."
                )
            )

    @property
    def extra(self) -> Mapping[str, Any]:
        """Keys from the server beyond the declared fields, read-only. Makes no request."""
        fields = type(self).__schema__.fields
        known = {*fields, *(alias for f in fields.values() for alias in f.declared.aliases)}
        extra = {key: value for key, value in self._raw.items() if key not in known}
        shown: Mapping[str, Any] = read_only(extra, f"{self._label()}: extra", FieldOptions().hint)
        return shown

    @property
    def is_changed(self) -> bool:
        """True if the object has unsaved changes. Makes no request."""
        return any(field.differs(self) for field in self._editable_fields())

    def revert(self) -> Self:
        """Discard unsaved changes. Makes no request.

        Returns:
            The object itself.
        """
        with self._session.lock:
            for field in type(self).__schema__.fields.values():
                # The others stay, so that a list which somebody holds goes on being the field's.
                if field.differs(self):
                    field.clear(self)
            self._session.identity.unpin(self)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the known values as plain JSON, unsaved changes included.

        Relations are ids. Makes no request: fields that the server hasn't sent are missing.
        """
        known = dict(self._raw)
        for name, field in type(self).__schema__.fields.items():
            current = field.current(self)
            if current is not MISSING:
                known[field.wire_name(self._raw)] = current
            elif field.is_relation and name in known:
                known[name] = ids_of(known[name])
        plain: dict[str, Any] = to_json(known)
        return plain

    @property
    def _key(self) -> Any:
        return self._raw[type(self).__schema__.key]

    def __synapse_id__(self) -> Any:
        """Return the id that stands for the object on the wire."""
        return self._key

    def _label(self) -> str:
        return type(self).__schema__.label(self._key)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        return self._session.transport.request(method, path, resource=self._label(), **options)

    def _take(
        self, row: Any, sent: Mapping[str, Any] | None = None, *, saved: bool = False
    ) -> None:
        """Update from a response that must be this object's row.

        Args:
            row: The response's body.
            sent: The request's body: a server that answers less has stored all of that.
            saved: Whether the request carried the object's own changes.
        """
        schema = type(self).__schema__
        if not isinstance(row, dict) or schema.to_key(row.get(schema.key, self._key)) != self._key:
            raise InvalidResponse(
                200, "the response is another object", response=row, resource=self._label()
            )
        with self._session.lock:
            row = {**(sent or {}), **row, schema.key: self._key}
            self._absorb(row, sent if saved else None)
            self._adopt_stored()
            self._session.identity.unpin(self)

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
            # Other threads may edit the value between two comparisons.
            current = to_comparable(current)
            if saved is not None and name in saved:
                if not same_json(current, saved[name]):
                    continue  # edited again while it was being saved
            elif same_json(field.raw(new), field.raw(old)) or (
                field in editable and not field.matches(current, self, old)
            ):
                continue
            if not field.matches(current, self, new):
                stale.append((field, current))
        type(self).__set_raw__(self, new)
        for field, current in stale:
            if same_json(to_comparable(field.current(self)), current):
                field.clear(self)

    def _adopt_stored(self) -> None:
        """Show the server's values instead of equal ones of the user, such as a tuple for a list.

        Lists and mappings that somebody holds remain the field's, with the server's content.
        """
        for field in self._editable_fields():
            current = field.current(self)
            if current is not MISSING and field.matches(current, self, self._raw):
                said = field.raw(self._raw)
                field.store(self, adopt(current, field.convert(said, self)))

    def _load_for(self, field: str) -> None:
        """Load the object for a field that the server hasn't sent yet, if possible."""

    def _reload(self) -> None:
        """Fetch the object again, if possible."""

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
        # Hidden from type checkers, which would otherwise accept any misspelled name.
        def __getattr__(self, name: str) -> Any:
            cls = type(self)
            field = cls.__schema__.fields.get(name)
            if field is None:
                if name[:1] == "_":
                    raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
                for base in cls.__mro__:
                    if name in base.__dict__:
                        # A property raised AttributeError; reading the property again shows the
                        # reason.
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
            raise shortened(AttributeError(f"{type(self).__name__}.{name} is read-only: it stays."))
        # Deleting an attribute discards the edit, as `mock.patch.object` expects.
        with self._session.lock:
            if field.current(self) is not MISSING:
                field.clear(self)
            self._session.identity.unpin(self)

    def _assign(self, name: str, value: Any) -> None:
        cls = type(self)
        field = cls.__schema__.fields.get(name)
        if field is None:
            if isinstance(getattr(cls, name, None), property) or not hasattr(
                getattr(cls, name, None), "__set__"
            ):
                known = [n for n, f in cls.__schema__.fields.items() if not f.declared.read_only]
                raise shortened(
                    AttributeError(
                        f"{cls.__name__} has no field {name!r} to set{suggestion(name, known)}"
                    )
                )
            object.__setattr__(self, name, value)
            return
        if field not in self._editable_fields():
            raise shortened(
                AttributeError(f"{cls.__name__}.{name} is read-only: {field.declared.hint}.")
            )
        with self._session.lock:
            if field.is_relation and value is not None:
                value = self._related(field, value)
            report = getattr(value, "_report", None)
            if report is not None and report != self._report_change:
                value = tracked(value, self._report_change)  # another object's stays the other's
            field.store(self, field.assigned(value, self._session))
            if field.differs(self):
                self._session.identity.pin(self)
            else:
                self._session.identity.unpin(self)

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would otherwise accept an assignment to any name.
        __setattr__ = _assign

    def _related(self, field: Field, value: Any) -> Entity:
        """Check a value assigned to a relation, and return this session's object."""
        target = registry.get(str(field.declared.target))
        if isinstance(value, Resource):
            if not isinstance(value, target):
                raise shortened(
                    TypeError(
                        f"{type(self).__name__}.{field.name} takes a {target.__name__} or its id, "
                        f"not a {type(value).__name__}."
                    )
                )
            if value._session is self._session:
                return value
            refuse_foreign(self._session, value)
            value = value._key
        value = target.__schema__.to_key(value)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise shortened(
                TypeError(
                    f"{type(self).__name__}.{field.name} takes a {target.__name__} or its id, "
                    f"not {value!r}."
                )
            )
        related: Entity = self._session.identity.related(target.__name__, value, via=field.name)
        return related

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Resource):
            return NotImplemented
        return (
            type(self).__schema__.resource is type(other).__schema__.resource
            and self._key == other._key
            and self._session.key == other._session.key
        )

    def __hash__(self) -> int:
        return hash((self._session.key, type(self).__schema__.name, self._key))

    def __repr__(self) -> str:
        shown = [f"{name}={text}" for name, text in summary_of(self)]
        return f"<{' '.join([self._label(), *shown])}>"

    def _describe(self) -> Description:
        return describe_resource(self)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *type(self).__schema__.fields})

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        with self._session.lock:
            return self._reduced()

    def _reduced(self) -> tuple[Any, ...]:
        editable = frozenset(self._editable_fields())
        edits = {
            name: to_comparable(field.current(self))
            for name, field in type(self).__schema__.fields.items()
            if field in editable and field.differs(self)
        }
        where = self._session._origin()
        # Importing the module of the session's class registers how to make a session.
        modules = (type(self).__module__, type(self._session).__module__)
        # A signed URL is a credential and expires soon: the field is loaded again instead.
        row = {name: value for name, value in self._raw.items() if not is_signed(value)}
        return restore, (type(self).__schema__.name, modules, row, edits, where)


# The slots' own setters, which go around `__setattr__`: they run once for each object of a page.
Resource.__set_context__ = Resource.__dict__["_session"].__set__
Resource.__set_raw__ = Resource.__dict__["_raw"].__set__


def _public(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]


class Fetchable(Resource):
    """A resource that can be fetched by id."""

    __slots__ = ()

    def refresh(self) -> Self:
        """Fetch the object again. One request.

        Unsaved changes stay; `revert()` discards them.

        Returns:
            The object itself.

        Raises:
            NotFound: The object is gone.
        """
        schema = type(self).__schema__
        try:
            row = self._ask("GET", schema.detail_path(self._key))
        except NotFound:
            self._session.identity.expire(type(self), self._key)
            raise
        self._take(row)
        object.__setattr__(self, "_complete", True)
        self._session.identity.cache(self)
        return self

    def _reload(self) -> None:
        self.refresh()

    def _adopt_stored(self) -> None:
        """Show the server's values instead of equal ones of the user, such as a tuple for a list.

        Lists and mappings that somebody holds remain the field's, with the server's content.
        """
        for field in self._editable_fields():
            current = field.current(self)
            if current is not MISSING and field.matches(current, self, self._raw):
                said = field.raw(self._raw)
                field.store(self, adopt(current, field.convert(said, self)))

    def _load_for(self, field: str) -> None:
        if getattr(self, "_complete", False):
            return
        self._session.before_lazy_load(self, field)
        self.refresh()


class Editable(Fetchable):
    """A resource that can be changed."""

    __slots__ = ()

    def _editable_fields(self) -> Iterable[Field]:
        return [f for f in type(self).__schema__.fields.values() if not f.declared.read_only]

    def _report_change(self) -> None:
        self._session.identity.pin(self)

    @property
    def changes(self) -> dict[str, Any]:
        """The changed fields as JSON values, as `save()` would send them. Makes no request."""
        return {
            field.wire_name(self._raw): to_json(field.current(self), field.name)
            for field in self._editable_fields()
            if field.differs(self)
        }

    @contextmanager
    def _tentatively(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Set fields for the block's request; restore them if the request fails."""
        fields = type(self).__schema__.fields
        before = {name: fields[name].current(self) for name in values if name in fields}
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield
        except BaseException:
            with self._session.lock:
                for name, value in before.items():
                    if value is not MISSING:
                        fields[name].store(self, value)
                    elif fields[name].current(self) is not MISSING:
                        fields[name].clear(self)
                self._session.identity.unpin(self)
            raise

    def save(self) -> Self:
        """Send the changed fields, and only those.

        One request (PATCH), or none without changes. On an error, the changes stay. Of several
        threads that save one object, each waits for the one before and sends the rest. A field is
        sent whole: of two sessions that change different keys of one `meta`, the later wins.

        Returns:
            The object itself.

        Raises:
            ValidationError: The server refused a value; `err.fields` says which and why.
            NotFound: The object is gone.

        Example:
            >>> project.title = "Street scenes"
            >>> project.save().changes
            {}
        """
        # Of two saves in flight, the response that arrives last needn't belong to the save that the
        # server did last: an edit would be lost.
        with self._session.saving(self):
            with self._session.lock:
                changes = self.changes
            if changes:
                schema = type(self).__schema__
                with schema.explaining():
                    row = self._ask("PATCH", schema.detail_path(self._key), json=changes)
                self._take(row, sent=changes, saved=True)
            else:
                self._session.identity.unpin(self)
        return self


class Deletable(Fetchable):
    """A resource that can be deleted."""

    __slots__ = ()

    def delete(self) -> None:
        """Delete the object on the server. One request.

        The Python object stays readable, but leaves the session.

        Raises:
            NotFound: The object is gone already.
        """
        self._ask("DELETE", type(self).__schema__.detail_path(self._key))
        self._session.identity.forget(self)
