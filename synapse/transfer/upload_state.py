"""Store the state of an upload, so that another process can resume.

Each file that is being sent has a small file in the user's state folder, with the id of the
server's upload. The server knows the offset. The state has no credentials.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse._internal.user_folders import find_user_folder
from synapse.transfer.file_lock import acquire_lock, release_lock
from synapse.transfer.local_file import LocalFile
from synapse.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["UploadState", "state_folder"]

_LOG = logging.getLogger("synapse.transfer")
# Servers expire uploads after a day, unless configured otherwise.
_MAX_AGE = 7 * 24 * 3600.0
_SWEEP_INTERVAL = 3600.0

_swept: dict[Path, float] = {}


def state_folder() -> Path:
    """Return the folder of upload states, `$XDG_STATE_HOME/synapse/uploads`.

    Without that variable, the folder is in the operating system's usual place.
    """
    return find_user_folder("XDG_STATE_HOME", ".local/state") / "synapse" / "uploads"


class UploadState:
    """State of one file's upload, locked and stored while the block runs.

    Nothing is stored for a file object without a path, in a folder that can't be written, or while
    another process sends the same file; that process has its own upload.

    Args:
        transport: The transport.
        source: The file.
        is_stored: Whether to store the state on disk.
    """

    def __init__(self, transport: Transport, source: LocalFile, *, is_stored: bool = True) -> None:
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._values: dict[str, Any] = {}
        if not is_stored or source.path is None:
            return
        key = [transport.base_url, transport.settings.tenant, str(source.path), source.name]
        digest = hashlib.sha256(json.dumps([*key, *source.fingerprint]).encode("utf-8", "replace"))
        self._path = state_folder() / f"{digest.hexdigest()[:32]}.json"
        self._header = {"server": transport.base_url, "file": str(source.path)}

    @property
    def upload_id(self) -> str | None:
        """Id of the server's upload, if known."""
        return self._text("upload")

    @property
    def checksum(self) -> str | None:
        """MD5 of the file, if computed before."""
        return self._text("checksum")

    @property
    def may_have_created(self) -> bool:
        """Whether a process has asked the server to create the data file."""
        return self._values.get("step") == "binding"

    def save(self, **values: str) -> None:
        """Add values to the state, and write them."""
        self._values.update(values)
        if self._descriptor is None:
            return
        content = json.dumps({"version": 1, **self._header, **self._values}).encode()
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, content)
            os.ftruncate(self._descriptor, len(content))
        except OSError as error:
            _LOG.debug("Upload state not written: %s", error)

    def clear(self) -> None:
        """Remove all values: the upload is complete, or can't be resumed."""
        self._values = {}
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(self._path.parent)
            self._descriptor = acquire_lock(self._path)
            if self._descriptor is not None:
                self._values = _decode(os.read(self._descriptor, 1 << 16))
        except OSError as error:
            _LOG.debug("Upload state not stored: %s", error)
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is None:
            return
        if not self._values and self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        release_lock(self._descriptor)
        self._descriptor = None

    def _text(self, name: str) -> str | None:
        value = self._values.get(name)
        return value if isinstance(value, str) and value else None


def _decode(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except ValueError:  # a new file, or one that was cut off by a power failure
        return {}
    if not isinstance(values, dict) or values.get("version") != 1:
        return {}
    return {key: values[key] for key in ("upload", "checksum", "step") if key in values}


def _sweep(folder: Path) -> None:
    """Remove the states of expired uploads, at most once an hour."""
    now = time.time()
    if now - _swept.get(folder, 0.0) < _SWEEP_INTERVAL:
        return
    _swept[folder] = now
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > _MAX_AGE:
                descriptor = acquire_lock(path)
                if descriptor is not None:
                    path.unlink(missing_ok=True)
                    release_lock(descriptor)
