"""In which module each name of `synapse` is, which is imported when the name is first used."""

from __future__ import annotations

import os
from importlib import import_module
from threading import RLock
from types import ModuleType

__all__ = ["MODULE_OF", "load"]

_NAMES = {
    "synapse.errors": (
        "AuthenticationError",
        "BulkError",
        "ClientError",
        "ConnectionFailed",
        "InvalidQuery",
        "JobFailed",
        "JobStopped",
        "JobTimeout",
        "MultipleFound",
        "NotFound",
        "PermissionDenied",
        "RateLimited",
        "SynapseError",
        "ValidationError",
    ),
    "synapse.resources.agents": ("Agent",),
    "synapse.resources.annotation": (
        "Project",
        "Task",
        "TaskTag",
    ),
    "synapse.resources.data": (
        "DataCollection",
        "DataFile",
        "DataUnit",
        "FileSpecification",
    ),
    "synapse.resources.hitl": ("Assignment",),
    "synapse.resources.console": ("ConsoleLine",),
    "synapse.resources.jobs": ("Job",),
    "synapse.resources.logs": ("Log",),
    "synapse.resources.ml": (
        "GroundTruth",
        "GroundTruthEvent",
        "GroundTruthVersion",
        "Model",
    ),
    "synapse.resources.plugins": (
        "Plugin",
        "PluginRelease",
    ),
    "synapse.resources.serving": ("ServeApplication",),
    "synapse.resources.storages": ("Storage",),
    "synapse.resources.unit_files": ("UnitFile",),
    "synapse.resources.users": ("User",),
    "synapse.resources.values": (
        "AccessLevel",
        "AssignmentStatus",
        "Category",
        "FileType",
        "FunctionType",
        "GroundTruthCategory",
        "JobStatus",
        "LogLevel",
        "PluginCategory",
        "Priority",
        "StorageCategory",
        "StorageProvider",
        "TaskStatus",
    ),
    "synapse.session": (
        "Session",
        "connect",
    ),
    "synapse.transport.deadlines": ("deadline",),
}
MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

# A child that is forked in the middle of an import would wait for its end for ever.
_importing = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )


def load(module: str) -> ModuleType:
    """Import a module; a fork waits until that is done.

    Args:
        module: Its name. For one that isn't of this package no fork waits: it may itself wait for
            a thread.
    """
    if not module.startswith("synapse."):
        return import_module(module)
    with _importing:
        return import_module(module)
