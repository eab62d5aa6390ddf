"""Typed Python objects for the Synapse platform.

Everything here is imported when it is first used, so that `import synapse` costs next to nothing.

Example:
    >>> import synapse
    >>> emulator = getfixture("emulator")
    >>> session = synapse.connect(emulator.url, api_token=emulator.api_token)
    >>> session.projects.count()
    0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from synapse._version import __version__

if TYPE_CHECKING:
    from synapse.errors import ClientError, SynapseError
    from synapse.resources.annotation import Project, Task
    from synapse.resources.data import (
        DataCollection,
        DataFile,
        DataUnit,
        FileSpecification,
        UnitFile,
    )
    from synapse.resources.values import (
        AccessLevel,
        Category,
        FileType,
        FunctionType,
        Priority,
        TaskStatus,
    )
    from synapse.session import Session, connect

_NAMES = {
    "synapse.errors": ("ClientError", "SynapseError"),
    "synapse.resources.annotation": ("Project", "Task"),
    "synapse.resources.data": (
        "DataCollection",
        "DataFile",
        "DataUnit",
        "FileSpecification",
        "UnitFile",
    ),
    "synapse.resources.values": (
        "AccessLevel",
        "Category",
        "FileType",
        "FunctionType",
        "Priority",
        "TaskStatus",
    ),
    "synapse.session": ("Session", "connect"),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "AccessLevel",
    "Category",
    "ClientError",
    "DataCollection",
    "DataFile",
    "DataUnit",
    "FileSpecification",
    "FileType",
    "FunctionType",
    "Priority",
    "Project",
    "Session",
    "SynapseError",
    "Task",
    "TaskStatus",
    "UnitFile",
    "__version__",
    "connect",
]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'synapse' has no attribute {name!r}")
    if module.startswith("synapse.resources"):
        # A class alone couldn't connect: the session module says how.
        importlib.import_module("synapse.session")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
