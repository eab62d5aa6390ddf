"""Export a project's tasks as a data set of a common format."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from synapse import formats
from synapse._internal.hints import suggestion
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.lazy_import import load
from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.annotations import Annotation, Annotations
from synapse.errors import ClientError, DataLost, SynapseError, UnknownDocument, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.objects import ImageObject, find_objects
from synapse.formats.pictures import check_mode
from synapse.formats.samples import check_split_name
from synapse.formats.writing import check_target
from synapse.orm.query import Query
from synapse.resources.enums import FileType
from synapse.resources.imported_classes import ImportedClasses, check_indices
from synapse.resources.sample_spool import SampleSpool
from synapse.resources.task_listing import TaskListing, open_listing
from synapse.transfer.bulk.layout import build_file_names, build_folder_name
from synapse.transfer.checksum import is_checksum_of
from synapse.transfer.filenames import safe_name
from synapse.transfer.progress import (
    GOES_ON,
    Progress,
    ProgressArgument,
    describe_stop,
    show_progress,
)

__all__ = ["export_project"]

# Folder of the pictures on the way, below that of the export; the project's id comes after it.
_STAGE = ".synapse-export-"
# Formats in which a picture that nobody annotated differs from an empty one.
_WITH_UNLABELLED = frozenset({"csv_boxes", "label_studio", "labelme", "mask_png", "voc", "yolo"})


def export_project(
    project: Any,
    folder: str | os.PathLike[str],
    format: str,  # noqa: A002 - the word that people know
    *,
    tasks: Iterable[Any] | None,
    classes: Sequence[str] | None,
    split: Any,
    images: Any,
    strict: bool,
    workers: int,
    progress: ProgressArgument,
    resume: bool,
    options: Mapping[str, Any],
) -> FormatReport:
    """Export a project, see `Project.export`."""
    check_mode(images)
    validate_int("workers", workers)
    choose = _make_splitter(split)
    _check_classes(classes)
    own = ["tasks", "classes", "split", "images", "strict", "workers", "progress", "resume"]
    formats.check_options(format, "write", options, own)
    target = formats.make_folder(folder)
    check_target(target, images)
    noted = FormatReport(strict=strict)
    query = _choose_tasks(project, tasks)
    names = _picture_names(project)
    stage = target / f"{_STAGE}{project.id}"
    with (
        closing(SampleSpool()) as spool,
        _open_listing(query, stage, resume=resume) as listing,
        show_progress(progress, "Export") as shown,
        explain_interrupt(lambda: describe_stop(shown, GOES_ON)),
    ):
        seen = _SeenClasses()
        pictures = _PictureStage(names, None if images == "none" else stage, workers, noted, shown)
        for task, meta, files in _read_tasks(project, listing, pictures):
            part = _read_split(meta) if choose is None else _check_part(task, choose(task))
            for sample in _read_samples(task, meta, files, noted):
                seen.add(sample)
                spool.add(attrs.evolve(sample, split=part), str(task.data_unit_id))
                if not sample.is_labelled and format not in _WITH_UNLABELLED:
                    reason = "the task isn't annotated; the format says that the picture is empty"
                    noted.lose(f"task {task.id}", "not-annotated", reason)
        imported = ImportedClasses.read(project.configuration)
        if classes is None:
            classes = seen.list_names(project, imported)
            check_indices(project, classes, format, noted)
        else:
            seen.check_names(project, imported, classes)
        info = {"category_ids": imported.category_ids} if imported.category_ids else {}
        data = DataSet(seen.make_classes(classes, imported), spool, info)
        more = {"images": images} if images != "copy" else {}
        report = formats.write(data, target, format, strict=strict, **more, **options)
    shutil.rmtree(stage, ignore_errors=True)
    report.skipped += noted.skipped
    report.lossy += noted.lossy
    report.details[:0] = noted.details
    return report


# -- Tasks ----------------------------------------------------------------------------------------

Picture = tuple[str, Path | None]
Meta = Mapping[str, Any]


def _picture_names(project: Any) -> list[str]:
    """Return the specifications of pictures, the primary one first. One request."""
    collection = project.data_collection
    specifications = [] if collection is None else collection.file_specifications
    pictures = [each for each in specifications if each.file_type == FileType.IMAGE]
    return [each.name for each in sorted(pictures, key=lambda each: not each.is_primary)]


def _choose_tasks(project: Any, tasks: Any) -> Iterable[Any]:
    """Return the tasks, with their units if a query reads them."""
    query = project.tasks.order_by("id") if tasks is None else tasks
    if isinstance(query, Query):
        return query.expand("data_unit")
    if isinstance(query, str) or not isinstance(query, Iterable):
        raise UsageError(f"tasks={query!r} is not valid. Pass a query or a list of tasks.")
    return query


def _check_tasks(project: Any, tasks: Sequence[Any]) -> Sequence[Any]:
    """Return tasks as the project's server has them; refuse others."""
    for task in tasks:
        _check_task(project, task)
    return tasks


def _check_task(project: Any, task: Any) -> None:
    if not isinstance(task, load("synapse.resources.tasks").Task):
        raise UsageError(
            f"tasks= has {task!r}, which is not a task. Pass tasks, or a query such as "
            "project.tasks.filter(id__in=[1, 2])."
        )
    if task.project_id != project.id:
        raise UsageError(
            f"Task {task.id} is of project {task.project_id}, not of project {project.id}. Pass "
            "tasks= of the project that you export."
        )
    if task.changes:
        raise UsageError(
            f"Task {task.id} has unsaved changes ({', '.join(task.changes)}). Call save() or "
            "refresh() of the task, then export again."
        )


@contextmanager
def _open_listing(query: Iterable[Any], stage: Path, *, resume: bool) -> Iterator[TaskListing]:
    """Open the list of tasks; afterwards, keep the stored ones if the same call can succeed."""
    listing = open_listing(query, stage, resume=resume)
    keep = False
    try:
        yield listing
    except BaseException as error:
        # Other errors of ours tell about tasks, which the user mends, or about `tasks=`; with all
        # tasks stored, also about arguments for writing.
        keep = isinstance(error, ClientError) or not isinstance(error, SynapseError)
        keep = keep or (listing.is_stored and not isinstance(error, DataLost))
        raise
    finally:
        listing.close(keep=keep)
        with suppress(OSError):  # has pictures or tasks
            stage.rmdir()


class _PictureStage:
    """The pictures of tasks, downloaded some hundred at a time.

    Args:
        names: Specifications of pictures, the primary one first.
        stage: Folder for the pictures; `None` for no downloads.
        workers: Number of downloads at the same time.
        report: Notes failed downloads.
        progress: Shows the downloads.
    """

    def __init__(
        self,
        names: Sequence[str],
        stage: Path | None,
        workers: int,
        report: FormatReport,
        progress: Progress,
    ) -> None:
        self._names = names
        self._stage = stage
        self._workers = workers
        self._report = report
        self._progress = progress

    def find(self, tasks: Iterable[Any]) -> list[tuple[Any, list[Picture]]]:
        """Return tasks with their pictures."""
        return [(task, _find_pictures(task, self._names, self._stage)) for task in tasks]

    def find_missing(self, found: Iterable[tuple[Any, list[Picture]]]) -> list[tuple[Any, Path]]:
        """Return the files of the pictures that aren't there, with their paths."""
        return [
            (file, path)
            for task, pictures in found
            for (_, path), file in zip(pictures, _picture_files(task, self._names), strict=True)
            if path is not None and not _is_there(path, file)
        ]

    def fetch(self, waiting: Sequence[tuple[Any, Path]]) -> None:
        """Download pictures. One request for each."""
        self._progress.expect(sum(file.size or 0 for file, _ in waiting), files=len(waiting))
        download = partial(_download, self._progress)
        failures = run_each(download, waiting, self._workers, "synapse-export")
        for (file, path), error in zip(waiting, failures, strict=True):
            if error is not None:
                name = file.path or path.name
                self._report.skip(name, "download-failed", f"the picture: {error}")


def _read_tasks(
    project: Any, listing: TaskListing, pictures: _PictureStage
) -> Iterator[tuple[Any, Meta, list[Picture]]]:
    """Yield the tasks with `meta` and pictures."""
    for tasks, list_again in listing:
        found = pictures.find(_check_tasks(project, tasks))
        waiting = pictures.find_missing(found)
        if waiting and list_again is not None:
            found = pictures.find(_check_tasks(project, list_again()))
            waiting = pictures.find_missing(found)
        meta = _read_meta([task for task, _ in found])
        pictures.fetch(waiting)
        yield from ((task, meta.get(task.data_unit_id, {}), each) for task, each in found)


def _read_meta(tasks: Sequence[Any]) -> dict[Any, Meta]:
    """Return the `meta` of tasks' units, by id. One request if some units aren't loaded."""
    units = [task.data_unit for task in tasks if task.data_unit is not None]
    missing = [unit for unit in units if "meta" not in unit.to_dict()]
    if missing:
        missing[0]._session.data_units.in_bulk(missing)
    rows = {unit.id: unit.to_dict().get("meta") for unit in units}
    return {key: meta for key, meta in rows.items() if isinstance(meta, Mapping)}


def _read_split(meta: Meta) -> str | None:
    """Return the split that an import noted."""
    try:
        return check_split_name(meta.get("split"))
    except (TypeError, UsageError):
        return None


def _choose_name(meta: Meta, name: str) -> str:
    """Return the picture's name that an import noted, made safe; else the file's."""
    if not _has_name(meta, name):
        return name
    # A colon would make `safe_name` take the letter before it for a drive.
    named = meta["name"].replace(":", "_").split("/")
    parts = [safe_name(part) for part in named if part.strip(". ")]
    return "/".join(parts) or name


def _has_name(meta: Meta, name: str) -> bool:
    """Return whether the name in `meta` is that of a picture of the file's type."""
    noted = meta.get("name")
    return isinstance(noted, str) and _find_suffix(noted) == _find_suffix(name)


def _find_suffix(name: str) -> str:
    return PurePosixPath(name).suffix.casefold()


def _picture_files(task: Any, names: Sequence[str]) -> list[Any]:
    files = task.files or {}
    chosen = [files[name] for name in names if name in files]
    # Without specifications, as on a server of another age, the files say their type.
    return chosen or [file for _, file in sorted(files.items()) if file.file_type == FileType.IMAGE]


def _find_pictures(task: Any, names: Sequence[str], stage: Path | None) -> list[Picture]:
    files = _picture_files(task, names)
    rows = {str(number): {"path": file.path} for number, file in enumerate(files)}
    safe = build_file_names(rows)
    folder = None if stage is None else stage / build_folder_name(task.data_unit_id)
    return [
        (safe[str(number)], None if folder is None else folder / safe[str(number)])
        for number in range(len(files))
    ]


def _is_there(path: Path, file: Any) -> bool:
    if not path.is_file() or path.stat().st_size != file.size or not file.checksum:
        return False
    with path.open("rb") as stream:
        return is_checksum_of(file.checksum, iter(lambda: stream.read(1 << 20), b""))


def _download(progress: Progress, item: tuple[Any, Path]) -> ClientError | OSError | None:
    file, path = item
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.download(path, progress=progress)
    except (ClientError, OSError) as error:
        if error is progress.error:
            raise
        return error
    return None


def _read_samples(
    task: Any, meta: Meta, pictures: list[Picture], report: FormatReport
) -> Iterator[Sample]:
    """Yield a sample for each picture of a task: the media `image_1`, `image_2`, in order."""
    label = f"task {task.id}"
    if not pictures:
        report.skip(label, "no-picture", "the unit of the task has no picture")
        return
    is_labelled = bool(task.data)
    try:
        found = task.annotations
    except UnknownDocument as error:
        report.skip(label, "unknown-document", str(error).removeprefix(f"Task {task.id}: "))
        found, is_labelled = Annotations(), False
    media = [f"image_{number}" for number in range(1, len(pictures) + 1)]
    for each in found:
        if each.medium not in media:
            report.skip(
                label, "no-picture", f"no picture for the medium {each.medium}", annotation=each.id
            )
    for medium, (file, path) in zip(media, pictures, strict=True):
        name = _choose_name(meta, file) if medium == media[0] else file
        if medium == media[0] and _has_name(meta, file) and name != meta["name"]:
            reason = f"The picture {meta['name']!r} is written as {name}: the name is not safe."
            report.lose(label, "renamed", reason)
        own: list[Annotation] = [each for each in found if each.medium == medium]
        yield Sample(
            name,
            own,
            size=found.sizes.get(medium),
            image=path if path is not None and path.is_file() else None,
            id=task.id,
            is_labelled=is_labelled,
        )


class _SeenClasses:
    """The classes of the exported annotations, and the joints of their skeletons."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._joints: dict[str, dict[str, None]] = {}

    def add(self, sample: Sample) -> None:
        """Note the classes of a sample; a joint of an object is none."""
        for each in find_objects(sample.annotations):
            if each.label is None:
                continue
            self._labels.add(each.label)
            if isinstance(each, ImageObject):
                joints = self._joints.setdefault(each.label, {})
                joints.update(dict.fromkeys(one.label for one in each.keypoints if one.label))

    def check_names(self, project: Any, imported: ImportedClasses, names: Sequence[str]) -> None:
        """Refuse a misspelt name of a class, and names that are all unknown.

        Raises:
            UsageError: No annotation and no configuration has a name.
        """
        known = {*self._labels, *imported.names, *self.list_names(project, imported)}
        known.update(*self._joints.values())
        unknown = [name for name in names if name not in known]
        # A list of classes for several projects may have more classes than this one.
        for name in unknown:
            hint = suggestion(name, known - set(names))
            if hint.startswith(";") or (known and len(unknown) == len(names)):
                raise UsageError(f"classes= has {name!r}, which no annotation has{hint}")

    def list_names(self, project: Any, imported: ImportedClasses) -> list[str]:
        """Return the configured classes that aren't joints, then other seen ones by name."""
        joints = {name for each in self._joints.values() for name in each}
        joints |= {name for each in imported.joints.values() for name in each} - {*imported.names}
        joints -= self._labels
        known = [each.name for each in project.classes if each.name not in joints]
        return [*known, *sorted(self._labels - set(known))]

    def make_classes(self, names: Sequence[str], imported: ImportedClasses) -> list[DataSetClass]:
        """Return classes with their joints: the imported ones, then others as they were seen."""
        joints = {
            name: dict.fromkeys([*imported.joints.get(name, ()), *self._joints.get(name, ())])
            for name in names
        }
        return [DataSetClass(name, keypoints=found) for name, found in joints.items()]


# -- Splits ---------------------------------------------------------------------------------------


def _check_classes(classes: Any) -> None:
    """Refuse a value that isn't names of classes in an order."""
    is_list = isinstance(classes, Sequence) and not isinstance(classes, str)
    if classes is not None and not (is_list and all(isinstance(each, str) for each in classes)):
        raise UsageError(f"classes={classes!r} is not valid. Pass a list of names: ['car', 'bus'].")


def _check_part(task: Any, part: Any) -> str | None:
    if part is None or isinstance(part, str):
        return part
    raise UsageError(f"split= gave {part!r} for task {task.id}. Return a name such as 'train'.")


def _make_splitter(split: Any) -> Any:
    """Return the function that gives a task its part of the data set; `None` for the import's."""
    if split is None:
        return None
    if isinstance(split, str):
        return lambda _: split
    if callable(split):
        return split
    if not isinstance(split, Mapping) or not split:
        raise UsageError(f"split={split!r} is not valid. Pass a name, shares, or a function.")
    shares = dict(split)
    is_valid = all(isinstance(share, (int, float)) and share > 0 for share in shares.values())
    if not is_valid or not math.isclose(math.fsum(shares.values()), 1, abs_tol=1e-6):
        raise UsageError(f"split={shares!r} is not valid. The shares are above 0, 1 in all.")

    def choose(task: Any) -> str:
        digest = hashlib.sha256(str(task.data_unit_id).encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        for name, share in shares.items():
            place -= share
            if place < 0:
                return str(name)
        return str(list(shares)[-1])

    return choose
