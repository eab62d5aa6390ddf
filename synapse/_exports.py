"""In which module each name of `synapse` is: it is imported when the name is first used."""

from __future__ import annotations

__all__ = ["MODULE_OF"]

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
