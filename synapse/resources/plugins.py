"""Plugins: code that the platform runs on data, and its releases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

from synapse.core.convert import to_wire
from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.manager import Creates, Manager, Updates
from synapse.core.relations import RelatedId, Root, ToMany, to_one
from synapse.core.verbs import Editable, Fetchable
from synapse.errors import InvalidQuery, InvalidResponse
from synapse.resources.values import PluginCategory

if TYPE_CHECKING:
    from pathlib import Path

    from synapse.resources.jobs import Job, JobManager
    from synapse.resources.ml import ModelManager
    from synapse.transfer.progress import ProgressArgument

__all__ = ["Plugin", "PluginManager", "PluginRelease", "PluginReleaseManager"]


class PluginManager(Manager["Plugin"], Creates["Plugin"], Updates["Plugin"]):
    """Plugins: read, create, update. `get()` takes an id or a code."""

    __slots__ = ()


@resource("plugins/", manager=PluginManager)
class Plugin(Editable):
    """A plugin: code that the platform runs.

    Attributes:
        id: The plugin's id.
        code: Its short name, which `plugins.get()` takes as well.
        name: Its name.
        description: What it does.
        version: The version of its newest release.
        author: Who wrote it.
        category: What it is for.
        configuration: Its configuration.
        is_active: Whether it can be run.
        created: When it was made.
        releases: Its releases; on the class, all releases.
        jobs: Its jobs; on the class, all jobs.
        models: The models that it made; on the class, all models.
    """

    objects: ClassVar[Root[PluginManager]] = Root()

    id: int = field(read_only=True)
    code: str = field()
    name: str = field()
    description: str = field()
    version: str | None = field()
    author: str | None = field()
    category: PluginCategory | str = field()
    configuration: dict[str, Any] = field()
    is_active: bool = field()
    created: datetime = field(read_only=True)

    releases: ClassVar[ToMany[PluginReleaseManager]] = ToMany("PluginRelease", by="plugin")
    jobs: ClassVar[ToMany[JobManager]] = ToMany("Job", by="plugin")
    models: ClassVar[ToMany[ModelManager]] = ToMany("Model", by="plugin")

    def run(
        self,
        action: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        agent: Any = None,
        debug: bool = False,
    ) -> Job:
        """Start a job. One request.

        Args:
            action: Which of the plugin's actions; by default the server's choice.
            params: The action's parameters.
            agent: The agent that runs it, or its id; by default the server's choice.
            debug: Whether to run it for debugging.

        Returns:
            The job; reading its fields loads it.

        Raises:
            ValidationError: The action or a parameter is refused.
            InvalidResponse: The server started a job, but doesn't say which.

        Example:
            >>> session = getfixture("session")
            >>> plugin = session.plugins.create(name="Detector", code="detector")
            >>> plugin.run("train", params={"epochs": 3}).plugin is plugin
            True
        """
        body: dict[str, Any] = {"params": to_wire(params or {}), "debug": debug}
        if action is not None:
            body["action"] = action
        if agent is not None:
            body["agent"] = to_wire(agent)
        path = type(self).__schema__.detail_path(self._key, "run/")
        answer = self._ask("POST", path, json=body)
        if not isinstance(answer, dict) or "job_id" not in answer:
            raise InvalidResponse(
                200, "the answer has no job_id", response=answer, resource=self._label()
            )
        job: Job = self._context.identity.related("Job", answer["job_id"], via="job")
        return job

    def release(
        self,
        version: str,
        *,
        file: str | os.PathLike[str] | IO[bytes],
        name: str | None = None,
        changelog: str = "",
        is_stable: bool = True,
    ) -> PluginRelease:
        """Upload a release of the plugin. One request, streamed.

        Args:
            version: Its version, such as `"1.0.0"`.
            file: The zip: a path, or a file opened for reading bytes.
            name: The file's name on the server; by default the path's last part.
            changelog: What is new in it.
            is_stable: Whether it is meant for everybody.

        Raises:
            InvalidQuery: The file can't be read.
            ValidationError: The server refused it; the version exists, for one.
        """
        from synapse.transfer.upload import upload_file  # only who uploads needs it

        fields = {
            "plugin": str(self._key),
            "version": version,
            "changelog": changelog,
            "is_stable": "true" if is_stable else "false",
        }
        schema = PluginRelease.__schema__
        row = upload_file(
            self._context.transport, schema.path, file, name=name, fields=fields, has_checksum=False
        )
        return self._context.identity.load(PluginRelease, [row])[0]


class PluginReleaseManager(Manager["PluginRelease"]):
    """Releases: read. `plugin.release()` makes one."""

    __slots__ = ()


@resource("plugin_releases/", manager=PluginReleaseManager)
class PluginRelease(Fetchable):
    """A version of a plugin, as a zip.

    Attributes:
        id: The release's id.
        plugin: The plugin.
        plugin_id: The id of that, without loading it.
        version: Its version.
        changelog: What is new in it.
        is_stable: Whether it is meant for everybody.
        config: What its `config.yaml` says.
        file: Where the zip is.
        readme: Its description.
        created: When it was uploaded.
        jobs: The jobs that ran it; on the class, all jobs.
    """

    objects: ClassVar[Root[PluginReleaseManager]] = Root()

    id: int = field(read_only=True)
    plugin: Plugin = to_one("Plugin", read_only=True)
    plugin_id = RelatedId[int]("plugin")
    version: str = field(read_only=True)
    changelog: str = field(read_only=True, filterable=False)
    is_stable: bool = field(read_only=True)
    config: dict[str, Any] = field(read_only=True)
    file: str | None = field(read_only=True, filterable=False)
    readme: str | None = field(read_only=True, filterable=False)
    created: datetime = field(read_only=True)

    jobs: ClassVar[ToMany[JobManager]] = ToMany("Job", by="plugin_release")

    def download(self, dest: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Path:
        """Download the zip. One request; one more after each fault, which asks for the rest.

        The bytes are written beside, and get the final name when they are all there.

        Args:
            dest: The path that it gets, whatever is there; or a folder.
            progress: How to show it, as for a data unit's files.

        Returns:
            The file's path.

        Raises:
            InvalidQuery: It has no file.
            OSError: It can't be written.
        """
        from synapse.transfer.download import download  # only who downloads needs it

        if not self.file:
            raise InvalidQuery(f"{self._label()} has no file.")
        return download(self._context.transport, self.file, dest, progress=progress)
