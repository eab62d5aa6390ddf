"""The tables of the local backend, one module per domain."""

from synapse.emulator.models.accounts import Membership, Tenant, Token, User
from synapse.emulator.models.annotation import Project, Task, TaskTag
from synapse.emulator.models.data import (
    Blob,
    DataCollection,
    DataFile,
    DataUnit,
    FileSpecification,
    UnitFile,
)
from synapse.emulator.models.uploads import Upload

__all__ = [
    "Blob",
    "DataCollection",
    "DataFile",
    "DataUnit",
    "FileSpecification",
    "Membership",
    "Project",
    "Task",
    "TaskTag",
    "Tenant",
    "Token",
    "UnitFile",
    "Upload",
    "User",
]
