"""The declared classes by name, so that one may point to another that is declared later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from synapse.errors import SynapseError

if TYPE_CHECKING:
    from synapse.core.resource import Resource

__all__ = ["declared", "find", "find_root", "register", "suggestion"]

_CLASSES: dict[str, type[Resource]] = {}


def register(cls: type[Resource]) -> None:
    """Enter a class. Declaring one again (in a notebook's cell) replaces it."""
    _CLASSES[cls.__name__] = cls


def find(name: str) -> type[Resource]:
    """Return the class of a name.

    Raises:
        SynapseError: No class of that name was declared.
    """
    try:
        return _CLASSES[name]
    except KeyError:
        raise SynapseError(
            f"No resource {name!r} is declared{suggestion(name, _CLASSES)}"
        ) from None


def find_root(plural: str) -> type[Resource] | None:
    """Return the class whose root manager has a name, such as `tasks`."""
    for cls in _CLASSES.values():
        if cls.__schema__.plural == plural:
            return cls
    return None


def declared() -> Iterator[type[Resource]]:
    """Give every declared class, in the order of declaration."""
    yield from list(_CLASSES.values())


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
