"""LabelMe: a JSON file of shapes beside each picture."""

from __future__ import annotations

import base64
import json
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
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.labelme import LOSSES
from synapse.formats.picture_frame import FRAME_LOSSES

from .frame_cases import check_frame
from .one_picture import SIZE, FormatUnderTest

UNDER_TEST = FormatUnderTest("labelme")
read = UNDER_TEST.read


def make_shape(
    points: Any = ((1, 2), (3, 4)), kind: str = "rectangle", **values: Any
) -> dict[str, Any]:
    return {"label": "car", "points": points, "shape_type": kind, "flags": {}, **values}


def put(folder: Path, *shapes: dict[str, Any], **values: Any) -> Path:
    document = {
        "shapes": shapes,
        "imagePath": "a.jpg",
        "imageData": None,
        "imageWidth": 50,
        "imageHeight": 40,
        **values,
    }
    (folder / "a.json").write_text(json.dumps(document))
    return folder


def write(
    folder: Path,
    annotations: Sequence[Annotation],
    *,
    size: tuple[int, int] | None = SIZE,
    **options: Any,
) -> FormatReport:
    labels = {
        each.label for each in annotations if each.label and not isinstance(each, (Group, Label))
    }
    classes = options.pop("classes", [DataSetClass(label) for label in sorted(labels)])
    return UNDER_TEST.write(folder, annotations, classes=classes, size=size, **options)


def describe(annotations: Sequence[Annotation]) -> list[tuple[Any, ...]]:
    """Return everything but the ids; members of groups by position."""
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
        found.append((type(each).__name__, each.label, each.attributes, place))
    return found


def test_the_hard_set_comes_back(tmp_path: Path) -> None:
    source = tmp_path / "b.jpg"
    source.write_bytes(b"picture")
    annotations: list[Annotation] = [
        Label(label="sunny"),
        Box(7.125, 8.5, 10.25, 9, label="car", attributes={"wet": False, "description": "old"}),
        Polygon([(0, 0), (10.5, 0), (10, 10)], label="bus", id="p1"),
        Polygon([(20, 0), (30, 0), (30, 10)], label="bus", id="p2"),
        Polyline([(0, 5), (50, 5)], label="lane"),
        Keypoint(1.5, 2, label="nose"),
        Mask([(55, 5), (104, 7), (160, 1)], label="car", size=SIZE),
        Group(["p1", "p2"]),
    ]
    samples = [
        Sample("empty.png", size=SIZE),
        Sample("sub dir/b.jpg", annotations, size=SIZE, split="train", image=source),
    ]
    classes = [DataSetClass(name) for name in ("bus", "car", "lane", "nose")]
    report = formats.write(DataSet(classes, samples), tmp_path / "set", "labelme")

    assert report.skipped == {"no-picture": 1}
    assert not report.lossy
    assert "labelme" in formats.recognize(tmp_path / "set")
    found, reasons = formats.read(tmp_path / "set")
    assert list(found.classes) == classes
    empty, full = found.samples
    assert (empty.name, empty.split, empty.annotations) == ("empty.png", None, ())
    assert (full.name, full.split, full.size) == ("sub dir/b.jpg", "train", SIZE)
    assert full.image == tmp_path / "set/train/sub dir/b.jpg"
    assert describe(full.annotations) == describe(annotations)
    assert not reasons.skipped
    assert not reasons.lossy
    assert report.annotations == reasons.annotations == 7


@settings(max_examples=30)
@given(st.floats(0, 49), st.floats(0, 39), st.floats(0.01, 60), st.floats(0.01, 60))
def test_boxes_come_back(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, width: float, height: float
) -> None:
    folder = tmp_path_factory.mktemp("labelme")
    write(folder, [Box(x, y, width, height, label="car")])
    ((sample,), _) = read(folder)
    found = sample.annotations[0]
    assert isinstance(found, Box)
    assert found.xywh == pytest.approx((x, y, width, height), abs=2e-6)


@settings(max_examples=30)
@given(st.sets(st.integers(0, SIZE[0] * SIZE[1] - 1), min_size=1))
def test_masks_come_back(tmp_path_factory: pytest.TempPathFactory, pixels: set[int]) -> None:
    folder = tmp_path_factory.mktemp("labelme")
    mask = Mask(masks.from_indices(pixels), label="car", size=SIZE)
    write(folder, [mask])
    ((sample,), _) = read(folder)
    found = sample.annotations[0]
    assert isinstance(found, Mask)
    assert found.runs == mask.runs


def test_the_output_is_the_same_each_time(tmp_path: Path) -> None:
    texts: list[bytes] = []
    for name in ("one", "two", "two"):
        write(tmp_path / name, [Box(1, 2, 3, 4, label="car", attributes={"b": True, "a": True})])
        texts.append((tmp_path / name / "a.json").read_bytes())
    assert texts[0] == texts[1] == texts[2]
    assert [each.name for each in (tmp_path / "two").iterdir()] == ["a.json"]


def test_other_shapes_are_read(tmp_path: Path) -> None:
    put(
        tmp_path,
        make_shape([[9, 8], [1, 2]]),
        make_shape([[1, 2], [5, 2], [5, 4], [1, 4]]),
        make_shape([[10, 10], [10, 20], [6, 20], [6, 10]], "oriented_rectangle"),
        make_shape([[1, 1], [2, 2]], "points", attributes={"n": 1}),
        make_shape([[1, 1], [2, 2]], "line"),
    )
    (sample,), report = read(tmp_path)
    box, other, turned, first, second, line, group = sample.annotations
    assert (box.bounds, other.bounds) == ((1, 2, 8, 6), (1, 2, 4, 2))
    assert isinstance(turned, Box)
    assert (turned.cxcywh, turned.rotation) == ((8, 15, 10, 4), math.pi / 2)
    assert isinstance(group, Group)
    assert group.members == (first.id, second.id)
    assert first.attributes == {"n": 1}
    assert isinstance(line, Polyline)
    assert not report.skipped


@pytest.mark.parametrize("path", ["../images/a.jpg", "..\\images\\a.jpg"])
def test_pictures_may_be_elsewhere_in_the_folder(tmp_path: Path, path: str) -> None:
    for name in ("labels", "images"):
        (tmp_path / name).mkdir()
    (tmp_path / "images/a.jpg").write_bytes(b"")
    put(tmp_path / "labels", imagePath=path)
    (sample,), report = read(tmp_path)
    assert (sample.name, sample.image) == ("images/a.jpg", tmp_path / "images/a.jpg")
    assert not report.lossy


def test_pictures_outside_of_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"")
    for path in ("../secret.jpg", str(tmp_path / "secret.jpg")):
        put(tmp_path / "set", imagePath=path)
        (sample,), _ = read(tmp_path / "set")
        assert (sample.name, sample.image) == ("a.jpg", None)


@pytest.mark.parametrize("text", ["{}", "[]", '{"images": []}', "text"])
def test_other_folders_are_not(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert "labelme" not in formats.recognize(tmp_path)


PNG = base64.b64encode(masks.to_png(((0, 2),), 2, 2)).decode()
EMPTY = base64.b64encode(masks.to_png((), 2, 2)).decode()
READING: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "bad-json": ([], {"shapes": 1}),
    "bad-mask": ([make_shape([[49, 0], [50, 1]], "mask", mask=PNG)], {}),
    "bad-name": ([], {"imagePath": "b.jpg"}),
    "bad-number": ([make_shape([[math.nan, 2], [3, 4]])], {}),
    "element": ([make_shape(score=0.5)], {}),
    "embedded": ([], {"imageData": "abcd"}),
    "kind": ([make_shape([[1, 1], [2, 2]], "circle")], {}),
    "no-area": ([make_shape([[1, 2], [1, 4]])], {}),
    "no-class": ([make_shape(label=" ")], {}),
    "no-size": ([make_shape([[0, 0], [1, 1]], "mask", mask=PNG)], {"imageWidth": None}),
    "outside": ([make_shape([[60, 2], [70, 4]])], {}),
}


@pytest.mark.parametrize("code", READING)
def test_what_reading_loses(tmp_path: Path, code: str) -> None:
    shapes, values = READING[code]
    put(tmp_path, *shapes, **values)
    if code == "bad-name":
        (tmp_path / "a.json").rename(tmp_path / "a\\b.json")
    _, report = read(tmp_path)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        list(formats.read(tmp_path, "labelme", strict=True)[0].samples)


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (make_shape(None), "bad-number"),
        (make_shape([[1]]), "bad-number"),
        (make_shape([[1, "x"], [1, 2]]), "bad-number"),
        (make_shape([[1, 2]]), "no-area"),
        (make_shape([[0, 0], [1, 1]], "mask", mask="%"), "bad-mask"),
        (make_shape([[0, 0], [1, 1]], "mask", mask="abcd"), "bad-mask"),
        (make_shape([[0, 0], [1, 1]], "mask", mask=EMPTY), "no-area"),
        ({}, "no-class"),
    ],
)
def test_one_bad_shape_costs_no_other(tmp_path: Path, shape: dict[str, Any], code: str) -> None:
    put(tmp_path, shape, make_shape())
    (sample,), report = read(tmp_path)
    assert [each.bounds for each in sample.annotations] == [(1, 2, 2, 2)]
    assert report.skipped == {code: 1}


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b'{"shapes": [1]}'])
def test_one_bad_file_costs_no_other(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, make_shape())
    (tmp_path / "b.json").write_bytes(content)
    samples, report = read(tmp_path)
    assert len(samples) == 1
    assert report.skipped == {"bad-json": 1}


def test_pictures_tell_their_size_and_absence(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    put(tmp_path, make_shape())
    for name in ("a.jpg", "b.jpg"):
        image.new("RGB", (40, 50)).save(tmp_path / name)
    samples, report = read(tmp_path)
    assert [(each.name, each.size) for each in samples] == [
        ("a.jpg", (40, 50)),
        ("b.jpg", (40, 50)),
    ]
    assert report.lossy == {"size-differs": 1, "no-labels": 1}


CAR = Box(1, 2, 3, 4, label="car")
BUS = Box(1, 2, 3, 4, label="bus")
WRITING: dict[str, tuple[list[Annotation], dict[str, Any]]] = {
    "attributes": ([Box(1, 2, 3, 4, label="car", attributes={"color": "red"})], {}),
    "bad-mask": ([CAR, Mask([(1999, 2)], label="car", size=SIZE)], {}),
    "class-details": ([CAR], {"classes": [DataSetClass("car", "vehicle")]}),
    "classes": ([CAR], {"classes": [DataSetClass("car"), DataSetClass("bus")]}),
    "group": ([CAR, BUS, Group([CAR.id, BUS.id], label="convoy")], {}),
    "kind": ([CAR, Relation("a", "b", label="car")], {}),
    "no-area": ([CAR, Box(1, 2, 0, 4, label="car")], {}),
    "no-class": ([Box(1, 2, 3, 4)], {}),
    "no-picture": ([CAR], {"images": "copy"}),
    "no-size": ([CAR, Mask([(0, 1)], label="car")], {"size": None}),
    "outside": ([CAR, Box(60, 2, 3, 4, label="car")], {}),
    "rotation": ([Box(10, 10, 4, 4, label="car", rotation=1)], {}),
    "visibility": ([Keypoint(1, 2, label="nose", visibility="visible")], {}),
}


@pytest.mark.parametrize("code", WRITING)
def test_what_writing_loses(tmp_path: Path, code: str) -> None:
    annotations, options = WRITING[code]
    report = write(tmp_path / "one", annotations, **options)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        write(tmp_path / "two", annotations, strict=True, **options)


def test_further_losses(tmp_path: Path) -> None:
    samples = [Sample(name, size=SIZE) for name in ("a.jpg", "a.png")]
    report = formats.write(DataSet([], samples, {"x": 1}), tmp_path, "labelme", images="none")
    assert report.lossy == {"info": 1, "renamed": 1}


def test_frame_is_that_of_all_formats(tmp_path: Path) -> None:
    check_frame(tmp_path, "labelme")


def test_each_loss_is_tested() -> None:
    tested = {*READING, *WRITING, "info", "renamed", "no-labels", *FRAME_LOSSES}
    assert tested == set(LOSSES)


@pytest.mark.parametrize(
    ("options", "error"), [({"images": "move"}, UsageError), ({"image": "copy"}, TypeError)]
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        write(tmp_path, [CAR], **options)


@pytest.mark.parametrize("name", ["\ud800.jpg", "x" * 5000 + ".jpg", "a\0.jpg"])
def test_a_path_that_no_file_has_is_no_picture(tmp_path: Path, name: str) -> None:
    put(tmp_path, make_shape(), imagePath=name)
    (sample,), _ = read(tmp_path)
    assert sample.image is None
    assert len(sample.annotations) == 1


def test_second_file_of_a_picture_is_reported(tmp_path: Path) -> None:
    put(tmp_path, make_shape())
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.json").write_bytes((tmp_path / "a.json").read_bytes())
    samples, report = read(tmp_path)
    assert [(each.name, len(each.annotations)) for each in samples] == [("a.jpg", 1)]
    assert report.skipped == {"duplicate-picture": 1}


def test_labels_replace_no_picture(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(b"a picture")
    sample = Sample("a.json", [Box(1, 1, 3, 3, label="car")], size=SIZE, image=source)
    report = formats.write(DataSet([DataSetClass("car")], [sample]), tmp_path / "set", "labelme")
    assert (tmp_path / "set" / "a_json").read_bytes() == b"a picture"
    assert report.lossy == {"renamed": 1}
    assert read(tmp_path / "set")[0][0].annotations[0].label == "car"


def test_mask_outside_is_refused_before_its_pixels_are_unpacked(tmp_path: Path) -> None:
    data = base64.b64encode(masks.to_png((), 300, 200)[:40]).decode()  # the pixels are cut off
    put(tmp_path, make_shape(((0, 0), (299, 199)), "mask", mask=data))
    report = read(tmp_path)[1]
    assert [each.reason for each in report.details] == ["Shape 1: The mask leaves the picture."]
