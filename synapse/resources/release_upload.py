"""Upload releases of plugins: the version, the upload, and the mark for runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import attrs

from synapse.errors import ClientError, SynapseError, UsageError, ValidationError

if TYPE_CHECKING:
    from synapse.orm.session_base import SessionBase
    from synapse.plugins.config import PluginConfig
    from synapse.resources.plugins import PluginRelease

__all__ = ["ReleaseUpload", "bumped_version"]

_EXISTS = (
    "A release can't be changed. Use a new version: write it into config.yaml, or pass "
    "bump='patch'. Only debug releases can be replaced."
)


@attrs.frozen(kw_only=True)
class ReleaseUpload:
    """A release to check and upload.

    Attributes:
        source: A folder, a zip's path, or a zip opened for reading bytes.
        name: The requested name of the file.
        changelog: News of this version.
        is_stable: Whether the release is meant for everybody.
        debug: Whether a later release of the same version may replace this one.
        allow_credentials: Whether to release files that look like credentials.
    """

    source: str | os.PathLike[str] | IO[bytes]
    name: str | None = None
    changelog: str = ""
    is_stable: bool = True
    debug: bool = False
    allow_credentials: bool = False

    def load_config(self, *, code: str | None = None) -> PluginConfig:
        """Read and check the configuration.

        Args:
            code: The required code of the plugin.

        Raises:
            UsageError: The source is neither a folder nor a file.
            PluginConfigError: The configuration is missing, or has mistakes.
        """
        from synapse.plugins.config_file import load_config

        try:
            return load_config(self.source, code=code)
        except FileNotFoundError as error:
            raise UsageError(
                f"Pass one folder or zip to release: {self.source} doesn't exist."
            ) from error

    def send(
        self,
        session: SessionBase,
        resource: type[PluginRelease],
        *,
        plugin: str,
        code: str,
        version: str,
    ) -> PluginRelease:
        """Check and upload the release. One request.

        Args:
            session: The session.
            resource: The class of releases.
            plugin: The plugin's id or code, for the server.
            code: The plugin's code, which the configuration must have.
            version: The version, which the configuration must have.
        """
        from synapse.plugins.packaging import prepare_upload
        from synapse.resources.newest_release import remember_release
        from synapse.transfer.upload import upload_file

        fields = {
            "plugin": plugin,
            "version": version,
            "changelog": self.changelog,
            "is_stable": "true" if self.is_stable and not self.debug else "false",
        }
        if self.debug:
            fields["debug"] = "true"
        with prepare_upload(
            self.source,
            name=self.name,
            code=code,
            version=version,
            allow_credentials=self.allow_credentials,
        ) as upload:
            try:
                row = upload_file(
                    session.transport,
                    resource.__schema__.path,
                    upload[0],
                    name=upload[1],
                    fields=fields,
                    has_checksum=False,
                )
            except ValidationError as error:
                if "version" in error.fields:
                    error.hint = _EXISTS
                raise
        release = session.identity.load(resource, [row])[0]
        remember_release(release.plugin, release)
        return release


@contextmanager
def bumped_version(source: str | os.PathLike[str] | IO[bytes], part: str | None) -> Iterator[None]:
    """Raise the version in a folder's configuration; undo that if the block fails.

    The new version stays if the server may have made the release: then that version is used.

    Args:
        source: The plugin's folder.
        part: `"patch"`, `"minor"` or `"major"`; `None` changes nothing.

    Raises:
        UsageError: The part is another word, or the source isn't a folder.
        PluginConfigError: The configuration can't be read, or the version isn't three numbers.
    """
    if part is None:
        yield
        return
    if not isinstance(source, (str, os.PathLike)):
        raise UsageError("bump= needs a folder: the version is written into config.yaml.")
    from synapse.plugins.version_bump import bump_version

    undo = bump_version(source, part)
    try:
        yield
    except SynapseError as error:
        if not (isinstance(error, ClientError) and error.may_have_been_processed):
            undo()
        raise
