"""The tables of the local backend, one module per domain."""

from synapse.emulator.models.accounts import Membership, Tenant, Token, User
from synapse.emulator.models.annotation import Project, Task, TaskTag
from synapse.emulator.models.assignments import Assignment
from synapse.emulator.models.data import (
    Blob,
    DataCollection,
    DataFile,
    DataUnit,
    DataUnitGroup,
    FileSpecification,
    UnitFile,
)
from synapse.emulator.models.jobs import ConsoleLine, Job, Log, LogLevel, ServeApplication
from synapse.emulator.models.ml import (
    GroundTruth,
    GroundTruthDataset,
    GroundTruthEvent,
    GroundTruthVersion,
    Model,
    Split,
)
from synapse.emulator.models.plugins import Plugin, PluginRelease
from synapse.emulator.models.presigned import PresignedUpload
from synapse.emulator.models.storages import Storage
from synapse.emulator.models.uploads import Upload

__all__ = [
    "Assignment",
    "Blob",
    "ConsoleLine",
    "DataCollection",
    "DataFile",
    "DataUnit",
    "DataUnitGroup",
    "FileSpecification",
    "GroundTruth",
    "GroundTruthDataset",
    "GroundTruthEvent",
    "GroundTruthVersion",
    "Job",
    "Log",
    "LogLevel",
    "Membership",
    "Model",
    "Plugin",
    "PluginRelease",
    "PresignedUpload",
    "Project",
    "ServeApplication",
    "Split",
    "Storage",
    "Task",
    "TaskTag",
    "Tenant",
    "Token",
    "UnitFile",
    "Upload",
    "User",
]
