"""The declared classes by name, so that one may point to another that is declared later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from synapse.errors import SynapseError

if TYPE_CHECKING:
    from synapse.core.resource import Resource

__all__ = ["declared", "find", "find_root", "register", "set_sources", "suggestion"]

_CLASSES: dict[str, type[Resource]] = {}
_SOURCES: list[Callable[[str], None]] = []


def set_sources(*sources: Callable[[str], None]) -> None:
    """Say what declares classes when they are asked for, each to be tried after the one before.

    Args:
        *sources: Called with the name of a class, or of its root manager.
    """
    _SOURCES[:] = sources


def register(cls: type[Resource]) -> None:
    """Enter a class. Declaring one again (in a notebook's cell) replaces it.

    The package's own are imported as they are needed, so one of them doesn't replace yours.
    """
    known = _CLASSES.get(cls.__name__)
    if known is None or _is_yours(cls) or not _is_yours(known):
        _CLASSES[cls.__name__] = cls


def find(name: str) -> type[Resource]:
    """Return the class of a name; its module is imported, if that is still to be done.

    Raises:
        SynapseError: No class of that name was declared.
    """
    cls = _CLASSES.get(name) or _sought(name, lambda: _CLASSES.get(name))
    if cls is None:
        raise SynapseError(f"No resource {name!r} is declared{suggestion(name, _CLASSES)}")
    return cls


def find_root(plural: str) -> type[Resource] | None:
    """Return the class whose root manager has a name, such as `tasks`."""

    def found() -> type[Resource] | None:
        # A copy: meanwhile another thread may import a module.
        classes = list(_CLASSES.values())
        return next((cls for cls in classes if cls.__schema__.plural == plural), None)

    return found() or _sought(plural, found)


def declared() -> Iterator[type[Resource]]:
    """Give every declared class, in the order of declaration, those of the package sorted."""
    _sought("", lambda: None)
    yield from list(_CLASSES.values())


def _sought(name: str, found: Callable[[], type[Resource] | None]) -> type[Resource] | None:
    """Let each source declare what it has, until the class is there."""
    for source in _SOURCES:
        source(name)
        cls = found()
        if cls is not None:
            return cls
    return None


def _is_yours(cls: type[Resource]) -> bool:
    """Say whether a class isn't one of this package's."""
    return cls.__module__.partition(".")[0] != __name__.partition(".")[0]


def suggestion(
    word: Any, known: Iterable[str], elsewhere: Mapping[str, tuple[str, str]] | None = None
) -> str:
    """Return `; did you mean 'x'?` for a misspelling, else `.` and what there is.

    Args:
        word: What was written.
        known: What there is.
        elsewhere: What people know from other libraries: by its name there, the name here that it
            needs, and how it is said.
    """
    import difflib  # only a mistake needs it

    names = sorted(set(known))
    needed, how = (elsewhere or {}).get(word, ("", ""))
    if needed in names:
        return f": {how}."
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f". There are: {', '.join(names)}." if names else "."
