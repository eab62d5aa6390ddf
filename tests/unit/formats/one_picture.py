"""Data sets of one picture: written and read by the tests of several formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from synapse import formats
from synapse.annotations import Annotation
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample

SIZE = (50, 40)


@attrs.frozen
class FormatUnderTest:
    """A format, with the classes of its tests.

    Attributes:
        name: Name of the format.
        classes: The classes of the data sets that are written.
    """

    name: str
    classes: Sequence[DataSetClass] = (DataSetClass("car"),)

    def read(self, folder: Path, **options: Any) -> tuple[list[Sample], FormatReport]:
        """Return the samples of a folder, read twice, and the report."""
        data, report = formats.read(folder, self.name, **options)
        samples = list(data.samples)
        assert list(data.samples) == samples, "a second loop reads the same"
        return samples, report

    def write(
        self,
        folder: Path,
        annotations: Sequence[Annotation],
        *,
        classes: Sequence[DataSetClass] | None = None,
        size: tuple[int, int] | None = SIZE,
        **options: Any,
    ) -> FormatReport:
        """Write the annotations of one picture without the picture, and return the report."""
        chosen = self.classes if classes is None else classes
        data = DataSet(chosen, [Sample("a.jpg", annotations, size=size)])
        return formats.write(data, folder, self.name, **{"images": "none", **options})


def put_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files by their relative paths, and return the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
