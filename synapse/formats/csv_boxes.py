"""Boxes in CSV files: a row for each box, as VoTT, Roboflow and many data sets of Kaggle have them.

Rows may be in any order: they are sorted in a database on the disk, so memory stays flat.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import attrs

from synapse._internal.scratch_database import open_scratch_database
from synapse.annotations import Annotation, Box
from synapse.errors import UsageError
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.names import open_register
from synapse.formats.objects import make_stable_id
from synapse.formats.parts import (
    Unfit,
    check_box,
    find_bounds,
    find_picture_size,
    find_size,
    format_number,
    parse_number,
    to_tidy,
    write_picture,
)
from synapse.formats.picture_frame import FRAME_LOSSES, choose_frame, parse_size
from synapse.formats.pictures import SUFFIXES, find_pictures, is_file, list_entries
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample
from synapse.formats.writing import PartFiles, begin_export, choose_picture_name, iterate_objects

__all__ = ["LOSSES", "CsvStyle", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Attributes of annotations have no place.",
    "bad-name": "A picture's name isn't valid, such as one that leaves the folder.",
    "bad-number": "A coordinate isn't a finite number, or is missing.",
    "bad-row": "A row has another number of values than the header, or no picture.",
    "class-details": "Supercategories and joints of classes have no place.",
    "classes": "Classes without a box have no place, nor has the order of classes.",
    "clipped": FRAME_LOSSES["clipped"],
    "group": "A group of several objects has no place.",
    "info": "Further values of the data set, such as licences, have no place.",
    "joints": "An object's joints have no place.",
    "kind": "An annotation is left out: only boxes have a place.",
    "no-area": "A box without area is left out.",
    "no-boxes": "A picture without boxes has no row.",
    "no-class": "An annotation without a class is left out.",
    "no-labels": "A picture has no row.",
    "no-picture": "The file of a picture isn't there.",
    "no-size": "A picture's size is unknown; its boxes are shares of it, and are left out.",
    "outside": FRAME_LOSSES["outside"],
    "renamed": "A picture gets another name, since another one has the same stem.",
    "rotation": "A turned box becomes the upright box around.",
    "shape": "Only the box around an outline or mask is written.",
    "size-differs": FRAME_LOSSES["size-differs"],
    "turned": FRAME_LOSSES["turned"],
}
"""Codes of the losses, with their meaning."""

CsvStyle: TypeAlias = Literal["roboflow", "vott"]
"""Columns of the files that are written."""

_FIELDS: dict[str, tuple[str, ...]] = {
    "image": ("image", "filename", "file", "imageid", "imagename", "imagepath", "path", "filepath"),
    "label": ("label", "class", "classname", "category", "labelname", "name"),
    "xmin": ("xmin", "x1", "left"),
    "ymin": ("ymin", "y1", "top"),
    "xmax": ("xmax", "x2", "right"),
    "ymax": ("ymax", "y2", "bottom"),
    "x": ("x", "bboxx", "xtl"),
    "y": ("y", "bboxy", "ytl"),
    "box_width": ("w", "bboxwidth", "boxwidth", "bboxw"),
    "box_height": ("h", "bboxheight", "boxheight", "bboxh"),
    "bbox": ("bbox", "box"),
    "width": ("width", "imagewidth"),
    "height": ("height", "imageheight"),
    "split": ("split", "subset", "set"),
}
_PLACES = (("xmin", "ymin", "xmax", "ymax"), ("x", "y", "box_width", "box_height"), ("bbox",))
_WRITTEN: dict[str, tuple[str, ...]] = {
    "roboflow": ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"),
    "vott": ("image", "xmin", "ymin", "xmax", "ymax", "label"),
}
_SPLITS = ("train", "val", "valid", "validation", "test")
_FILE = "_annotations.csv"


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for one of boxes in CSV, or `None`.

    Args:
        folder: The folder of a data set.
    """
    for path in _find_files(folder):
        try:
            header = next(_read_rows(path), [])
            columns = _find_columns(header)
        except UsageError:
            continue
        names = ", ".join(header[at] for at in sorted(columns.values()))
        return f"{path.relative_to(folder).as_posix()} has the columns {names}"
    return None


def _find_files(folder: Path) -> list[Path]:
    return sorted(path for top in ("", *_SPLITS) for path in list_entries(folder / top, ".csv"))


def _read_rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.readline(2**16)
            file.seek(0)
            delimiter = max(",;\t", key=sample.count)
            # Spaces belong to a value, such as the class " a", unless the header has some too.
            has_blanks = f"{delimiter} " in sample
            yield from csv.reader(file, delimiter=delimiter, skipinitialspace=has_blanks)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not readable CSV ({error}).") from None


def _find_columns(
    header: Sequence[str], columns: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Return the position of each field.

    Raises:
        UsageError: A field is missing, or there are two columns for one.
    """
    names = [name.strip() for name in header]
    found: dict[str, int] = {}
    for field, column in (columns or {}).items():
        if field not in _FIELDS:
            raise UsageError(f"columns has {field!r}. The fields are {', '.join(_FIELDS)}.")
        if column not in names:
            raise UsageError(f"columns[{field!r}]={column!r}: the columns are {', '.join(names)}.")
        found[field] = names.index(column)
    for field, aliases in _FIELDS.items():
        positions = [
            at
            for at, name in enumerate(names)
            if re.sub("[^a-z0-9]", "", name.lower()) in aliases and at not in found.values()
        ]
        if field not in found and positions:
            if len(positions) > 1:
                several = ", ".join(names[at] for at in positions)
                raise UsageError(
                    f"Several columns may be the {field}: {several}. "
                    f"Pass columns={{{field!r}: ...}}."
                )
            found[field] = positions[0]
    has_place = any(set(place) <= found.keys() for place in _PLACES)
    if "image" not in found or not has_place:
        raise UsageError(
            f"The columns {', '.join(names)} have no image or no box. Pass columns= with the names "
            "of image and label, and of xmin, ymin, xmax, ymax, of x, y, box_width, box_height, or "
            "of bbox."
        )
    return found


# -- Reading --------------------------------------------------------------------------------------

_SCHEMA = """
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, file TEXT, line INTEGER, split TEXT, image TEXT, label TEXT,
    place TEXT, width TEXT, height TEXT
);
"""


def read(
    folder: Path,
    report: FormatReport,
    *,
    columns: Mapping[str, str] | Sequence[str] | None = None,
    label: str | None = None,
    normalized: bool = False,
    clip: bool = False,
) -> DataSet:
    """Read CSV files with a row for each box. Makes no request.

    Args:
        folder: The folder of the CSV files, or of folders of splits with them. The pictures are
            beside the file or in `images`.
        report: Notes the losses while the samples are read.
        columns: Names of columns by field, where they aren't recognised: `image`, `label`, and
            `xmin`, `ymin`, `xmax`, `ymax`, or `x`, `y`, `box_width`, `box_height`, or `bbox` with
            all four; also `width` and `height` of the picture, and `split`. For files without a
            header, the list of the fields.
        label: The class of all boxes, for files without a column of classes.
        normalized: Whether coordinates are shares of the picture's size, as in Open Images.
        clip: Whether shapes are cut at the picture's edge; by default those partly outside stay.

    Raises:
        UsageError: The folder has no CSV file, or a column is missing.
    """
    files = _find_files(folder)
    if not files:
        raise UsageError(f"{folder} has no CSV file.")
    database = open_scratch_database()
    try:
        database.execute(_SCHEMA)
        for path in files:
            split = path.parent.name if path.parent != folder else None
            if split is None and path.stem in _SPLITS:
                split = path.stem
            database.executemany(
                "INSERT INTO rows VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
                _parse_file(folder, path, split, columns, label),
            )
        database.execute("CREATE INDEX pictures ON rows (split, image, id)")
    except BaseException:
        database.close()
        raise
    names = database.execute("SELECT DISTINCT label FROM rows WHERE label != '' ORDER BY label")
    classes = [DataSetClass(name) for (name,) in names]
    reader = _CsvReader(folder, database, normalized, clip)
    return DataSet(classes, LazySamples(reader.iterate_steps, report))


def _parse_file(
    folder: Path,
    path: Path,
    split: str | None,
    columns: Mapping[str, str] | Sequence[str] | None,
    label: str | None,
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a file for the database; a row that can't be used has no picture."""
    rows = _read_rows(path)
    if isinstance(columns, str):
        raise UsageError(f"columns={columns!r} is not valid. Pass a mapping, or a list.")
    try:
        if columns is None or isinstance(columns, Mapping):
            header = next(rows, [])
            found, start = _find_columns(header, columns), 2
        else:
            header, start = list(columns), 1
            found = _find_columns(header, {name: name for name in header if name in _FIELDS})
        if "label" not in found and label is None:
            raise UsageError("No column has the class. Pass columns={'label': ...}, or label=.")
    except UsageError as error:
        raise UsageError(f"{path.name}: {error}") from None
    place = next(each for each in _PLACES if set(each) <= found.keys())
    name = path.relative_to(folder).as_posix()
    for line, row in enumerate(rows, start=start):
        if not row:
            continue
        is_valid = len(row) == len(header) and bool(row[found["image"]].strip())
        values = {field: row[at].strip() for field, at in found.items()} if is_valid else {}
        if values.get("label"):
            values["label"] = row[found["label"]]  # "a" and " a" are two classes
        corners = [values.get(field, "") for field in place]
        yield (
            name,
            line,
            values.get("split") or split or "",
            _to_relative(values.get("image", "")),
            values.get("label", "") if "label" in found else label,
            json.dumps([place[0], *corners]),
            values.get("width"),
            values.get("height"),
        )


def _to_relative(name: str) -> str:
    """Return a picture's path without empty parts, so that its rows have one name."""
    return str(PurePosixPath(name.replace("\\", "/"))) if name else ""


@attrs.frozen
class _CsvReader:
    folder: Path
    database: sqlite3.Connection
    normalized: bool
    clip: bool

    def __attrs_post_init__(self) -> None:
        weakref.finalize(self, self.database.close)

    def iterate_steps(self) -> Iterator[Step]:
        pictures: set[int] = set()
        rows = self.database.execute(
            "SELECT split, image, file, line, label, place, width, height FROM rows "
            "ORDER BY split, image, id"
        )
        for (split, image), found in groupby(rows, key=lambda row: row[:2]):
            if image:
                yield partial(self._read_sample, split or None, image, list(found), pictures)
            else:
                yield partial(self._note_rows, list(found))
        for picture in find_pictures(self.folder):
            if hash(picture) not in pictures:
                yield partial(self._read_picture, picture)

    @staticmethod
    def _note_rows(rows: Iterable[tuple[Any, ...]], report: FormatReport) -> None:
        for row in rows:
            reason = f"Line {row[3]} has no picture, or not the values of the header."
            report.skip(row[2], "bad-row", reason)

    def _read_picture(self, picture: Path, report: FormatReport) -> Sample | None:
        path = picture.relative_to(self.folder)
        split = path.parts[0] if path.parts[0] in _SPLITS and len(path.parts) > 1 else None
        name = "/".join(path.parts[1:] if split else path.parts).removeprefix("images/")
        report.lose(name, "no-labels", "The picture has no row.")
        size = find_picture_size(picture)
        try:
            return Sample(name, size=size, image=picture, split=split)
        except UsageError as error:
            report.skip(name, "bad-name", str(error))
            return None

    def _read_sample(
        self,
        split: str | None,
        named: str,
        rows: Sequence[tuple[Any, ...]],
        pictures: set[int],
        report: FormatReport,
    ) -> Sample | None:
        try:
            sample = Sample(named, split=split)
        except UsageError as error:
            report.skip(named, "bad-name", str(error))
            return None
        image = self._find_picture(named, split, self.folder / rows[0][2])
        if image is not None:
            pictures.add(hash(image))
        name = named
        if PurePosixPath(named).suffix.lower() not in SUFFIXES:
            name = f"{named}{image.suffix if image else '.jpg'}"
        frame = choose_frame(image, parse_size(*rows[0][6:]), name, report)
        annotations: list[Annotation] = []
        for number, (*_, file, line, label, place, _width, _height) in enumerate(rows, start=1):
            kind, *values = json.loads(place)
            if not label and not any(values):
                continue  # a picture without boxes
            try:
                if not label:
                    raise Unfit("no-class", "no class.")
                bounds = self._read_bounds(kind, values, frame.size)
                check_box(bounds, frame.size)
            except Unfit as error:
                report.skip(name, error.code, f"{file}, line {line}: {error.reason}")
                continue
            annotations.append(Box(*bounds, label=label, id=make_stable_id(named, number)))
        annotations = frame.place(annotations, name, report, clip=self.clip)
        size = frame.stored_size
        return attrs.evolve(sample, name=name, annotations=annotations, size=size, image=image)

    def _find_picture(self, named: str, split: str | None, file: Path) -> Path | None:
        tops = [file.parent / "images", file.parent, self.folder / "images", self.folder]
        if split is not None:
            tops += [self.folder / "images" / split, self.folder / split]
        has_suffix = PurePosixPath(named).suffix.lower() in SUFFIXES
        names = [named] if has_suffix else [f"{named}{suffix}" for suffix in sorted(SUFFIXES)]
        places = (top / name for top in tops for name in names)
        return next((place for place in places if is_file(place)), None)

    def _read_bounds(
        self, kind: str, values: Sequence[str], size: tuple[int, int] | None
    ) -> tuple[float, float, float, float]:
        if kind == "bbox":
            values = re.split(r"[\s,;]+", values[0].strip("[]() "))
        if len(values) != 4:
            raise Unfit("bad-number", f"{values!r} are not four numbers.")
        numbers = [parse_number(value) for value in values]
        if self.normalized:
            if size is None:
                raise Unfit("no-size", "The picture's size is unknown.")
            numbers = [to_tidy(number * size[at % 2]) for at, number in enumerate(numbers)]
        left, top, third, fourth = numbers
        if kind == "xmin":
            return left, top, to_tidy(third - left), to_tidy(fourth - top)
        return left, top, third, fourth


# -- Writing --------------------------------------------------------------------------------------


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    style: CsvStyle = "roboflow",
    images: ImageMode = "copy",
) -> None:
    """Write `SPLIT/_annotations.csv`, with the pictures beside. Makes no request.

    Args:
        data: The data set.
        folder: The folder.
        report: Notes the losses.
        style: The columns: `"roboflow"`, with the picture's size, or `"vott"`.
        images: Whether pictures are copied, linked or left out.

    Raises:
        UsageError: An argument or the name of a split can't be used.
    """
    if style not in _WRITTEN:
        raise UsageError(f"style={style!r} is not valid. Use 'roboflow' or 'vott'.")
    begin_export(data, images, _FILE, report)
    used: set[str] = set()
    with open_register() as register, ExitStack() as stack:
        files = PartFiles(stack)
        for sample in data.samples:
            picture = choose_picture_name(register, sample, report, reserved=".csv")
            size = find_size(sample)
            file, is_new = files.open(folder / (sample.split or "") / _FILE)
            rows = csv.writer(file, lineterminator="\n")
            if is_new:
                rows.writerow(_WRITTEN[style])
            count = 0
            name = picture.removeprefix(f"{sample.split}/") if sample.split else picture
            for label, edges in _iterate_boxes(sample, size, report):
                values = dict(zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))
                sides = dict(zip(("width", "height"), size or ("", ""), strict=True))
                values |= {"image": name, "filename": name, "label": label, "class": label}
                rows.writerow([{**sides, **values}[column] for column in _WRITTEN[style]])
                used.add(label)
                count += 1
            if not count:
                report.lose(sample.name, "no-boxes", "The picture has no row.")
            write_picture(sample, folder / picture, images, report)
            report.samples += 1
        files.finish()
    if [each.name for each in data.classes] != sorted(used):
        report.lose(_FILE, "classes", "A reader gets the classes of the rows, by name.")


def _iterate_boxes(
    sample: Sample, size: tuple[int, int] | None, report: FormatReport
) -> Iterator[tuple[str, list[str]]]:
    """Yield class and edges of the objects, and note what they lose."""
    name = sample.name
    for found in iterate_objects(sample, report):
        try:
            if not found.box and not found.polygons and not found.mask:
                raise Unfit("kind", "No place for a keypoint.")
            if not found.label:
                raise Unfit("no-class", "The annotation has no class.")
            if found.mask is not None and found.mask.size is None:
                found = attrs.evolve(found, mask=attrs.evolve(found.mask, size=size))
            x, y, width, height = find_bounds(found)
            check_box((x, y, width, height), size)
        except Unfit as error:
            report.skip(name, error.code, error.reason, annotation=found.id)
            continue
        notes = [
            ("shape", bool(found.polygons or found.mask)),
            ("joints", bool(found.keypoints)),
            ("rotation", found.box is not None and bool(found.box.rotation)),
            ("attributes", any(each.attributes for each in found.annotations)),
        ]
        for code, is_lost in notes:
            if is_lost:
                report.lose(name, code, LOSSES[code], annotation=found.id)
        report.annotations += 1
        yield found.label or "", [format_number(edge) for edge in (x, y, x + width, y + height)]
