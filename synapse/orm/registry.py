"""The declared classes by name, so that one may point to another that is declared later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse.errors import SynapseError, UsageError

if TYPE_CHECKING:
    from synapse.orm._typing import Entity

__all__ = [
    "declared",
    "get",
    "get_by_plural",
    "publish",
    "register",
    "set_loaders",
]

_CLASSES: dict[str, type[Entity]] = {}
# Built-in classes by module. They become visible only after the module has finished importing, so
# no thread sees half of one.
_DECLARED: dict[str, dict[str, type[Entity]]] = {}
_LOADERS: list[Callable[[str], None]] = []


def set_loaders(*loaders: Callable[[str], None]) -> None:
    """Set the loaders that publish the package's classes on demand, in order.

    Args:
        *loaders: Called with the name of a class, or of a root manager.
    """
    _LOADERS[:] = loaders


def register(cls: type[Entity]) -> None:
    """Register a class. Declaring a class again (in a notebook's cell) replaces the old one.

    The package's own classes become visible when their module is published.

    Raises:
        UsageError: Another module's class has that name, or its managers do.
    """
    known = _CLASSES.get(cls.__name__)
    if _is_yours(cls):
        _check_free(cls)
    elif known is None or known.__module__ != cls.__module__:
        _DECLARED.setdefault(cls.__module__, {})[cls.__name__] = cls
        return
    _CLASSES[cls.__name__] = cls


def _check_free(cls: type[Entity]) -> None:
    """Check that a user's class takes no name of another class.

    Raises:
        UsageError: The name of the class or of its managers is taken.
    """
    plural = cls.__schema__.plural
    if not _LOADERS:  # a declaration was imported alone
        load("synapse.resources")
    for name in (cls.__name__, plural):
        _LOADERS[0](name)  # the package's class of that name, without importing all others
    for other in list(_CLASSES.values()):
        is_same = other.__name__ == cls.__name__
        if is_same and other.__module__ == cls.__module__:
            continue  # declared again
        if is_same:
            raise UsageError(
                f"The name {cls.__name__} is taken by {other.__module__}.{other.__name__}. Give "
                "your class another name."
            )
        if other.__schema__.plural == plural:
            raise UsageError(
                f"The manager {plural!r} is taken by {other.__module__}.{other.__name__}. Give "
                f"{cls.__name__} another one with @resource(..., plural=...)."
            )
    if hasattr(load("synapse.session").Session, plural):
        raise UsageError(
            f"Sessions have an attribute {plural!r} already. Give {cls.__name__} another manager "
            "with @resource(..., plural=...)."
        )


def publish(module: str) -> None:
    """Publish the classes of one of the package's modules.

    Args:
        module: Name of a completely imported module.
    """
    for name, cls in _DECLARED.get(module, {}).items():
        _CLASSES.setdefault(name, cls)


def get(name: str) -> type[Entity]:
    """Return the class of a name, importing the class's module if necessary.

    Raises:
        SynapseError: No class of that name is declared.
    """
    cls = _CLASSES.get(name) or _load_until(name, lambda: _CLASSES.get(name))
    if cls is None:
        raise SynapseError(f"No resource {name!r} is declared{suggestion(name, _CLASSES)}")
    return cls


def get_by_plural(plural: str) -> type[Entity] | None:
    """Return the class whose root manager has a name, such as `tasks`."""

    def get() -> type[Entity] | None:
        classes = list(_CLASSES.values())  # another thread may enter more
        return next((cls for cls in classes if cls.__schema__.plural == plural), None)

    return get() or _load_until(plural, get)


def declared() -> Iterator[type[Entity]]:
    """Yield every declared class, those of a module in their order."""
    _load_until("", lambda: None)
    yield from list(_CLASSES.values())


def _load_until(name: str, get: Callable[[], type[Entity] | None]) -> type[Entity] | None:
    """Run the loaders until the class is published."""
    if not _LOADERS:  # a declaration was imported alone
        load("synapse.resources")
    for loader in _LOADERS:
        loader(name)
        cls = get()
        if cls is not None:
            return cls
    return None


def _is_yours(cls: type[Entity]) -> bool:
    """Return whether a class comes from outside this package."""
    return cls.__module__.partition(".")[0] != __name__.partition(".")[0]
