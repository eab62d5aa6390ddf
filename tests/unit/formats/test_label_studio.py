"""Label Studio: tasks with results; each loss."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
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
)
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample, label_studio
from synapse.formats.picture_frame import FRAME_LOSSES

from .frame_cases import check_frame

RECTANGLE = {"x": 10, "y": 20, "width": 30, "height": 10, "rotation": 0}


def make_result(kind: str = "rectanglelabels", value: Any = None, **others: Any) -> dict[str, Any]:
    value = dict(RECTANGLE if value is None else value)
    if kind.endswith("labels"):
        value.setdefault(kind, ["car"])
    size = {"original_width": 200, "original_height": 100}
    names = {"from_name": "label", "to_name": "image"}
    return {"id": "r1", "type": kind, "value": value, **names, **size} | others


def read_one(folder: Path, *results: Any, **task: Any) -> tuple[list[Sample], FormatReport]:
    row = {"id": 5, "data": {"image": "/data/upload/1/a.jpg"}, "annotations": [{"result": results}]}
    (folder / "export.json").write_text(json.dumps([row | task]))
    data, report = formats.read(folder, "label_studio")
    return list(data.samples), report


def write_one(folder: Path, annotations: list[Annotation], **options: Any) -> Any:
    samples = [Sample("a.jpg", annotations, size=(200, 100))]
    options = {"images": "none"} | options
    report = formats.write(DataSet([], samples), folder, "label_studio", **options)
    return json.loads((folder / "tasks.json").read_text("utf-8")), report


def test_results_become_annotations(tmp_path: Path) -> None:
    (sample,), report = read_one(
        tmp_path,
        make_result(),
        make_result("choices", RECTANGLE | {"choices": ["red"]}, from_name="color"),
        make_result("number", {"number": 7}, from_name="count"),
        make_result("polygonlabels", {"points": [[0, 0], [50, 0], [50, 50]]}, id="p"),
        make_result("keypointlabels", {"x": 5, "y": 5, "width": 1}, id="k", parentID="r1"),
        make_result("choices", {"choices": ["rain"]}, id="c"),
        make_result("textarea", {"text": ["wet"]}, id="t", from_name="note"),
        make_result("rectangle", RECTANGLE, id="bare"),
        {"type": "relation", "from_id": "p", "to_id": "r1", "direction": "left", "labels": ["on"]},
    )
    group = sample.annotations[-1]
    assert sample.annotations[:-1] == (
        Box(20, 20, 60, 10, label="car", id="r1", attributes={"color": "red", "count": 7}),
        Polygon([(0, 0), (100, 0), (100, 50)], label="car", id="p"),
        Keypoint(10, 5, label="car", id="k"),
        Label(label="rain", id="c"),
        Label(attributes={"note": "wet"}, id="t"),
        Box(20, 20, 60, 10, id="bare"),
        Relation("r1", "p", label="on", id="r1rp"),
    )
    assert isinstance(group, Group)
    assert (group.members, group.label) == (("r1", "k"), "car")
    assert (sample.name, sample.size, sample.id) == ("a.jpg", (200, 100), 5)
    assert (report.samples, report.annotations, report.skipped) == (1, 7, {})
    assert report.lossy == {}


def test_rectangles_turn_around_their_corner(tmp_path: Path) -> None:
    value = {"x": 50, "y": 50, "width": 10, "height": 10, "rotation": 90}
    ((sample,), _) = read_one(tmp_path, make_result(value=value))
    (box,) = sample.annotations
    assert isinstance(box, Box)
    # 20 x 10 pixels, which hang from (100, 50) to the left and downwards.
    assert box.bounds == pytest.approx((90, 50, 10, 20))
    assert box.rotation == pytest.approx(math.pi / 2)
    written, _ = write_one(tmp_path / "out", [box])
    found = written[0]["annotations"][0]["result"][0]["value"]
    assert [found[key] for key in value] == pytest.approx(list(value.values()))


def test_hard_set_comes_back(tmp_path: Path) -> None:
    annotations = [
        Box(1.25, 2, 3, 4.125, label="car", id="b", attributes={"occluded": True, "n": [1, "x"]}),
        Box(50, 50, 40, 20, rotation=0.5, label="bus", id="t"),
        Polygon([(0, 0), (10, 0), (10, 10)], label="roof", id="p1"),
        Polygon([(20, 0), (30, 0), (30, 20)], label="roof", id="p2"),
        Keypoint(5, 6, label="nose", visibility="visible", id="n"),
        Mask(
            ((3, 4), (203, 4)), label="sky", size=(200, 100), attributes={"iscrowd": True}, id="m"
        ),
        Label(label='rain <&" day', id="l", attributes={"sure": 0.5}),
        Relation("b", "t", label="tows", id="brt"),
        Group(["p1", "p2"], label="roof", id="g1"),
        Group(["b", "n"], label="car", id="g2"),
    ]
    samples = [
        Sample("sub dir/ä #1.jpg", annotations, size=(200, 100), split="train", id=9),
        Sample("empty.png", size=(4, 3)),
    ]
    classes = [DataSetClass("car", keypoints=["nose"])]
    report = formats.write(
        DataSet(classes, samples), tmp_path, "label_studio", images="none", strict=True
    )
    assert (report.samples, report.annotations) == (2, 8)
    data, report = formats.read(tmp_path, strict=True)
    first, second = data.samples
    assert (first.name, first.split, first.id) == ("sub dir/ä #1.jpg", "train", 9)
    assert (second.name, second.annotations) == ("empty.png", ())
    for old, new in zip(annotations, first.annotations, strict=True):
        if isinstance(old, Box) and isinstance(new, Box):
            assert new.xywh == pytest.approx(old.xywh, abs=1e-5)
            assert new.rotation == pytest.approx(old.rotation)
            assert (new.label, new.attributes) == (old.label, old.attributes)
        elif isinstance(old, Group) and isinstance(new, Group):
            assert (new.members, new.label) == (old.members, old.label)
        else:
            assert new == old
    assert list(data.samples) == [first, second]
    assert data.classes[0] == DataSetClass("car", keypoints=["nose"])
    config = (tmp_path / "label_config.xml").read_text("utf-8")
    assert "<Choice value='rain &lt;&amp;\" day'/>" in config
    assert not list(tmp_path.glob("*.part"))
    assert formats.recognize(tmp_path) == {
        "label_studio": "tasks.json has a list of tasks with annotations"
    }


NUMBERS = st.floats(0, 90)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.1, 99), st.floats(0.1, 99)), max_size=3))
def test_boxes_come_back(tmp_path_factory: pytest.TempPathFactory, boxes: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "label_studio"
    write_one(folder, [Box(*box, label="car") for box in boxes])
    (sample,) = formats.read(folder, strict=True)[0].samples
    found = [each.xywh for each in sample.annotations if isinstance(each, Box)]
    assert len(found) == len(boxes)
    for new, old in zip(found, boxes, strict=True):
        assert new == pytest.approx(old, abs=1e-4)


@pytest.mark.parametrize(
    ("url", "place", "name"),
    [
        ("/data/upload/3/ab12cd34-a.jpg", "ab12cd34-a.jpg", "ab12cd34-a.jpg"),
        ("/data/upload/3/ab12cd34-a.jpg", "images/a.jpg", "ab12cd34-a.jpg"),
        ("/data/local-files/?d=sub%20dir/a.jpg", "sub dir/a.jpg", "sub dir/a.jpg"),
        ("s3://bucket/folder/a.jpg", "images/a.jpg", "a.jpg"),
        ("https://example.com/a.jpg?token=1", "a.jpg", "a.jpg"),
        ("sub\\a.jpg", "sub/a.jpg", "sub/a.jpg"),
        ("/data/local-files/?d=/etc/a.jpg", "a.jpg", "a.jpg"),
    ],
)
def test_usual_places_of_pictures(tmp_path: Path, url: str, place: str, name: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    (sample,), _ = read_one(tmp_path, make_result(), data={"note": "x", "image": url})
    assert (sample.image, sample.name) == (path, name)


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        write_one(tmp_path, [Box(1, 2, 3, 4, label="car", id="b")])
        texts.append((tmp_path / "tasks.json").read_bytes())
    assert texts[0] == texts[1]


def test_one_file_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has none"):
        formats.read(tmp_path, "label_studio")
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text('[{"data": {"image": "a.jpg"}, "annotations": []}]')
    with pytest.raises(UsageError, match=r"it has a\.json, b\.json"):
        formats.read(tmp_path, "label_studio")
    data, _ = formats.read(tmp_path, "label_studio", file="b.json")
    assert [each.name for each in data.samples] == ["a.jpg"]
    (tmp_path / "b.json").write_text('[{"data": {"image"')
    with pytest.raises(UsageError, match="the file is cut"):
        formats.read(tmp_path, "label_studio", file="b.json")


def test_empty_set_is_an_empty_list(tmp_path: Path) -> None:
    formats.write(DataSet([], []), tmp_path, "label_studio")
    assert json.loads((tmp_path / "tasks.json").read_text()) == []
    assert list(formats.read(tmp_path, "label_studio", file="tasks.json")[0].samples) == []


READ_LOSSES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("bad-mask", [make_result("brushlabels", {"rle": [1, 2], "format": "rle"})], {}),
    ("bad-number", [make_result(value=RECTANGLE | {"x": float("nan")})], {}),
    ("bad-number", [make_result(value=RECTANGLE | {"x": float("inf")})], {}),
    ("bad-number", [make_result(value=RECTANGLE | {"x": "10"})], {}),
    ("bad-number", [make_result(value=RECTANGLE | {"rotation": "x"})], {}),
    ("bad-number", [make_result("polygonlabels", {"points": [[1], [2], [3]]})], {}),
    ("bad-number", [{"type": "relation"}], {}),
    ("bad-number", [make_result(value={"x": 1})], {}),
    ("no-area", [make_result(value=RECTANGLE | {"width": 0})], {}),
    ("no-area", [make_result(value=RECTANGLE | {"width": -5})], {}),
    ("no-area", [make_result("polygonlabels", {"points": [[1, 1], [2, 2]]})], {}),
    ("outside", [make_result(value=RECTANGLE | {"x": 120})], {}),
    ("no-place", [make_result("ellipselabels")], {}),
    ("no-size", [make_result(original_width=None)], {}),
    ("duplicate-id", [make_result(), make_result()], {}),
    ("group", [make_result(parentID="missing")], {}),
    ("more-labels", [make_result(value=RECTANGLE | {"rectanglelabels": ["a", "b"]})], {}),
    ("editor-rotation", [make_result(image_rotation=90)], {}),
    (
        "other-picture",
        [make_result(id="2", to_name="right")],
        {"data": {"left": "a.jpg", "right": "b.jpg"}},
    ),
    ("prediction", [], {"predictions": [{"result": []}]}),
    ("other-annotator", [], {"annotations": [{"result": []}, {"result": []}]}),
    ("other-annotator", [], {"annotations": [{"result": [], "was_cancelled": True}]}),
    ("no-picture", [], {"data": {"text": "a"}}),
    ("no-picture", [], {"data": None}),
]
BOX = Box(1, 2, 3, 4, label="car", id="b")
WRITE_LOSSES: list[tuple[str, list[Annotation]]] = [
    ("attributes", [Box(1, 2, 3, 4, label="car", attributes={"a": object()})]),
    ("bad-mask", [Mask(((0, 30_000),), label="car")]),
    ("no-area", [Mask((), label="car")]),
    ("no-area", [Box(1, 2, 0, 4)]),
    ("no-area", [Polygon([(0, 0), (1, 1)])]),
    ("no-place", [Polyline([(0, 0), (1, 1)])]),
    ("group", [BOX, Group(["b", "missing"])]),
    ("visibility", [Keypoint(1, 2, label="nose", visibility="occluded")]),
]
OTHERS = {*FRAME_LOSSES, "class-details", "info", "renamed"}


@pytest.mark.parametrize(("code", "results", "task"), READ_LOSSES)
def test_reading_reports(tmp_path: Path, code: str, results: Any, task: Any) -> None:
    _, report = read_one(tmp_path, *results, **task)
    assert report.skipped + report.lossy == {code: 1}
    with pytest.raises(DataLost, match=re.escape(f"({code})")):
        list(formats.read(tmp_path, "label_studio", strict=True)[0].samples)


@pytest.mark.parametrize(("code", "annotations"), WRITE_LOSSES)
def test_writing_reports(tmp_path: Path, code: str, annotations: list[Annotation]) -> None:
    _, report = write_one(tmp_path, annotations)
    assert report.skipped + report.lossy == {code: 1}
    with pytest.raises(DataLost, match=re.escape(f"({code})")):
        write_one(tmp_path, annotations, strict=True)


def test_frame_is_that_of_all_formats(tmp_path: Path) -> None:
    check_frame(tmp_path, "label_studio")


def test_each_loss_has_a_test() -> None:
    tested = {code for code, *_ in [*READ_LOSSES, *WRITE_LOSSES]} | OTHERS
    assert tested == set(label_studio.LOSSES)


def test_losses_of_the_set(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(b"12")
    samples = [
        Sample("a.jpg", [BOX], size=(4, 5), image=source, split=split) for split in ("train", "val")
    ]
    classes = [DataSetClass("car", supercategory="vehicle")]
    data = DataSet(classes, samples, {"licenses": []})
    report = formats.write(data, tmp_path / "out", "label_studio")
    assert report.lossy == {"class-details": 1, "info": 1, "renamed": 1}
    again, report = formats.read(tmp_path / "out")
    found = list(again.samples)
    assert [each.name for each in found] == ["a.jpg", "val/a.jpg"]
    assert [each.split for each in found] == ["train", "val"]
    assert all(each.image is not None for each in found)

    rows = [{"id": n, "data": {"image": "a.jpg"}, "annotations": []} for n in (1, 2)]
    (tmp_path / "tasks.json").write_text(json.dumps(rows))
    again, report = formats.read(tmp_path)
    assert [each.name for each in again.samples] == ["a.jpg", "a~2.jpg"]
    assert report.lossy == {"renamed": 1}


@pytest.mark.parametrize(
    ("annotations", "is_labelled"),
    [([], False), ([{"result": []}], True), ([{"result": [], "was_cancelled": True}], False)],
)
def test_tasks_that_nobody_annotated(
    tmp_path: Path, annotations: list[Any], is_labelled: bool
) -> None:
    samples, _ = read_one(tmp_path, annotations=annotations)
    assert [sample.is_labelled for sample in samples] == [is_labelled]


@pytest.mark.parametrize(
    ("config", "image_key", "expected"),
    [
        (True, None, ["left car"]),
        (True, "left", ["left car"]),
        (True, "right", ["right car"]),
        (False, None, []),  # nothing says which picture is which
    ],
)
def test_regions_of_other_pictures_are_reported(
    tmp_path: Path, config: bool, image_key: str | None, expected: list[str]
) -> None:
    regions = [
        make_result(value=RECTANGLE | {"rectanglelabels": [f"{side} car"]}, id=side, to_name=name)
        for side, name in (("right", "imgR"), ("left", "imgL"))
    ]
    relation = {"type": "relation", "from_id": "left", "to_id": "right"}
    row = {
        "data": {"left": "a.jpg", "right": "b.jpg"},
        "annotations": [{"result": [*regions, relation]}],
    }
    (tmp_path / "export.json").write_text(json.dumps([row]))
    if config:
        tags = '<Image name="imgL" value="$left"/><Image name="imgR" value="$right"/>'
        (tmp_path / "label_config.xml").write_text(f"<View>{tags}</View>")
    data, report = formats.read(tmp_path, "label_studio", image_key=image_key)
    (sample,) = data.samples
    assert [each.label for each in sample.annotations] == expected
    assert report.skipped == {"other-picture": 1}


def test_one_tag_is_of_the_picture_that_is_read(tmp_path: Path) -> None:
    data = {"image": "a.jpg", "thumbnail": "b.jpg"}
    samples, report = read_one(tmp_path, make_result(to_name="img"), data=data)
    assert (len(samples[0].annotations), report.skipped) == (1, {})
