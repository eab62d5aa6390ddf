"""Cases of the frame of coordinates that each format has, and that must come out alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Annotation, Box
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.picture_frame import TURNS

STORED, SHOWN = (60, 30), (30, 60)


def save_picture(path: Path, orientation: int = 1, size: tuple[int, int] = STORED) -> Path:
    """Save a picture with an EXIF orientation, and return its path."""
    pillow = pytest.importorskip("PIL.Image")
    exif = pillow.Exif()
    exif[0x0112] = orientation
    pillow.new("RGB", size).save(path, exif=exif)
    return path


def show(orientation: int, x: float, y: float) -> tuple[float, float]:
    """Return the place in the picture as shown, of one as stored."""
    shown = TURNS[orientation](x / STORED[0], y / STORED[1])
    return shown[0] * SHOWN[0], shown[1] * SHOWN[1]


def check_frame(folder: Path, name: str) -> None:
    """Check boxes of a picture as shown, and boxes outside, in one format."""
    for orientation in (6, 7):
        _check_turned(folder / f"{orientation}", name, orientation)
    _check_outside(folder / "outside", name)
    _check_other_size(folder / "other", name)


def export(
    folder: Path,
    name: str,
    shapes: Sequence[Annotation],
    size: tuple[int, int],
    orientation: int = 1,
) -> Path:
    """Write a data set of one picture of the size `STORED`."""
    folder.mkdir()
    image = save_picture(folder / "source.jpg", orientation)
    data = DataSet([DataSetClass("car")], [Sample("a.jpg", shapes, size=size, image=image)])
    formats.write(data, folder / "set", name)
    return folder / "set"


def _check_turned(folder: Path, name: str, orientation: int) -> None:
    corners = [show(orientation, 10, 4), show(orientation, 30, 10)]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    place = export(folder, name, [Box(left, top, 6, 20, label="car")], SHOWN, orientation)

    data, report = formats.read(place, name)
    (sample,) = data.samples

    assert (report.lossy["turned"], report.skipped) == (1, {})
    assert sample.size == STORED
    assert [each.bounds for each in sample.annotations] == [pytest.approx((10, 4, 20, 6))]


def _check_outside(folder: Path, name: str) -> None:
    boxes = [Box(1, 2, 3, 4, label="car"), Box(50, 20, 20, 5, label="car")]
    place = export(folder, name, boxes, STORED)
    _move_out(place, name)

    for clip, bounds in [(False, (50, 20, 20, 5)), (True, (50, 20, 10, 5))]:
        data, report = formats.read(place, name, clip=clip)
        (sample,) = data.samples
        assert [each.bounds for each in sample.annotations] == [pytest.approx(bounds)]
        assert (report.lossy["clipped"], report.skipped) == (clip, {"outside": 1})


def _move_out(folder: Path, name: str) -> None:
    """Move the first box of a data set to the right of its picture."""
    if name == "coco":
        path = next(folder.rglob("instances_*.json"))
        document = json.loads(path.read_text())
        document["annotations"][0]["bbox"] = [60, 2, 3, 4]
    elif name == "label_studio":
        path = folder / "tasks.json"
        document = json.loads(path.read_text())
        document[0]["annotations"][0]["result"][0]["value"]["x"] = 100
    elif name == "labelme":
        path = folder / "a.json"
        document = json.loads(path.read_text())
        document["shapes"][0]["points"] = [[60, 2], [63, 6]]
    else:
        suffix = ".csv" if name == "csv_boxes" else ".xml"
        path = next(folder.rglob(f"*{suffix}"))
        changes = {
            "csv_boxes": ("1,2,4,6", "60,2,63,6"),
            "cvat": ('xtl="1" ytl="2" xbr="4"', 'xtl="60" ytl="2" xbr="63"'),
            "voc": ("<xmax>4<", "<xmax>63<"),
        }
        text = path.read_text()
        text = text.replace("<xmin>1<", "<xmin>60<").replace(*changes[name])
        path.write_text(text)
        return
    path.write_text(json.dumps(document))


def _check_other_size(folder: Path, name: str) -> None:
    place = export(folder, name, [Box(1, 2, 3, 4, label="car")], (120, 60))

    data, report = formats.read(place, name)
    (sample,) = data.samples

    assert (sample.size, report.lossy["size-differs"]) == (STORED, 1)
