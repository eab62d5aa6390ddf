"""Import modules when they are first used."""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from types import ModuleType

from synapse._internal.fork import hold_during_fork

__all__ = ["load"]

# A child that is forked during an import would wait for that import for ever.
_importing = RLock()
hold_during_fork(_importing)


def load(module: str) -> ModuleType:
    """Import a module; a fork waits until the import has finished.

    Args:
        module: The module's name. A fork doesn't wait for modules outside this package: they may
            themselves wait for a thread.
    """
    if not module.startswith("synapse."):
        return import_module(module)
    with _importing:
        return import_module(module)
