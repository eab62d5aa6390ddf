"""Subclasses of declared classes, which a session uses in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from synapse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from synapse.orm._typing import Entity

__all__ = ["choose", "find_extensions"]

_MARKER = type(attrs.field())
_HOW = "Pass a class with own methods, such as class TeamTask(Task)."


def find_extensions(session_class: type[Any]) -> dict[type[Entity], type[Entity]]:
    """Return the classes that a session's class uses, by the declared classes that they extend.

    Args:
        session_class: The class; each of its bases may list `resource_classes` of its own.

    Raises:
        ConfigurationError: A class extends no declared one, or two extend the same one apart.
    """
    found: dict[type[Entity], type[Entity]] = {}
    for base in reversed(session_class.__mro__):
        own: Iterable[Any] = vars(base).get("resource_classes", ())
        for cls in own:
            declared = _check(cls, base)
            known = found.get(declared, declared)
            if issubclass(cls, known):
                found[declared] = cls
            elif not issubclass(known, cls):
                raise ConfigurationError(
                    f"{session_class.__name__} has {known.__name__} and {cls.__name__} for "
                    f"{declared.__name__}. Make a class of both, class Team{declared.__name__}"
                    f"({cls.__name__}, {known.__name__}), and put it into resource_classes."
                )
    return found


def _check(cls: Any, owner: type[Any]) -> type[Entity]:
    """Return the declared class that a class extends.

    Raises:
        ConfigurationError: The class extends none.
    """
    schema = getattr(cls, "__schema__", None)
    where = f"resource_classes of {owner.__name__} has {getattr(cls, '__name__', cls)!r}"
    if not isinstance(cls, type) or schema is None:
        raise ConfigurationError(f"{where}, which extends no resource. {_HOW}")
    if schema.resource is cls:
        raise ConfigurationError(f"{where}, which is a resource itself. {_HOW}")
    declared: type[Entity] = schema.resource
    for base in cls.__mro__[: cls.__mro__.index(declared)]:
        for name, value in vars(base).items():
            if isinstance(value, _MARKER):
                raise ConfigurationError(
                    f"{where}, whose {name!r} is a field: only declared classes have fields. Write "
                    f"a property that reads self.extra[{name!r}]."
                )
    return declared


def choose(
    cls: type[Entity], extensions: Mapping[type[Entity], type[Entity]], session: object
) -> type[Entity]:
    """Return the class of a session's objects.

    Raises:
        UsageError: The class extends a declared one, but not for this session.
    """
    declared: type[Entity] = cls.__schema__.resource
    chosen = extensions.get(declared, declared)
    if not issubclass(chosen, cls):
        name = type(session).__name__
        raise UsageError(
            f"{cls.__name__} extends {declared.__name__}, but objects of this {name} are "
            f"{chosen.__name__}s. Use a subclass of {name} with resource_classes = "
            f"({cls.__name__},)."
        )
    return chosen
