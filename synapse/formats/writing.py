"""Steps that the writers of several formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO

from synapse.annotations import Group, Label
from synapse.formats.names import NameRegister
from synapse.formats.objects import ImageObject, find_objects
from synapse.formats.parts import Unfit
from synapse.formats.pictures import check_mode, make_part_path
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, Sample

__all__ = [
    "PartFiles",
    "begin_export",
    "choose_picture_name",
    "iterate_objects",
    "note_info",
    "write_objects",
]


def begin_export(data: DataSet, images: str, place: str, report: FormatReport) -> None:
    """Check the mode of pictures; note the losses of a format that keeps only class names.

    Args:
        data: The data set.
        images: The mode for pictures.
        place: Name of the file, for the report.
        report: Notes further values of the set, and details of classes.

    Raises:
        UsageError: The mode is unknown.
    """
    check_mode(images)
    note_info(data, place, report)
    for each in data.classes:
        if each.supercategory or each.keypoints:
            reason = f"The class {each.name!r} keeps only its name."
            report.lose(place, "class-details", reason)


def note_info(data: DataSet, place: str, report: FormatReport) -> None:
    """Note that further values of a data set have no place."""
    if data.lost_info:
        report.lose(place, "info", f"{', '.join(data.lost_info)}: no place.")


def choose_picture_name(
    register: NameRegister, sample: Sample, report: FormatReport, *, reserved: str | None = None
) -> str:
    """Return the path of a picture in the folder of the split, and note another name.

    Args:
        register: Names that are taken.
        sample: The picture.
        report: Notes another name.
        reserved: Suffix of the files that the format writes beside the pictures.
    """
    named = f"{sample.split}/{sample.name}" if sample.split else sample.name
    path = PurePosixPath(named)
    free = str(path)
    if reserved is not None and path.suffix.lower() == reserved:
        free = str(path.with_name(f"{path.stem}_{reserved[1:]}"))
    picture = register.choose(free)
    if picture != named:
        report.lose(sample.name, "renamed", f"The picture is written as {picture}.")
    return picture


def iterate_objects(sample: Sample, report: FormatReport) -> Iterator[ImageObject]:
    """Yield the objects of a picture; note groups and other annotations without a place."""
    name = sample.name
    for found in find_objects(sample.annotations):
        if isinstance(found, ImageObject):
            yield found
        elif isinstance(found, Group):
            report.lose(name, "group", "The group has no place.", annotation=found.id)
        else:
            kind = "label of the whole picture" if isinstance(found, Label) else found.tool
            reason = f"No place for a {kind or 'shape'}."
            report.skip(name, "kind", reason, annotation=found.id)


def write_objects(
    sample: Sample, report: FormatReport, write: Callable[[ImageObject], None]
) -> None:
    """Write the objects of a picture one by one, and note those that don't fit.

    Args:
        sample: The picture.
        report: Notes what isn't written.
        write: Writes an object, or raises `Unfit`.
    """
    for found in iterate_objects(sample, report):
        try:
            write(found)
        except Unfit as error:  # noqa: PERF203 - one object costs no other
            report.skip(sample.name, error.code, error.reason, annotation=found.id)


class PartFiles:
    """Text files that are written row by row under temporary names, and renamed at the end.

    Args:
        stack: Closes the files.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._files: dict[Path, IO[str]] = {}

    def open(self, path: Path) -> tuple[IO[str], bool]:
        """Return the file of a path, and whether the file is new."""
        is_new = path not in self._files
        if is_new:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = make_part_path(path)
            self._stack.callback(part.unlink, missing_ok=True)
            file = part.open("w", encoding="utf-8", newline="")
            self._files[path] = self._stack.enter_context(file)
        return self._files[path], is_new

    def finish(self) -> None:
        """Close the files, and rename them to their paths."""
        for path, file in self._files.items():
            file.close()
            Path(file.name).replace(path)
