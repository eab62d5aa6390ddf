"""CVAT for images: shapes of all pictures in one XML file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse import formats
from synapse.annotations import (
    Annotation,
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
    Relation,
    masks,
)
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.cvat import LOSSES
from synapse.formats.picture_frame import FRAME_LOSSES

from .frame_cases import check_frame
from .one_picture import SIZE, FormatUnderTest

CLASSES = [DataSetClass("car"), DataSetClass("person", keypoints=["nose", "eye"])]
BOX = '<box label="car" xtl="1" ytl="2" xbr="3" ybr="4"/>'

UNDER_TEST = FormatUnderTest("cvat", CLASSES)
read = UNDER_TEST.read
write = UNDER_TEST.write


def put(
    folder: Path, *shapes: str, name: str = "a.jpg", size: str = 'width="50" height="40"'
) -> Path:
    image = f'<image id="0" name="{name}" {size}>{"".join(shapes)}</image>'
    (folder / "annotations.xml").write_text(f"<annotations>{image}</annotations>")
    return folder


def describe(annotations: Sequence[Annotation]) -> list[tuple[Any, ...]]:
    """Return everything but the ids, which CVAT hasn't; members of groups by position."""
    ids = {each.id: at for at, each in enumerate(annotations)}
    found: list[tuple[Any, ...]] = []
    for each in annotations:
        place: Any = each.bounds
        if isinstance(each, Group):
            place = [ids[member] for member in each.members]
        elif isinstance(each, (Polygon, Polyline)):
            place = each.points
        elif isinstance(each, Mask):
            place = each.runs
        elif isinstance(each, Keypoint):
            place = each.x, each.y, each.visibility
        turn = each.rotation if isinstance(each, Box) else 0
        found.append((type(each).__name__, each.label, each.attributes, place, turn))
    return found


def test_the_hard_set_comes_back(tmp_path: Path) -> None:
    source = tmp_path / "b.jpg"
    source.write_bytes(b"picture")
    joints = [
        Keypoint(1.5, 2, label="nose", visibility="visible", id="k1"),
        Keypoint(3, 4, label="eye", visibility="occluded", attributes={"side": "left"}, id="k2"),
        Keypoint(0, 0, label="ear", visibility="missing", id="k3"),
    ]
    annotations: list[Annotation] = [
        Box(7.125, 8.5, 10.25, 9, label="car", attributes={"occluded": True, "color": "red"}),
        Box(20, 10, 12, 8, label="car", rotation=-0.3, attributes={"z_order": 2, "n": 1.5}),
        Polygon([(0, 0), (10.5, 0), (10, 10)], label="bus <1>", id="p1"),
        Polygon([(20, 0), (30, 0), (30, 10)], label="bus <1>", id="p2"),
        Polyline([(0, 5), (50, 5)], label="lane", attributes={"source": "auto"}),
        Mask([(55, 5), (104, 7), (160, 1)], label="car", size=SIZE, attributes={"iscrowd": True}),
        Box(1, 1, 9, 9, label="person", id="b1"),
        *joints,
        Keypoint(5, 6, label="corner", visibility="visible"),
        Keypoint(7, 8, label="hole", visibility="visible", id="h1"),
        Keypoint(9, 8, label="hole", visibility="visible", id="h2"),
        Label(label="sunny", attributes={"wet": False}),
        Group(["p1", "p2"]),
        Group(["b1", "k1", "k2", "k3"], label="person", attributes={"age": 7}),
        Group(["h1", "h2"], label="hole"),
    ]
    samples = [
        Sample("empty.png", size=SIZE),
        Sample("sub dir/b.jpg", annotations, size=SIZE, split="train", image=source),
        Sample("sub dir/b.jpg", size=SIZE, split="val"),
    ]
    data = DataSet(CLASSES, samples, {})

    report = formats.write(data, tmp_path / "cvat", "cvat")
    found, reasons = formats.read(tmp_path / "cvat")

    assert report.skipped == {"no-picture": 2}
    assert not report.lossy
    assert found.classes == data.classes
    empty, full, other = found.samples
    assert [each.name for each in (empty, full, other)] == [each.name for each in samples]
    assert [each.split for each in (empty, full, other)] == [None, "train", "val"]
    assert full.size == SIZE
    assert full.image == tmp_path / "cvat/images/train/sub dir/b.jpg"
    assert describe(full.annotations) == describe(annotations)
    assert not reasons.skipped
    assert not reasons.lossy
    assert report.annotations == reasons.annotations == 14


PLACE = st.floats(0, 49)


@settings(max_examples=40)
@given(PLACE, PLACE, st.floats(0.01, 60), st.floats(0.01, 60), st.floats(-math.pi, math.pi))
def test_boxes_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    x: float,
    y: float,
    width: float,
    height: float,
    rotation: float,
) -> None:
    folder = tmp_path_factory.mktemp("cvat")
    box = Box(x, y, width, height, label="car", rotation=rotation)
    report = write(folder, [box], size=(500, 500))
    if report.skipped:
        assert report.skipped == {"outside": 1}
        return
    ((sample,), _) = read(folder)
    found = sample.annotations[0]
    assert isinstance(found, Box)
    for corner, expected in zip(found.corners, box.corners, strict=True):
        assert math.dist(corner, expected) < 1e-4


@settings(max_examples=40)
@given(st.lists(st.integers(0, SIZE[0] * SIZE[1] - 1), min_size=1))
def test_masks_come_back(tmp_path_factory: pytest.TempPathFactory, pixels: list[int]) -> None:
    folder = tmp_path_factory.mktemp("cvat")
    write(folder, [Mask(masks.from_indices(pixels), label="car", size=SIZE)])
    ((sample,), _) = read(folder)
    found = sample.annotations[0]
    assert isinstance(found, Mask)
    assert masks.to_indices(found.runs) == sorted(set(pixels))


def test_runs_are_those_of_the_box_by_rows(tmp_path: Path) -> None:
    write(tmp_path, [Mask([(55, 5), (104, 7), (160, 1)], label="car", size=SIZE)])
    text = (tmp_path / "annotations.xml").read_text()
    # Datumaro reads the same pixels.
    assert 'rle="1, 5, 1, 7, 6, 1" left="4" top="1" width="7" height="3"' in text


def test_angles_are_degrees(tmp_path: Path) -> None:
    write(tmp_path, [Box(10, 10, 20, 10, label="car", rotation=-math.pi / 6)])
    assert 'rotation="330.0"' in (tmp_path / "annotations.xml").read_text()
    box = read(tmp_path)[0][0].annotations[0]
    assert isinstance(box, Box)
    assert box.rotation == pytest.approx(-math.pi / 6)


def test_the_output_is_the_same_each_time(tmp_path: Path) -> None:
    texts: list[bytes] = []
    for name in ("one", "two", "two"):
        write(tmp_path / name, [Box(1, 2, 3, 4, label="car", attributes={"b": 1, "a": 2})])
        texts.append((tmp_path / name / "annotations.xml").read_bytes())
    assert texts[0] == texts[1] == texts[2]
    assert [each.name for each in (tmp_path / "two").glob("[!.]*")] == ["annotations.xml"]


def test_an_export_of_cvat_is_read(tmp_path: Path) -> None:
    """Labels of a job, the subset `default`, a joint outside the picture."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(b"")
    (tmp_path / "annotations.xml").write_text(
        """<?xml version="1.0" encoding="utf-8"?>
        <annotations><version>1.1</version><meta><job><id>1</id><labels>
        <label><name>person</name><type>skeleton</type></label>
        <label><name>nose</name><type>points</type><parent>person</parent></label>
        </labels></job><dumped>2024-01-01</dumped></meta>
        <image id="0" name="a.jpg" subset="default" task_id="1" width="50" height="40">
        <skeleton label="person" source="manual" z_order="0">
        <points label="nose" source="manual" outside="1" occluded="0" points="1.00,2.00"/>
        </skeleton>
        </image></annotations>"""
    )
    data, report = formats.read(tmp_path)
    assert data.classes == (DataSetClass("person", keypoints=["nose"]),)
    (sample,) = data.samples
    assert (sample.split, sample.image) == (None, tmp_path / "images/a.jpg")
    assert describe(sample.annotations) == [
        ("Keypoint", "nose", {}, (1, 2, "missing"), 0),
        ("Group", "person", {}, [0], 0),
    ]
    assert not report.lossy


def test_files_name_their_split(tmp_path: Path) -> None:
    put(tmp_path, BOX)
    (tmp_path / "annotations.xml").rename(tmp_path / "val.xml")
    assert [each.split for each in read(tmp_path)[0]] == ["val"]


@pytest.mark.parametrize("text", ["<annotation><size/></annotation>", "<annotations/>", "text"])
def test_other_folders_are_not(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    assert "cvat" not in formats.recognize(tmp_path)
    with pytest.raises(UsageError, match="no XML file with annotations of CVAT"):
        formats.read(tmp_path, "cvat")


MASK = '<mask label="car" left="0" top="0" width="3" height="1" rle="{}"/>'
READING: dict[str, tuple[str, dict[str, str]]] = {
    "bad-mask": (MASK.format("1, 1"), {}),
    "bad-name": (BOX, {"name": "../a.jpg"}),
    "bad-number": ('<box label="car" xtl="nan" ytl="2" xbr="3" ybr="4"/>', {}),
    "bad-xml": (BOX + "<", {}),
    "duplicate": (BOX + '</image><image name="a.jpg">', {}),
    "kind": ('<ellipse label="car" cx="1" cy="1" rx="1" ry="1"/>', {}),
    "no-area": ('<polygon label="car" points="1,1;2,2"/>', {}),
    "no-class": ('<box xtl="1" ytl="2" xbr="3" ybr="4"/>', {}),
    "no-size": (MASK.format("1,2"), {"size": ""}),
    "outside": ('<box label="car" xtl="50" ytl="2" xbr="63" ybr="4"/>', {}),
    "track": ('</image><track id="0" label="car"/><image name="b.jpg">', {}),
    "group": (
        2 * '<skeleton label="a" group_id="1"><points label="b" points="1,1"/></skeleton>',
        {},
    ),
}


@pytest.mark.parametrize("code", READING)
def test_what_reading_loses(tmp_path: Path, code: str) -> None:
    shapes, options = READING[code]
    put(tmp_path, shapes, **options)
    _, report = read(tmp_path)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        list(formats.read(tmp_path, strict=True)[0].samples)


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (MASK.format("1, 2").replace('left="0"', 'left="48"'), "bad-mask"),
        (MASK.format(""), "bad-number"),
        (MASK.format("3"), "no-area"),
        ('<points label="a" points="1,2;3"/>', "bad-number"),
        ('<points label="a"/>', "no-area"),
        ('<skeleton label="a"><points label="b" points="x"/></skeleton>', "bad-number"),
        ('<box label="car" xtl="1" ytl="2" xbr="1" ybr="4"/>', "no-area"),
        ('<box label="car" xtl="1" ytl="2" xbr="3" ybr="4" rotation="inf"/>', "bad-number"),
        ('<polyline label="a" points="1,2"/>', "no-area"),
    ],
)
def test_one_bad_shape_costs_no_other(tmp_path: Path, shape: str, code: str) -> None:
    put(tmp_path, shape, BOX)
    (sample,), report = read(tmp_path)
    assert [each.bounds for each in sample.annotations if isinstance(each, Box)] == [(1, 2, 2, 2)]
    assert report.skipped == {code: 1}


def test_entities_are_refused(tmp_path: Path) -> None:
    text = '<!DOCTYPE annotations [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    (tmp_path / "annotations.xml").write_text(
        f'{text}<annotations><image name="a.jpg"><tag label="&x;"/></image></annotations>'
    )
    samples, report = read(tmp_path)
    assert samples == []
    assert report.skipped == {"bad-xml": 1}


def test_pictures_tell_their_size_and_absence(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    put(tmp_path, BOX)
    image.new("RGB", (40, 50)).save(tmp_path / "a.jpg")
    image.new("RGB", (40, 50)).save(tmp_path / "b.jpg")
    samples, report = read(tmp_path)
    assert [(each.name, each.size) for each in samples] == [
        ("a.jpg", (40, 50)),
        ("b.jpg", (40, 50)),
    ]
    assert report.lossy == {"size-differs": 1, "no-labels": 1}


CAR = Box(1, 2, 3, 4, label="car")
BUS = Box(1, 2, 3, 4, label="bus")
WRITING: dict[str, tuple[list[Annotation], dict[str, Any]]] = {
    "attribute-value": ([Box(1, 2, 3, 4, label="car", attributes={"plate": "7"})], {}),
    "bad-mask": ([Mask([(1999, 2)], label="car", size=SIZE)], {}),
    "characters": ([Box(1, 2, 3, 4, label="c\0ar")], {}),
    "class-details": ([], {"classes": [DataSetClass("car", "vehicle")]}),
    "group": ([CAR, BUS, Group([CAR.id, BUS.id], label="convoy")], {}),
    "kind": ([CAR, Relation("a", "b")], {}),
    "no-area": ([Box(1, 2, 0, 4, label="car")], {}),
    "no-class": ([Box(1, 2, 3, 4)], {}),
    "no-picture": ([CAR], {"images": "copy"}),
    "no-size": ([Mask([(0, 1)], label="car")], {"size": None}),
    "outside": ([Box(60, 2, 3, 4, label="car")], {}),
    "visibility": ([Keypoint(1, 2, label="nose")], {}),
}


@pytest.mark.parametrize("code", WRITING)
def test_what_writing_loses(tmp_path: Path, code: str) -> None:
    annotations, options = WRITING[code]
    report = write(tmp_path / "one", annotations, **options)
    assert {**report.skipped, **report.lossy} == {code: 1}
    assert report.samples == 1
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        write(tmp_path / "two", annotations, strict=True, **options)


@pytest.mark.parametrize("value", ["7", "true", "1.5", ["a"], None, 1e99])
def test_values_that_change_are_noted(tmp_path: Path, value: Any) -> None:
    report = write(tmp_path, [Box(1, 2, 3, 4, label="car", attributes={"x": value})])
    assert report.lossy == {"attribute-value": 1}


def test_values_of_the_set_are_lost(tmp_path: Path) -> None:
    data = DataSet(CLASSES, [], {"licences": []})
    assert formats.write(data, tmp_path, "cvat").lossy == {"info": 1}


def test_frame_is_that_of_all_formats(tmp_path: Path) -> None:
    check_frame(tmp_path, "cvat")


def test_each_loss_is_tested() -> None:
    assert {*READING, *WRITING, *FRAME_LOSSES, "no-labels", "info"} == set(LOSSES)


@pytest.mark.parametrize(
    ("options", "error"), [({"images": "move"}, UsageError), ({"image": "copy"}, TypeError)]
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        write(tmp_path, [CAR], **options)
