"""The identity map: one object per id and session.

Objects are held weakly, so that the map never keeps unused ones. Two kinds are held strongly:
pinned objects (changed, until saved or reverted), and a bounded number of recently fetched ones,
which let `get()` skip a request while fresh. Objects that are merely walked over don't enter that
cache: they would push out the ones that are looked up.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cachetools import LRUCache, TTLCache

from synapse.errors import FieldValueError, InvalidResponse
from synapse.orm import registry
from synapse.orm.dependents import may_depend
from synapse.orm.extensions import choose, find_extensions
from synapse.orm.fields import MISSING, ids_of

if TYPE_CHECKING:
    from synapse.orm._typing import Entity, SessionLike

__all__ = ["Expansion", "IdentityMap"]

R = TypeVar("R", bound="Entity")
Expansion = dict[str, Any]
"""What a query expands, as a tree: `{"data_unit": {"data_collection": {}}}`."""

_FIRST_SWEEP = 1024


class _Watched(LRUCache[Any, Any]):
    """Objects that may change without a report; compared once more before they are dropped."""

    def __init__(self, held: dict[Any, Any], maxsize: int) -> None:
        super().__init__(maxsize)
        self._held = held

    def popitem(self) -> tuple[Any, Any]:
        key, resource = super().popitem()
        if resource.is_changed:
            self._held[key] = resource
        return key, resource


class IdentityMap:
    """The objects of a session.

    Args:
        session: The session.
        cache_size: How many fetched objects are held strongly.
        cache_ttl: For how many seconds they count as fresh; 0 switches the cache off.

    Attributes:
        cache_size: As passed.
        cache_ttl: As passed.
    """

    def __init__(self, session: SessionLike, *, cache_size: int, cache_ttl: float) -> None:
        self._session = session
        self._extensions = find_extensions(type(session))
        # Plain weak references, swept when a table has doubled: a WeakValueDictionary costs four
        # times as much for each object that is walked over.
        self._refs: dict[type[Entity], dict[Any, weakref.ref[Any]]] = {}
        self._sweep_at: dict[type[Entity], int] = {}
        # The last object of each class's last page, which shows the fields that a loop reads.
        self._samples: dict[type[Entity], weakref.ref[Entity]] = {}
        # Public for reading: an empty mapping tells fields that nothing is edited.
        self.pinned: dict[tuple[type[Entity], Any], Entity] = {}
        self._fresh: TTLCache[tuple[type[Entity], Any], Entity] = TTLCache(
            maxsize=max(1, cache_size), ttl=max(0.0, cache_ttl)
        )
        self._caches = cache_size > 0 and cache_ttl > 0
        self.cache_size = cache_size
        self.cache_ttl = cache_ttl
        self._watched = _Watched(self.pinned, maxsize=max(1, cache_size))

    def choose(self, cls: type[R]) -> type[R]:
        """Return the class of the session's objects for a class or a declared one.

        Raises:
            UsageError: The class extends a declared one, but not for this session.
        """
        if cls is cls.__schema__.resource and not self._extensions:  # nearly always
            return cls
        return cast("type[R]", choose(cls, self._extensions, self._session))

    def load(
        self, cls: type[R], rows: Sequence[dict[str, Any]], expansion: Expansion | None = None
    ) -> list[R]:
        """Return the objects of some rows, in order; known ones are updated.

        Raises:
            InvalidResponse: A row isn't an object with an id.
        """
        cls = self.choose(cls)
        loaded: list[R] = []
        created: list[Entity] = []
        append = loaded.append
        new, set_context, set_raw = cls.__new__, cls.__set_context__, cls.__set_raw__
        session, reference = self._session, weakref.ref
        with session.lock:
            refs = self._refs.setdefault(cls, {})
            find = refs.get
            schema = cls.__schema__
            name = schema.key
            id_field = schema.fields[name]
            set_id, id_types = id_field.store, id_field.id_types
            for row in rows:
                try:
                    key = row[name] if name in row else _take_id(row, name)
                    ref = find(key)
                except (TypeError, KeyError):
                    raise _not_a_row(cls, row) from None
                is_plain = type(key) in id_types and key is not None
                if not is_plain:
                    if not _is_key(key):
                        raise _not_a_row(cls, row)
                    key = row[name] = schema.to_key(key)
                    ref = find(key)
                known = ref() if ref is not None else None
                if known is None:
                    known = new(cls)
                    set_context(known, session)
                    set_raw(known, row)
                    if type(key) in id_types:
                        set_id(known, key)
                    refs[key] = reference(known)
                    created.append(known)
                else:
                    known._absorb(row)
                append(known)
            if expansion:
                for one in loaded:
                    self._load_expanded(one, expansion)
            if len(refs) > self._sweep_at.get(cls, _FIRST_SWEEP):
                self._sweep(cls, refs)
            if len(created) > 1:
                self._convert_ahead(cls, created)
        return loaded

    def _convert_ahead(self, cls: type[Entity], created: list[Entity]) -> None:
        """Fill the fields that the caller read on the last page, which a loop reads again.

        One pass over a page costs a sixth of a first read per object.
        """
        sample = self._samples.get(cls, _nothing)()
        if sample is not None:
            for field in cls.__schema__.fields.values():
                if field.current(sample) is not MISSING and field.name != cls.__schema__.key:
                    field.fill(created)
        self._samples[cls] = weakref.ref(created[-1])

    def get_or_stub(self, cls: type[R], key: Any, *, via: str | None = None) -> R:
        """Return the object of an id: the known one, or a stub that loads when read."""
        with self._session.lock:
            known = self.get(cls, key)
            if known is None:
                known = self.load(cls, [{cls.__schema__.key: key}])[0]
                if via is not None:
                    known._set_via(via)
            return known

    def related(self, target: str, value: Any, *, via: str) -> Any:
        """Return the object that a relation's value stands for: an id, an object, or null."""
        if value is None:
            return None
        cls = registry.get(target)
        if isinstance(value, dict):
            # An expansion that nobody requested; the known values are at least as new.
            if _is_key(key := value.get(cls.__schema__.key)):
                known = self.get(cls, key)
                return known if known is not None else self.load(cls, [value])[0]
        elif _is_key(value):
            return self.get_or_stub(cls, value, via=via)
        raise FieldValueError(f"{value!r} is not an id")

    def get(self, cls: type[R], key: Any) -> R | None:
        """Return the known, living object of an id, if any."""
        cls = self.choose(cls)
        ref = self._refs.get(cls, {}).get(cls.__schema__.to_key(key))
        return ref() if ref is not None else None

    def get_cached(self, cls: type[R], key: Any) -> R | None:
        """Return an object that was fetched so recently that asking again isn't needed."""
        if not self._caches:
            return None
        cls = self.choose(cls)
        with self._session.lock:
            found = self._fresh.get((cls, key))
        return found if isinstance(found, cls) else None

    def cache(self, resource: Entity) -> None:
        """Count an object as fetched just now."""
        if self._caches:
            with self._session.lock:
                self._fresh[type(resource), resource._key] = resource

    def pin(self, resource: Entity) -> None:
        """Keep a changed object alive."""
        with self._session.lock:
            self.pinned[type(resource), resource._key] = resource

    def unpin(self, resource: Entity) -> None:
        """Unpin an object that has no change left.

        An object with the user's own list or mapping, whose changes nobody reports, stays for as
        many further objects as the cache holds.
        """
        key = (type(resource), resource._key)
        with self._session.lock:
            if resource.is_changed:
                return
            self.pinned.pop(key, None)
            # Also for unpinned objects: the assigned value may equal the server's.
            if resource._hides_changes():
                self._watched[key] = resource

    def forget(self, resource: Entity) -> None:
        """Remove a deleted object, also from the lists of others.

        What the server may have deleted with the object isn't fresh any more.
        """
        cls, key = type(resource), resource._key
        with self._session.lock:
            self.pinned.pop((cls, key), None)
            self._watched.pop((cls, key), None)
            self._refs.get(cls, {}).pop(key, None)
            self._remove_from_lists(cls, key)
            self.expire(cls, key)

    def expire(self, cls: type[Entity], key: Any) -> None:
        """Mark an object that is gone as stale, and what may have gone with the object."""
        cls, declared = self.choose(cls), cls.__schema__.resource
        with self._session.lock:
            self._fresh.pop((cls, key), None)
            for place in list(self._fresh):
                resource = self._fresh.get(place)
                if resource is not None and may_depend(resource, declared, key, self.get):
                    self._fresh.pop(place, None)

    @property
    def changed(self) -> list[Entity]:
        """The objects with unsaved changes."""
        with self._session.lock:
            kept = {**self._watched, **self.pinned}
            return [one for one in kept.values() if one.is_changed]

    def _remove_from_lists(self, cls: type[Entity], key: Any) -> None:
        for owner, refs in self._refs.items():
            for field in owner.__schema__.fields.values():
                if not field.declared.is_many or field.declared.target != cls.__schema__.name:
                    continue
                for resource in filter(None, [ref() for ref in refs.values()]):
                    said = field.raw(resource._raw)
                    keys = field.to_keys(ids_of(said)) if isinstance(said, list) else []
                    if key in keys:
                        rest = [one for one in keys if one != key]
                        resource._absorb({field.wire_name(resource._raw): rest})

    def _load_expanded(self, resource: Entity, expansion: Expansion) -> None:
        """Load the related rows inside a row, and leave only their ids.

        Loading happens at once: later, an old related row could overwrite newer values.
        """
        raw = resource._raw
        for name, below in expansion.items():
            field = type(resource).__schema__.fields.get(name)
            if field is None or field.declared.target is None:
                continue
            said = raw.get(name)
            rows: list[Any] = said if isinstance(said, list) else [said]
            if not rows or not all(isinstance(row, dict) for row in rows):
                continue
            related = self.load(registry.get(field.declared.target), rows, below)
            raw[name] = ids_of(said)
            if field.current(resource) is MISSING:
                field.store(resource, field.convert(raw[name], resource))
            del related  # held until here: the slot now has them

    def _sweep(self, cls: type[Entity], refs: dict[Any, weakref.ref[Any]]) -> None:
        for key in [key for key, ref in refs.items() if ref() is None]:
            del refs[key]
        self._sweep_at[cls] = max(_FIRST_SWEEP, 2 * len(refs))


def _nothing() -> None:
    """Stand for a reference whose object is gone."""


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _take_id(row: dict[str, Any], key: str) -> Any:
    """Let the id of a row stand for the key, for servers that don't send the key."""
    row[key] = row["id"]
    return row[key]


def _not_a_row(cls: type[Entity], row: Any) -> InvalidResponse:
    return InvalidResponse(
        200,
        f"the server sent a {cls.__name__} that is not an object with an id",
        response=row,
        resource=cls.__name__,
    )
