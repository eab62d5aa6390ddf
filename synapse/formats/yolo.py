"""YOLO: a label file for each picture, and `data.yaml` with the classes and splits.

The four tasks have four grammars of rows, which look alike: eight numbers are an outline of four
corners or a turned box. So `task` is an argument, and isn't guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from synapse._internal.lazy_import import load
from synapse._internal.validate import is_int
from synapse.errors import MissingExtra, UsageError
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.names import NameRegister, check_split, make_class_lines, open_register, unhide
from synapse.formats.pictures import (
    SUFFIXES,
    check_mode,
    place_picture,
    read_orientation,
    write_file,
)
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.writing import note_info
from synapse.formats.written_files import record
from synapse.formats.yolo_layout import (
    RESERVED_KEYS,
    PictureSource,
    YoloSettings,
    find_settings,
    find_sources,
    get_label_path,
    is_whole,
    iterate_labels,
    iterate_pictures,
    read_settings,
)
from synapse.formats.yolo_rows import (
    Frame,
    RowReader,
    RowWriter,
    YoloTask,
    check_task,
    parse_row,
)

__all__ = ["LOSSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Attributes of annotations have no place.",
    "bad-row": "A row isn't a class index with finite numbers.",
    "characters": "A class has a line end, or blanks at an end; its name is written without.",
    "class-details": "Of a class, only the name has a place; joints have one in the task `pose`.",
    "clipped": "With `clip=True`, a shape is cut at the picture's edge.",
    "crowd": "A crowd is left out: trainers would take it for one object.",
    "group": "A group of several objects has no place.",
    "holes": "In the task `segment`, the holes of a mask are filled.",
    "info": "Further values of the data set, such as licences, have no place.",
    "joints": "Joints are left out, except in the task `pose`.",
    "mask-size": "In the task `segment`, a mask of another size than the picture is left out.",
    "no-area": "A box or outline without area is left out.",
    "no-class": "An annotation without a class is left out.",
    "no-folder": "A split's folder isn't there.",
    "no-label": "A picture has no label file; an empty one would mean a background.",
    "no-picture": "A picture isn't there: that of a label file, of a list, or of an export.",
    "no-size": "A picture of unknown size is left out: rows are relative to the size.",
    "not-a-rectangle": "Four corners of a turned box aren't a rectangle; the nearest one is read.",
    "not-in-task": "An annotation is left out: the task has no rows for the kind.",
    "outside": "A shape or joint outside the picture is left out.",
    "parts": "Each part of an object becomes an object.",
    "renamed": "A picture gets another name: its label file would be hidden or another one's.",
    "rotation": "A turned box becomes the upright box around, except in the task `obb`.",
    "row-length": "A row has another number of values than the task's.",
    "shape": "Another shape is written: a box for an outline, or an outline for a box or mask.",
    "shared-label": "Two pictures share a label file; both get its annotations.",
    "size-differs": "The size of the data isn't the picture's; rows are relative to the former.",
    "split": "The splits `valid` and `validation` are named `val`.",
    "suffix": "A picture's file type is unknown to trainers.",
    "unknown-class": "The class isn't one of the data set's.",
    "unknown-joint": "The joint isn't one of its class's, or is there twice.",
    "visibility": "A joint's unknown visibility becomes visible; an invalid one is left out.",
}
"""Codes of the losses, with their meaning."""

_SPLITS = {None: "train", "valid": "val", "validation": "val"}
_FIRST_SPLITS = ("train", "val", "test")
# EXIF orientations after it exchange width and height.
_LAST_UPRIGHT = 4
_SIDES = {"left": "right", "right": "left"}


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for a YOLO data set, or `None`.

    Args:
        folder: The folder of a data set.
    """
    path = find_settings(folder)
    if path is not None:
        is_good = path.suffix == ".data" or is_whole(path)
        return (
            f"{path.name} {'names classes and splits' if is_good else 'is broken or lacks a part'}"
        )
    try:
        sources = find_sources(folder, YoloSettings(), FormatReport())
    except UsageError:
        return None
    for source in sources:
        for label in iterate_labels(folder, source):
            if _has_rows(folder / label):
                return f"{label} has rows of a class index and coordinates"
    return None


def _has_rows(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = next((line for line in lines if line.strip()), "")
    try:
        return len(parse_row(first)[1]) >= 4
    except ValueError:
        return False


def read(
    folder: Path,
    report: FormatReport,
    *,
    task: YoloTask | None = None,
    names: Sequence[str] | None = None,
    keypoints: Sequence[str] | None = None,
    clip: bool = False,
) -> DataSet:
    """Read a YOLO data set. Makes no request.

    Args:
        folder: The folder of `data.yaml`, or of `images/` and `labels/`.
        report: Notes the losses while the samples are read.
        task: Grammar of the rows. May be left out for boxes, and if `data.yaml` has `kpt_shape`.
        names: Names of the classes, instead of the ones in the folder.
        keypoints: Names of the joints, instead of the ones in `data.yaml`.
        clip: Whether shapes are cut at the picture's edge.

    Raises:
        UsageError: The settings can't be used, or the rows need `task`.
        MissingExtra: Pillow or PyYAML isn't installed.
    """
    settings = read_settings(folder)
    class_names = _choose_names(folder, settings, names)
    sources = find_sources(folder, settings, report)
    if task is None:
        task = "pose" if settings.shape else _find_task(folder, sources)
    check_task(task)
    joints: Mapping[int, Sequence[str]] = settings.joints
    shape = settings.shape or (0, 3)
    if task == "pose":
        if settings.shape is None:
            raise UsageError(
                f"{settings.file or folder} has no kpt_shape: [joints, 3]. Write data.yaml with it."
            )
        if keypoints is not None:
            joints = dict.fromkeys(range(len(class_names)), tuple(keypoints))
        # One list for all classes without names: there may be many of both.
        numbers = tuple(map(str, range(shape[0])))
        joints = {
            index: tuple(joints.get(index, ())[: shape[0]]) or numbers
            for index in range(len(class_names))
        }
    reader = RowReader(task, class_names, joints, shape, clip)
    classes = [
        DataSetClass(name, keypoints=tuple(joints.get(index, ())) if task == "pose" else ())
        for index, name in enumerate(class_names)
    ]
    return DataSet(classes, LazySamples(lambda: _iterate_steps(folder, sources, reader), report))


def _choose_names(
    folder: Path, settings: YoloSettings, names: Sequence[str] | None
) -> tuple[str, ...]:
    if isinstance(names, str):
        raise UsageError(f"names={names!r} is not a list. Pass the names of the classes in order.")
    found = settings.names if names is None else tuple(names)
    if found is None and settings.file is not None:
        raise UsageError(
            f"{settings.file} has no names. Add the names of the classes, or pass names=[...]."
        )
    if found is None:
        raise UsageError(
            f"{folder} has neither data.yaml nor classes.txt. Pass names=[...], the classes in "
            "the order of their indices."
        )
    return found


def _find_task(folder: Path, sources: Sequence[PictureSource]) -> YoloTask:
    """Return `detect` if all rows are boxes.

    Raises:
        UsageError: A row is something else.
    """
    for source in sources:
        for _, picture in iterate_pictures(folder, source):
            if picture is None:
                continue
            path = folder / get_label_path(picture.relative_to(folder).as_posix())
            for number, line in enumerate(_read_lines(path) or (), start=1):
                try:
                    count = len(parse_row(line)[1])
                except ValueError:
                    continue
                if count > 5:  # shorter rows fit no task, and cost one row each
                    raise UsageError(
                        f"{path}, row {number}: {count} numbers after the class may be an outline, "
                        "a turned box or joints. Pass task='segment', 'obb' or 'pose'; or "
                        "task='detect' to skip such rows."
                    )
    return "detect"


def _read_lines(path: Path) -> list[str] | None:
    if not path.is_file():
        return None
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()


def _iterate_steps(
    folder: Path, sources: Sequence[PictureSource], reader: RowReader
) -> Iterator[Step]:
    for source in sources:
        labels: set[str] = set()
        for name, picture in iterate_pictures(folder, source):
            yield _make_step(folder, source, name, picture, labels, reader)
        for label in iterate_labels(folder, source):
            if label not in labels:
                yield _make_lonely_step(label)


def _make_lonely_step(label: str) -> Step:
    return lambda report: report.skip(label, "no-picture", "The label file has no picture.")


def _make_step(
    folder: Path,
    source: PictureSource,
    name: str,
    picture: Path | None,
    labels: set[str],
    reader: RowReader,
) -> Step:
    def read_sample(report: FormatReport) -> Sample | None:
        if picture is None:
            report.skip(name, "no-picture", "The listed picture isn't in the folder.")
            return None
        label = get_label_path(picture.relative_to(folder).as_posix())
        is_shared = label in labels
        labels.add(label)
        try:
            size, orientation = read_orientation(picture)
        except UsageError as error:
            report.skip(name, "no-size", str(error))
            return None
        lines = _read_lines(folder / label)
        if lines is None:
            report.lose(name, "no-label", f"{label} isn't there.")
        elif is_shared and any(line.strip() for line in lines):
            report.lose(name, "shared-label", f"Another picture has {label} too.")
        annotations = reader.read(lines or (), Frame(*size, orientation), name, report)
        return Sample(name, tuple(annotations), size=size, image=picture, split=source.split)

    return read_sample


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    task: YoloTask = "detect",
    images: ImageMode = "copy",
    keypoints: Sequence[str] | None = None,
    flip_idx: Sequence[int] | None = None,
    clip: bool = False,
) -> None:
    """Write a YOLO data set: `data.yaml`, `images/SPLIT`, `labels/SPLIT`. Makes no request.

    Args:
        data: The data set.
        folder: The folder.
        report: Notes the losses.
        task: Grammar of the rows.
        images: Whether pictures are copied, linked or left out.
        keypoints: Names of the joints of all classes, instead of the classes' own.
        flip_idx: Position of each joint in a mirrored picture; by default from the names, such
            as `left_eye`.
        clip: Whether shapes are cut at the picture's edge.

    Raises:
        UsageError: An argument can't be used.
        MissingExtra: Pillow or PyYAML isn't installed.
    """
    check_task(task)
    check_mode(images)
    yaml = _load_yaml()
    joints = _choose_joints(data, task, keypoints)
    settings = _make_settings(data, joints, flip_idx, report)
    for each in data.classes:
        if each.supercategory or (each.skeleton if task == "pose" else each.keypoints):
            reason = f"Only the name of the class {each.name!r} has a place."
            report.lose("data.yaml", "class-details", reason)
    note_info(data, "data.yaml", report)
    indices = {each.name: index for index, each in enumerate(data.classes)}
    count = max(map(len, joints.values()), default=0)
    rows = RowWriter(task, indices, joints, count, clip)
    with open_register() as register:
        writer = _SetWriter(folder, report, rows, images, register)
        for sample in data.samples:
            writer.write(sample)
    splits = [*_FIRST_SPLITS[:2], *sorted(writer.splits - {*_FIRST_SPLITS[:2]})]
    for split in splits:
        for kind in ("images", "labels"):
            record(folder / kind / split)
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
    places = {split: f"images/{split}" for split in splits}
    text = yaml.safe_dump({**places, **settings}, sort_keys=False, allow_unicode=True)
    write_file(folder / "data.yaml", text.encode("utf-8"))


def _load_yaml() -> Any:
    try:
        return load("yaml")
    except ImportError as error:
        raise MissingExtra("Writing data.yaml", "plugins") from error


def _choose_joints(
    data: DataSet, task: YoloTask, keypoints: Sequence[str] | None
) -> Mapping[str, Sequence[str]]:
    if task != "pose":
        return {}
    if isinstance(keypoints, str):
        raise UsageError(f"keypoints={keypoints!r} is not a list. Pass the names of the joints.")
    joints = {
        each.name: tuple(keypoints) if keypoints is not None else each.keypoints
        for each in data.classes
    }
    if not any(joints.values()):
        raise UsageError(
            "task='pose' needs the joints in order, and no class of the data has some. Pass "
            "keypoints=['nose', ...]."
        )
    return joints


def _make_settings(
    data: DataSet,
    joints: Mapping[str, Sequence[str]],
    flip_idx: Sequence[int] | None,
    report: FormatReport,
) -> dict[str, Any]:
    known = [each.name for each in data.classes]
    if len(set(known)) < len(known):
        raise UsageError("Two classes of the data set have one name. Give each class its own name.")
    names = make_class_lines(known, "data.yaml", report)
    settings: dict[str, Any] = {"nc": len(names), "names": dict(enumerate(names))}
    if joints:
        longest = max(joints.values(), key=len)
        count = len(longest)
        flip = _mirror(longest) if flip_idx is None else list(flip_idx)
        if not all(map(is_int, flip)) or sorted(flip) != list(range(count)):
            raise UsageError(
                f"flip_idx={flip!r} is not an order of the {count} joints, 0 to {count - 1}."
            )
        settings["kpt_shape"] = [count, 3]
        settings["flip_idx"] = flip
        settings["kpt_names"] = {
            index: list(found) for index, found in enumerate(joints.values()) if found
        }
    return settings


def _mirror(joints: Sequence[str]) -> list[int]:
    """Return the position of each joint in a mirrored picture, by `left` and `right`."""
    positions = {name: position for position, name in enumerate(joints)}
    return [
        positions.get(re.sub("left|right", lambda match: _SIDES[match[0]], name), position)
        for position, name in enumerate(joints)
    ]


class _SetWriter:
    """Writes pictures and label files, and remembers the taken names."""

    def __init__(
        self,
        folder: Path,
        report: FormatReport,
        rows: RowWriter,
        images: ImageMode,
        register: NameRegister,
    ) -> None:
        self._folder = folder
        self._report = report
        self._rows = rows
        self._images: ImageMode = images
        self._names = register
        self._renamed_splits: set[str | None] = set()
        self.splits: set[str] = set()

    def write(self, sample: Sample) -> None:
        report, name = self._report, sample.name
        split = self._choose_split(sample)
        frame = self._find_frame(sample)
        if frame is None and sample.annotations:
            reason = "The size is unknown, and the picture can't be read."
            report.skip(name, "no-size", reason)
            return
        picture = self._choose_name(sample, split)
        if Path(picture).suffix.lower() not in SUFFIXES:
            report.lose(name, "suffix", "Trainers don't read files of this type.")
        rows: Iterator[str] = iter(())
        if frame is not None:
            rows = self._rows.write(sample.annotations, frame, name, report)
        text = "".join(f"{row}\n" for row in rows)
        is_there = sample.image is None or sample.image.is_file()
        if not (is_there and place_picture(sample, self._folder / picture, self._images)):
            report.lose(name, "no-picture", "Only the label file is written.")
        if not sample.is_unknown:
            write_file(self._folder / get_label_path(picture), text.encode("ascii"))
        self.splits.add(split)
        report.samples += 1

    def _find_frame(self, sample: Sample) -> Frame | None:
        stored, orientation = None, 1
        if sample.image is not None and sample.annotations:
            with suppress(UsageError):
                stored, orientation = read_orientation(sample.image)
        size = sample.size or stored
        if size is None or size[0] <= 0 or size[1] <= 0:
            return None
        if stored and stored != size != (stored[::-1] if orientation > _LAST_UPRIGHT else stored):
            reason = f"Rows are relative to the size {size}; the picture has {stored}."
            self._report.lose(sample.name, "size-differs", reason)
        # A size of the picture as shown: the annotations are relative to the same.
        return Frame(size[0], size[1], orientation if size == stored else 1)

    def _choose_split(self, sample: Sample) -> str:
        check_split(sample, RESERVED_KEYS)
        split = _SPLITS.get(sample.split) or str(sample.split)
        if sample.split not in {None, split, *self._renamed_splits}:
            self._renamed_splits.add(sample.split)
            self._report.lose(sample.name, "split", f"The split {sample.split!r} is {split!r}.")
        return split

    def _choose_name(self, sample: Sample, split: str) -> str:
        """Return the picture's path; each one has a label file of its own."""
        folder = f"images/{split}"
        path = self._names.choose(f"{folder}/{unhide(sample.name)}")
        name = path.removeprefix(f"{folder}/")
        if name != sample.name:
            self._report.lose(sample.name, "renamed", f"The picture is {name}.")
        return path
