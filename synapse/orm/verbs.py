"""Bases of resource classes, one for each verb that an endpoint offers.

A verb that the endpoint lacks is then missing for type checkers, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from synapse.errors import NotFound
from synapse.orm.convert import to_wire
from synapse.orm.fields import MISSING, Field
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Deletable", "Editable", "Fetchable"]


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
            self._context.identity.expire(type(self), self._key)
            raise
        self._take(row)
        object.__setattr__(self, "_complete", True)
        self._context.identity.remember(self)
        return self

    def _load_for(self, field: str) -> None:
        if getattr(self, "_complete", False):
            return
        self._context.before_lazy_load(self, field)
        self.refresh()


class Editable(Fetchable):
    """A resource that can be changed."""

    __slots__ = ()

    def _editable_fields(self) -> Iterable[Field]:
        return [f for f in type(self).__schema__.fields.values() if not f.declared.read_only]

    def _report_change(self) -> None:
        self._context.identity.hold(self)

    @property
    def changes(self) -> dict[str, Any]:
        """The changed fields as JSON values, as `save()` would send them. Makes no request."""
        return {
            field.wire_name(self._raw): to_wire(field.current(self))
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
            with self._context.lock:
                for name, value in before.items():
                    if value is not MISSING:
                        fields[name].store(self, value)
                    elif fields[name].current(self) is not MISSING:
                        fields[name].clear(self)
                self._context.identity.release(self)
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
            >>> project = getfixture("project")
            >>> project.title = "Street scenes"
            >>> project.save().changes
            {}
        """
        # Of two saves at once, the one whose answer comes last needn't be the one that the server
        # did last: the object would be taken for saved, and an edit be lost.
        with self._context.saving(self):
            with self._context.lock:
                changes = self.changes
            if changes:
                schema = type(self).__schema__
                with schema.explaining():
                    row = self._ask("PATCH", schema.detail_path(self._key), json=changes)
                self._take(row, sent=changes, saved=True)
            else:
                self._context.identity.release(self)
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
        self._context.identity.forget(self)
