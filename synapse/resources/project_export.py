"""Export a project's tasks as a data set of a common format."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

import attrs

from synapse import formats
from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.annotations import Annotation, Annotations
from synapse.errors import ClientError, UnknownDocument, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.objects import ImageObject, find_objects
from synapse.formats.pictures import check_mode
from synapse.resources.enums import FileType
from synapse.transfer.bulk.layout import build_file_names, build_folder_name
from synapse.transfer.checksum import is_checksum_of

__all__ = ["export_project"]

_BATCH = 100
# Folder of the pictures on the way, below that of the export; the project's id comes after it.
_STAGE = ".synapse-export-"


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
    options: Mapping[str, Any],
) -> FormatReport:
    """Export a project, see `Project.export`."""
    check_mode(images)
    validate_int("workers", workers)
    choose = _make_splitter(split)
    target = formats.make_folder(folder)
    noted = FormatReport(strict=strict)
    query = project.tasks.order_by("id") if tasks is None else tasks
    names = _picture_names(project)
    stage = None if images == "none" else target / f"{_STAGE}{project.id}"
    with (
        tempfile.TemporaryFile() as spool,
        closing(_Names()) as register,
    ):
        seen = _SeenClasses()
        count = 0
        for task, files in _read_tasks(query, names, stage, workers, noted):
            for sample in _read_samples(task, files, register, noted):
                seen.add(sample)
                pickle.dump(attrs.evolve(sample, split=choose(task)), spool)
                count += 1
        names_of_classes = seen.list_names(project) if classes is None else classes
        data = DataSet(seen.make_classes(names_of_classes), _Spooled(spool, count))
        more = {"images": images} if images != "copy" else {}
        report = formats.write(data, target, format, strict=strict, **more, **options)
    if stage is not None:
        shutil.rmtree(stage, ignore_errors=True)
    report.skipped += noted.skipped
    report.details[:0] = noted.details
    return report


# -- Tasks ----------------------------------------------------------------------------------------

Picture = tuple[str, Path | None]


def _picture_names(project: Any) -> list[str]:
    """Return the specifications of pictures, the primary one first. One request."""
    collection = project.data_collection
    specifications = [] if collection is None else collection.file_specifications
    pictures = [each for each in specifications if each.file_type == FileType.IMAGE]
    return [each.name for each in sorted(pictures, key=lambda each: not each.is_primary)]


def _read_tasks(
    query: Iterable[Any],
    names: Sequence[str],
    stage: Path | None,
    workers: int,
    report: FormatReport,
) -> Iterator[tuple[Any, list[Picture]]]:
    """Yield the tasks with their pictures, which are downloaded some hundred at a time."""
    iterator = iter(query)
    while tasks := list(islice(iterator, _BATCH)):
        found = [(task, _find_pictures(task, names, stage)) for task in tasks]
        if stage is not None:
            waiting = [
                (file, path)
                for task, pictures in found
                for (_, path), file in zip(pictures, _picture_files(task, names), strict=True)
                if path is not None and not _is_there(path, file)
            ]
            failures = run_each(_download, waiting, workers, "synapse-export")
            for (file, path), error in zip(waiting, failures, strict=True):
                if error is not None:
                    report.skip(file.path or path.name, "download-failed", f"the picture: {error}")
        yield from found


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


def _download(item: tuple[Any, Path]) -> ClientError | OSError | None:
    file, path = item
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.download(path, progress=False)
    except (ClientError, OSError) as error:
        return error
    return None


def _read_samples(
    task: Any, pictures: list[Picture], register: _Names, report: FormatReport
) -> Iterator[Sample]:
    """Yield a sample for each picture of a task: the media `image_1`, `image_2`, in order."""
    label = f"task {task.id}"
    if not pictures:
        report.skip(label, "no-picture", "the unit of the task has no picture")
        return
    try:
        found = task.annotations
    except UnknownDocument as error:
        report.skip(label, "unknown-document", str(error))
        found = Annotations()
    media = [f"image_{number}" for number in range(1, len(pictures) + 1)]
    for each in found:
        if each.medium not in media:
            report.skip(
                label, "no-picture", f"no picture for the medium {each.medium}", annotation=each.id
            )
    for medium, (name, path) in zip(media, pictures, strict=True):
        own: list[Annotation] = [each for each in found if each.medium == medium]
        yield Sample(
            register.choose(name, f"{task.data_unit_id}/{name}"),
            own,
            size=found.sizes.get(medium),
            image=path if path is not None and path.is_file() else None,
            id=task.id,
        )


class _Names:
    """Names of pictures, each given once; on the disk, since there may be millions."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def choose(self, name: str, longer: str) -> str:
        """Return the name, or the longer one if the name is taken (whatever the case)."""
        stem = PurePosixPath(longer)
        for candidate in (name, f"{stem.parent}_{stem.name}", longer):
            cursor = self._database.execute(
                "INSERT OR IGNORE INTO names VALUES (?)", (candidate.casefold(),)
            )
            if cursor.rowcount:
                return candidate
        raise UsageError(
            f"The tasks have the picture {longer} more than once. Pass distinct tasks=."
        )

    def close(self) -> None:
        """Forget the names."""
        self._database.close()


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

    def list_names(self, project: Any) -> list[str]:
        """Return the configured classes that aren't joints, then other seen ones by name."""
        joints = {name for each in self._joints.values() for name in each} - self._labels
        known = [each.name for each in project.classes if each.name not in joints]
        return [*known, *sorted(self._labels - set(known))]

    def make_classes(self, names: Sequence[str]) -> list[DataSetClass]:
        """Return classes with their joints, in the order in which the joints were seen."""
        return [DataSetClass(name, keypoints=self._joints.get(name, ())) for name in names]


@attrs.frozen
class _Spooled:
    """Samples in a temporary file, read anew by each loop."""

    file: IO[bytes]
    count: int

    def __iter__(self) -> Iterator[Sample]:
        self.file.seek(0)
        for _ in range(self.count):
            sample: Sample = pickle.load(self.file)  # noqa: S301 - written by this process
            yield sample


# -- Splits ---------------------------------------------------------------------------------------


def _make_splitter(split: Any) -> Any:
    """Return the function that gives a task its part of the data set."""
    if split is None or isinstance(split, str):
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
