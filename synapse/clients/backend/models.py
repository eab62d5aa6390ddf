"""Rows and words of the backend, under the names that scripts import.

The rows of the other methods are plain dicts. These are mappings, too, whose values are also
attributes.
"""

from __future__ import annotations

import re
from typing import Any

from synapse.clients.record import Record
from synapse.orm.convert import Choices
from synapse.resources.enums import StorageCategory, StorageProvider

__all__ = [
    "Agent",
    "AgentRecord",
    "ChunkedUploadFinalizeResponse",
    "ChunkedUploadResponse",
    "ConfirmFileResult",
    "ConfirmUploadResponse",
    "CreateLogsRequest",
    "DataFileResponse",
    "DataUnitCreateRequest",
    "JobStatus",
    "ModelCreateRequest",
    "MultipartUploadInfo",
    "PluginReleaseCreateRequest",
    "PluginRunRequest",
    "PresignedFileInfo",
    "PresignedUploadPart",
    "PresignedUploadResponse",
    "ServeApplicationCreateRequest",
    "SetTagsRequest",
    "Storage",
    "StorageCategory",
    "StorageProvider",
    "TaskCreateRequest",
    "UpdateJobRequest",
    "WireJobStatus",
]

_SCRIPT_TOKEN = re.compile(r"agents/([0-9a-f]{40})/node_install_script")


class AgentRecord(Record):
    """An agent, as the server lists it.

    Example:
        >>> agent = AgentRecord(id=1, name="gpu-1", status="connected", token="abc")
        >>> agent.is_connected, agent.extract_token(), agent["name"]
        (True, 'abc', 'gpu-1')
    """

    def __init__(self, *rows: Any, **values: Any) -> None:
        super().__init__(*rows, **values)
        for name in ("url", "status", "token", "node_install_script"):
            self.setdefault(name, None)
        self["token"] = self.extract_token()

    @property
    def is_connected(self) -> bool:
        """Whether the server is in contact with the agent."""
        return str(self.get("status")).lower() == "connected"

    def extract_token(self) -> str | None:
        """Return the agent's token, also from the script that installs the agent."""
        if token := self.get("token"):
            return str(token)
        match = _SCRIPT_TOKEN.search(self.get("node_install_script") or "")
        return match[1] if match else None


class WireJobStatus(Choices):
    """State of a job, as requests and responses spell it."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


# The names by which scripts import them.
Agent = AgentRecord
JobStatus = WireJobStatus
Storage = Record
ChunkedUploadFinalizeResponse = ChunkedUploadResponse = DataFileResponse = Record
ConfirmFileResult = ConfirmUploadResponse = Record
MultipartUploadInfo = PresignedFileInfo = PresignedUploadPart = PresignedUploadResponse = Record
CreateLogsRequest = DataUnitCreateRequest = ModelCreateRequest = PluginReleaseCreateRequest = Record
PluginRunRequest = ServeApplicationCreateRequest = SetTagsRequest = TaskCreateRequest = Record
UpdateJobRequest = Record
