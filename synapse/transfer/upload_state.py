"""Store the state of an upload, so that another process can resume.

Each file that is being sent has a small file in the user's state folder, with the id of the
server's upload. The server knows the offset. Of a file that goes to the storage in parts, the state
has the ETags of the sent parts, and the URLs, which are good for these parts and for a while; no
other credentials.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse._internal import log_events
from synapse._internal.descriptors import read_all, write_all
from synapse._internal.file_lock import acquire_lock, release_lock
from synapse._internal.user_folders import find_user_folder
from synapse.transfer.checksum import Checksums
from synapse.transfer.local_file import LocalFile
from synapse.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["UploadState", "state_folder"]

# Servers expire uploads after a day, unless configured otherwise.
_MAX_AGE = 7 * 24 * 3600.0
_SWEEP_INTERVAL = 3600.0

_KEYS = ("upload", "checksum", "sha1", "step", "target")

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
        self._etags: dict[int, str] = {}
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

    def checksums_with(self, algorithm: str) -> Checksums | None:
        """Return the file's checksums if that of `"md5"` or `"sha1"` was computed before.

        The other one may be empty.
        """
        known = Checksums(self._text("checksum") or "", self._text("sha1") or "")
        return known if getattr(known, algorithm) else None

    @property
    def may_have_created(self) -> bool:
        """Whether a process has asked the server to create the data file."""
        return self._values.get("step") == "binding"

    @property
    def target(self) -> dict[str, Any] | None:
        """The server's row with the presigned URLs of a file in parts, if any."""
        value = self._values.get("target")
        return value if isinstance(value, dict) else None

    @property
    def etags(self) -> Mapping[int, str]:
        """ETags of the parts that the storage has, by number."""
        return self._etags

    def save(self, **values: Any) -> None:
        """Add values to the state, and write them."""
        self._values.update(values)
        if self._descriptor is None:
            return
        head = {"version": 1, **self._header, **self._values}
        lines: list[Any] = [head, *self._etags.items()]
        content = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            write_all(self._descriptor, content)
            os.ftruncate(self._descriptor, len(content))
        except OSError as error:
            log_events.UPLOAD_STATE_LOST.log("Upload state not written: %s", error, reason=error)

    def begin_parts(self, target: Mapping[str, Any], *, keeps_parts: bool) -> None:
        """Store the server's row of a file in parts.

        Args:
            target: The row.
            keeps_parts: Whether the storage has the parts that were sent before.
        """
        if not keeps_parts:
            self._etags = {}
        self.save(target=dict(target))

    def add_part(self, number: int, etag: str) -> None:
        """Append a part that the storage has. Thousands of parts make one short line each."""
        self._etags[number] = etag
        if self._descriptor is not None:
            try:
                write_all(self._descriptor, f"{json.dumps([number, etag])}\n".encode())
            except OSError as error:
                log_events.UPLOAD_STATE_LOST.log(
                    "Upload state not written: %s", error, reason=error
                )

    def clear(self) -> None:
        """Remove all values: the upload is complete, or can't be resumed."""
        self._values, self._etags = {}, {}
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                os.lseek(self._descriptor, 0, os.SEEK_SET)

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(self._path.parent)
            self._descriptor = acquire_lock(self._path)
            if self._descriptor is not None:
                self._values, self._etags = _decode(read_all(self._descriptor))
        except OSError as error:
            log_events.UPLOAD_STATE_LOST.log("Upload state not stored: %s", error, reason=error)
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


def _decode(content: bytes) -> tuple[dict[str, Any], dict[int, str]]:
    """Return the values, and the ETags of the parts."""
    head, *lines = content.split(b"\n")
    try:
        values = json.loads(head)
    except ValueError:  # a new file, or one that was cut off by a power failure
        return {}, {}
    if not isinstance(values, dict) or values.get("version") != 1:
        return {}, {}
    etags: dict[int, str] = {}
    with contextlib.suppress(ValueError, TypeError):  # the last line may be cut off
        for line in filter(None, lines):
            number, etag = json.loads(line)
            etags[int(number)] = str(etag)
    return {key: values[key] for key in _KEYS if key in values}, etags


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
