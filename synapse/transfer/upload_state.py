"""The stored state of running uploads, so that a process that dies loses little.

For each file in flight, a small file in the user's state folder names the server's upload; the
server knows the position. The state contains no credentials.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from synapse.transfer.file_lock import locked, unlock
from synapse.transfer.local_file import LocalFile
from synapse.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["UploadState", "state_folder"]

_LOG = logging.getLogger("synapse.transfer")
# An upload expires after a day, unless the server is set up otherwise.
_LONGEST = 7 * 24 * 3600.0
_SWEEP_EVERY = 3600.0

_swept: dict[Path, float] = {}


def state_folder() -> Path:
    """Return the folder for upload states: `$XDG_STATE_HOME/synapse/uploads`.

    Without that variable, the system's usual place is used.
    """
    # Unlike Path.home(), this doesn't raise for a user who has no home: the ~ stays, and the root
    # before it keeps it from being made as a folder of that name in the current one.
    home = Path(os.sep, os.path.expanduser("~"))  # noqa: PTH111
    if root := os.environ.get("XDG_STATE_HOME"):
        base = Path(root)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = home / ".local" / "state"
    return base / "synapse" / "uploads"


class UploadState:
    """The state of one file's upload, stored on disk while the block runs.

    Nothing is stored for a file that isn't on disk, in a folder that can't be written, or while
    another process is sending the same file; that process has an upload of its own.

    Args:
        transport: The transport.
        source: The file.
        is_wanted: Whether to store anything.
    """

    def __init__(self, transport: Transport, source: LocalFile, *, is_wanted: bool = True) -> None:
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._known: dict[str, Any] = {}
        if not is_wanted or source.path is None:
            return
        about = [transport.base_url, transport.settings.tenant, str(source.path), source.name]
        digest = hashlib.sha256(json.dumps([*about, *source.state]).encode("utf-8", "replace"))
        folder = state_folder()
        self._path = folder / f"{digest.hexdigest()[:32]}.json"
        self._about = {"server": transport.base_url, "file": str(source.path)}

    @property
    def upload(self) -> str | None:
        """Id of the server's upload, if any."""
        found = self._known.get("upload")
        return found if isinstance(found, str) and found else None

    @property
    def checksum(self) -> str | None:
        """MD5 of the file, if computed already."""
        found = self._known.get("checksum")
        return found if isinstance(found, str) and found else None

    @property
    def is_binding(self) -> bool:
        """True if the server was asked to turn the upload into a data file."""
        return self._known.get("step") == "binding"

    def note(self, **values: str) -> None:
        """Store values beside the known ones."""
        self._known.update(values)
        if self._descriptor is None:
            return
        content = json.dumps({"version": 1, **self._about, **self._known}).encode()
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, content)
            os.ftruncate(self._descriptor, len(content))
        except OSError as error:
            _LOG.debug("The state of an upload can't be written: %s", error)

    def forget(self) -> None:
        """Remember nothing any more: the upload is done, or of no use."""
        self._known = {}
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(self._path.parent)
            self._descriptor = locked(self._path)
            if self._descriptor is not None:
                self._known = _decoded(os.read(self._descriptor, 1 << 16))
        except OSError as error:
            _LOG.debug("The state of an upload can't be kept: %s", error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor is None:
            return
        if not self._known and self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        unlock(self._descriptor)
        self._descriptor = None


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:  # new, or the machine died while it was written
        return {}
    if not isinstance(found, dict) or found.get("version") != 1:
        return {}
    return {key: found[key] for key in ("upload", "checksum", "step") if key in found}


def _sweep(folder: Path) -> None:
    """Drop the state of uploads that have expired; looked for once in a while."""
    now = time.time()
    if now - _swept.get(folder, 0.0) < _SWEEP_EVERY:
        return
    _swept[folder] = now
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > _LONGEST:
                descriptor = locked(path)
                if descriptor is not None:
                    path.unlink(missing_ok=True)
                    unlock(descriptor)
