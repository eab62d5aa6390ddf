"""The values of fields that take one of a few, as the platform documents them.

A server of another age may know others; such a value is kept as the string that came.
"""

from synapse.core.convert import Choice

__all__ = [
    "AccessLevel",
    "Category",
    "FileType",
    "FunctionType",
    "Priority",
    "TaskStatus",
]


class Category(Choice):
    """The kind of data of a project or data collection."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    PCD = "pcd"
    DATA = "data"
    PROMPT = "prompt"
    TIME_SERIES = "time_series"


class AccessLevel(Choice):
    """Who may see a project."""

    PUBLIC = "public"
    PARTIALLY_PUBLIC = "partially_public"
    PRIVATE = "private"


class TaskStatus(Choice):
    """How far a task is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    STAND_BY = "stand_by"
    SKIPPED = "skipped"


class Priority(Choice):
    """How urgent a task is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class FileType(Choice):
    """What a file of a data unit holds."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    PCD = "pcd"
    DATA = "data"


class FunctionType(Choice):
    """What a file is for within its data unit."""

    MAIN = "main"
    SUB = "sub"
    META = "meta"
