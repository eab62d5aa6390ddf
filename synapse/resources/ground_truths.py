"""Ground truths: datasets, their events and versions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Manager
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.resource import Fetchable
from synapse.resources.annotated import DocumentAnnotations
from synapse.resources.annotation_rows import AnnotationRowsMixin
from synapse.resources.enums import GroundTruthCategory
from synapse.resources.showing import ShowMixin
from synapse.resources.training import TrainingMixin
from synapse.resources.unit_files import UnitFile

if TYPE_CHECKING:
    from synapse.resources._typed import (
        TypedGroundTruthEventManager,
        TypedGroundTruthManager,
        TypedGroundTruthVersionManager,
    )
    from synapse.resources.data_units import DataUnit
    from synapse.resources.projects import Project
else:
    TypedGroundTruthManager = Manager["GroundTruth"]
    TypedGroundTruthEventManager = Manager["GroundTruthEvent"]
    TypedGroundTruthVersionManager = Manager["GroundTruthVersion"]


__all__ = [
    "GroundTruth",
    "GroundTruthEvent",
    "GroundTruthEventManager",
    "GroundTruthManager",
    "GroundTruthVersion",
    "GroundTruthVersionManager",
]


class GroundTruthManager(TypedGroundTruthManager, AnnotationRowsMixin["GroundTruth"]):
    """Ground truths: list."""

    __slots__ = ()


@resource(
    "ground_truths/",
    manager=GroundTruthManager,
    filters=["ground_truth_dataset_versions"],
    summary=["category", "data_unit"],
)
class GroundTruth(ShowMixin):
    """The true annotations of a data unit.

    Attributes:
        id: The ground truth's id.
        data: The annotation document.
        annotations: The annotations of `data`, as objects of `synapse.annotations`.
        data_unit: The annotated data unit.
        data_unit_id: The unit's id, without loading the unit.
        category: Use of the ground truth.
        ground_truth_dataset: Id of the dataset.
        project: Project of origin.
        project_id: The project's id, without loading the project.
        meta: Free JSON data.
        created: Creation time.
    """

    objects: ClassVar[ManagerDescriptor[GroundTruthManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    data: dict[str, Any] | None = field(read_only=True, may_be_remote=True)
    data_unit: DataUnit = to_one("DataUnit", read_only=True)
    data_unit_id = ForeignKeyId[int]("data_unit")
    category: GroundTruthCategory | str = field(read_only=True)
    ground_truth_dataset: int = field(read_only=True)
    project: Project | None = to_one("Project", read_only=True)
    project_id = ForeignKeyId["int | None"]("project")
    meta: dict[str, Any] = field(read_only=True)
    created: datetime = field(read_only=True)

    annotations = DocumentAnnotations()


class GroundTruthEventManager(
    TypedGroundTruthEventManager,
    AnnotationRowsMixin["GroundTruthEvent"],
    TrainingMixin["GroundTruthEvent"],
):
    """Ground truth events: list."""

    __slots__ = ()


@resource(
    "ground_truth_events/",
    list_path="sdk/ground_truth_events/",
    manager=GroundTruthEventManager,
    filters=["ground_truth_dataset", "ground_truth_dataset_versions"],
    key="pgh_id",
    summary=["category", "data_unit"],
)
class GroundTruthEvent(ShowMixin):
    """A ground truth within a version of a dataset.

    Attributes:
        pgh_id: The event's id, which is unique.
        id: Id of the ground truth, which every version repeats.
        data: The annotation document.
        annotations: The annotations of `data`, as objects of `synapse.annotations`.
        data_unit: The annotated data unit.
        data_unit_id: The unit's id, without loading the unit.
        files: The data unit's files by name.
        category: Use of the ground truth.
        ground_truth_dataset_version: The dataset's version.
        ground_truth_dataset_version_id: The version's id, without loading the version.
        project: Project of origin.
        project_id: The project's id, without loading the project.
        meta: Free JSON data.
        created: Creation time.
    """

    objects: ClassVar[ManagerDescriptor[GroundTruthEventManager]] = ManagerDescriptor()

    pgh_id: int = field(read_only=True)
    id: int = field(read_only=True)
    data: dict[str, Any] | None = field(read_only=True, may_be_remote=True)
    data_unit: DataUnit = to_one("DataUnit", read_only=True)
    data_unit_id = ForeignKeyId[int]("data_unit")
    files: dict[str, UnitFile] = field(read_only=True)
    category: GroundTruthCategory | str = field(read_only=True)
    ground_truth_dataset_version: GroundTruthVersion = to_one(
        "GroundTruthVersion", read_only=True, parameter="ground_truth_dataset_versions"
    )
    ground_truth_dataset_version_id = ForeignKeyId[int]("ground_truth_dataset_version")
    project: Project | None = to_one("Project", read_only=True)
    project_id = ForeignKeyId["int | None"]("project")
    meta: dict[str, Any] = field(read_only=True)
    created: datetime = field(read_only=True)

    annotations = DocumentAnnotations()


class GroundTruthVersionManager(TypedGroundTruthVersionManager):
    """Versions of ground truth datasets: read."""

    __slots__ = ()


@resource(
    "ground_truth_dataset_versions/",
    plural="ground_truth_versions",
    manager=GroundTruthVersionManager,
    filters=["project"],
    summary=["version"],
)
class GroundTruthVersion(Fetchable):
    """A version of a ground truth dataset.

    Attributes:
        id: The version's id.
        version: Name of the version.
        ground_truth_dataset: Id of the dataset.
        event_count: Number of events.
        description: Description of the content.
        is_archived: Whether the version is archived.
        statistics: The platform's counts.
        created: Creation time.
        events: The version's events; on the class, all events.
    """

    objects: ClassVar[ManagerDescriptor[GroundTruthVersionManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    version: str = field(read_only=True)
    ground_truth_dataset: int = field(read_only=True)
    event_count: int = field(read_only=True, filterable=False)
    description: str = field(read_only=True)
    is_archived: bool = field(read_only=True)
    statistics: dict[str, Any] = field(read_only=True)
    created: datetime = field(read_only=True)

    events: ClassVar[ToMany[GroundTruthEventManager]] = ToMany(
        "GroundTruthEvent", by="ground_truth_dataset_version"
    )
