"""Second spellings of a method's keywords."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from synapse.errors import UsageError

__all__ = ["accept_aliases", "check_spellings", "choose_one"]

_F = TypeVar("_F", bound=Callable[..., Any])


def accept_aliases(**aliases: str) -> Callable[[_F], _F]:
    """Return a decorator for methods whose keywords have second spellings.

    Args:
        **aliases: The second spelling of each keyword, and the keyword.

    Example:
        >>> @accept_aliases(unit="unit_id")
        ... def fetch(unit_id):
        ...     return unit_id
        >>> fetch(unit=7), fetch(7), fetch(7, unit=7)
        (7, 7, 7)
    """

    def decorate(function: _F) -> _F:
        positions = {
            name: place for place, name in enumerate(inspect.signature(function).parameters)
        }

        @functools.wraps(function)
        def call(*args: Any, **keywords: Any) -> Any:
            for alias, name in aliases.items():
                if alias not in keywords:
                    continue
                value = keywords.pop(alias)
                if positions[name] < len(args):
                    choose_one(name, args[positions[name]], alias, value)
                else:
                    keywords[name] = choose_one(name, keywords.get(name), alias, value)
            return function(*args, **keywords)

        return call  # type: ignore[return-value] # takes all that the function takes, and more

    return decorate


def choose_one(name: str, value: Any, other_name: str, other: Any) -> Any:
    """Return the value of an argument that has two places.

    Args:
        name: Name of the argument.
        value: Its value, or `None`.
        other_name: Name of the other place.
        other: The value there, or `None`.

    Raises:
        UsageError: Both have values, and these differ.
    """
    if value is None:
        return other
    if other is not None and other is not value and other != value:
        raise UsageError(f"{name} and {other_name} differ. Pass one of them.")
    return value


def check_spellings(data: Mapping[str, Any], **aliases: str) -> None:
    """Check the keys of a body that servers read under two names.

    Args:
        data: The body.
        **aliases: The second spelling of each key, and the key.

    Raises:
        UsageError: A body has both keys, with different values.
    """
    for alias, name in aliases.items():
        choose_one(f"data[{name!r}]", data.get(name), f"data[{alias!r}]", data.get(alias))
