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
    "synapse.resources.assignments": ("Assignment",),
    "synapse.resources.data_collections": (
        "DataCollection",
        "FileSpecification",
    ),
    "synapse.resources.data_files": ("DataFile",),
    "synapse.resources.data_units": ("DataUnit",),
    "synapse.resources.enums": (
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
    "synapse.resources.ground_truths": (
        "GroundTruth",
        "GroundTruthEvent",
        "GroundTruthVersion",
    ),
    "synapse.resources.job_logs": ("Log",),
    "synapse.resources.job_output": ("ConsoleLine",),
    "synapse.resources.jobs": ("Job",),
    "synapse.resources.models": ("Model",),
    "synapse.resources.plugins": (
        "Plugin",
        "PluginRelease",
    ),
    "synapse.resources.projects": ("Project",),
    "synapse.resources.serve_applications": ("ServeApplication",),
    "synapse.resources.storages": ("Storage",),
    "synapse.resources.task_tags": ("TaskTag",),
    "synapse.resources.tasks": ("Task",),
    "synapse.resources.unit_files": ("UnitFile",),
    "synapse.resources.users": ("User",),
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
