"""Relations: from a resource to another one, or to the many that refer to the resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from synapse._internal.json_values import to_json
from synapse._internal.short_traceback import shortened
from synapse.orm import registry
from synapse.orm.fields import MISSING, FieldOptions, declare, ids_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.orm.base_manager import BaseManager
    from synapse.orm.resource import Resource

__all__ = ["ForeignKeyId", "ManagerDescriptor", "ToMany", "to_list", "to_one"]

M = TypeVar("M", bound="BaseManager[Any]")
K = TypeVar("K")


def to_one(
    target: str,
    *,
    read_only: bool = False,
    filterable: bool | None = None,
    parameter: str | None = None,
) -> Any:
    """Declare a relation to one other resource.

    The attribute returns the session's object of the related id, without a request until a field of
    that object is read. An object or an id can be assigned.

    Args:
        target: Name of the related class.
        read_only: Only the server sets the relation.
        filterable: Whether queries may filter by the relation; by default yes.
        parameter: Query parameter of the filter, if not the field's name.

    Returns:
        The marker that attrs turns into a slot.
    """
    return declare(FieldOptions(read_only, (), filterable, target, parameter=parameter))


def to_list(target: str, *, filterable: bool | None = None, hint: str = "") -> Any:
    """Declare a relation to several other resources whose ids come with the object.

    The attribute returns the session's objects, as `to_one` does. Only the server, or a method of
    the class, changes the relation.

    Args:
        target: Name of the related class.
        filterable: Whether queries may filter by the relation; by default yes.
        hint: The method to use instead of assigning.

    Returns:
        The marker that attrs turns into a slot.
    """
    return declare(
        FieldOptions(True, (), filterable, target, is_many=True, hint=hint or FieldOptions().hint)
    )


class ForeignKeyId(Generic[K]):
    """The raw id of a relation, such as `task.project_id`, or the ids of a relation to several.

    Reading the id never loads the other object.

    Args:
        relation: Name of the relation's field.
    """

    def __init__(self, relation: str) -> None:
        self.relation = relation

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Resource, owner: type) -> K: ...
    def __get__(self, instance: Resource | None, owner: type) -> Self | K:
        if instance is None:
            return self
        field = type(instance).__schema__.fields[self.relation]
        value = field.current(instance)
        if value is MISSING:
            value = field.raw(instance._raw)
        if value is MISSING:
            value = field.read(instance)
        key: K = field.to_keys(ids_of(to_json(value)))
        return key

    def __set__(self, instance: Resource, value: Any) -> None:
        setattr(instance, self.relation, value)


class ToMany(Generic[M]):
    """The many objects that refer to a resource, such as `project.tasks`.

    On an instance, the attribute is a manager in the scope of the instance; on the class, a manager
    of all objects through the default session. Managers are built on access, without a request.

    Args:
        target: Name of the related class.
        by: The target's relation that points back.
    """

    def __init__(self, target: str, *, by: str) -> None:
        self.target = target
        self.by = by

    def __get__(self, instance: Resource | None, owner: type) -> M:
        cls = registry.get(self.target)
        scope = () if instance is None else (instance._session, (self.by, instance))
        manager: M = cls.__schema__.manager(cls, *scope)
        return manager


class ManagerDescriptor(Generic[M]):
    """Every object of a class, through the default session: `Project.objects`."""

    def __get__(self, instance: None, owner: type[Resource]) -> M:
        if instance is not None:
            raise shortened(AttributeError("objects is on the class, not on its instances"))
        return owner.__schema__.manager(owner)  # type: ignore[return-value] # the declaration's annotation says which manager
