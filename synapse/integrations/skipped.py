"""The samples that were skipped, as all worker processes saw them."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

import attrs

from synapse._internal import log_events
from synapse._internal.private_files import open_private

__all__ = ["SkippedLog", "SkippedSample"]


@attrs.frozen
class SkippedSample:
    """A sample that could not be read.

    Attributes:
        id: Id of the row.
        reason: The fault in a sentence.
    """

    id: int | str
    reason: str


class SkippedLog:
    """Skipped samples in a temporary file, to which workers append.

    The file is removed with the log that created it; copies in workers leave the file.
    """

    def __init__(self) -> None:
        descriptor, name = tempfile.mkstemp(prefix="synapse-skipped-")
        os.close(descriptor)
        self._path = Path(name)
        weakref.finalize(self, _remove, self._path, os.getpid())

    def add(self, key: int | str, reason: str) -> None:
        """Note a sample, and log a warning."""
        log_events.SAMPLE_SKIPPED.log("Skipped: %s", reason, row_id=key, reason=reason)
        line = json.dumps([key, reason]) + "\n"
        # One write in append mode: lines of several processes don't mix.
        with suppress(OSError), open_private(self._path, "ab") as file:
            file.write(line.encode())

    def read(self) -> list[SkippedSample]:
        """Return the skipped samples, each once."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        rows = [json.loads(line) for line in text.splitlines()]
        return list(dict.fromkeys(SkippedSample(key, reason) for key, reason in rows))


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        path.unlink(missing_ok=True)
