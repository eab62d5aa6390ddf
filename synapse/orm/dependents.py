"""Find the objects that a deletion may reach: servers delete what belongs to an object, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from synapse.orm import registry
from synapse.orm.fields import MISSING, ids_of

if TYPE_CHECKING:
    from synapse.orm._typing import Entity

__all__ = ["may_depend"]

_Find = Callable[[Any, Any], Any]


def may_depend(
    resource: Entity,
    gone: type[Entity],
    key: Any,
    find: _Find,
    seen: frozenset[type[Entity]] = frozenset(),
) -> bool:
    """Return whether an object may have been deleted with another one.

    Args:
        resource: The object.
        gone: Class of the deleted object.
        key: Id of the deleted object.
        find: Returns the session's object of a class and id, or `None`.
        seen: Classes on the way to the object.

    Returns:
        True if the object refers to the deleted one, if something between them does, or if that
        isn't known here. Makes no request.
    """
    seen |= {type(resource).__schema__.resource}
    for field, target in _list_relations(type(resource)):
        related_key = field.to_keys(ids_of(field.raw(resource._raw)))
        if related_key is None:
            continue
        if target is gone:
            if related_key is MISSING or related_key == key:
                return True
        elif target not in seen and _leads_to(target, gone, seen):
            related = None if related_key is MISSING else find(target, related_key)
            if related is None or may_depend(related, gone, key, find, seen):
                return True
    return False


def _leads_to(cls: type[Entity], gone: type[Entity], seen: frozenset[type[Entity]]) -> bool:
    seen |= {cls}
    return any(
        target is gone or (target not in seen and _leads_to(target, gone, seen))
        for _, target in _list_relations(cls)
    )


def _list_relations(cls: type[Entity]) -> Iterator[tuple[Any, type[Entity]]]:
    for field in cls.__schema__.fields.values():
        if field.is_relation and not field.declared.is_many:
            yield field, registry.get(field.declared.target)
