"""The values of fields that take one of a few, as the platform documents them.

A server of another age may know others; such a value is kept as the string that came.
"""

from __future__ import annotations

from synapse.orm.convert import Choices

__all__ = [
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
]


class Category(Choices):
    """The kind of data of a project or data collection."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    PCD = "pcd"
    DATA = "data"
    PROMPT = "prompt"
    TIME_SERIES = "time_series"


class AccessLevel(Choices):
    """Visibility of a project."""

    PUBLIC = "public"
    PARTIALLY_PUBLIC = "partially_public"
    PRIVATE = "private"


class TaskStatus(Choices):
    """State of a task."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    STAND_BY = "stand_by"
    SKIPPED = "skipped"


class Priority(Choices):
    """Urgency of a task."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class FileType(Choices):
    """Type of a file's content."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    PCD = "pcd"
    DATA = "data"


class FunctionType(Choices):
    """Function of a file within the data unit."""

    MAIN = "main"
    SUB = "sub"
    META = "meta"


class AssignmentStatus(Choices):
    """State of an assignment."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"


class JobStatus(Choices):
    """State of a job, in one spelling for all servers."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_final(self) -> bool:
        """True for final states, which no transition leaves."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED)

    @property
    def spellings(self) -> tuple[str, ...]:
        """The spellings of older servers (lower case) and of newer ones (as Ray's)."""
        older = {"succeeded": "completed"}.get(self.value, self.value)
        newer = {"queued": "PENDING"}.get(self.value, self.value.upper())
        return (older, newer)

    @classmethod
    def _missing_(cls, value: object) -> JobStatus | None:
        if not isinstance(value, str):
            return None
        word = value.lower()
        return cls._value2member_map_.get(_JOB_SPELLINGS.get(word, word))  # type: ignore[return-value] # the map holds members of this very class


# What servers of different ages call the same state.
_JOB_SPELLINGS = {"pending": "queued", "completed": "succeeded"}


class LogLevel(Choices):
    """Severity of a log entry."""

    DEBUG = "debug"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    DANGER = "danger"
    ERROR = "error"
    CRITICAL = "critical"


class PluginCategory(Choices):
    """Purpose of a plugin."""

    NEURAL_NET = "neural_net"
    EXPORT = "export"
    UPLOAD = "upload"
    SMART_TOOL = "smart_tool"
    PRE_ANNOTATION = "pre_annotation"
    POST_ANNOTATION = "post_annotation"
    DATA_VALIDATION = "data_validation"
    CONVERTER = "converter"
    CUSTOM = "custom"


class StorageCategory(Choices):
    """Whose a storage is."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class StorageProvider(Choices):
    """Kind of a storage service."""

    AMAZON_S3 = "amazon_s3"
    AZURE = "azure"
    DIGITAL_OCEAN = "digital_ocean"
    FILE_SYSTEM = "file_system"
    FTP = "ftp"
    SFTP = "sftp"
    MINIO = "minio"
    GCP = "gcp"
    S3 = "s3"
    GCS = "gcs"
    SYNOLOGY = "synology"
    SMB = "smb"


class GroundTruthCategory(Choices):
    """Use of a ground truth."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
