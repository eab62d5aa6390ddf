"""Deprecate names: a warning with the first version, the last version and the replacement."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["deprecated_names", "warn_deprecated"]


def warn_deprecated(
    name: str, *, since: str, removed_in: str, instead: str, stacklevel: int = 2
) -> None:
    """Warn that a name goes away.

    Args:
        name: The deprecated name, as users write it.
        since: The first version that warns.
        removed_in: The version that no longer has the name.
        instead: The name to use instead.
        stacklevel: Frames between this function and the user's line.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn_deprecated("old()", since="0.2", removed_in="1.0", instead="new()")
        >>> print(caught[0].message)
        old() is deprecated since 0.2 and goes away in 1.0. Use new() instead.
    """
    warnings.warn(
        f"{name} is deprecated since {since} and goes away in {removed_in}. Use {instead} instead.",
        DeprecationWarning,
        stacklevel=stacklevel + 1,
    )


def deprecated_names(
    module: str, names: Mapping[str, str], *, since: str, removed_in: str
) -> Callable[[str], Any]:
    """Return a module's `__getattr__` that leads old names to new ones, with a warning.

    Args:
        module: The module's name.
        names: The new name of each old one.
        since: The first version that warns.
        removed_in: The version that no longer has the names.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - the hook's name
        new = names.get(name)
        if new is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_deprecated(f"{module}.{name}", since=since, removed_in=removed_in, instead=new)
        return getattr(sys.modules[module], new)

    return __getattr__
