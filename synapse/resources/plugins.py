"""Plugins, code that the platform runs on data, and their releases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

from synapse._internal.json_values import to_json
from synapse.errors import InvalidResponse, UsageError, ValidationError
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.foreign_objects import refuse_foreign
from synapse.orm.manager import Creates, Manager, Updates
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_one
from synapse.orm.resource import Editable, Fetchable
from synapse.resources.enums import PluginCategory
from synapse.resources.file_transfers import FileDownloadMixin
from synapse.resources.release_upload import ReleaseUpload, bumped_version

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from synapse.plugins.version_bump import VersionPart
    from synapse.resources._typed import PluginCreate, TypedPluginManager, TypedPluginReleaseManager
    from synapse.resources.jobs import Job, JobManager
    from synapse.resources.models import ModelManager
else:
    TypedPluginManager = Manager["Plugin"]
    TypedPluginReleaseManager = Manager["PluginRelease"]

__all__ = ["Plugin", "PluginManager", "PluginRelease", "PluginReleaseManager"]


class PluginManager(TypedPluginManager, Creates["Plugin"], Updates["Plugin"]):
    """Plugins: read, create, update. `get()` takes an id or a code."""

    __slots__ = ()

    def create(  # type: ignore[override] # takes the fields of this class only
        self,
        *,
        folder: str | os.PathLike[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        **values: Unpack[PluginCreate],
    ) -> Plugin:
        """Create a plugin. One request.

        Args:
            folder: The plugin's folder, whose `config.yaml` has code, name, category, description
                and author, unless given here. `session.plugins.release(folder)` creates the plugin
                with its first release.
            extra: Keys unknown to the SDK, sent unchanged.
            **values: Fields, such as `code`, `name` and `category`.

        Returns:
            The new plugin, without a release.

        Raises:
            UsageError: A field doesn't exist, or only the server sets the field.
            PluginConfigError: The folder's configuration has mistakes.
            ValidationError: The server refused a value, such as a code in use.

        Example:
            >>> session.plugins.create(code="detector", name="Detector", category="neural_net").code
            'detector'
        """
        fields: dict[str, Any] = {**values}
        if folder is not None:
            from synapse.plugins.config_file import read_plugin_fields

            fields = {**read_plugin_fields(folder), **fields}
        try:
            return super().create(extra=extra, **fields)
        except ValidationError as error:
            if "code" in error.fields and "code" in fields:
                code = fields["code"]
                error.hint = f"session.plugins.get({code!r}) returns an existing plugin."
            raise

    def release(
        self,
        source: str | os.PathLike[str] | IO[bytes],
        *,
        bump: VersionPart | None = None,
        debug: bool = False,
        name: str | None = None,
        changelog: str = "",
        is_stable: bool = True,
        allow_credentials: bool = False,
    ) -> PluginRelease:
        r"""Upload a release; the first one creates the plugin. One request, streamed.

        The configuration says which plugin and version the release is of. On servers where a
        release doesn't create the plugin: three requests for the first release.

        Args:
            source: The plugin's folder, or a zip: a path, or a file opened for reading bytes.
            bump: Part of the version to raise in the folder's configuration first: `"patch"`,
                `"minor"` or `"major"`. A release that fails restores the file.
            debug: Whether to make a debug release, which a later release of the same version may
                replace, and which is never stable.
            name: The file's name on the server; by default the path's last part.
            changelog: News of this version.
            is_stable: Whether the release is meant for everybody.
            allow_credentials: Whether to release files that look like credentials, such as `.env`.

        Returns:
            The release; its `plugin` is the plugin.

        Raises:
            PluginConfigError: The configuration is missing, or has mistakes. Nothing was sent.
            UsageError: The folder or zip can't be read, or contains files that a release can't, or
                that look like credentials.
            MissingExtra: The extra `plugins` isn't installed.
            ValidationError: The server refused the release, such as an existing version.

        Example:
            >>> folder = Path("parrot")
            >>> folder.mkdir()
            >>> _ = (folder / "parrot.py").write_text("def run(context): print(context.params)")
            >>> lines = ["code: parrot", "name: Parrot", "version: 1.0.0", "category: export"]
            >>> lines += ["actions:", "  say: {entrypoint: 'parrot:run'}"]
            >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
            >>> session.plugins.release(folder).plugin.code
            'parrot'
        """
        from synapse.plugins.config_file import describe_plugin

        upload = ReleaseUpload(
            source=source,
            name=name,
            changelog=changelog,
            is_stable=is_stable,
            debug=debug,
            allow_credentials=allow_credentials,
        )
        with bumped_version(source, bump):
            config = upload.load_config()
            names = {"plugin": config.code, "code": config.code, "version": config.version}
            try:
                return upload.send(self._session, PluginRelease, **names)
            except ValidationError as error:
                # A server where plugins are made apart, which doesn't know the code.
                if "plugin" not in error.fields or "version" in error.fields:
                    raise
                self.create(**describe_plugin(config))
                if hasattr(source, "seek"):
                    source.seek(0)
                return upload.send(self._session, PluginRelease, **names)


@resource("plugins/", manager=PluginManager, summary=["code", "version"])
class Plugin(Editable):
    """A plugin: code that the platform runs.

    Attributes:
        id: The plugin's id.
        code: Short name, accepted by `plugins.get()`.
        name: Display name.
        description: Description of the plugin.
        version: Version of the newest release.
        author: Name of the author.
        category: Purpose of the plugin.
        configuration: The plugin's configuration.
        is_active: Whether the plugin can be run.
        created: Creation time.
        releases: The plugin's releases; on the class, all releases.
        jobs: The plugin's jobs; on the class, all jobs.
        models: Models trained by the plugin; on the class, all models.
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
        **values: Unpack[PluginCreate],
    ) -> Plugin:
        """Create a plugin in the default session, as `session.plugins.create()` does. One request.

        Args:
            folder: The plugin's folder, whose `config.yaml` has everything that isn't given here.
            extra: Keys unknown to the SDK, sent unchanged.
            **values: Fields, such as `code`, `name` and `category`.

        Raises:
            UsageError: A field doesn't exist, or only the server sets the field.
            PluginConfigError: The folder's configuration has mistakes.
            ValidationError: The server refused a value, such as a code in use.

        Example:
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
        version: str | None = None,
    ) -> Job:
        """Start a job. Two requests; one if the release is known.

        Action and parameters are checked against the newest release's configuration, which the
        first run fetches (unless `release()` uploaded that release) and the session keeps. Before
        the kept one refuses anything, the configuration is fetched again, by one request. The
        server checks too, and decides: if the server refuses a run that passes here, the kept
        configuration is dropped. Without the package jsonschema, only the server checks the
        parameters.

        Args:
            action: Name of the action; optional for a plugin with one action.
            params: The action's parameters.
            agent: The agent that runs the job, or an id; by default the server's choice.
            debug: Whether to run for debugging: the job prints the SDK's log, too.
            version: The release to run; by default the newest.

        Returns:
            The job; reading a field loads the job.

        Raises:
            UsageError: The plugin has no such action, or `agent` isn't an agent. No job was
                started.
            ValidationError: A parameter doesn't fit, here or for the server; `err.fields["params"]`
                has the reasons by the parameter's path. Or no release has the version. No job was
                started.
            InvalidResponse: The server started a job, but doesn't say which.

        Example:
            >>> plugin = session.plugins.create(name="Detector", code="detector")
            >>> plugin.run("train", params={"epochs": 3}).plugin is plugin
            True
        """
        from synapse.resources.newest_release import check_plugin_run, forget_release

        refuse_foreign(self._session, [params, agent])
        wire = to_json(params or {}, "params")
        if not isinstance(wire, dict):
            raise UsageError(f"params={params!r:.60} is not valid. Pass a mapping.")
        action = check_plugin_run(self, action, wire, version)
        body: dict[str, Any] = {"params": wire, "debug": debug}
        if version is not None:
            body["version"] = version
        if action is not None:
            body["action"] = action
        if agent is not None:
            if isinstance(agent, str) and not agent.isdecimal():
                # The message must not show a token.
                raise UsageError("agent is a text. Pass session.agents.get(token), or an id.")
            body["agent"] = to_json(agent)
        path = type(self).__schema__.detail_path(self._key, "run/")
        try:
            response = self._ask("POST", path, json=body)
        except ValidationError:
            forget_release(self)  # the server knows a newer one
            raise
        if not isinstance(response, dict) or "job_id" not in response:
            raise InvalidResponse(
                200, "the response has no job_id", response=response, resource=self._label()
            )
        job: Job = self._session.identity.related("Job", response["job_id"], via="job")
        return job

    def release(
        self,
        version: str | os.PathLike[str] | IO[bytes] | None = None,
        source: str | os.PathLike[str] | IO[bytes] | None = None,
        *,
        file: str | os.PathLike[str] | IO[bytes] | None = None,
        bump: VersionPart | None = None,
        debug: bool = False,
        name: str | None = None,
        changelog: str = "",
        is_stable: bool = True,
        allow_credentials: bool = False,
    ) -> PluginRelease:
        r"""Upload a release of the plugin. One request, streamed.

        A folder is packed first: the same files always give the same zip, of the files that git
        would take, without caches and virtual environments. Everything is checked before
        sending: the `config.yaml` with every action's entrypoint and schema, that code and version
        are those of the plugin and of this release, and that the entrypoints exist. A zip whose
        configuration names actions is checked in the same way.

        Args:
            version: Version, such as `"1.0.0"`, which the configuration must have. May be left out:
                `plugin.release(folder)` takes the version of the configuration.
            source: The plugin's folder, or a zip: a path, or a file opened for reading bytes.
            file: The older name of `source`.
            bump: Part of the version to raise in the folder's configuration first: `"patch"`,
                `"minor"` or `"major"`. A release that fails restores the file.
            debug: Whether to make a debug release, which a later release of the same version may
                replace, and which is never stable.
            name: The file's name on the server; by default the path's last part.
            changelog: News of this version.
            is_stable: Whether the release is meant for everybody.
            allow_credentials: Whether to release files that look like credentials, such as `.env`.

        Raises:
            PluginConfigError: The configuration has mistakes; the message names all, with the keys'
                paths. Nothing was sent.
            UsageError: The folder or zip can't be read, or contains files that a release can't, or
                that look like credentials.
            MissingExtra: The source is a folder, and the extra `plugins` isn't installed. Without
                that extra, only the server checks a zip.
            ValidationError: The server refused the release, such as an existing version.

        Example:
            >>> folder = Path("echo")
            >>> folder.mkdir()
            >>> _ = (folder / "echo.py").write_text("def run(context): print(context.params)")
            >>> lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
            >>> lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
            >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
            >>> plugin = session.plugins.create(folder=folder)
            >>> list(plugin.release("1.0.0", folder).config["actions"])
            ['say']
        """
        archive = source if source is not None else file
        if archive is None:
            archive, version = version, None
        if archive is None or (source is not None and file is not None):
            raise UsageError("Pass one folder or zip: release(folder).")
        if version is not None and not isinstance(version, str):
            raise UsageError("Pass the version first: release('1.0.0', folder).")
        if version is not None and bump is not None:
            raise UsageError("bump= raises the configuration's version, so pass no version.")
        upload = ReleaseUpload(
            source=archive,
            name=name,
            changelog=changelog,
            is_stable=is_stable,
            debug=debug,
            allow_credentials=allow_credentials,
        )
        code = self.code
        with bumped_version(archive, bump):
            if version is None:
                version = upload.load_config(code=code).version
            return upload.send(
                self._session, PluginRelease, plugin=str(self._key), code=code, version=version
            )


class PluginReleaseManager(TypedPluginReleaseManager):
    """Releases: read. `plugin.release()` makes one."""

    __slots__ = ()


@resource("plugin_releases/", manager=PluginReleaseManager, summary=["plugin", "version"])
class PluginRelease(Fetchable, FileDownloadMixin):
    """A version of a plugin, as a zip.

    Attributes:
        id: The release's id.
        plugin: The plugin.
        plugin_id: The plugin's id, without loading the plugin.
        version: Version of the release.
        changelog: News of this version.
        is_stable: Whether the release is meant for everybody.
        debug: Whether a later release of the same version may replace this one.
        config: Content of the `config.yaml`.
        file: URL of the zip.
        readme: Description of the release.
        created: Time of the upload.
        jobs: Jobs of this release; on the class, all jobs.
    """

    objects: ClassVar[ManagerDescriptor[PluginReleaseManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    plugin: Plugin = to_one("Plugin", read_only=True)
    plugin_id = ForeignKeyId[int]("plugin")
    version: str = field(read_only=True)
    changelog: str = field(read_only=True, filterable=False)
    is_stable: bool = field(read_only=True)
    debug: bool = field(read_only=True)
    config: dict[str, Any] = field(read_only=True)
    file: str | None = field(read_only=True, filterable=False)
    readme: str | None = field(read_only=True, filterable=False)
    created: datetime = field(read_only=True)

    jobs: ClassVar[ToMany[JobManager]] = ToMany("Job", by="plugin_release")
