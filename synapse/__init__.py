"""Typed Python objects for the Synapse platform.

Names are imported at first use, so that `import synapse` costs next to nothing.

Example:
    >>> import synapse
    >>> session = synapse.connect(emulator.url, api_token=emulator.api_token)
    >>> session.projects.count()
    0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load
from synapse._internal.moved import install
from synapse._public import MODULE_OF
from synapse._version import __version__

if TYPE_CHECKING:
    from synapse.errors import (
        AuthenticationError,
        BulkError,
        ClientError,
        ConnectionFailed,
        InvalidQuery,
        JobFailed,
        JobStopped,
        JobTimeout,
        MultipleFound,
        NotFound,
        PermissionDenied,
        RateLimited,
        SynapseError,
        UsageError,
        ValidationError,
    )
    from synapse.resources.agents import Agent
    from synapse.resources.assignments import Assignment
    from synapse.resources.data_collections import DataCollection, FileSpecification
    from synapse.resources.data_files import DataFile
    from synapse.resources.data_units import DataUnit
    from synapse.resources.enums import (
        AccessLevel,
        AssignmentStatus,
        Category,
        FileType,
        FunctionType,
        GroundTruthCategory,
        JobStatus,
        LogLevel,
        PluginCategory,
        Priority,
        StorageCategory,
        StorageProvider,
        TaskStatus,
    )
    from synapse.resources.ground_truths import GroundTruth, GroundTruthEvent, GroundTruthVersion
    from synapse.resources.job_logs import Log
    from synapse.resources.job_output import ConsoleLine
    from synapse.resources.jobs import Job
    from synapse.resources.models import Model
    from synapse.resources.plugins import Plugin, PluginRelease
    from synapse.resources.projects import Project
    from synapse.resources.serve_applications import ServeApplication
    from synapse.resources.storages import Storage
    from synapse.resources.task_tags import TaskTag
    from synapse.resources.tasks import Task
    from synapse.resources.unit_files import UnitFile
    from synapse.resources.users import User
    from synapse.session import Session, connect
    from synapse.transport.deadline_blocks import deadline

__all__ = [
    "AccessLevel",
    "Agent",
    "Assignment",
    "AssignmentStatus",
    "AuthenticationError",
    "BulkError",
    "Category",
    "ClientError",
    "ConnectionFailed",
    "ConsoleLine",
    "DataCollection",
    "DataFile",
    "DataUnit",
    "FileSpecification",
    "FileType",
    "FunctionType",
    "GroundTruth",
    "GroundTruthCategory",
    "GroundTruthEvent",
    "GroundTruthVersion",
    "InvalidQuery",
    "Job",
    "JobFailed",
    "JobStatus",
    "JobStopped",
    "JobTimeout",
    "Log",
    "LogLevel",
    "Model",
    "MultipleFound",
    "NotFound",
    "PermissionDenied",
    "Plugin",
    "PluginCategory",
    "PluginRelease",
    "Priority",
    "Project",
    "RateLimited",
    "ServeApplication",
    "Session",
    "Storage",
    "StorageCategory",
    "StorageProvider",
    "SynapseError",
    "Task",
    "TaskStatus",
    "TaskTag",
    "UnitFile",
    "UsageError",
    "User",
    "ValidationError",
    "__version__",
    "connect",
    "deadline",
]


if not TYPE_CHECKING:
    # Hidden from type checkers: seeing it, they would accept any misspelled name.
    def __getattr__(name: str) -> Any:
        module = MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module 'synapse' has no attribute {name!r}")
        value = getattr(load(module), name)
        globals()[name] = value
        return value


install()


def __dir__() -> list[str]:
    return sorted(__all__)
