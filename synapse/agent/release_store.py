"""The releases that an agent keeps: fetched once from the backend, and checked at every use."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from synapse._internal.private_files import make_file_private, make_folder_private
from synapse.agent.http_errors import Refusal, translate_error
from synapse.agent.store import KeptRelease, Store
from synapse.errors import ClientError, UsageError
from synapse.jobs.spec import ReleaseFile
from synapse.plugins.config import PluginConfig
from synapse.plugins.packaging import read_config

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = ["ReleaseStore", "split_key"]

_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")
_VERSION = re.compile(r"[A-Za-z0-9_-]{1,100}([.+!][A-Za-z0-9_-]{1,100})*")
_PIECE = 1 << 20


def split_key(key: str) -> tuple[str, str]:
    """Return code and version of a release's `code@version`.

    Raises:
        Refusal: The text has another form.
    """
    code, at, version = key.partition("@")
    if not at or not _CODE.fullmatch(code) or not _VERSION.fullmatch(version):
        raise Refusal(404, f"{key!r} is not a release. Write code@version.")
    return code, version


class ReleaseStore:
    """The releases on the agent's disk.

    Args:
        store: The agent's store.
        session: Session with the backend, with the agent's token.
    """

    def __init__(self, store: Store, session: Session) -> None:
        self._store = store
        self._session = session
        self._folder = store.folder / "releases"
        make_folder_private(self._folder)
        self._fetching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def fetch(self, code: str, version: str) -> tuple[KeptRelease, bool]:
        """Return a release from the disk, else fetch the release from the backend.

        Two requests, and one for the file, unless the release is on the disk. A debug release is
        fetched each time: another one may have replaced it.

        Returns:
            The release, and whether it was fetched now.

        Raises:
            Refusal: The backend has no such release, the zip is unusable, or the backend is away.
        """
        with self._fetching[f"{code}@{version}"]:
            kept = self._store.release(code, version)
            if kept is not None and not kept.can_change and self._is_intact(kept):
                return kept, False
            return self._download(code, version), True

    def fetch_by_id(self, key: int) -> tuple[KeptRelease, bool]:
        """Return a release by the backend's id, as `fetch` does.

        Raises:
            Refusal: As for `fetch`.
        """
        kept = self._store.release_of_id(key)
        if kept is not None:
            return self.fetch(kept.code, kept.version)
        try:
            release = self._session.plugin_releases.get(key)
            code, version = release.plugin.code, release.version
        except ClientError as error:
            raise translate_error(error) from error
        return self.fetch(*split_key(f"{code}@{version}"))

    def find(self, key: str) -> KeptRelease:
        """Return a stored release, by `code@version` or by the backend's id.

        Raises:
            Refusal: The release isn't stored.
        """
        kept: KeptRelease | None
        if "@" in key:
            kept = self._store.release(*split_key(key))
        else:
            kept = self._store.release_of_id(int(key)) if re.fullmatch("[0-9]{1,18}", key) else None
        if kept is None:
            raise Refusal(404, f"The agent doesn't keep a release {key}.")
        return kept

    def drop(self, key: str) -> None:
        """Delete a release. A job that has begun continues.

        Raises:
            Refusal: The release isn't stored.
        """
        kept = self.find(key)
        self._store.drop_release(kept.code, kept.version)
        self._archive(kept.code, kept.version).unlink(missing_ok=True)

    def file_of(self, kept: KeptRelease) -> ReleaseFile:
        """Return a release in the form that runners take."""
        return ReleaseFile(
            code=kept.code,
            version=kept.version,
            checksum=kept.checksum,
            archive=self._archive(kept.code, kept.version),
        )

    def _download(self, code: str, version: str) -> KeptRelease:
        path = self._archive(code, version)
        try:
            plugin = self._session.plugins.get(code)
            release = plugin.releases.filter(version=version).first()
            if release is None:
                raise Refusal(404, f"The backend has no release {version} of the plugin {code}.")
            release.download(path)
            make_file_private(path)
        except (ClientError, UsageError) as error:
            if isinstance(error, ClientError):
                raise translate_error(error) from error
            raise Refusal(502, f"The release can't be fetched: {error}") from error
        try:
            config = read_config(path)
            PluginConfig.parse(config, code=code, version=version)
        except UsageError as error:
            path.unlink(missing_ok=True)
            raise Refusal(409, f"The release {code}@{version} can't be used: {error}") from error
        return self._store.keep_release(
            code=code,
            version=version,
            key=release.id,
            checksum=_sha256(path),
            size=path.stat().st_size,
            config=config,
            can_change=bool(release.to_dict().get("debug")),
        )

    def _is_intact(self, kept: KeptRelease) -> bool:
        path = self._archive(kept.code, kept.version)
        return path.exists() and _sha256(path) == kept.checksum

    def _archive(self, code: str, version: str) -> Path:
        return self._folder / f"{code}@{version}.zip"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_PIECE):
            digest.update(block)
    return digest.hexdigest()
