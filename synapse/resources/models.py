"""Models: trained weights and how they were made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Deletes, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_one
from synapse.orm.resource import Deletable, Editable
from synapse.resources.file_transfers import FileDownloadMixin

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from synapse.resources._typed import ModelCreate, TypedModelManager
    from synapse.resources.plugins import Plugin
    from synapse.resources.projects import Project
    from synapse.transfer.progress import ProgressArgument
else:
    TypedModelManager = Manager["Model"]


__all__ = ["Model", "ModelManager"]


class ModelManager(TypedModelManager, Creates["Model"], Updates["Model"], Deletes["Model"]):
    """Models: read, create, update, delete."""

    __slots__ = ()

    def create(  # type: ignore[override] # takes the fields of this class only
        self,
        *,
        file: str | os.PathLike[str] | None = None,
        progress: ProgressArgument = None,
        extra: Mapping[str, Any] | None = None,
        **values: Unpack[ModelCreate],
    ) -> Model:
        """Create a model with its file. One request, after those of the file's upload.

        The file goes up in chunks: one request for each, and one to finish. The same call continues
        an upload whose process died.

        Args:
            file: Path of the weights, in any format.
            progress: As for a data file's upload.
            extra: Keys unknown to the SDK, sent unchanged. `"chunked_upload"` names a finished
                upload that becomes the model's file.
            **values: Fields. A relation takes an object or an id.

        Raises:
            UsageError: A field doesn't exist, or only the server sets the field, or the file can't
                be read. Nothing was sent.
            ValidationError: The server refused a value; `err.fields` says which and why.

        Example:
            >>> weights = Path("weights.bin")
            >>> weights.write_bytes(b"weights")
            7
            >>> model = session.models.create(name="Detector", file=weights)
            >>> model.file.partition("?")[0].rpartition("/")[2]
            'weights.bin'
        """
        if file is None:
            return super().create(extra=extra, **values)
        from synapse.transfer.chunked_upload import upload_in_chunks

        self._body(values, extra)  # refuse a misspelled field before sending gigabytes
        upload = upload_in_chunks(self._session.transport, file, progress=progress)
        return super().create(extra={**(extra or {}), "chunked_upload": upload["id"]}, **values)


@resource("models/", manager=ModelManager, summary=["name", "version"])
class Model(Editable, Deletable, FileDownloadMixin):
    """A trained model.

    Attributes:
        id: The model's id.
        name: Display name.
        description: Description of the use.
        model_type: Kind of model, in the platform's words.
        project: Project of the training.
        project_id: The project's id, without loading the project.
        plugin: Plugin that trained the model.
        plugin_id: The plugin's id, without loading the plugin.
        version: Version of the model.
        file: URL of the weights.
        metrics: Quality measures.
        configuration: Configuration of the training.
        is_active: Whether the model is in use.
        created: Creation time.
    """

    objects: ClassVar[ManagerDescriptor[ModelManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field(required=True)
    description: str = field()
    model_type: str | None = field()
    project: Project | None = to_one("Project")
    project_id = ForeignKeyId["int | None"]("project")
    plugin: Plugin | None = to_one("Plugin")
    plugin_id = ForeignKeyId["int | None"]("plugin")
    version: str | None = field()
    file: str | None = field(read_only=True, filterable=False)
    metrics: dict[str, Any] = field()
    configuration: dict[str, Any] = field()
    is_active: bool = field()
    created: datetime = field(read_only=True)
