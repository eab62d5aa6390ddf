"""The one table of public names: the module of each name of `synapse`."""

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
        "UsageError",
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
    "synapse.transport.deadline_blocks": ("deadline",),
}
MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}
