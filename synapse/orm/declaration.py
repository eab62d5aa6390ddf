"""The decorator that declares a resource class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from synapse._internal.lazy_import import load
from synapse.orm import registry
from synapse.orm.fields import Field
from synapse.orm.resource import Fetchable, Resource
from synapse.orm.schema import Schema

if TYPE_CHECKING:
    from synapse.orm.base_manager import BaseManager

__all__ = ["resource"]

# The fields of most classes that tell one object from another.
_SUMMARY = ("title", "name", "status")

# Methods of objects that take fields as keywords.
_FIELD_VERBS = {"create", "update"}

R = TypeVar("R", bound=Resource)


def resource(
    path: str,
    *,
    manager: type[BaseManager[Any]],
    plural: str | None = None,
    list_path: str | None = "",
    filters: Iterable[str] = (),
    expandable: Iterable[str] = (),
    summary: Iterable[str] | None = None,
    key: str = "id",
) -> Callable[[type[R]], type[R]]:
    """Declare a resource class: create the slots and register the class.

    Args:
        path: Path for creating objects, and prefix of each object's own path, such as `projects/`.
        manager: Class of the managers.
        plural: Name of the root manager on a session; by default the path's.
        list_path: Path of the list; by default `path`, `None` without a list.
        filters: Names of filters that aren't fields.
        expandable: Names that can be expanded but aren't relations.
        summary: Names of the fields that tell one object from another, as `repr` and tables show;
            by default the title or name, and the status.
        key: Name of the field that is unique in the list.

    Returns:
        The decorator.
    """

    def declare(cls: type[R]) -> type[R]:
        made = attrs.define(
            init=False, repr=False, eq=False, order=False, match_args=False, getstate_setstate=False
        )(cls)
        attributes = attrs.fields(cast("type[attrs.AttrsInstance]", made))
        names = [a.name for a in attributes]
        made.__schema__ = Schema(
            name=made.__name__,
            plural=plural or path.strip("/"),
            path=path,
            list_path=path if list_path == "" else list_path,
            has_detail=issubclass(made, Fetchable),
            resource=made,
            declared_manager=manager,
            fields={a.name: Field(made, a) for a in attributes},
            filters=frozenset(filters),
            expandable=frozenset(expandable),
            summary=tuple(n for n in _SUMMARY if n in names) if summary is None else tuple(summary),
            key=key,
        )
        if _FIELD_VERBS & vars(made).keys():
            load("synapse.orm.signatures").name_own_methods(made)
        registry.register(made)
        return made

    return declare
