"""Boxes in CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse import formats
from synapse.annotations import Annotation, Box, Group, Keypoint, Label, Mask, Polyline
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.csv_boxes import LOSSES
from synapse.formats.picture_frame import FRAME_LOSSES

from .frame_cases import check_frame
from .one_picture import SIZE, FormatUnderTest, put_files

VOTT = '"image","xmin","ymin","xmax","ymax","label"\n'
ROBOFLOW = "filename,width,height,class,xmin,ymin,xmax,ymax\n"

UNDER_TEST = FormatUnderTest("csv_boxes")
read = UNDER_TEST.read
write = UNDER_TEST.write


def put(folder: Path, text: str, name: str = "a.csv") -> Path:
    return put_files(folder, {name: text})


def list_boxes(samples: Sequence[Sample]) -> list[tuple[Any, ...]]:
    return [(each.name, box.label, box.bounds) for each in samples for box in each.annotations]


@pytest.mark.parametrize("style", ["roboflow", "vott"])
def test_the_hard_set_comes_back(tmp_path: Path, style: str) -> None:
    source = tmp_path / "b.jpg"
    source.write_bytes(b"picture")
    boxes = [Box(7.125, 8.5, 10.25, 9, label='a "b", c'), Box(-1, 0, 9, 9, label="=1+1")]
    samples = [
        Sample("sub dir/a, b.jpg", boxes, size=SIZE, split="train", image=source),
        Sample("sub dir/a, b.jpg", boxes[:1], size=SIZE, split="val", image=source),
    ]
    data = DataSet([DataSetClass("=1+1"), DataSetClass('a "b", c')], samples)
    report = formats.write(data, tmp_path / "set", "csv_boxes", style=style)
    assert not report.skipped
    assert not report.lossy
    assert "csv_boxes" in formats.recognize(tmp_path / "set")
    found, reasons = formats.read(tmp_path / "set", "csv_boxes")
    assert found.classes == data.classes
    second = list(found.samples)
    assert [(each.name, each.split) for each in second] == [
        ("sub dir/a, b.jpg", "train"),
        ("sub dir/a, b.jpg", "val"),
    ]
    assert list_boxes(second) == list_boxes(samples)
    assert second[0].image == tmp_path / "set/train/sub dir/a, b.jpg"
    assert (second[0].size == SIZE) is (style == "roboflow")
    assert not reasons.skipped
    assert not reasons.lossy


@settings(max_examples=30)
@given(st.floats(0, 49), st.floats(0, 39), st.floats(0.01, 60), st.floats(0.01, 60))
def test_boxes_come_back(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, width: float, height: float
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    write(folder, [Box(x, y, width, height, label="car")])
    ((sample,), _) = read(folder)
    found = sample.annotations[0]
    assert isinstance(found, Box)
    assert found.xywh == pytest.approx((x, y, width, height), abs=2e-6)


def test_the_output_is_the_same_each_time(tmp_path: Path) -> None:
    texts: list[bytes] = []
    for name in ("one", "two", "two"):
        write(tmp_path / name, [Box(1, 2, 3, 4, label="car")])
        texts.append((tmp_path / name / "_annotations.csv").read_bytes())
    assert texts[0] == texts[1] == texts[2] == (ROBOFLOW + "a.jpg,50,40,car,1,2,4,6\n").encode()
    assert [each.name for each in (tmp_path / "two").iterdir()] == ["_annotations.csv"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (VOTT + '"a.jpg",1,2,4,6,"car"\n', {}),
        ("\ufeff" + ROBOFLOW + "a.jpg,50,40,car,1,2,4,6\n", {}),
        ("image;x;y;w;h;category\na.jpg;1;2;3;4;car\n", {}),
        ('image_id,width,height,bbox,source\na,50,40,"[1.0, 2.0, 3.0, 4.0]",x\n', {"label": "car"}),
        ("a.jpg,1,2,4,6,car\n", {"columns": ["image", "xmin", "ymin", "xmax", "ymax", "label"]}),
        (
            "photo,kind,a,b,c,d\na.jpg,car,1,2,3,4\n",
            {
                "columns": {
                    "image": "photo",
                    "label": "kind",
                    "x": "a",
                    "y": "b",
                    "box_width": "c",
                    "box_height": "d",
                }
            },
        ),
        (
            "ImageID,LabelName,XMin,XMax,YMin,YMax,width,height\na,car,0.02,0.08,0.05,0.15,50,40\n",
            {"normalized": True},
        ),
    ],
    ids=["VoTT", "Roboflow", "sizes", "wheat", "no header", "mapped", "Open Images"],
)
def test_columns_are_recognised(tmp_path: Path, text: str, options: dict[str, Any]) -> None:
    put(tmp_path, text)
    samples, report = read(tmp_path, **options)
    assert list_boxes(samples) == [("a.jpg", "car", (1, 2, 3, 4))]
    assert not report.skipped


def test_rows_of_a_picture_may_be_apart(tmp_path: Path) -> None:
    put(tmp_path, VOTT + "b.jpg,1,2,4,6,car\na.jpg,1,2,4,6,bus\nb.jpg,5,2,9,6,bus\n")
    assert list_boxes(read(tmp_path)[0]) == [
        ("a.jpg", "bus", (1, 2, 3, 4)),
        ("b.jpg", "car", (1, 2, 3, 4)),
        ("b.jpg", "bus", (5, 2, 4, 4)),
    ]


def test_pictures_are_found(tmp_path: Path) -> None:
    put(tmp_path, VOTT + "a,1,2,4,6,car\nb.jpg,,,,,\n", "train.csv")
    put(tmp_path, VOTT + "c.jpg,1,2,4,6,car\n", "valid/_annotations.csv")
    for name in ("images/a.png", "b.jpg", "valid/c.jpg", "valid/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    samples, report = read(tmp_path)
    assert [(each.name, each.split, len(each.annotations)) for each in samples] == [
        ("a.png", "train", 1),
        ("b.jpg", "train", 0),
        ("c.jpg", "valid", 1),
        ("d.jpg", "valid", 0),
    ]
    assert samples[0].image == tmp_path / "images/a.png"
    assert report.lossy == {"no-labels": 1}


def test_a_column_may_have_the_split(tmp_path: Path) -> None:
    put(tmp_path, "split,image,label,x1,y1,x2,y2\nval,a.jpg,car,1,2,4,6\n,b.jpg,car,1,2,4,6\n")
    assert [(each.name, each.split) for each in read(tmp_path)[0]] == [
        ("b.jpg", None),
        ("a.jpg", "val"),
    ]


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("a,b\n1,2\n", {}, "have no image or no box"),
        ("", {}, "have no image or no box"),
        (VOTT.replace('"label"', '"x9"'), {}, "No column has the class"),
        (VOTT, {"columns": {"picture": "image"}}, "The fields are image"),
        (VOTT, {"columns": {"image": "photo"}}, "the columns are image"),
        (VOTT, {"columns": "image"}, "Pass a mapping, or a list"),
        ("image,filename,xmin,ymin,xmax,ymax,label\n", {}, "Several columns may be the image"),
        (VOTT + '"a.jpg,1', {}, None),
    ],
)
def test_columns_are_checked(
    tmp_path: Path, text: str, options: dict[str, Any], reason: str | None
) -> None:
    put(tmp_path, text)
    if reason is None:
        assert read(tmp_path, **options)[1].skipped == {"bad-row": 1}
        return
    with pytest.raises(UsageError, match=reason):
        read(tmp_path, **options)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no CSV file"):
        read(tmp_path)
    put(tmp_path, "a,b\n")
    assert "csv_boxes" not in formats.recognize(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    assert "csv_boxes" not in formats.recognize(tmp_path)
    with pytest.raises(UsageError, match="not readable CSV"):
        read(tmp_path)


READING: dict[str, tuple[str, dict[str, Any]]] = {
    "bad-name": (VOTT + "../a.jpg,1,2,3,4,car\n", {}),
    "bad-number": (VOTT + "a.jpg,nan,2,3,4,car\n", {}),
    "bad-row": (VOTT + "a.jpg,1,2,3,4,car,9\n", {}),
    "no-area": (VOTT + "a.jpg,3,2,3,4,car\n", {}),
    "no-class": (VOTT + "a.jpg,1,2,3,4,\n", {}),
    "no-size": (VOTT + "a.jpg,0.1,0.2,0.3,0.4,car\n", {"normalized": True}),
    "outside": (ROBOFLOW + "a.jpg,50,40,car,51,2,60,6\n", {}),
}


@pytest.mark.parametrize("code", READING)
def test_what_reading_loses(tmp_path: Path, code: str) -> None:
    text, options = READING[code]
    put(tmp_path, text)
    _, report = read(tmp_path, **options)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        list(formats.read(tmp_path, "csv_boxes", strict=True, **options)[0].samples)


def test_one_bad_row_costs_no_other(tmp_path: Path) -> None:
    put(tmp_path, VOTT + "a.jpg,1,x,3,4,car\n\na.jpg,1,2,4,6,car\na.jpg\n,1,2,3,4,car\n")
    samples, report = read(tmp_path)
    assert list_boxes(samples) == [("a.jpg", "car", (1, 2, 3, 4))]
    assert report.skipped == {"bad-number": 1, "bad-row": 2}


def test_the_picture_tells_the_size(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    put(tmp_path, ROBOFLOW + "a.jpg,50,40,car,1,2,4,6\n")
    image.new("RGB", (40, 50)).save(tmp_path / "a.jpg")
    (sample,), report = read(tmp_path)
    assert sample.size == (40, 50)
    assert report.lossy == {"size-differs": 1}


CAR = Box(1, 2, 3, 4, label="car")
OTHER = Box(1, 2, 3, 4, label="car")
BUS = Box(1, 2, 3, 4, label="bus")
MASK = Mask([(100, 5)], label="car")
JOINT = Keypoint(1, 1, label="nose")
TWO = [DataSetClass("bus"), DataSetClass("car")]
WRITING: dict[str, tuple[list[Annotation], dict[str, Any]]] = {
    "attributes": ([Box(1, 2, 3, 4, label="car", attributes={"color": "red"})], {}),
    "class-details": ([CAR], {"classes": [DataSetClass("car", "vehicle")]}),
    "classes": ([CAR], {"classes": TWO}),
    "group": ([CAR, BUS, Group([CAR.id, BUS.id])], {"classes": TWO}),
    "joints": ([CAR, JOINT, Group([CAR.id, JOINT.id])], {}),
    "kind": ([CAR, Polyline([(0, 0), (9, 9)], label="car")], {}),
    "no-area": ([CAR, Box(1, 2, 0, 4, label="car")], {}),
    "no-boxes": ([], {"classes": []}),
    "no-class": ([CAR, Box(1, 2, 3, 4)], {}),
    "no-picture": ([CAR], {"images": "copy"}),
    "outside": ([CAR, Box(60, 2, 3, 4, label="car")], {}),
    "rotation": ([Box(10, 10, 4, 4, label="car", rotation=1)], {}),
    "shape": ([MASK], {}),
}


@pytest.mark.parametrize("code", WRITING)
def test_what_writing_loses(tmp_path: Path, code: str) -> None:
    annotations, options = WRITING[code]
    report = write(tmp_path / "one", annotations, **options)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        write(tmp_path / "two", annotations, strict=True, **options)


def test_further_losses(tmp_path: Path) -> None:
    samples = [Sample(name, [CAR], size=SIZE) for name in ("a.jpg", "a.png")]
    data = DataSet([DataSetClass("car")], samples, {"x": 1})
    report = formats.write(data, tmp_path, "csv_boxes", images="none")
    assert report.lossy == {"info": 1, "renamed": 1}
    assert write(tmp_path, [CAR, Label(label="rain"), JOINT]).skipped == {"kind": 2}


def test_frame_is_that_of_all_formats(tmp_path: Path) -> None:
    check_frame(tmp_path, "csv_boxes")


def test_each_loss_is_tested() -> None:
    tested = {*READING, *WRITING, "info", "renamed", "no-labels", *FRAME_LOSSES}
    assert tested == set(LOSSES)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"images": "move"}, UsageError),
        ({"style": "kaggle"}, UsageError),
        ({"image": "copy"}, TypeError),
    ],
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        write(tmp_path, [CAR], **options)


def test_blanks_behind_the_separators_of_the_header_and_the_rows(tmp_path: Path) -> None:
    put(tmp_path, "image, label, xmin, ymin, xmax, ymax\na.jpg, car, 1, 2, 3, 4\n")
    samples, _ = read(tmp_path)
    assert list_boxes(samples) == [("a.jpg", "car", (1, 2, 2, 2))]


def test_rows_of_a_picture_are_one_sample_however_they_spell_the_path(tmp_path: Path) -> None:
    rows = "a.jpg,1,1,5,5,c\n./a.jpg,2,2,6,6,c\n.\\a.jpg,3,3,7,7,d\n"
    samples, report = read(put(tmp_path, VOTT.replace('"', "") + rows))
    assert [(each.name, len(each.annotations)) for each in samples] == [("a.jpg", 3)]
    assert "duplicate-picture" not in report.skipped


@pytest.mark.parametrize("name", ["_annotations.csv", "_annotations.csv.part", "b.CSV"])
def test_pictures_replace_no_rows(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(b"a picture")
    box = Box(1, 1, 3, 3, label="car")
    samples = [Sample(each, [box], size=SIZE, image=source) for each in (name, "a.jpg")]
    report = formats.write(DataSet([DataSetClass("car")], samples), tmp_path / "set", "csv_boxes")
    written = sorted(path for path in (tmp_path / "set").iterdir())
    assert len(written) == 3
    assert [path.name for path in written if path.read_bytes() != b"a picture"] == [
        "_annotations.csv"
    ]
    assert report.lossy["renamed"] == (not name.endswith(".part"))
