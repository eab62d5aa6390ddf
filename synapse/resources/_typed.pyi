"""Keywords of the managers, for type checkers: tools/typed_managers.py writes this."""

# mypy: disable-error-code="override"

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from os import PathLike
from typing import Any, Literal, TypeAlias, TypedDict, overload

from typing_extensions import Required, Self, Unpack

from synapse.orm._typing import ArrowStream
from synapse.orm.manager import BulkCreates, Creates, Deletes, Manager, Updates
from synapse.orm.pages import Rows
from synapse.resources.agents import Agent
from synapse.resources.assignments import Assignment
from synapse.resources.data_collections import DataCollection, FileSpecification
from synapse.resources.data_units import DataUnit
from synapse.resources.enums import (
    AccessLevel,
    AssignmentStatus,
    Category,
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
from synapse.resources.jobs import Job
from synapse.resources.models import Model
from synapse.resources.plugins import Plugin, PluginRelease
from synapse.resources.projects import Project
from synapse.resources.serve_applications import ServeApplication
from synapse.resources.storages import Storage
from synapse.resources.task_tags import TaskTag
from synapse.resources.tasks import Task
from synapse.resources.users import User

AccessLevelWord: TypeAlias = Literal["public", "partially_public", "private"]
AssignmentStatusWord: TypeAlias = Literal["pending", "in_progress", "completed", "rejected"]
CategoryWord: TypeAlias = Literal[
    "image", "video", "audio", "text", "pcd", "data", "prompt", "time_series"
]
GroundTruthCategoryWord: TypeAlias = Literal["train", "validation", "test"]
JobStatusWord: TypeAlias = Literal[
    "queued",
    "QUEUED",
    "PENDING",
    "pending",
    "running",
    "RUNNING",
    "succeeded",
    "SUCCEEDED",
    "completed",
    "COMPLETED",
    "failed",
    "FAILED",
    "stopped",
    "STOPPED",
]
LogLevelWord: TypeAlias = Literal[
    "debug", "info", "success", "warning", "danger", "error", "critical"
]
PluginCategoryWord: TypeAlias = Literal[
    "neural_net",
    "export",
    "upload",
    "smart_tool",
    "pre_annotation",
    "post_annotation",
    "data_validation",
    "converter",
    "custom",
]
PriorityWord: TypeAlias = Literal["low", "normal", "high"]
StorageCategoryWord: TypeAlias = Literal["internal", "external"]
StorageProviderWord: TypeAlias = Literal[
    "amazon_s3",
    "azure",
    "digital_ocean",
    "file_system",
    "ftp",
    "sftp",
    "minio",
    "gcp",
    "s3",
    "gcs",
    "synology",
    "smb",
]
TaskStatusWord: TypeAlias = Literal["pending", "in_progress", "completed", "stand_by", "skipped"]

class AgentFilters(TypedDict, total=False):
    id: Agent | int | Iterable[Agent | int]
    id__in: Iterable[Agent | int]
    id__lt: Agent | int
    id__lte: Agent | int
    id__gt: Agent | int
    id__gte: Agent | int
    name: str | Iterable[str]
    name__in: Iterable[str]
    url: str | Iterable[str]
    url__in: Iterable[str]
    status: str | Iterable[str]
    status__in: Iterable[str]
    is_active: bool | Iterable[bool]
    is_active__in: Iterable[bool]
    connected: datetime | str | date | Iterable[datetime | str | date]
    connected__in: Iterable[datetime | str | date]
    connected_after: datetime | str | date
    connected_before: datetime | str | date
    connected__lt: datetime | str | date
    connected__lte: datetime | str | date
    connected__gt: datetime | str | date
    connected__gte: datetime | str | date

AgentOrder: TypeAlias = Literal[
    "id",
    "name",
    "url",
    "status",
    "is_active",
    "connected",
    "-id",
    "-name",
    "-url",
    "-status",
    "-is_active",
    "-connected",
]
AgentField: TypeAlias = Literal["id", "name", "url", "status", "is_active", "connected"]
AgentOmitted: TypeAlias = Literal["name", "url", "status", "is_active", "connected"]
AgentColumn: TypeAlias = Literal["id", "name", "url", "status", "is_active", "connected"]

class TypedAgentManager(Manager[Agent]):
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[AgentFilters]
    ) -> Self: ...
    def order_by(self, *names: AgentOrder) -> Self: ...
    def only(self, *names: AgentField) -> Self: ...
    def omit(self, *names: AgentOmitted) -> Self: ...
    def values(self, *names: AgentColumn) -> Rows: ...

class AssignmentUpdate(TypedDict, total=False):
    status: AssignmentStatus | AssignmentStatusWord | str
    assignee: int | User | None
    reviewer: int | User | None
    data: Mapping[str, Any] | None
    meta: Mapping[str, Any]

class AssignmentFilters(TypedDict, total=False):
    id: Assignment | int | Iterable[Assignment | int]
    id__in: Iterable[Assignment | int]
    id__lt: Assignment | int
    id__lte: Assignment | int
    id__gt: Assignment | int
    id__gte: Assignment | int
    project: Project | int | Iterable[Project | int]
    project_id: int | Iterable[int]
    project__in: Iterable[Project | int]
    task: Task | int | Iterable[Task | int]
    task_id: int | Iterable[int]
    task__in: Iterable[Task | int]
    status: (
        AssignmentStatus | AssignmentStatusWord | Iterable[AssignmentStatus | AssignmentStatusWord]
    )
    status__in: Iterable[AssignmentStatus | AssignmentStatusWord]
    assignee: User | int | Iterable[User | int]
    assignee__in: Iterable[User | int]
    reviewer: User | int | Iterable[User | int]
    reviewer__in: Iterable[User | int]
    tags: TaskTag | int | Iterable[TaskTag | int]
    tags_id: int | Iterable[int]
    tags__in: Iterable[TaskTag | int]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    updated: datetime | str | date | Iterable[datetime | str | date]
    updated__in: Iterable[datetime | str | date]
    updated_after: datetime | str | date
    updated_before: datetime | str | date
    updated__lt: datetime | str | date
    updated__lte: datetime | str | date
    updated__gt: datetime | str | date
    updated__gte: datetime | str | date

AssignmentOrder: TypeAlias = Literal[
    "id",
    "project",
    "task",
    "status",
    "assignee",
    "reviewer",
    "created",
    "updated",
    "-id",
    "-project",
    "-task",
    "-status",
    "-assignee",
    "-reviewer",
    "-created",
    "-updated",
]
AssignmentPath: TypeAlias = Literal[
    "project",
    "project.data_collection",
    "project.data_collection.file_specifications",
    "task",
    "task.project",
    "task.project.data_collection",
    "task.data_unit",
    "task.data_unit.data_collection",
    "task.tags",
    "task.tags.project",
    "tags",
    "tags.project",
    "tags.project.data_collection",
]
AssignmentField: TypeAlias = Literal[
    "id",
    "project",
    "task",
    "status",
    "assignee",
    "reviewer",
    "data",
    "files",
    "tags",
    "meta",
    "created",
    "updated",
]
AssignmentOmitted: TypeAlias = Literal[
    "project",
    "task",
    "status",
    "assignee",
    "reviewer",
    "data",
    "files",
    "tags",
    "meta",
    "created",
    "updated",
]
AssignmentColumn: TypeAlias = Literal[
    "id",
    "project",
    "task",
    "status",
    "assignee",
    "reviewer",
    "data",
    "files",
    "tags",
    "meta",
    "created",
    "updated",
    "project_id",
    "task_id",
    "tags_id",
]

class TypedAssignmentManager(Manager[Assignment], Updates[Assignment]):
    def update(self, **values: Unpack[AssignmentUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[AssignmentFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[AssignmentFilters],
    ) -> Assignment: ...
    def order_by(self, *names: AssignmentOrder) -> Self: ...
    def expand(self, *names: AssignmentPath) -> Self: ...
    def only(self, *names: AssignmentField) -> Self: ...
    def omit(self, *names: AssignmentOmitted) -> Self: ...
    def values(self, *names: AssignmentColumn) -> Rows: ...

class DataCollectionCreate(TypedDict, total=False):
    name: Required[str]
    description: str
    category: Required[Category | CategoryWord | str]
    file_specifications: Sequence[FileSpecification | Mapping[str, Any]]
    meta: Mapping[str, Any]
    is_archived: bool

class DataCollectionUpdate(TypedDict, total=False):
    name: str
    description: str
    category: Category | CategoryWord | str
    file_specifications: Sequence[FileSpecification | Mapping[str, Any]]
    meta: Mapping[str, Any]
    is_archived: bool

class DataCollectionFilters(TypedDict, total=False):
    id: DataCollection | int | Iterable[DataCollection | int]
    id__in: Iterable[DataCollection | int]
    id__lt: DataCollection | int
    id__lte: DataCollection | int
    id__gt: DataCollection | int
    id__gte: DataCollection | int
    name: str | Iterable[str]
    name__in: Iterable[str]
    description: str | Iterable[str]
    description__in: Iterable[str]
    category: Category | CategoryWord | Iterable[Category | CategoryWord]
    category__in: Iterable[Category | CategoryWord]
    is_archived: bool | Iterable[bool]
    is_archived__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date

DataCollectionOrder: TypeAlias = Literal[
    "id",
    "name",
    "description",
    "category",
    "is_archived",
    "created",
    "-id",
    "-name",
    "-description",
    "-category",
    "-is_archived",
    "-created",
]
DataCollectionPath: TypeAlias = Literal["file_specifications"]
DataCollectionField: TypeAlias = Literal[
    "id",
    "name",
    "description",
    "category",
    "project",
    "file_specifications",
    "meta",
    "is_archived",
    "created",
]
DataCollectionOmitted: TypeAlias = Literal[
    "name",
    "description",
    "category",
    "project",
    "file_specifications",
    "meta",
    "is_archived",
    "created",
]
DataCollectionColumn: TypeAlias = Literal[
    "id",
    "name",
    "description",
    "category",
    "project",
    "file_specifications",
    "meta",
    "is_archived",
    "created",
]

class TypedDataCollectionManager(
    Manager[DataCollection],
    Creates[DataCollection],
    Updates[DataCollection],
    Deletes[DataCollection],
):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[DataCollectionCreate]
    ) -> DataCollection: ...
    def update(self, **values: Unpack[DataCollectionUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[DataCollectionFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[DataCollectionFilters],
    ) -> DataCollection: ...
    def order_by(self, *names: DataCollectionOrder) -> Self: ...
    def expand(self, *names: DataCollectionPath) -> Self: ...
    def only(self, *names: DataCollectionField) -> Self: ...
    def omit(self, *names: DataCollectionOmitted) -> Self: ...
    def values(self, *names: DataCollectionColumn) -> Rows: ...

class DataUnitCreate(TypedDict, total=False):
    groups: Sequence[str]
    data_collection: DataCollection | int
    data_collection_id: int
    files: Required[Mapping[str, Any]]
    meta: Mapping[str, Any]

class DataUnitFilters(TypedDict, total=False):
    id: DataUnit | int | Iterable[DataUnit | int]
    id__in: Iterable[DataUnit | int]
    id__lt: DataUnit | int
    id__lte: DataUnit | int
    id__gt: DataUnit | int
    id__gte: DataUnit | int
    data_collection: DataCollection | int | Iterable[DataCollection | int]
    data_collection_id: int | Iterable[int]
    data_collection__in: Iterable[DataCollection | int]
    group: int | Iterable[int]
    group__in: Iterable[int]
    checksum: str | Iterable[str]
    checksum__in: Iterable[str]
    can_generate_task: bool | Iterable[bool]
    can_generate_task__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date

DataUnitOrder: TypeAlias = Literal[
    "id",
    "data_collection",
    "group",
    "checksum",
    "can_generate_task",
    "created",
    "-id",
    "-data_collection",
    "-group",
    "-checksum",
    "-can_generate_task",
    "-created",
]
DataUnitPath: TypeAlias = Literal["data_collection", "data_collection.file_specifications"]
DataUnitField: TypeAlias = Literal[
    "id", "data_collection", "files", "group", "meta", "checksum", "can_generate_task", "created"
]
DataUnitOmitted: TypeAlias = Literal[
    "data_collection", "files", "group", "meta", "checksum", "can_generate_task", "created"
]
DataUnitColumn: TypeAlias = Literal[
    "id",
    "data_collection",
    "files",
    "group",
    "meta",
    "checksum",
    "can_generate_task",
    "created",
    "data_collection_id",
]

class TypedDataUnitManager(Manager[DataUnit], BulkCreates[DataUnit], Deletes[DataUnit]):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[DataUnitCreate]
    ) -> DataUnit: ...
    @overload
    def bulk_create(
        self, items: Iterable[DataUnitCreate], *, batch_size: int = 500, workers: int = ...
    ) -> list[DataUnit]: ...
    @overload
    def bulk_create(
        self, items: ArrowStream, *, batch_size: int = 500, workers: int = ...
    ) -> list[DataUnit]: ...
    @overload
    def create_batches(
        self, items: Iterable[DataUnitCreate], *, batch_size: int = 500, workers: int = ...
    ) -> Iterator[list[DataUnit]]: ...
    @overload
    def create_batches(
        self, items: ArrowStream, *, batch_size: int = 500, workers: int = ...
    ) -> Iterator[list[DataUnit]]: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[DataUnitFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[DataUnitFilters],
    ) -> DataUnit: ...
    def order_by(self, *names: DataUnitOrder) -> Self: ...
    def expand(self, *names: DataUnitPath) -> Self: ...
    def only(self, *names: DataUnitField) -> Self: ...
    def omit(self, *names: DataUnitOmitted) -> Self: ...
    def values(self, *names: DataUnitColumn) -> Rows: ...

class GroundTruthFilters(TypedDict, total=False):
    id: GroundTruth | int | Iterable[GroundTruth | int]
    id__in: Iterable[GroundTruth | int]
    id__lt: GroundTruth | int
    id__lte: GroundTruth | int
    id__gt: GroundTruth | int
    id__gte: GroundTruth | int
    data_unit: DataUnit | int | Iterable[DataUnit | int]
    data_unit_id: int | Iterable[int]
    data_unit__in: Iterable[DataUnit | int]
    category: (
        GroundTruthCategory
        | GroundTruthCategoryWord
        | Iterable[GroundTruthCategory | GroundTruthCategoryWord]
    )
    category__in: Iterable[GroundTruthCategory | GroundTruthCategoryWord]
    ground_truth_dataset: int | Iterable[int]
    ground_truth_dataset__in: Iterable[int]
    project: Project | int | Iterable[Project | int]
    project_id: int | Iterable[int]
    project__in: Iterable[Project | int]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    ground_truth_dataset_versions: Any

GroundTruthOrder: TypeAlias = Literal[
    "id",
    "data_unit",
    "category",
    "ground_truth_dataset",
    "project",
    "created",
    "-id",
    "-data_unit",
    "-category",
    "-ground_truth_dataset",
    "-project",
    "-created",
]
GroundTruthPath: TypeAlias = Literal[
    "data_unit",
    "data_unit.data_collection",
    "data_unit.data_collection.file_specifications",
    "project",
    "project.data_collection",
    "project.data_collection.file_specifications",
]
GroundTruthField: TypeAlias = Literal[
    "id", "data", "data_unit", "category", "ground_truth_dataset", "project", "meta", "created"
]
GroundTruthOmitted: TypeAlias = Literal[
    "data", "data_unit", "category", "ground_truth_dataset", "project", "meta", "created"
]
GroundTruthColumn: TypeAlias = Literal[
    "id",
    "data",
    "data_unit",
    "category",
    "ground_truth_dataset",
    "project",
    "meta",
    "created",
    "data_unit_id",
    "project_id",
]

class TypedGroundTruthManager(Manager[GroundTruth]):
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[GroundTruthFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[GroundTruthFilters],
    ) -> GroundTruth: ...
    def order_by(self, *names: GroundTruthOrder) -> Self: ...
    def expand(self, *names: GroundTruthPath) -> Self: ...
    def only(self, *names: GroundTruthField) -> Self: ...
    def omit(self, *names: GroundTruthOmitted) -> Self: ...
    def values(self, *names: GroundTruthColumn) -> Rows: ...

class GroundTruthEventFilters(TypedDict, total=False):
    pgh_id: GroundTruthEvent | int | Iterable[GroundTruthEvent | int]
    pgh_id__in: Iterable[GroundTruthEvent | int]
    pgh_id__lt: GroundTruthEvent | int
    pgh_id__lte: GroundTruthEvent | int
    pgh_id__gt: GroundTruthEvent | int
    pgh_id__gte: GroundTruthEvent | int
    id: GroundTruthEvent | int | Iterable[GroundTruthEvent | int]
    id__in: Iterable[GroundTruthEvent | int]
    data_unit: DataUnit | int | Iterable[DataUnit | int]
    data_unit_id: int | Iterable[int]
    data_unit__in: Iterable[DataUnit | int]
    category: (
        GroundTruthCategory
        | GroundTruthCategoryWord
        | Iterable[GroundTruthCategory | GroundTruthCategoryWord]
    )
    category__in: Iterable[GroundTruthCategory | GroundTruthCategoryWord]
    ground_truth_dataset_version: GroundTruthVersion | int | Iterable[GroundTruthVersion | int]
    ground_truth_dataset_version_id: int | Iterable[int]
    ground_truth_dataset_version__in: Iterable[GroundTruthVersion | int]
    project: Project | int | Iterable[Project | int]
    project_id: int | Iterable[int]
    project__in: Iterable[Project | int]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    ground_truth_dataset: Any
    ground_truth_dataset_versions: Any

GroundTruthEventOrder: TypeAlias = Literal[
    "pgh_id",
    "id",
    "data_unit",
    "category",
    "ground_truth_dataset_version",
    "project",
    "created",
    "-pgh_id",
    "-id",
    "-data_unit",
    "-category",
    "-ground_truth_dataset_version",
    "-project",
    "-created",
]
GroundTruthEventPath: TypeAlias = Literal[
    "data_unit",
    "data_unit.data_collection",
    "data_unit.data_collection.file_specifications",
    "ground_truth_dataset_version",
    "project",
    "project.data_collection",
    "project.data_collection.file_specifications",
]
GroundTruthEventField: TypeAlias = Literal[
    "pgh_id",
    "id",
    "data",
    "data_unit",
    "files",
    "category",
    "ground_truth_dataset_version",
    "project",
    "meta",
    "created",
]
GroundTruthEventOmitted: TypeAlias = Literal[
    "data",
    "data_unit",
    "files",
    "category",
    "ground_truth_dataset_version",
    "project",
    "meta",
    "created",
]
GroundTruthEventColumn: TypeAlias = Literal[
    "pgh_id",
    "id",
    "data",
    "data_unit",
    "files",
    "category",
    "ground_truth_dataset_version",
    "project",
    "meta",
    "created",
    "data_unit_id",
    "ground_truth_dataset_version_id",
    "project_id",
]

class TypedGroundTruthEventManager(Manager[GroundTruthEvent]):
    def filter(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        **filters_: Unpack[GroundTruthEventFilters],
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[GroundTruthEventFilters],
    ) -> GroundTruthEvent: ...
    def order_by(self, *names: GroundTruthEventOrder) -> Self: ...
    def expand(self, *names: GroundTruthEventPath) -> Self: ...
    def only(self, *names: GroundTruthEventField) -> Self: ...
    def omit(self, *names: GroundTruthEventOmitted) -> Self: ...
    def values(self, *names: GroundTruthEventColumn) -> Rows: ...

class GroundTruthVersionFilters(TypedDict, total=False):
    id: GroundTruthVersion | int | Iterable[GroundTruthVersion | int]
    id__in: Iterable[GroundTruthVersion | int]
    id__lt: GroundTruthVersion | int
    id__lte: GroundTruthVersion | int
    id__gt: GroundTruthVersion | int
    id__gte: GroundTruthVersion | int
    version: str | Iterable[str]
    version__in: Iterable[str]
    ground_truth_dataset: int | Iterable[int]
    ground_truth_dataset__in: Iterable[int]
    description: str | Iterable[str]
    description__in: Iterable[str]
    is_archived: bool | Iterable[bool]
    is_archived__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    project: Any

GroundTruthVersionOrder: TypeAlias = Literal[
    "id",
    "version",
    "ground_truth_dataset",
    "description",
    "is_archived",
    "created",
    "-id",
    "-version",
    "-ground_truth_dataset",
    "-description",
    "-is_archived",
    "-created",
]
GroundTruthVersionField: TypeAlias = Literal[
    "id",
    "version",
    "ground_truth_dataset",
    "event_count",
    "description",
    "is_archived",
    "statistics",
    "created",
]
GroundTruthVersionOmitted: TypeAlias = Literal[
    "version",
    "ground_truth_dataset",
    "event_count",
    "description",
    "is_archived",
    "statistics",
    "created",
]
GroundTruthVersionColumn: TypeAlias = Literal[
    "id",
    "version",
    "ground_truth_dataset",
    "event_count",
    "description",
    "is_archived",
    "statistics",
    "created",
]

class TypedGroundTruthVersionManager(Manager[GroundTruthVersion]):
    def filter(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        **filters_: Unpack[GroundTruthVersionFilters],
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[GroundTruthVersionFilters],
    ) -> GroundTruthVersion: ...
    def order_by(self, *names: GroundTruthVersionOrder) -> Self: ...
    def only(self, *names: GroundTruthVersionField) -> Self: ...
    def omit(self, *names: GroundTruthVersionOmitted) -> Self: ...
    def values(self, *names: GroundTruthVersionColumn) -> Rows: ...

class JobUpdate(TypedDict, total=False):
    status: JobStatus | JobStatusWord | str
    progress: float | None
    progress_record: Mapping[str, Any] | None
    metrics_record: Mapping[str, Any] | None
    result: Any
    meta: Mapping[str, Any]

class JobFilters(TypedDict, total=False):
    id: Job | str | Iterable[Job | str]
    id__in: Iterable[Job | str]
    id__lt: Job | str
    id__lte: Job | str
    id__gt: Job | str
    id__gte: Job | str
    plugin: Plugin | int | Iterable[Plugin | int]
    plugin_id: int | Iterable[int]
    plugin__in: Iterable[Plugin | int]
    plugin_release: PluginRelease | int | Iterable[PluginRelease | int]
    plugin_release_id: int | Iterable[int]
    plugin_release__in: Iterable[PluginRelease | int]
    action: str | Iterable[str]
    action__in: Iterable[str]
    status: JobStatus | JobStatusWord | Iterable[JobStatus | JobStatusWord]
    status__in: Iterable[JobStatus | JobStatusWord]
    progress: float | Iterable[float]
    progress__in: Iterable[float]
    is_active: bool | Iterable[bool]
    is_active__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    updated: datetime | str | date | Iterable[datetime | str | date]
    updated__in: Iterable[datetime | str | date]
    updated_after: datetime | str | date
    updated_before: datetime | str | date
    updated__lt: datetime | str | date
    updated__lte: datetime | str | date
    updated__gt: datetime | str | date
    updated__gte: datetime | str | date
    completed: datetime | str | date | Iterable[datetime | str | date]
    completed__in: Iterable[datetime | str | date]
    completed_after: datetime | str | date
    completed_before: datetime | str | date
    completed__lt: datetime | str | date
    completed__lte: datetime | str | date
    completed__gt: datetime | str | date
    completed__gte: datetime | str | date

JobOrder: TypeAlias = Literal[
    "id",
    "plugin",
    "plugin_release",
    "action",
    "status",
    "progress",
    "is_active",
    "created",
    "updated",
    "completed",
    "-id",
    "-plugin",
    "-plugin_release",
    "-action",
    "-status",
    "-progress",
    "-is_active",
    "-created",
    "-updated",
    "-completed",
]
JobPath: TypeAlias = Literal["plugin", "plugin_release", "plugin_release.plugin"]
JobField: TypeAlias = Literal[
    "id",
    "plugin",
    "plugin_release",
    "action",
    "status",
    "progress",
    "progress_record",
    "metrics_record",
    "params",
    "result",
    "meta",
    "is_active",
    "created",
    "updated",
    "completed",
]
JobOmitted: TypeAlias = Literal[
    "plugin",
    "plugin_release",
    "action",
    "status",
    "progress",
    "progress_record",
    "metrics_record",
    "params",
    "result",
    "meta",
    "is_active",
    "created",
    "updated",
    "completed",
]
JobColumn: TypeAlias = Literal[
    "id",
    "plugin",
    "plugin_release",
    "action",
    "status",
    "progress",
    "progress_record",
    "metrics_record",
    "params",
    "result",
    "meta",
    "is_active",
    "created",
    "updated",
    "completed",
    "plugin_id",
    "plugin_release_id",
]

class TypedJobManager(Manager[Job]):
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[JobFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[JobFilters],
    ) -> Job: ...
    def order_by(self, *names: JobOrder) -> Self: ...
    def expand(self, *names: JobPath) -> Self: ...
    def only(self, *names: JobField) -> Self: ...
    def omit(self, *names: JobOmitted) -> Self: ...
    def values(self, *names: JobColumn) -> Rows: ...

class LogCreate(TypedDict, total=False):
    file: str | PathLike[str] | None
    job: Job | str | None
    job_id: str | None
    level: LogLevel | LogLevelWord | str
    message: str
    data: Mapping[str, Any] | None

class TypedLogManager(BulkCreates[Log]):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[LogCreate]
    ) -> Log: ...
    @overload
    def bulk_create(
        self, items: Iterable[LogCreate], *, batch_size: int = 500, workers: int = ...
    ) -> list[Log]: ...
    @overload
    def bulk_create(
        self, items: ArrowStream, *, batch_size: int = 500, workers: int = ...
    ) -> list[Log]: ...
    @overload
    def create_batches(
        self, items: Iterable[LogCreate], *, batch_size: int = 500, workers: int = ...
    ) -> Iterator[list[Log]]: ...
    @overload
    def create_batches(
        self, items: ArrowStream, *, batch_size: int = 500, workers: int = ...
    ) -> Iterator[list[Log]]: ...

class ModelCreate(TypedDict, total=False):
    name: Required[str]
    description: str
    model_type: str | None
    project: Project | int | None
    project_id: int | None
    plugin: Plugin | int | None
    plugin_id: int | None
    version: str | None
    metrics: Mapping[str, Any]
    configuration: Mapping[str, Any]
    is_active: bool

class ModelUpdate(TypedDict, total=False):
    name: str
    description: str
    model_type: str | None
    project: Project | int | None
    project_id: int | None
    plugin: Plugin | int | None
    plugin_id: int | None
    version: str | None
    metrics: Mapping[str, Any]
    configuration: Mapping[str, Any]
    is_active: bool

class ModelFilters(TypedDict, total=False):
    id: Model | int | Iterable[Model | int]
    id__in: Iterable[Model | int]
    id__lt: Model | int
    id__lte: Model | int
    id__gt: Model | int
    id__gte: Model | int
    name: str | Iterable[str]
    name__in: Iterable[str]
    description: str | Iterable[str]
    description__in: Iterable[str]
    model_type: str | Iterable[str]
    model_type__in: Iterable[str]
    project: Project | int | Iterable[Project | int]
    project_id: int | Iterable[int]
    project__in: Iterable[Project | int]
    plugin: Plugin | int | Iterable[Plugin | int]
    plugin_id: int | Iterable[int]
    plugin__in: Iterable[Plugin | int]
    version: str | Iterable[str]
    version__in: Iterable[str]
    is_active: bool | Iterable[bool]
    is_active__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date

ModelOrder: TypeAlias = Literal[
    "id",
    "name",
    "description",
    "model_type",
    "project",
    "plugin",
    "version",
    "is_active",
    "created",
    "-id",
    "-name",
    "-description",
    "-model_type",
    "-project",
    "-plugin",
    "-version",
    "-is_active",
    "-created",
]
ModelPath: TypeAlias = Literal[
    "project", "project.data_collection", "project.data_collection.file_specifications", "plugin"
]
ModelField: TypeAlias = Literal[
    "id",
    "name",
    "description",
    "model_type",
    "project",
    "plugin",
    "version",
    "file",
    "metrics",
    "configuration",
    "is_active",
    "created",
]
ModelOmitted: TypeAlias = Literal[
    "name",
    "description",
    "model_type",
    "project",
    "plugin",
    "version",
    "file",
    "metrics",
    "configuration",
    "is_active",
    "created",
]
ModelColumn: TypeAlias = Literal[
    "id",
    "name",
    "description",
    "model_type",
    "project",
    "plugin",
    "version",
    "file",
    "metrics",
    "configuration",
    "is_active",
    "created",
    "project_id",
    "plugin_id",
]

class TypedModelManager(Manager[Model], Creates[Model], Updates[Model], Deletes[Model]):
    def update(self, **values: Unpack[ModelUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[ModelFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[ModelFilters],
    ) -> Model: ...
    def order_by(self, *names: ModelOrder) -> Self: ...
    def expand(self, *names: ModelPath) -> Self: ...
    def only(self, *names: ModelField) -> Self: ...
    def omit(self, *names: ModelOmitted) -> Self: ...
    def values(self, *names: ModelColumn) -> Rows: ...

class PluginCreate(TypedDict, total=False):
    code: str
    name: str
    description: str
    version: str | None
    author: str | None
    category: PluginCategory | PluginCategoryWord | str
    configuration: Mapping[str, Any]
    is_active: bool

class PluginUpdate(TypedDict, total=False):
    code: str
    name: str
    description: str
    version: str | None
    author: str | None
    category: PluginCategory | PluginCategoryWord | str
    configuration: Mapping[str, Any]
    is_active: bool

class PluginFilters(TypedDict, total=False):
    id: Plugin | int | Iterable[Plugin | int]
    id__in: Iterable[Plugin | int]
    id__lt: Plugin | int
    id__lte: Plugin | int
    id__gt: Plugin | int
    id__gte: Plugin | int
    code: str | Iterable[str]
    code__in: Iterable[str]
    name: str | Iterable[str]
    name__in: Iterable[str]
    description: str | Iterable[str]
    description__in: Iterable[str]
    version: str | Iterable[str]
    version__in: Iterable[str]
    author: str | Iterable[str]
    author__in: Iterable[str]
    category: PluginCategory | PluginCategoryWord | Iterable[PluginCategory | PluginCategoryWord]
    category__in: Iterable[PluginCategory | PluginCategoryWord]
    is_active: bool | Iterable[bool]
    is_active__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date

PluginOrder: TypeAlias = Literal[
    "id",
    "code",
    "name",
    "description",
    "version",
    "author",
    "category",
    "is_active",
    "created",
    "-id",
    "-code",
    "-name",
    "-description",
    "-version",
    "-author",
    "-category",
    "-is_active",
    "-created",
]
PluginField: TypeAlias = Literal[
    "id",
    "code",
    "name",
    "description",
    "version",
    "author",
    "category",
    "configuration",
    "is_active",
    "created",
]
PluginOmitted: TypeAlias = Literal[
    "code",
    "name",
    "description",
    "version",
    "author",
    "category",
    "configuration",
    "is_active",
    "created",
]
PluginColumn: TypeAlias = Literal[
    "id",
    "code",
    "name",
    "description",
    "version",
    "author",
    "category",
    "configuration",
    "is_active",
    "created",
]

class TypedPluginManager(Manager[Plugin], Creates[Plugin], Updates[Plugin]):
    def update(self, **values: Unpack[PluginUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[PluginFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[PluginFilters],
    ) -> Plugin: ...
    def order_by(self, *names: PluginOrder) -> Self: ...
    def only(self, *names: PluginField) -> Self: ...
    def omit(self, *names: PluginOmitted) -> Self: ...
    def values(self, *names: PluginColumn) -> Rows: ...

class PluginReleaseFilters(TypedDict, total=False):
    id: PluginRelease | int | Iterable[PluginRelease | int]
    id__in: Iterable[PluginRelease | int]
    id__lt: PluginRelease | int
    id__lte: PluginRelease | int
    id__gt: PluginRelease | int
    id__gte: PluginRelease | int
    plugin: Plugin | int | Iterable[Plugin | int]
    plugin_id: int | Iterable[int]
    plugin__in: Iterable[Plugin | int]
    version: str | Iterable[str]
    version__in: Iterable[str]
    is_stable: bool | Iterable[bool]
    is_stable__in: Iterable[bool]
    debug: bool | Iterable[bool]
    debug__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date

PluginReleaseOrder: TypeAlias = Literal[
    "id",
    "plugin",
    "version",
    "is_stable",
    "debug",
    "created",
    "-id",
    "-plugin",
    "-version",
    "-is_stable",
    "-debug",
    "-created",
]
PluginReleasePath: TypeAlias = Literal["plugin"]
PluginReleaseField: TypeAlias = Literal[
    "id",
    "plugin",
    "version",
    "changelog",
    "is_stable",
    "debug",
    "config",
    "file",
    "readme",
    "created",
]
PluginReleaseOmitted: TypeAlias = Literal[
    "plugin", "version", "changelog", "is_stable", "debug", "config", "file", "readme", "created"
]
PluginReleaseColumn: TypeAlias = Literal[
    "id",
    "plugin",
    "version",
    "changelog",
    "is_stable",
    "debug",
    "config",
    "file",
    "readme",
    "created",
    "plugin_id",
]

class TypedPluginReleaseManager(Manager[PluginRelease]):
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[PluginReleaseFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[PluginReleaseFilters],
    ) -> PluginRelease: ...
    def order_by(self, *names: PluginReleaseOrder) -> Self: ...
    def expand(self, *names: PluginReleasePath) -> Self: ...
    def only(self, *names: PluginReleaseField) -> Self: ...
    def omit(self, *names: PluginReleaseOmitted) -> Self: ...
    def values(self, *names: PluginReleaseColumn) -> Rows: ...

class ProjectCreate(TypedDict, total=False):
    title: Required[str]
    description: str
    category: Required[Category | CategoryWord | str]
    configuration: Mapping[str, Any]
    settings: Mapping[str, Any]
    data_collection: DataCollection | int | None
    data_collection_id: int | None
    access_level: AccessLevel | AccessLevelWord | str
    count_max_assignments_per_task: int
    can_discard: bool
    is_archived: bool

class ProjectUpdate(TypedDict, total=False):
    title: str
    description: str
    category: Category | CategoryWord | str
    configuration: Mapping[str, Any]
    settings: Mapping[str, Any]
    data_collection: DataCollection | int | None
    data_collection_id: int | None
    access_level: AccessLevel | AccessLevelWord | str
    count_max_assignments_per_task: int
    can_discard: bool
    is_archived: bool

class ProjectFilters(TypedDict, total=False):
    id: Project | int | Iterable[Project | int]
    id__in: Iterable[Project | int]
    id__lt: Project | int
    id__lte: Project | int
    id__gt: Project | int
    id__gte: Project | int
    title: str | Iterable[str]
    title__in: Iterable[str]
    description: str | Iterable[str]
    description__in: Iterable[str]
    category: Category | CategoryWord | Iterable[Category | CategoryWord]
    category__in: Iterable[Category | CategoryWord]
    data_collection: DataCollection | int | Iterable[DataCollection | int]
    data_collection_id: int | Iterable[int]
    data_collection__in: Iterable[DataCollection | int]
    access_level: AccessLevel | AccessLevelWord | Iterable[AccessLevel | AccessLevelWord]
    access_level__in: Iterable[AccessLevel | AccessLevelWord]
    count_max_assignments_per_task: int | Iterable[int]
    count_max_assignments_per_task__in: Iterable[int]
    can_discard: bool | Iterable[bool]
    can_discard__in: Iterable[bool]
    is_archived: bool | Iterable[bool]
    is_archived__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    updated: datetime | str | date | Iterable[datetime | str | date]
    updated__in: Iterable[datetime | str | date]
    updated_after: datetime | str | date
    updated_before: datetime | str | date
    updated__lt: datetime | str | date
    updated__lte: datetime | str | date
    updated__gt: datetime | str | date
    updated__gte: datetime | str | date

ProjectOrder: TypeAlias = Literal[
    "id",
    "title",
    "description",
    "category",
    "data_collection",
    "access_level",
    "count_max_assignments_per_task",
    "can_discard",
    "is_archived",
    "created",
    "updated",
    "-id",
    "-title",
    "-description",
    "-category",
    "-data_collection",
    "-access_level",
    "-count_max_assignments_per_task",
    "-can_discard",
    "-is_archived",
    "-created",
    "-updated",
]
ProjectPath: TypeAlias = Literal["data_collection", "data_collection.file_specifications"]
ProjectField: TypeAlias = Literal[
    "id",
    "title",
    "description",
    "category",
    "configuration",
    "settings",
    "data_collection",
    "tenant",
    "access_level",
    "count_max_assignments_per_task",
    "can_discard",
    "is_archived",
    "task_count",
    "created",
    "updated",
]
ProjectOmitted: TypeAlias = Literal[
    "title",
    "description",
    "category",
    "configuration",
    "settings",
    "data_collection",
    "tenant",
    "access_level",
    "count_max_assignments_per_task",
    "can_discard",
    "is_archived",
    "task_count",
    "created",
    "updated",
]
ProjectColumn: TypeAlias = Literal[
    "id",
    "title",
    "description",
    "category",
    "configuration",
    "settings",
    "data_collection",
    "tenant",
    "access_level",
    "count_max_assignments_per_task",
    "can_discard",
    "is_archived",
    "task_count",
    "created",
    "updated",
    "data_collection_id",
]

class TypedProjectManager(Manager[Project], Creates[Project], Updates[Project], Deletes[Project]):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[ProjectCreate]
    ) -> Project: ...
    def update(self, **values: Unpack[ProjectUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[ProjectFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[ProjectFilters],
    ) -> Project: ...
    def order_by(self, *names: ProjectOrder) -> Self: ...
    def expand(self, *names: ProjectPath) -> Self: ...
    def only(self, *names: ProjectField) -> Self: ...
    def omit(self, *names: ProjectOmitted) -> Self: ...
    def values(self, *names: ProjectColumn) -> Rows: ...

class ServeApplicationCreate(TypedDict, total=False):
    name: str
    plugin_release: PluginRelease | int | None
    plugin_release_id: int | None
    job: Job | str | None
    job_id: str | None
    status: str | None
    data: Mapping[str, Any] | None

class ServeApplicationFilters(TypedDict, total=False):
    id: ServeApplication | int | Iterable[ServeApplication | int]
    id__in: Iterable[ServeApplication | int]
    id__lt: ServeApplication | int
    id__lte: ServeApplication | int
    id__gt: ServeApplication | int
    id__gte: ServeApplication | int
    name: str | Iterable[str]
    name__in: Iterable[str]
    plugin_release: PluginRelease | int | Iterable[PluginRelease | int]
    plugin_release_id: int | Iterable[int]
    plugin_release__in: Iterable[PluginRelease | int]
    job: Job | str | Iterable[Job | str]
    job_id: str | Iterable[str]
    job__in: Iterable[Job | str]
    status: str | Iterable[str]
    status__in: Iterable[str]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date

ServeApplicationOrder: TypeAlias = Literal[
    "id",
    "name",
    "plugin_release",
    "job",
    "status",
    "created",
    "-id",
    "-name",
    "-plugin_release",
    "-job",
    "-status",
    "-created",
]
ServeApplicationPath: TypeAlias = Literal[
    "plugin_release",
    "plugin_release.plugin",
    "job",
    "job.plugin",
    "job.plugin_release",
    "job.plugin_release.plugin",
]
ServeApplicationField: TypeAlias = Literal[
    "id", "name", "plugin_release", "job", "status", "data", "created"
]
ServeApplicationOmitted: TypeAlias = Literal[
    "name", "plugin_release", "job", "status", "data", "created"
]
ServeApplicationColumn: TypeAlias = Literal[
    "id",
    "name",
    "plugin_release",
    "job",
    "status",
    "data",
    "created",
    "plugin_release_id",
    "job_id",
]

class TypedServeApplicationManager(
    Manager[ServeApplication], Creates[ServeApplication], Deletes[ServeApplication]
):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[ServeApplicationCreate]
    ) -> ServeApplication: ...
    def filter(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        **filters_: Unpack[ServeApplicationFilters],
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[ServeApplicationFilters],
    ) -> ServeApplication: ...
    def order_by(self, *names: ServeApplicationOrder) -> Self: ...
    def expand(self, *names: ServeApplicationPath) -> Self: ...
    def only(self, *names: ServeApplicationField) -> Self: ...
    def omit(self, *names: ServeApplicationOmitted) -> Self: ...
    def values(self, *names: ServeApplicationColumn) -> Rows: ...

class StorageCreate(TypedDict, total=False):
    name: Required[str]
    provider: Required[StorageProvider | StorageProviderWord | str]
    category: StorageCategory | StorageCategoryWord | str
    configuration: Required[Mapping[str, Any]]
    is_default: bool

class StorageFilters(TypedDict, total=False):
    id: Storage | int | Iterable[Storage | int]
    id__in: Iterable[Storage | int]
    id__lt: Storage | int
    id__lte: Storage | int
    id__gt: Storage | int
    id__gte: Storage | int
    name: str | Iterable[str]
    name__in: Iterable[str]
    provider: (
        StorageProvider | StorageProviderWord | Iterable[StorageProvider | StorageProviderWord]
    )
    provider__in: Iterable[StorageProvider | StorageProviderWord]
    category: (
        StorageCategory | StorageCategoryWord | Iterable[StorageCategory | StorageCategoryWord]
    )
    category__in: Iterable[StorageCategory | StorageCategoryWord]
    is_default: bool | Iterable[bool]
    is_default__in: Iterable[bool]

StorageOrder: TypeAlias = Literal[
    "id",
    "name",
    "provider",
    "category",
    "is_default",
    "-id",
    "-name",
    "-provider",
    "-category",
    "-is_default",
]
StorageField: TypeAlias = Literal[
    "id", "name", "provider", "category", "configuration", "is_default"
]
StorageOmitted: TypeAlias = Literal["name", "provider", "category", "configuration", "is_default"]
StorageColumn: TypeAlias = Literal[
    "id", "name", "provider", "category", "configuration", "is_default"
]

class TypedStorageManager(Manager[Storage], Creates[Storage]):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[StorageCreate]
    ) -> Storage: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[StorageFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[StorageFilters],
    ) -> Storage: ...
    def order_by(self, *names: StorageOrder) -> Self: ...
    def only(self, *names: StorageField) -> Self: ...
    def omit(self, *names: StorageOmitted) -> Self: ...
    def values(self, *names: StorageColumn) -> Rows: ...

class TaskCreate(TypedDict, total=False):
    project: Project | int
    project_id: int
    data_unit: DataUnit | int
    data_unit_id: int
    status: TaskStatus | TaskStatusWord | str
    priority: Priority | PriorityWord | str
    assignee: int | User | None
    data: Mapping[str, Any] | None
    meta: Mapping[str, Any]
    is_discarded: bool

class TaskUpdate(TypedDict, total=False):
    project: Project | int
    project_id: int
    data_unit: DataUnit | int
    data_unit_id: int
    status: TaskStatus | TaskStatusWord | str
    priority: Priority | PriorityWord | str
    assignee: int | User | None
    data: Mapping[str, Any] | None
    meta: Mapping[str, Any]
    is_discarded: bool

class TaskFilters(TypedDict, total=False):
    id: Task | int | Iterable[Task | int]
    id__in: Iterable[Task | int]
    id__lt: Task | int
    id__lte: Task | int
    id__gt: Task | int
    id__gte: Task | int
    project: Project | int | Iterable[Project | int]
    project_id: int | Iterable[int]
    project__in: Iterable[Project | int]
    data_unit: DataUnit | int | Iterable[DataUnit | int]
    data_unit_id: int | Iterable[int]
    data_unit__in: Iterable[DataUnit | int]
    status: TaskStatus | TaskStatusWord | Iterable[TaskStatus | TaskStatusWord]
    status__in: Iterable[TaskStatus | TaskStatusWord]
    priority: Priority | PriorityWord | Iterable[Priority | PriorityWord]
    priority__in: Iterable[Priority | PriorityWord]
    assignee: User | int | Iterable[User | int]
    assignee__in: Iterable[User | int]
    tags: TaskTag | int | Iterable[TaskTag | int]
    tags_id: int | Iterable[int]
    tags__in: Iterable[TaskTag | int]
    is_discarded: bool | Iterable[bool]
    is_discarded__in: Iterable[bool]
    created: datetime | str | date | Iterable[datetime | str | date]
    created__in: Iterable[datetime | str | date]
    created_after: datetime | str | date
    created_before: datetime | str | date
    created__lt: datetime | str | date
    created__lte: datetime | str | date
    created__gt: datetime | str | date
    created__gte: datetime | str | date
    updated: datetime | str | date | Iterable[datetime | str | date]
    updated__in: Iterable[datetime | str | date]
    updated_after: datetime | str | date
    updated_before: datetime | str | date
    updated__lt: datetime | str | date
    updated__lte: datetime | str | date
    updated__gt: datetime | str | date
    updated__gte: datetime | str | date

TaskOrder: TypeAlias = Literal[
    "id",
    "project",
    "data_unit",
    "status",
    "priority",
    "assignee",
    "is_discarded",
    "created",
    "updated",
    "-id",
    "-project",
    "-data_unit",
    "-status",
    "-priority",
    "-assignee",
    "-is_discarded",
    "-created",
    "-updated",
]
TaskPath: TypeAlias = Literal[
    "project",
    "project.data_collection",
    "project.data_collection.file_specifications",
    "data_unit",
    "data_unit.data_collection",
    "data_unit.data_collection.file_specifications",
    "tags",
    "tags.project",
    "tags.project.data_collection",
]
TaskField: TypeAlias = Literal[
    "id",
    "project",
    "data_unit",
    "status",
    "priority",
    "assignee",
    "tags",
    "data",
    "meta",
    "files",
    "is_discarded",
    "created",
    "updated",
]
TaskOmitted: TypeAlias = Literal[
    "project",
    "data_unit",
    "status",
    "priority",
    "assignee",
    "tags",
    "data",
    "meta",
    "files",
    "is_discarded",
    "created",
    "updated",
]
TaskColumn: TypeAlias = Literal[
    "id",
    "project",
    "data_unit",
    "status",
    "priority",
    "assignee",
    "tags",
    "data",
    "meta",
    "files",
    "is_discarded",
    "created",
    "updated",
    "project_id",
    "data_unit_id",
    "tags_id",
]

class TypedTaskManager(Manager[Task], BulkCreates[Task], Updates[Task], Deletes[Task]):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[TaskCreate]
    ) -> Task: ...
    @overload
    def bulk_create(
        self, items: Iterable[TaskCreate], *, batch_size: int = 500, workers: int = ...
    ) -> list[Task]: ...
    @overload
    def bulk_create(
        self, items: ArrowStream, *, batch_size: int = 500, workers: int = ...
    ) -> list[Task]: ...
    @overload
    def create_batches(
        self, items: Iterable[TaskCreate], *, batch_size: int = 500, workers: int = ...
    ) -> Iterator[list[Task]]: ...
    @overload
    def create_batches(
        self, items: ArrowStream, *, batch_size: int = 500, workers: int = ...
    ) -> Iterator[list[Task]]: ...
    def update(self, **values: Unpack[TaskUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[TaskFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[TaskFilters],
    ) -> Task: ...
    def order_by(self, *names: TaskOrder) -> Self: ...
    def expand(self, *names: TaskPath) -> Self: ...
    def only(self, *names: TaskField) -> Self: ...
    def omit(self, *names: TaskOmitted) -> Self: ...
    def values(self, *names: TaskColumn) -> Rows: ...

class TaskTagCreate(TypedDict, total=False):
    project: Project | int | None
    project_id: int | None
    name: Required[str]
    description: str
    color: str | None
    category: str | None
    meta: Mapping[str, Any]

class TaskTagUpdate(TypedDict, total=False):
    project: Project | int | None
    project_id: int | None
    name: str
    description: str
    color: str | None
    category: str | None
    meta: Mapping[str, Any]

class TaskTagFilters(TypedDict, total=False):
    id: TaskTag | int | Iterable[TaskTag | int]
    id__in: Iterable[TaskTag | int]
    id__lt: TaskTag | int
    id__lte: TaskTag | int
    id__gt: TaskTag | int
    id__gte: TaskTag | int
    project: Project | int | Iterable[Project | int]
    project_id: int | Iterable[int]
    project__in: Iterable[Project | int]
    name: str | Iterable[str]
    name__in: Iterable[str]
    description: str | Iterable[str]
    description__in: Iterable[str]
    color: str | Iterable[str]
    color__in: Iterable[str]
    category: str | Iterable[str]
    category__in: Iterable[str]

TaskTagOrder: TypeAlias = Literal[
    "id",
    "project",
    "name",
    "description",
    "color",
    "category",
    "-id",
    "-project",
    "-name",
    "-description",
    "-color",
    "-category",
]
TaskTagPath: TypeAlias = Literal[
    "project", "project.data_collection", "project.data_collection.file_specifications"
]
TaskTagField: TypeAlias = Literal[
    "id", "project", "name", "description", "color", "category", "meta"
]
TaskTagOmitted: TypeAlias = Literal["project", "name", "description", "color", "category", "meta"]
TaskTagColumn: TypeAlias = Literal[
    "id", "project", "name", "description", "color", "category", "meta", "project_id"
]

class TypedTaskTagManager(Manager[TaskTag], Creates[TaskTag], Updates[TaskTag], Deletes[TaskTag]):
    def create(
        self, *, extra: Mapping[str, Any] | None = None, **values: Unpack[TaskTagCreate]
    ) -> TaskTag: ...
    def update(self, **values: Unpack[TaskTagUpdate]) -> int: ...
    def filter(
        self, *, params: Mapping[str, Any] | None = None, **filters_: Unpack[TaskTagFilters]
    ) -> Self: ...
    def get(
        self,
        key: int | str | None = None,
        /,
        *,
        refresh: bool = False,
        **filters_: Unpack[TaskTagFilters],
    ) -> TaskTag: ...
    def order_by(self, *names: TaskTagOrder) -> Self: ...
    def expand(self, *names: TaskTagPath) -> Self: ...
    def only(self, *names: TaskTagField) -> Self: ...
    def omit(self, *names: TaskTagOmitted) -> Self: ...
    def values(self, *names: TaskTagColumn) -> Rows: ...
