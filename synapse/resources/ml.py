"""Machine learning: models, and the ground truth that they are trained and judged by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.manager import Creates, Deletes, Manager, Updates
from synapse.core.relations import RelatedId, Root, ToMany, to_one
from synapse.core.resource import Resource
from synapse.core.verbs import Deletable, Editable, Fetchable
from synapse.resources.own_file import DownloadsFile
from synapse.resources.unit_files import UnitFile
from synapse.resources.values import GroundTruthCategory

if TYPE_CHECKING:
    from synapse.resources.annotation import Project
    from synapse.resources.data import DataUnit
    from synapse.resources.plugins import Plugin
    from synapse.transfer.progress import ProgressArgument

__all__ = [
    "GroundTruth",
    "GroundTruthEvent",
    "GroundTruthEventManager",
    "GroundTruthManager",
    "GroundTruthVersion",
    "GroundTruthVersionManager",
    "Model",
    "ModelManager",
]


class ModelManager(Manager["Model"], Creates["Model"], Updates["Model"], Deletes["Model"]):
    """Models: read, create, update, delete."""

    __slots__ = ()

    def create(
        self,
        *,
        file: str | os.PathLike[str] | None = None,
        progress: ProgressArgument = None,
        extra: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Model:
        """Register a model, with its file. One request; for a file, those of its upload before.

        A file goes in chunks: a request for each, and one to finish. A call that died can be made
        again, and goes on where the server is.

        Args:
            file: The path of its weights, in whatever format.
            progress: How to show the upload, as for a data file.
            extra: Keys that the SDK doesn't know, sent as they are. With `"chunked_upload"`, the
                id of an upload that is done, the model's file is that.
            **values: Fields. A relation takes an object or an id.

        Raises:
            InvalidQuery: A field doesn't exist, or only the server sets it, or the file can't be
                read. Nothing was sent.
            ValidationError: The server refused a value; `err.fields` says which and why.

        Example:
            >>> session = getfixture("session")
            >>> weights = getfixture("tmp_path") / "weights.bin"
            >>> weights.write_bytes(b"weights")
            7
            >>> session.models.create(name="Detector", file=weights).file.rpartition("/")[2]
            'weights.bin'
        """
        if file is None:
            return super().create(extra=extra, **values)
        from synapse.transfer.chunked import upload_in_chunks  # only who uploads needs it

        self._body(values, extra)  # whoever misspells a field needn't send gigabytes to learn it
        upload = upload_in_chunks(self._context.transport, file, progress=progress)
        return super().create(extra={**(extra or {}), "chunked_upload": upload["id"]}, **values)


@resource("models/", manager=ModelManager)
class Model(Editable, Deletable, DownloadsFile):
    """A trained model.

    Attributes:
        id: The model's id.
        name: Its name.
        description: What it is good for.
        model_type: What kind of model, in the platform's words.
        project: The project that it was trained for.
        project_id: The id of that, without loading it.
        plugin: The plugin that made it.
        plugin_id: The id of that, without loading it.
        version: Its version.
        file: Where its weights are.
        metrics: How good it is.
        configuration: How it was trained.
        is_active: Whether it is in use.
        created: When it was made.
    """

    objects: ClassVar[Root[ModelManager]] = Root()

    id: int = field(read_only=True)
    name: str = field()
    description: str = field()
    model_type: str | None = field()
    project: Project | None = to_one("Project")
    project_id = RelatedId["int | None"]("project")
    plugin: Plugin | None = to_one("Plugin")
    plugin_id = RelatedId["int | None"]("plugin")
    version: str | None = field()
    file: str | None = field(read_only=True, filterable=False)
    metrics: dict[str, Any] = field()
    configuration: dict[str, Any] = field()
    is_active: bool = field()
    created: datetime = field(read_only=True)


class GroundTruthManager(Manager["GroundTruth"]):
    """Ground truths: list."""

    __slots__ = ()


@resource(
    "ground_truths/",
    manager=GroundTruthManager,
    filters=["ground_truth_dataset_versions"],
)
class GroundTruth(Resource):
    """What is known to be true of a data unit.

    Attributes:
        id: The ground truth's id.
        data: The annotation document.
        data_unit: What it is about.
        data_unit_id: The id of that, without loading it.
        category: What it is used for.
        ground_truth_dataset: The id of the dataset that it is in.
        project: The project that it comes from.
        project_id: The id of that, without loading it.
        meta: What is kept with it.
        created: When it was made.
    """

    objects: ClassVar[Root[GroundTruthManager]] = Root()

    id: int = field(read_only=True)
    data: dict[str, Any] | None = field(read_only=True)
    data_unit: DataUnit = to_one("DataUnit", read_only=True)
    data_unit_id = RelatedId[int]("data_unit")
    category: GroundTruthCategory | str = field(read_only=True)
    ground_truth_dataset: int = field(read_only=True)
    project: Project | None = to_one("Project", read_only=True)
    project_id = RelatedId["int | None"]("project")
    meta: dict[str, Any] = field(read_only=True)
    created: datetime = field(read_only=True)


class GroundTruthEventManager(Manager["GroundTruthEvent"]):
    """Ground truth events: list."""

    __slots__ = ()


@resource(
    "ground_truth_events/",
    list_path="sdk/ground_truth_events/",
    manager=GroundTruthEventManager,
    filters=["ground_truth_dataset", "ground_truth_dataset_versions"],
)
class GroundTruthEvent(Resource):
    """A ground truth as it stands in a version of a dataset.

    Attributes:
        id: The event's id.
        data: The annotation document.
        data_unit: What it is about.
        data_unit_id: The id of that, without loading it.
        files: The data unit's files by name.
        category: What it is used for.
        ground_truth_dataset_version: The version that it is in.
        ground_truth_dataset_version_id: The id of that, without loading it.
        project: The project that it comes from.
        project_id: The id of that, without loading it.
        meta: What is kept with it.
        created: When it was made.
    """

    objects: ClassVar[Root[GroundTruthEventManager]] = Root()

    id: int = field(read_only=True)
    data: dict[str, Any] | None = field(read_only=True)
    data_unit: DataUnit = to_one("DataUnit", read_only=True)
    data_unit_id = RelatedId[int]("data_unit")
    files: dict[str, UnitFile] = field(read_only=True)
    category: GroundTruthCategory | str = field(read_only=True)
    ground_truth_dataset_version: GroundTruthVersion = to_one(
        "GroundTruthVersion", read_only=True, parameter="ground_truth_dataset_versions"
    )
    ground_truth_dataset_version_id = RelatedId[int]("ground_truth_dataset_version")
    project: Project | None = to_one("Project", read_only=True)
    project_id = RelatedId["int | None"]("project")
    meta: dict[str, Any] = field(read_only=True)
    created: datetime = field(read_only=True)


class GroundTruthVersionManager(Manager["GroundTruthVersion"]):
    """Versions of ground truth datasets: read."""

    __slots__ = ()


@resource(
    "ground_truth_dataset_versions/",
    plural="ground_truth_versions",
    manager=GroundTruthVersionManager,
    filters=["project"],
)
class GroundTruthVersion(Fetchable):
    """A version of a ground truth dataset.

    Attributes:
        id: The version's id.
        version: Its name.
        ground_truth_dataset: The id of the dataset.
        event_count: How many events it has.
        description: What is in it.
        is_archived: Whether it is put away.
        statistics: Counts by what the platform counts.
        created: When it was made.
        events: Its events; on the class, all events.
    """

    objects: ClassVar[Root[GroundTruthVersionManager]] = Root()

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
