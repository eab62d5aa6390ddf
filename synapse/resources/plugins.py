"""Plugins: code that the platform runs on data, and its releases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

from synapse.errors import InvalidQuery, InvalidResponse, ValidationError
from synapse.orm.convert import to_wire
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Creates, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.verbs import Editable, Fetchable
from synapse.resources.downloadable import FileDownloadMixin
from synapse.resources.enums import PluginCategory

if TYPE_CHECKING:
    from synapse.resources.jobs import Job, JobManager
    from synapse.resources.models import ModelManager

__all__ = ["Plugin", "PluginManager", "PluginRelease", "PluginReleaseManager"]


class PluginManager(Manager["Plugin"], Creates["Plugin"], Updates["Plugin"]):
    """Plugins: read, create, update. `get()` takes an id or a code."""

    __slots__ = ()

    def create(
        self,
        *,
        folder: str | os.PathLike[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Plugin:
        """Make a plugin. One request.

        Args:
            folder: The plugin's folder: its `config.yaml` says code, name, category, description
                and author, unless they are given here. `release()` uploads what is in it.
            extra: Keys that the SDK doesn't know, sent as they are.
            **values: Fields, such as `code`, `name` and `category`.

        Returns:
            The new plugin, which has no release yet.

        Raises:
            InvalidQuery: A field doesn't exist, or only the server sets it.
            PluginConfigError: The folder's configuration has mistakes.
            ValidationError: The server refused a value; there is a plugin with the code, for one.

        Example:
            >>> session = getfixture("session")
            >>> session.plugins.create(code="detector", name="Detector", category="neural_net").code
            'detector'
        """
        if folder is not None:
            from synapse.plugins.run_check import plugin_fields  # most have no use for it

            values = {**plugin_fields(folder), **values}
        try:
            return super().create(extra=extra, **values)
        except ValidationError as error:
            if "code" in error.fields and "code" in values:
                code = values["code"]
                error.hint = f"If it is there already, session.plugins.get({code!r}) gives it."
            raise


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

    objects: ClassVar[ManagerDescriptor[PluginManager]] = ManagerDescriptor()

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

    @classmethod
    def create(
        cls,
        *,
        folder: str | os.PathLike[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Plugin:
        """Make a plugin, as `session.plugins.create()` does, by the default session. One request.

        Args:
            folder: The plugin's folder, whose `config.yaml` says what isn't given here.
            extra: Keys that the SDK doesn't know, sent as they are.
            **values: Fields, such as `code`, `name` and `category`.

        Raises:
            InvalidQuery: A field doesn't exist, or only the server sets it.
            PluginConfigError: The folder's configuration has mistakes.
            ValidationError: The server refused a value; there is a plugin with the code, for one.

        Example:
            >>> session = getfixture("session")
            >>> Plugin.create(code="tracker", name="Tracker", category="neural_net").code
            'tracker'
        """
        return cls.objects.create(folder=folder, extra=extra, **values)

    def run(
        self,
        action: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        agent: Any = None,
        debug: bool = False,
    ) -> Job:
        """Start a job. Two requests; one if the newest release is known from before.

        The action and its parameters are checked against the newest release's configuration: the
        first run asks for it, unless `release()` uploaded it, and the session keeps it. Before
        something is refused by what was kept, it is asked for again, by one request. The server
        checks too, and has the last word: when it refuses what fits here, what was kept is dropped.
        Without the package jsonschema, it alone checks the parameters.

        Args:
            action: Which of the plugin's actions; it may be left out if there is only one.
            params: The action's parameters.
            agent: The agent that runs it, or its id; by default the server's choice.
            debug: Whether to run it for debugging: the job prints what the SDK logs, too.

        Returns:
            The job; reading its fields loads it.

        Raises:
            InvalidQuery: There is no such action, or `agent` is none. No job was started.
            ValidationError: A parameter doesn't fit, here or for the server; `err.fields["params"]`
                has the reasons by the parameter's path. No job was started.
            InvalidResponse: The server started a job, but doesn't say which.

        Example:
            >>> session = getfixture("session")
            >>> plugin = session.plugins.create(name="Detector", code="detector")
            >>> plugin.run("train", params={"epochs": 3}).plugin is plugin
            True
        """
        from synapse.plugins.run_check import check_run, forget

        wire = to_wire(params or {})
        if not isinstance(wire, dict):
            raise InvalidQuery(f"params is {params!r:.60}: give a mapping.")
        action = check_run(self, action, wire)
        body: dict[str, Any] = {"params": wire, "debug": debug}
        if action is not None:
            body["action"] = action
        if agent is not None:
            if isinstance(agent, str) and not agent.isdecimal():
                # Not shown: it is most likely a token.
                raise InvalidQuery("agent is a text: give session.agents.get(token), or its id.")
            body["agent"] = to_wire(agent)
        path = type(self).__schema__.detail_path(self._key, "run/")
        try:
            answer = self._ask("POST", path, json=body)
        except ValidationError:
            forget(self)  # it knows something newer
            raise
        if not isinstance(answer, dict) or "job_id" not in answer:
            raise InvalidResponse(
                200, "the answer has no job_id", response=answer, resource=self._label()
            )
        job: Job = self._context.identity.related("Job", answer["job_id"], via="job")
        return job

    def release(
        self,
        version: str,
        source: str | os.PathLike[str] | IO[bytes] | None = None,
        *,
        file: str | os.PathLike[str] | IO[bytes] | None = None,
        name: str | None = None,
        changelog: str = "",
        is_stable: bool = True,
    ) -> PluginRelease:
        r"""Upload a release of the plugin. One request, streamed.

        A folder is packed first: the same files always give the same zip. What a `.gitignore` in
        it names is left out, and so are `.git`, caches and virtual environments. It is checked
        before it is sent: its `config.yaml` with every action's entrypoint and schema, that code
        and version are those of the plugin and of this release, and that the entrypoints are there.
        A zip is checked in the same way, if its configuration names actions.

        Args:
            version: Its version, such as `"1.0.0"`.
            source: The plugin's folder, or a zip: its path, or a file opened for reading bytes.
            file: The same, under its older name.
            name: The file's name on the server; by default the path's last part.
            changelog: What is new in it.
            is_stable: Whether it is meant for everybody.

        Raises:
            PluginConfigError: The configuration has mistakes; all are named, with their keys'
                paths. Nothing was sent.
            InvalidQuery: The folder or zip can't be read, or has what can't be in a release.
            MissingExtra: It is a folder, and the extra `plugins` isn't installed. Without it, the
                server alone checks a zip.
            ValidationError: The server refused it; the version exists, for one.

        Example:
            >>> session = getfixture("session")
            >>> folder = getfixture("tmp_path") / "echo"
            >>> folder.mkdir()
            >>> _ = (folder / "echo.py").write_text("def run(context): print(context.params)")
            >>> lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
            >>> lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
            >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
            >>> plugin = session.plugins.create(folder=folder)
            >>> list(plugin.release("1.0.0", folder).config["actions"])
            ['say']
        """
        from synapse.plugins.run_check import remember, uploadable
        from synapse.transfer.upload import upload_file  # only who uploads needs it

        given = source if source is not None else file
        if given is None or (source is not None and file is not None):
            raise InvalidQuery("Give one folder or zip: release(version, source).")
        fields = {
            "plugin": str(self._key),
            "version": version,
            "changelog": changelog,
            "is_stable": "true" if is_stable else "false",
        }
        schema = PluginRelease.__schema__
        with uploadable(given, name=name, code=self.code, version=version) as (content, called):
            try:
                row = upload_file(
                    self._context.transport,
                    schema.path,
                    content,
                    name=called,
                    fields=fields,
                    has_checksum=False,
                )
            except ValidationError as error:
                if "version" in error.fields:
                    error.hint = "A release stays as it is: give a new version, in config.yaml too."
                raise
        release = self._context.identity.load(PluginRelease, [row])[0]
        remember(self, release)
        return release


class PluginReleaseManager(Manager["PluginRelease"]):
    """Releases: read. `plugin.release()` makes one."""

    __slots__ = ()


@resource("plugin_releases/", manager=PluginReleaseManager)
class PluginRelease(Fetchable, FileDownloadMixin):
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

    objects: ClassVar[ManagerDescriptor[PluginReleaseManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    plugin: Plugin = to_one("Plugin", read_only=True)
    plugin_id = ForeignKeyId[int]("plugin")
    version: str = field(read_only=True)
    changelog: str = field(read_only=True, filterable=False)
    is_stable: bool = field(read_only=True)
    config: dict[str, Any] = field(read_only=True)
    file: str | None = field(read_only=True, filterable=False)
    readme: str | None = field(read_only=True, filterable=False)
    created: datetime = field(read_only=True)

    jobs: ClassVar[ToMany[JobManager]] = ToMany("Job", by="plugin_release")
