"""Serving: models that answer requests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Deletes, Manager
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, to_one
from synapse.orm.resource import Deletable

if TYPE_CHECKING:
    from synapse.resources._typed import TypedServeApplicationManager
    from synapse.resources.jobs import Job
    from synapse.resources.plugins import PluginRelease
else:
    TypedServeApplicationManager = Manager["ServeApplication"]

__all__ = ["ServeApplication", "ServeApplicationManager"]


class ServeApplicationManager(
    TypedServeApplicationManager, Creates["ServeApplication"], Deletes["ServeApplication"]
):
    """Served applications: read, create, delete."""

    __slots__ = ()


@resource("serve_applications/", manager=ServeApplicationManager)
class ServeApplication(Deletable):
    """A plugin that answers requests.

    Attributes:
        id: The application's id.
        name: Name of the application.
        plugin_release: The served release.
        plugin_release_id: The release's id, without loading the release.
        job: The job that deployed the application.
        job_id: The job's id, without loading the job.
        status: State, in the server's words.
        data: The server's details.
        created: Creation time.
    """

    objects: ClassVar[ManagerDescriptor[ServeApplicationManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    name: str = field()
    plugin_release: PluginRelease | None = to_one("PluginRelease")
    plugin_release_id = ForeignKeyId["int | None"]("plugin_release")
    job: Job | None = to_one("Job")
    job_id = ForeignKeyId["str | None"]("job")
    status: str | None = field()
    data: dict[str, Any] | None = field()
    created: datetime = field(read_only=True)
