"""The one file that a resource has itself: a model's weights, a release's zip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from synapse.errors import InvalidQuery
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from pathlib import Path

    from synapse.transfer.progress import ProgressArgument

__all__ = ["FileDownloadMixin"]


class FileDownloadMixin(Resource):
    """Adds `download()` to what has a `file`."""

    __slots__ = ()
    if TYPE_CHECKING:
        file: str | None

    def download(self, dest: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Path:
        """Download its file. One request; one more after each fault, which asks for the rest.

        The bytes are written beside, and get the final name when they are all there.

        Args:
            dest: The path that it gets, whatever is there; or a folder.
            progress: How to show it, as for a data unit's files.

        Returns:
            The file's path.

        Raises:
            InvalidQuery: It has no file.
            OSError: It can't be written.

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
            raise InvalidQuery(f"{self._label()} has no file.")
        return download(self._context.transport, self.file, dest, progress=progress)
