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
from synapse.orm.verbs import Deletable, Editable
from synapse.resources.downloadable import FileDownloadMixin

if TYPE_CHECKING:
    from synapse.resources.plugins import Plugin
    from synapse.resources.projects import Project
    from synapse.transfer.progress import ProgressArgument


__all__ = ["Model", "ModelManager"]


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
        from synapse.transfer.chunked_upload import upload_in_chunks  # only who uploads needs it

        self._body(values, extra)  # whoever misspells a field needn't send gigabytes to learn it
        upload = upload_in_chunks(self._context.transport, file, progress=progress)
        return super().create(extra={**(extra or {}), "chunked_upload": upload["id"]}, **values)


@resource("models/", manager=ModelManager)
class Model(Editable, Deletable, FileDownloadMixin):
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

    objects: ClassVar[ManagerDescriptor[ModelManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field()
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
