"""Pictures of a query with targets: the source of the data sets of all libraries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import attrs

from synapse.annotations import read_document
from synapse.errors import SampleError, SynapseError, UnknownDocument, UsageError
from synapse.integrations.sample_index import SampleIndex
from synapse.integrations.samples import PictureSample, SampleReader, SampleRow
from synapse.integrations.skipped import SkippedLog, SkippedSample
from synapse.integrations.targets import TargetBuilder, TargetKind, find_labels
from synapse.orm.query import Query

__all__ = ["SampleSource"]

_PAGE_SIZE = 1000


class SampleSource:
    """Reads rows of a query as pictures with targets, and notes those that are skipped.

    Args:
        query: The query.
        target: Form of the targets.
        classes: Names of the classes; `None` if they are still to be found.
        masks: Whether targets of detection have masks.
        file: Name of the file specification of the pictures.
        mode: Pillow's mode of the pictures.
        first_label: Number of the first class in detection.
        on_error: Whether a fault of one sample is raised or skipped.
        decode: Whether the pixels are decoded; otherwise pictures have a size only.

    Raises:
        UsageError: An argument isn't valid.
    """

    def __init__(
        self,
        query: Query[Any],
        *,
        target: TargetKind,
        classes: Sequence[str] | None,
        masks: bool = False,
        file: str | None = None,
        mode: str | None = None,
        first_label: int = 1,
        on_error: Literal["raise", "skip"] = "raise",
        decode: bool = True,
    ) -> None:
        if on_error not in ("raise", "skip"):
            raise UsageError(f"on_error={on_error!r} is not valid. Pass 'raise' or 'skip'.")
        self.reader = SampleReader(query, file, mode, decode=decode)
        names = _check_classes(classes)
        self.builder = TargetBuilder(target, names, classes is not None, first_label, masks)
        self.page_size = query._state.page_size or _PAGE_SIZE
        self._must_find = classes is None and target != "annotations"
        self._log = SkippedLog() if on_error == "skip" else None

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of their numbers."""
        return list(self.builder.classes)

    @property
    def skipped(self) -> list[SkippedSample]:
        """The samples that were skipped, in all processes."""
        return [] if self._log is None else self._log.read()

    def list_rows(self) -> SampleIndex:
        """Return all rows, and find the classes unless they were given.

        One request for each page, and one for the classes of the projects.
        """
        index = SampleIndex()
        labels: set[str] = set()
        projects: dict[Any, None] = {}
        for page in self.reader.query.page_size(self.page_size)._read_row_pages():
            for row in self.reader.slim(page):
                index.append(row)
                if self._must_find:
                    projects[row["project"]] = None
                    labels |= self._find_labels(row)
        if self._must_find:
            names = self._read_project_classes(projects)
            self._set_classes([*names, *sorted(labels - set(names))])
        return index

    def find_classes(self) -> None:
        """Find the classes of the first row's project, unless they were given. Two requests."""
        if self._must_find and "project" in self.reader.names:
            first = [row.get("project") for row in self.reader.query[:1].values("project")]
            self._set_classes(self._read_project_classes(first))

    def read(self, row: SampleRow) -> tuple[Any, PictureSample, Any] | None:
        """Return picture, sample and target of a row; `None` for a skipped one.

        The requests and errors are those of `SampleReader.read`.
        """
        try:
            picture, sample = self.reader.read(row)
            return picture, sample, self.builder.build(sample)
        except SynapseError as error:
            if self._log is None or not isinstance(error, SampleError):
                raise
            self._log.add(row["id"], str(error))
            return None

    def _set_classes(self, names: Sequence[str]) -> None:
        self.builder = attrs.evolve(self.builder, classes=tuple(names))

    def _find_labels(self, row: SampleRow) -> set[str]:
        try:
            return find_labels(self.builder.kind, read_document(row["data"]))
        except UnknownDocument:
            return set()  # an error of the sample, when that is read

    def _read_project_classes(self, projects: Iterable[Any]) -> list[str]:
        """Return the classes of projects, in the order of the ids. One request, or none."""
        ids = sorted(key for key in projects if isinstance(key, int))
        if not ids:
            return []
        session: Any = self.reader.query._session
        found = session.projects.in_bulk(ids)
        return list(
            dict.fromkeys(each.name for key in ids if key in found for each in found[key].classes)
        )


def _check_classes(classes: Any) -> tuple[str, ...]:
    if classes is None:
        return ()
    names: tuple[Any, ...] = ()
    if not isinstance(classes, str):
        names = tuple(getattr(each, "name", each) for each in classes)
    are_texts = all(isinstance(name, str) for name in names)
    if not names or not are_texts or len(set(names)) < len(names):
        raise UsageError(
            f"classes={classes!r} is not valid. Pass distinct names: ['car', 'bus'], or "
            "project.classes."
        )
    return names
