"""ImageFolder: a folder of pictures for each class, as torchvision and Keras read them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from synapse.annotations import Label
from synapse.errors import UsageError
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.names import NameRegister, open_register, unhide
from synapse.formats.objects import make_stable_id
from synapse.formats.pictures import SUFFIXES, check_mode, find_files, list_entries, place_picture
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.writing import note_info

__all__ = ["LOSSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Attributes of labels have no place.",
    "class-details": "Supercategories and joints have no place.",
    "class-name": "The class's name can't be a folder's; its pictures are left out.",
    "class-order": "The order of the classes has no place; readers sort the names.",
    "info": "Further values of the data set, such as licences, have no place.",
    "no-class": "A picture without a class is left out.",
    "no-picture": "A picture isn't there.",
    "not-a-label": "Boxes and other shapes have no place.",
    "not-a-picture": "A file in the folders isn't a picture.",
    "renamed": "A picture gets another name: the name is hidden or taken.",
    "several-classes": "A picture has several classes; the first one decides.",
    "split": "Readers don't know the split's name, and take the folder for a class.",
    "suffix": "A picture's file type is unknown to readers.",
}
"""Codes of the losses, with their meaning."""

_SPLITS = frozenset({"train", "val", "valid", "validation", "test"})
# Bytes of a name, of which file systems allow no more.
_MAX_NAME = 255
# Folders of pictures in other formats.
_OTHER_FOLDERS = frozenset(
    {
        *("images", "image", "img", "imgs", "pictures", "labels", "label", "masks", "mask"),
        *("annotations", "gt", "jpegimages", "imagesets", "segmentationclass"),
        *("segmentationobject", "obj_train_data", "leftimg8bit", "gtfine", "trainannot"),
    }
)
# Files that recognition looks at.
_MAX_FILES = 1000


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for an ImageFolder, or `None`.

    Args:
        folder: The folder of a data set.
    """
    classes = sorted({path.name for _, path in _find_classes(folder)})
    if len(classes) < 2 or any(name.lower() in _OTHER_FOLDERS for name in classes):
        return None
    files = list(islice(find_files(folder), _MAX_FILES))
    is_plain = all(path.suffix.lower() in SUFFIXES for path in files if path.parent != folder)
    if (
        not files
        or not is_plain
        or any(path.suffix.lower() in SUFFIXES for path in list_entries(folder))
    ):
        return None
    return f"folders of pictures: {', '.join(classes[:4])}{' …' if len(classes) > 4 else ''}"


def read(folder: Path, report: FormatReport, *, splits: bool | None = None) -> DataSet:
    """Read folders of pictures: each folder is a class. Makes no request.

    Args:
        folder: The folder of the classes, or of the splits.
        report: Notes the losses while the samples are read.
        splits: Whether the upper folders are splits; by default those named train, val, valid,
            validation or test that have folders only.

    Raises:
        UsageError: There are no folders.
    """
    places = list(_find_classes(folder, splits))
    if not places:
        raise UsageError(f"{folder} has no folders of pictures, one for each class.")
    names = sorted({path.name for _, path in places})
    samples = LazySamples(lambda: _iterate_steps(folder, places), report)
    return DataSet([DataSetClass(name) for name in names], samples)


def _list_folders(folder: Path) -> list[Path]:
    return [path for path in list_entries(folder) if path.is_dir()]


def _find_classes(folder: Path, splits: bool | None = None) -> Iterator[tuple[str | None, Path]]:
    """Yield each split and class folder."""
    for path in _list_folders(folder):
        below = _list_folders(path)
        is_split = splits
        if splits is None:
            has_pictures = any(each.suffix.lower() in SUFFIXES for each in list_entries(path))
            is_split = path.name in _SPLITS and bool(below) and not has_pictures
        if is_split:
            yield from ((path.name, each) for each in below)
        else:
            yield None, path


def _iterate_steps(folder: Path, places: list[tuple[str | None, Path]]) -> Iterator[Step]:
    inside = {path for _, path in places}
    for path in _iterate_others(folder, inside):
        yield _make_other_step(path.relative_to(folder).as_posix(), path)
    for split, place in places:
        root = folder / split if split else folder
        for path in find_files(place):
            if path.suffix.lower() in SUFFIXES:
                yield _make_step(path.relative_to(root).as_posix(), path, split, place.name)
            else:
                yield _make_other_step(path.relative_to(folder).as_posix(), path)


def _iterate_others(folder: Path, classes: set[Path]) -> Iterator[Path]:
    """Yield the files that are in no folder of a class."""
    uppers = {folder, *(path.parent for path in classes)}
    for upper in sorted(uppers):
        yield from (path for path in list_entries(upper) if path.is_file())


def _make_step(name: str, path: Path, split: str | None, label: str) -> Step:
    def read_sample(_: FormatReport) -> Sample:
        annotation = Label(label=label, id=make_stable_id(name, label))
        return Sample(name, [annotation], image=path, split=split)

    return read_sample


def _make_other_step(name: str, path: Path) -> Step:
    if path.suffix.lower() in SUFFIXES:
        return lambda report: report.skip(name, "no-class", "The picture is in no class's folder.")
    return lambda report: report.skip(name, "not-a-picture", "The file isn't a picture.")


def write(data: DataSet, folder: Path, report: FormatReport, *, images: ImageMode = "copy") -> None:
    """Write a folder of pictures for each class, in folders of the splits. Makes no request.

    Args:
        data: The data set; the class of a picture is its `Label`.
        folder: The folder.
        report: Notes the losses.
        images: Whether pictures are copied or linked.

    Raises:
        UsageError: Pictures are to be left out, or a split can't name a folder.
    """
    check_mode(images)
    if images == "none":
        raise UsageError("images='none' is not valid: the format is pictures. Use 'copy', 'link'.")
    names = [each.name for each in data.classes]
    if names != sorted(names):
        report.lose(".", "class-order", "Readers sort the classes by name.")
    if any(each.supercategory or each.keypoints for each in data.classes):
        report.lose(".", "class-details", "Only the names of the classes have a place.")
    note_info(data, ".", report)
    splits: set[str | None] = set()
    with open_register() as register:
        for sample in data.samples:
            if sample.split not in splits and sample.split not in {*_SPLITS, None}:
                reason = f"Pass splits=True to read the split {sample.split!r}."
                report.lose(sample.name, "split", reason)
            splits.add(sample.split)
            label = _choose_class(sample, report)
            if label is not None:
                _write_picture(sample, label, folder, report, register, images)
    for split in splits or {None}:
        for name in filter(_is_folder_name, names):
            (folder / (split or "") / name).mkdir(parents=True, exist_ok=True)


def _choose_class(sample: Sample, report: FormatReport) -> str | None:
    """Return the name of the picture's class."""
    labels = [each for each in sample.annotations if isinstance(each, Label) and each.label]
    for each in sample.annotations:
        if each not in labels:
            reason = f"A picture has a class and no {each.tool or 'shape'}."
            report.skip(sample.name, "not-a-label", reason, annotation=each.id)
    if not labels:
        report.skip(sample.name, "no-class", "The picture has no class.")
        return None
    first = labels[0]
    for each in labels[1:]:
        if each.label != first.label:
            reason = f"The picture is in {first.label!r}, not in {each.label!r}."
            report.skip(sample.name, "several-classes", reason, annotation=each.id)
    if any(each.attributes for each in labels):
        reason = "The label's attributes have no place."
        report.lose(sample.name, "attributes", reason, annotation=first.id)
    if not _is_folder_name(first.label or ""):
        reason = f"A folder can't be named {first.label!r}."
        report.skip(sample.name, "class-name", reason, annotation=first.id)
        return None
    return first.label


def _is_folder_name(name: str) -> bool:
    is_long = len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME
    is_odd = bool({"/", "\\", "\0"} & {*name}) or name.strip() != name
    return not (name.startswith(".") or is_odd or is_long)


def _write_picture(
    sample: Sample,
    label: str,
    folder: Path,
    report: FormatReport,
    register: NameRegister,
    images: ImageMode,
) -> None:
    if sample.image is None or not sample.image.is_file():
        report.skip(sample.name, "no-picture", "The picture has no local file.")
        return
    below = unhide(sample.name).removeprefix(f"{label}/")
    root = f"{sample.split}/" if sample.split else ""
    path = register.choose(f"{root}{label}/{below}", by_stem=False)
    if path != f"{root}{label}/{sample.name.removeprefix(f'{label}/')}":
        report.lose(sample.name, "renamed", f"The picture is {path}.")
    if Path(path).suffix.lower() not in SUFFIXES:
        report.lose(sample.name, "suffix", "Readers don't know files of this type.")
    place_picture(sample, folder / path, images)
    report.samples += 1
    report.annotations += 1
