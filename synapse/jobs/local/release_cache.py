"""The releases that were run here: unpacked once, kept for a while, and lent to jobs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from synapse._internal.private_files import make_folder_private
from synapse.errors import SynapseError
from synapse.jobs.local.protection import compute_fingerprint, remove, unprotect
from synapse.jobs.spec import ReleaseFile
from synapse.plugins.archive import extract

__all__ = ["Kept", "ReleaseCache", "Unusable"]

_KEPT = 20
_BLOCK = 1 << 20
_DRAFT = ".draft-"
_STATE = "code.state"


class Unusable(SynapseError):
    """A release can't be run; the message is a sentence for people."""


class Kept:
    """The cached parts of one release.

    Attributes:
        code: Read-only folder with the release's files.
        environments: Folder of installed environments.
        installing: Lock for installing.
    """

    def __init__(self, folder: Path, installing: threading.Lock) -> None:
        self.code = folder / "code"
        self.environments = folder / "environments"
        self.installing = installing

    def read(self, name: str) -> bytes | None:
        """Return a file of the release; `None` for a missing file."""
        path = self.code / name
        return path.read_bytes() if path.is_file() else None


class ReleaseCache:
    """Unpacked releases in a folder, by their checksums; safe under threads.

    Args:
        folder: The folder, which one cache at a time may use.
        most: Number of releases to keep; the least recently used ones go first.
    """

    def __init__(self, folder: Path, most: int = _KEPT) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._unpacking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._installing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lent: Counter[str] = Counter()
        # A process that was killed while it unpacked left its draft behind.
        for draft in folder.glob(f"{_DRAFT}*"):
            shutil.rmtree(draft, ignore_errors=True)

    @contextlib.contextmanager
    def lend(self, release: ReleaseFile) -> Iterator[Kept]:
        """Yield a release's files, unpacked if necessary; they stay for the block.

        Raises:
            Unusable: The zip is missing, another one, or damaged.
        """
        key = release.checksum
        with self._lock:
            self._lent[key] += 1
            unpacking, installing = self._unpacking[key], self._installing[key]
        try:
            folder = self._folder / key
            with unpacking:
                if not _is_unchanged(folder):
                    self._unpack(release, folder)
                os.utime(folder)
            yield Kept(folder, installing)
        finally:
            with self._lock:
                self._lent[key] -= 1
                self._forget()

    def close(self) -> None:
        """Let the folder be deleted by ordinary means, until a job uses it again."""
        for environments in self._folder.glob("*/environments"):
            unprotect(environments)

    def _unpack(self, release: ReleaseFile, folder: Path) -> None:
        name = f"{release.code}@{release.version}"
        try:
            if _sha256(release.archive) != release.checksum:
                raise Unusable(f"The file of the release {name} is not the one that was released.")
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unusable(f"The file of the release {name} cannot be read: {reason}.") from error
        make_folder_private(self._folder)
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self._folder))
        try:
            code = draft / "code"
            code.mkdir()
            extract(release.archive, code)
            if folder.is_dir():  # a job changed the code; the environments are checked apart
                with contextlib.suppress(FileNotFoundError):
                    (folder / "code").rename(draft / "changed")
                code.replace(folder / "code")
            else:
                draft.replace(folder)
            _note_state(folder)
        except (SynapseError, ValueError) as error:
            raise Unusable(f"The release {name} cannot be unpacked: {error}") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unusable(f"The release {name} cannot be unpacked: {reason}.") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _forget(self) -> None:
        """Remove the oldest releases above the limit; the caller holds the lock."""
        found = list(self._folder.iterdir()) if self._folder.is_dir() else []
        idle = [path for path in found if not self._lent[path.name] and path.name[0] != "."]
        idle.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in idle[self._most :]:
            remove(path)


def _note_state(folder: Path) -> None:
    state = compute_fingerprint(folder / "code", has_caches=False)
    (folder / _STATE).write_text(state, encoding="utf-8")


def _is_unchanged(folder: Path) -> bool:
    """Return whether an unpacked release is as it was unpacked."""
    note = folder / _STATE
    if not note.is_file():
        return False
    state = compute_fingerprint(folder / "code", has_caches=False)
    return note.read_text(encoding="utf-8") == state


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
