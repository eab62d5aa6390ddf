"""Import a data set of a common format into a project."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import attrs

from synapse import formats
from synapse._internal.described import Described, Description, summarize
from synapse.annotations import write_document
from synapse.errors import UsageError
from synapse.formats import DataSet, FormatReport
from synapse.resources.enums import FileType, TaskStatus
from synapse.resources.import_comparison import ImportedSamples, compare_tasks
from synapse.resources.imported_classes import SeenTools, check_configured, keep_classes
from synapse.transfer.bulk.report import UploadReport

__all__ = ["ImportReport", "import_data_set", "preview_import"]


@attrs.frozen(repr=False)
class ImportReport(Described):
    """Outcome of an import.

    Attributes:
        format: Name of the data set's format.
        reason: How the format was recognised, or `None` if it was named.
        data: What was read, skipped and changed.
        upload: What was uploaded.
        annotated: Number of tasks that this import completed with annotations.
        empty: Number of tasks that this import completed without any: the picture is empty.
        unlabelled: Number of pending tasks that this import made: the data set has no labels.
        unchanged: Number of tasks that an earlier import made, and that fit the data set.
        differs: Number of tasks that have other annotations than the data set, and keep them.
    """

    format: str
    reason: str | None
    data: FormatReport
    upload: UploadReport
    annotated: int = 0
    empty: int = 0
    unlabelled: int = 0
    unchanged: int = 0
    differs: int = 0

    def __repr__(self) -> str:
        parts = [("format", self.format), ("data", self.data), ("upload", self.upload)]
        return summarize(self, parts)

    def _describe(self) -> Description:
        data, upload = self.data._describe(), self.upload._describe()
        how = f"{self.format} ({self.reason})" if self.reason else self.format
        fields = [("format", how), *data.fields, *upload.fields]
        table = upload.table or data.table
        return Description(type(self).__name__, fields=fields, table=table, notes=upload.notes)

    def __str__(self) -> str:
        how = f" ({self.reason})" if self.reason else ""
        counts = (
            f"annotated: {self.annotated:,}, empty: {self.empty:,}, unlabelled: {self.unlabelled:,}"
        )
        if self.unchanged or self.differs:
            counts += f", unchanged: {self.unchanged:,}, differs: {self.differs:,}"
        return f"Format {self.format}{how}\n{self.data}\n{counts}\n{self.upload}"


def import_data_set(
    project: Any,
    folder: str | os.PathLike[str],
    format: str,  # noqa: A002 - the word that people know
    *,
    strict: bool,
    workers: int,
    progress: Any,
    options: Mapping[str, Any],
) -> ImportReport:
    """Import a data set, see `Project.import_from`."""
    reason, format, specification, data, report = _open_data_set(  # noqa: A001 - as above
        project, folder, format, strict=strict, options=options
    )
    collection = project.data_collection
    counts: Counter[str] = Counter()
    tools = SeenTools()
    last = project.tasks.order_by("-id").only("id").first()
    with closing(ImportedSamples()) as samples:
        upload = collection.upload(
            _read_records(data, specification, report, counts, tools, samples),
            project=project,
            workers=workers,
            progress=progress,
        )
        if upload.skipped or upload.failed:
            newest = 0 if last is None else last.id
            counts = compare_tasks(project, samples, specification, newest, workers, report)
    missing = report.skipped["no-picture"]
    if missing and not (upload.created or upload.skipped or upload.failed):
        hint = 'Pass their folder, images="...".' if format == "coco" else "Add the pictures."
        raise UsageError(
            f"Nothing is imported: none of the {missing:,} pictures of the data set is in "
            f"{os.fspath(folder)}, such as {report.details[-1].sample}. {hint}"
        )
    if upload.created or upload.skipped:
        keep_classes(project, data, format, tools, report)
    return ImportReport(format, reason, report, upload, **counts)


def preview_import(
    project: Any,
    folder: str | os.PathLike[str],
    format: str = "auto",  # noqa: A002 - as above
    *,
    strict: bool = False,
    **options: Any,
) -> tuple[FormatReport, UploadReport]:
    """Read a data set as an import does, and return what would be read and uploaded.

    Two requests at most, for the project and the collection.
    """
    _, _, specification, data, report = _open_data_set(
        project, folder, format, strict=strict, options=options
    )
    with closing(ImportedSamples()) as samples:
        records = _read_records(data, specification, report, Counter(), SeenTools(), samples)
        upload = project.data_collection.upload(records, progress=False, dry_run=True)
    return report, upload


def _open_data_set(
    project: Any,
    folder: str | os.PathLike[str],
    format: str,  # noqa: A002 - as above
    *,
    strict: bool,
    options: Mapping[str, Any],
) -> tuple[str | None, str, str, DataSet, FormatReport]:
    """Return how the format was found, the format, the specification, the data, and the report."""
    reason = None
    if format == "auto":
        format, reason = formats.choose_format(folder)  # noqa: A001 - as above
    specification = _find_specification(project, project.data_collection)
    data, report = formats.read(folder, format, strict=strict, **options)
    check_configured(project, data, format, report)
    return reason, format, specification, data, report


def _find_specification(project: Any, collection: Any) -> str:
    """Return the name of the specification that pictures are for."""
    specifications = [] if collection is None else list(collection.file_specifications)
    pictures = [each for each in specifications if each.file_type == FileType.IMAGE]
    pictures.sort(key=lambda each: (not each.is_primary, not each.is_required))
    others = [each.name for each in specifications if each.is_required and each not in pictures[:1]]
    if not pictures or others:
        raise UsageError(
            f"{project!r} can't take pictures: its collection needs one specification of the type "
            "'image', and no other required file. Create the project with such a data_collection."
        )
    return str(pictures[0].name)


def _read_records(
    data: DataSet,
    specification: str,
    report: FormatReport,
    counts: Counter[str],
    tools: SeenTools,
    samples: ImportedSamples,
) -> Iterator[dict[str, Any]]:
    for sample in data.samples:
        if sample.image is None:
            report.skip(
                sample.name, "no-picture", "the data set names the picture, but lacks the file"
            )
            continue
        tools.add(sample.annotations)
        sizes = {} if sample.size is None else {"image_1": sample.size}
        task: dict[str, Any] = {}
        kind = "empty" if sample.is_labelled else "unlabelled"
        kind = "annotated" if sample.annotations else kind
        counts[kind] += 1
        if sample.annotations or sample.is_labelled:
            document = write_document(sample.annotations, sizes=sizes)
            task = {"data": document, "status": TaskStatus.COMPLETED.value}
        meta = {"name": sample.name}
        if sample.split is not None:
            meta["split"] = sample.split
        samples.add(meta, kind, sample.image, task.get("data"))
        yield {"files": {specification: sample.image}, "meta": meta, "task": task}
