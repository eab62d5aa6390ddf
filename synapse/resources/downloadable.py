"""The one file that a resource has itself: a model's weights, a release's zip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from synapse.errors import UsageError
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from pathlib import Path

    from synapse.transfer.progress import ProgressArgument

__all__ = ["FileDownloadMixin"]


class FileDownloadMixin(Resource):
    """Adds `download()` to resources with a `file`."""

    __slots__ = ()
    if TYPE_CHECKING:
        file: str | None

    def download(self, dest: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Path:
        """Download the file. One request; one more after each fault, for the rest.

        The bytes go into a temporary file, which gets the final name when complete.

        Args:
            dest: Path of the copy, which replaces any file; or a folder.
            progress: As for a data unit's files.

        Returns:
            The path of the copy.

        Raises:
            UsageError: The object has no file.
            OSError: The copy can't be written.

        Example:
            >>> weights = getfixture("tmp_path") / "weights.bin"
            >>> weights.write_bytes(b"weights")
            7
            >>> model = getfixture("session").models.create(name="Detector", file=weights)
            >>> model.download(weights.with_name("copy.bin")).read_bytes()
            b'weights'
        """
        from synapse.transfer.download import download  # only who downloads needs it

        if not self.file:
            raise UsageError(f"{self._label()} has no file.")
        return download(self._session.transport, self.file, dest, progress=progress)
