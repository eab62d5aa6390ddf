"""COCO: files of instances, keypoints, captions and panoptic sets; each loss."""

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
from synapse.annotations import Annotation, Box, Group, Keypoint, Label, Mask, Polygon, Polyline
from synapse.errors import DataLost, MissingExtra, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample, coco

from .frame_cases import check_frame

CATEGORIES: list[dict[str, Any]] = [
    {
        "id": 7,
        "name": "person",
        "supercategory": "animal",
        "keypoints": ["nose", "eye", "ear"],
        "skeleton": [[1, 2], [2, 3]],
    },
    {"id": 1, "name": "car", "supercategory": "vehicle"},
    {"id": 90, "name": "unused"},
]
# Counts down the columns of a mask of 3 x 3 pixels with a hole in the middle.
RING = {"size": [30, 40], "counts": [0, 3, 27, 1, 1, 1, 27, 3, 1137]}


def make_row(number: int, image: Any, **others: Any) -> dict[str, Any]:
    row = {"id": number, "image_id": image, "category_id": 1, "bbox": [1.5, 2, 3, 4.125]}
    return row | others


HARD: dict[str, Any] = {
    "info": {"year": 2026},
    "licenses": [{"id": 1, "name": "CC0"}],
    "images": [
        {"id": 12, "file_name": "a.jpg", "width": 40, "height": 30},
        {"id": 3, "file_name": "sub dir/a.jpg", "width": 40, "height": 30},
        {"id": 5, "file_name": "empty.png", "width": 8, "height": 9},
    ],
    "categories": CATEGORIES,
    "annotations": [
        make_row(1, 12, attributes={"occluded": True, "note": "ü"}),
        make_row(2, 3, segmentation=[[0, 0, 10, 0, 10, 10], [20, 0, 30, 0, 30, 20]], bbox=None),
        make_row(3, 12, segmentation=RING, iscrowd=1, bbox=[0, 0, 3, 3]),
        make_row(4, 12, category_id=7, keypoints=[5, 6, 2, 7, 8, 1, 0, 0, 0], num_keypoints=2),
        make_row(5, 3, attributes={"rotation": 30.0}, bbox=[10, 10, 8, 4]),
    ],
}


def write_json(folder: Path, document: Any, name: str = "annotations/instances_train.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def load_json(folder: Path, split: str = "default") -> Any:
    return json.loads((folder / "annotations" / f"instances_{split}.json").read_text("utf-8"))


def read_one(folder: Path, **document: Any) -> tuple[list[Sample], FormatReport]:
    """Return the samples of a file with one picture, and the report."""
    image = {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}
    write_json(folder, {"images": [image], "categories": CATEGORIES, "annotations": []} | document)
    data, report = formats.read(folder, "coco")
    return list(data.samples), report


def write_one(
    folder: Path, annotations: list[Annotation], classes: Any = (), **options: Any
) -> tuple[Any, FormatReport]:
    sample = Sample("a.jpg", annotations, size=(40, 30))
    options = {"images": "none"} | options
    report = formats.write(DataSet(classes, [sample]), folder, "coco", **options)
    return load_json(folder), report


def test_hard_file_becomes_annotations(tmp_path: Path) -> None:
    write_json(tmp_path, HARD)
    data, report = formats.read(tmp_path)
    assert list(data.classes) == [
        DataSetClass("person", "animal", ["nose", "eye", "ear"], [(0, 1), (1, 2)]),
        DataSetClass("car", "vehicle"),
        DataSetClass("unused"),
    ]
    first, second, empty = data.samples
    assert [each.id for each in (first, second, empty)] == [12, 3, 5]
    assert [each.name for each in (first, second, empty)] == ["a.jpg", "sub dir/a.jpg", "empty.png"]
    assert (empty.annotations, empty.size, empty.split) == ((), (8, 9), "train")
    ring = ((0, 3), (40, 1), (42, 1), (80, 3))
    assert first.annotations == (
        Box(1.5, 2, 3, 4.125, label="car", attributes={"occluded": True, "note": "ü"}, id="1"),
        Mask(ring, label="car", attributes={"iscrowd": True}, id="3"),
        Box(1.5, 2, 3, 4.125, label="person", id="4"),
        Keypoint(5, 6, visibility="visible", label="nose", id="4k1"),
        Keypoint(7, 8, visibility="occluded", label="eye", id="4k2"),
        Keypoint(0, 0, visibility="missing", label="ear", id="4k3"),
        Group(["4", "4k1", "4k2", "4k3"], label="person", id="4g"),
    )
    assert second.annotations == (
        Polygon([(0, 0), (10, 0), (10, 10)], label="car", id="2"),
        Polygon([(20, 0), (30, 0), (30, 20)], label="car", id="2p2"),
        Group(["2", "2p2"], label="car", id="2g"),
        Box(10, 10, 8, 4, rotation=math.radians(30), label="car", id="5"),
    )
    assert (report.samples, report.annotations, not report.skipped) == (3, 9, True)
    assert not report.lossy
    assert list(data.samples) == [first, second, empty]
    assert report.samples == 3


def test_hard_file_survives_the_round_trip(tmp_path: Path) -> None:
    write_json(tmp_path / "in", HARD)
    data, _ = formats.read(tmp_path / "in", "coco")
    report = formats.write(data, tmp_path / "out", "coco", images="none", strict=True)
    again, _ = formats.read(tmp_path / "out", strict=True)
    assert (again.classes, again.info) == (data.classes, data.info)
    before, after = list(data.samples), list(again.samples)
    assert [each.name for each in after] == [each.name for each in before]
    for old, new in zip(before, after, strict=True):
        assert len(old.annotations) == len(new.annotations)
        assert [simplify(each) for each in old.annotations] == [
            simplify(each) for each in new.annotations
        ]
    assert (report.samples, report.annotations) == (3, 9)

    written = load_json(tmp_path / "out", "train")
    assert written["categories"] == CATEGORIES
    assert written["images"][0] == {
        "id": 1, "file_name": "a.jpg", "width": 40, "height": 30, "source_id": 12
    }  # fmt: skip
    assert [each["area"] for each in written["annotations"]] == [12.375, 8, 12.375, 150, 32]
    crowd = written["annotations"][1]
    # The text that pycocotools writes for the same pixels.
    assert crowd["segmentation"] == {"size": [30, 40], "counts": "03k0NVO0j02fR1"}
    assert (crowd["iscrowd"], crowd["bbox"]) == (1, [0, 0, 3, 3])
    assert written["annotations"][2]["keypoints"] == [5, 6, 2, 7, 8, 1, 0, 0, 0]
    assert written["annotations"][2]["num_keypoints"] == 2
    assert written["annotations"][4]["attributes"] == {"rotation": 30.0}


def simplify(each: Annotation) -> Any:
    """Return an annotation's values without ids, angles rounded."""
    values = {name: getattr(each, name, None) for name in ("points", "runs", "visibility")}
    bounds = None if each.bounds is None else [round(value, 6) for value in each.bounds]
    return type(each), each.label, each.attributes, values, bounds


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    write_json(tmp_path, HARD)
    texts = []
    for name in ("one", "two", "two"):
        data, _ = formats.read(tmp_path, "coco", file="annotations/instances_train.json")
        formats.write(data, tmp_path / name, "coco", images="none")
        texts.append((tmp_path / name / "annotations" / "instances_train.json").read_bytes())
    assert texts[0] == texts[1] == texts[2]
    assert not list(tmp_path.rglob("*.part"))


NUMBERS = st.floats(0, 400, allow_nan=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.01, 99), st.floats(0.01, 99)), max_size=4))
def test_boxes_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, boxes: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "boxes"
    samples = [Sample("a.jpg", [Box(*box, label="car") for box in boxes], size=(500, 500))]
    formats.write(DataSet([], samples), folder, "coco", images="none")
    data, _ = formats.read(folder, "coco", strict=True)
    (sample,) = data.samples
    assert [each.xywh for each in sample.annotations if isinstance(each, Box)] == boxes


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1))
def test_masks_come_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, pixels: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "masks"
    runs = [(y * 7 + x, 1) for x, y in sorted(pixels)]
    samples = [Sample("a.jpg", [Mask(runs, label="car")], size=(7, 5))]
    formats.write(DataSet([], samples), folder, "coco", images="none")
    data, _ = formats.read(folder, "coco", strict=True)
    (sample,) = data.samples
    (mask,) = sample.annotations
    assert isinstance(mask, Mask)
    assert mask.runs == Mask(runs).runs


@pytest.mark.parametrize(
    ("name", "picture", "split"),
    [
        ("annotations/instances_train2017.json", "train2017/a.jpg", "train"),
        ("annotations/instances_default.json", "images/default/a.jpg", None),
        ("annotations/instances_val.json", "images/val/a.jpg", "val"),
        ("annotations/person_keypoints_val2017.json", "images/a.jpg", "val"),
        ("valid/_annotations.coco.json", "valid/a.jpg", "val"),
        ("_annotations.coco.json", "a.jpg", None),
        ("result.json", "images/a.jpg", None),
        ("labels.json", "data/a.jpg", None),
        ("annotations/instances_night.json", "images/night/a.jpg", "night"),
        ("test.json", "images/test/a.jpg", "test"),
    ],
)
def test_usual_places(tmp_path: Path, name: str, picture: str, split: str | None) -> None:
    write_json(tmp_path, HARD, name)
    path = tmp_path / picture
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    assert formats.recognize(tmp_path) == {
        "coco": f"{name} has lists of images, annotations and categories"
    }
    data, _ = formats.read(tmp_path, check_sizes=False)
    sample = next(iter(data.samples))
    assert (sample.image, sample.split) == (path, split)


@pytest.mark.parametrize(
    "text", ["[]", '{"annotations": {"image_1": []}}', '{"shapes": [], "imagePath": "a"}', "{", ""]
)
def test_other_json_is_not_recognised(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert coco.recognize(tmp_path) is None
    with pytest.raises(UsageError, match="has no COCO file"):
        formats.read(tmp_path, "coco")


def test_files_of_the_same_pictures_need_a_choice(tmp_path: Path) -> None:
    for kind in ("instances", "person_keypoints"):
        write_json(tmp_path, HARD, f"annotations/{kind}_train.json")
    with pytest.raises(UsageError, match=r"file='annotations/instances_train\.json'"):
        formats.read(tmp_path)
    data, _ = formats.read(tmp_path, file="annotations/person_keypoints_train.json")
    assert len(list(data.samples)) == 3
    with pytest.raises(UsageError, match="is not a file"):
        formats.read(tmp_path, file="missing.json")
    with pytest.raises(UsageError, match="is not a folder"):
        formats.read(tmp_path, images="missing", file="annotations/instances_train.json")


def test_broken_files_are_refused_before_the_first_sample(tmp_path: Path) -> None:
    path = write_json(tmp_path, HARD)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UsageError, match="the file is cut"):
        formats.read(tmp_path, "coco", file=path)
    path.write_text('{"info": []}')
    with pytest.raises(UsageError, match="neither 'images' nor 'annotations'"):
        formats.read(tmp_path, "coco", file=path)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 0.8, 0.999])
def test_cut_file_is_told(tmp_path: Path, share: float) -> None:
    path = write_json(tmp_path, HARD)
    text = path.read_text()
    path.write_text(text[: max(int(len(text) * share), len('{"info":'))])
    assert formats.choose_format(tmp_path)[0] == "coco"
    with pytest.raises(UsageError, match=r"instances_train\.json.*the file is cut"):
        formats.read(tmp_path)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
@pytest.mark.parametrize("value", [{"1": {"id": 1}}, None, "a", 7, {}])
def test_lists_that_are_none_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    write_json(tmp_path, HARD | {key: value})
    with pytest.raises(UsageError, match=rf"instances_train\.json: '{key}' is not a list"):
        formats.read(tmp_path)


def test_file_without_annotations_says_nothing(tmp_path: Path) -> None:
    samples, _ = read_one(tmp_path)
    assert [sample.is_labelled for sample in samples] == [True]
    document = {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": CATEGORIES}
    write_json(tmp_path, document)
    assert [sample.is_labelled for sample in formats.read(tmp_path)[0].samples] == [False]


def test_pascal_voc_is_written_strictly(tmp_path: Path) -> None:
    image = [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}]
    categories = [{"id": 7, "name": "car"}, {"id": 90, "name": "bus"}]
    rows = [make_row(1, 1, category_id=7, bbox=[2, 2, 4, 4])]
    write_json(tmp_path / "in", {"images": image, "categories": categories, "annotations": rows})
    data, _ = formats.read(tmp_path / "in", strict=True, check_sizes=False)
    report = formats.write(data, tmp_path / "out", "voc", strict=True, images="none")
    assert (report.samples, report.annotations) == (1, 1)


def test_annotations_before_pictures_and_out_of_order(tmp_path: Path) -> None:
    document = dict(reversed(HARD.items())) | {
        "annotations": [make_row(n, [12, "3", 8.0][n % 3]) for n in range(350)]
    }
    write_json(tmp_path, document)
    data, report = formats.read(tmp_path)
    ids = [[int(each.id) for each in sample.annotations] for sample in data.samples]
    assert ids == [list(range(rest, 350, 3)) for rest in range(2)] + [[]]
    assert report.skipped == {"no-image": 116}


def test_captions_and_labels_are_of_the_whole_picture(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "image_id": 1, "caption": "A car."},
        {"id": 2, "image_id": 1, "category_id": 1, "score": 0.5},
    ]
    (sample,), _ = read_one(tmp_path, annotations=rows)
    assert sample.annotations == (
        Label(attributes={"caption": "A car."}, id="1"),
        Label(label="car", attributes={"score": 0.5}, id="2"),
    )


def test_box_that_is_not_the_outline_is_kept(tmp_path: Path) -> None:
    outline = [[0, 0, 10, 0, 10, 10, 0, 10]]
    rows = [
        make_row(1, 1, segmentation=outline, bbox=[0, 0, 10.4, 10]),
        make_row(2, 1, segmentation=outline, bbox=[0, 0, 12, 10]),
        make_row(3, 1, segmentation=outline[0], bbox=[0, 0, 10, 10]),
    ]
    (sample,), _ = read_one(tmp_path, annotations=rows)
    kinds = [type(each).__name__ for each in sample.annotations]
    assert kinds == ["Polygon", "Box", "Polygon", "Group", "Polygon"]


def test_clip_moves_boxes_and_outlines_to_the_edge(tmp_path: Path) -> None:
    rows = [
        make_row(1, 1, bbox=[-5, 20, 20, 20]),
        make_row(2, 1, bbox=[-5, 0, 10, 10], segmentation=[[-5, 0, 5, 0, 5, 10, -5, 10]]),
    ]
    read_one(tmp_path, annotations=rows)
    data, report = formats.read(tmp_path, clip=True)
    (sample,) = data.samples
    box, polygon = sample.annotations
    assert box.bounds == (0, 20, 15, 10)
    assert isinstance(polygon, Polygon)
    assert polygon.points == ((0, 0), (5, 0), (5, 10), (0, 10))
    assert report.lossy == {"clipped": 2}


def test_turned_boxes_as_attribute_or_outline(tmp_path: Path) -> None:
    box = Box(10, 10, 8, 4, rotation=math.pi / 2, label="car")
    written, _ = write_one(tmp_path, [box])
    (row,) = written["annotations"]
    assert (row["bbox"], row["attributes"], row["segmentation"]) == (
        [10, 10, 8, 4],
        {"rotation": 90.0},
        [],
    )
    written, _ = write_one(tmp_path, [box], rotation="polygon")
    (row,) = written["annotations"]
    assert row["bbox"] == pytest.approx([12, 8, 4, 8])
    assert row["segmentation"] == [pytest.approx([16, 8, 16, 16, 12, 16, 12, 8])]
    with pytest.raises(UsageError, match="rotation='degrees'"):
        write_one(tmp_path, [box], rotation="degrees")


def test_joints_are_learnt_and_earlier_rows_completed(tmp_path: Path) -> None:
    def make_skeleton(*names: str) -> list[Annotation]:
        joints = [
            Keypoint(5, at + 1, visibility="visible", label=name) for at, name in enumerate(names)
        ]
        return [*joints, Group([each.id for each in joints], label="person")]

    annotations = [*make_skeleton("nose"), *make_skeleton("eye", "nose")]
    written, report = write_one(tmp_path, annotations)
    assert written["categories"] == [
        {"id": 1, "name": "person", "keypoints": ["nose", "eye"], "skeleton": []}
    ]
    first, second = written["annotations"]
    assert first["keypoints"] == [5, 1, 2, 0, 0, 0]
    assert second["keypoints"] == [5, 2, 2, 5, 1, 2]
    assert (first["bbox"], second["bbox"]) == ([5, 1, 0, 0], [5, 1, 0, 1])
    assert not report.lossy


def test_class_of_a_skeleton_is_found_by_its_joints(tmp_path: Path) -> None:
    joint = Keypoint(5, 6, visibility="visible", label="nose")
    classes = [DataSetClass("car"), DataSetClass("person", keypoints=["eye", "nose"])]
    written, _ = write_one(tmp_path, [joint, Group([joint.id])], classes)
    (row,) = written["annotations"]
    assert (row["category_id"], row["keypoints"]) == (2, [0, 0, 0, 5, 6, 2])


def test_ids_of_categories(tmp_path: Path) -> None:
    boxes = [Box(1, 2, 3, 4, label=name) for name in ("new", "car", "bus")]
    classes = [DataSetClass("car"), DataSetClass("bus")]
    written, _ = write_one(tmp_path, [*boxes], classes, category_ids={"bus": 1})
    ids = {each["name"]: each["id"] for each in written["categories"]}
    assert ids == {"car": 2, "bus": 1, "new": 3}
    assert [each["category_id"] for each in written["annotations"]] == [3, 2, 1]
    for wrong in ({"car": 1, "bus": 1}, {"car": "1"}, ["car"]):
        with pytest.raises(UsageError, match="category_ids="):
            write_one(tmp_path, [*boxes], classes, category_ids=wrong)


def test_splits_and_pictures(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"12")
    samples = [
        Sample("a.jpg", size=(4, 3), image=source, split="train"),
        Sample("a.jpg", size=(4, 3), image=source, split="val"),
    ]
    for _ in range(2):
        formats.write(DataSet([], samples), tmp_path / "out", "coco", images="link")
    found = sorted(
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    )
    assert found == [
        "annotations/instances_train.json",
        "annotations/instances_val.json",
        "images/train/a.jpg",
        "images/val/a.jpg",
    ]
    data, report = formats.read(tmp_path / "out", strict=True, check_sizes=False)
    assert [each.split for each in data.samples] == ["train", "val"]
    assert report.samples == 2
    assert load_json(tmp_path / "out", "val")["images"][0]["id"] == 1


def test_empty_set_is_a_file(tmp_path: Path) -> None:
    formats.write(DataSet([DataSetClass("car")], []), tmp_path, "coco")
    assert load_json(tmp_path) == {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "car"}],
    }
    data, _ = formats.read(tmp_path)
    assert list(data.samples) == []


def test_panoptic_masks(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    png = image.new("RGB", (40, 30))
    png.putpixel((1, 0), (1, 2, 3))
    png.putpixel((2, 0), (1, 2, 3))
    png.putpixel((0, 1), (9, 0, 0))
    folder = tmp_path / "annotations" / "panoptic_val"
    folder.mkdir(parents=True)
    png.save(folder / "a.png")
    number = 1 + 2 * 256 + 3 * 65536
    segments = [
        {"id": number, "category_id": 1, "iscrowd": 1},
        {"id": 9, "category_id": 7, "iscrowd": 0},
        {"id": 10, "category_id": 7},
        {"id": 9, "category_id": 5},
        None,
    ]
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "categories": CATEGORIES,
        "annotations": [
            {"image_id": 1, "file_name": "a.png", "segments_info": segments},
            {"image_id": 1, "file_name": "b.png", "segments_info": segments},
        ],
    }
    write_json(tmp_path, document, "annotations/panoptic_val.json")
    data, report = formats.read(tmp_path)
    (sample,) = data.samples
    assert sample.annotations == (
        Mask(((1, 2),), label="car", attributes={"iscrowd": True}, id=str(number)),
        Mask(((40, 1),), label="person", id="9"),
    )
    assert report.skipped == {"no-area": 1, "unknown-class": 2, "no-mask-file": 1}


def test_panoptic_masks_need_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"image_id": 1, "file_name": "a.png", "segments_info": []}]
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.png").write_bytes(b"")
    with pytest.raises(MissingExtra, match="panoptic"):
        read_one(tmp_path, annotations=rows)


NAN = float("nan")
JOINTS = [5, 6, 2, 7, 8, 1, 1, 1, 1]
READ_LOSSES: list[tuple[str, dict[str, Any]]] = [
    ("bad-number", {"annotations": [make_row(1, 1, bbox=[NAN, 0, 1, 1])]}),
    ("bad-number", {"annotations": [make_row(1, 1, bbox=[0, 1, 1])]}),
    ("bad-number", {"annotations": [make_row(1, 1, bbox=["0", 0, 1, 1])]}),
    ("bad-number", {"annotations": [make_row(1, 1, attributes={"rotation": 10**400})]}),
    ("bad-joints", {"annotations": [make_row(1, 1, category_id=7, keypoints=[1, 2])]}),
    ("bad-joints", {"annotations": [make_row(1, 1, category_id=7, keypoints=[NAN, *JOINTS[1:]])]}),
    ("bad-joints", {"annotations": [make_row(1, 1, category_id=7, keypoints={"a": 1})]}),
    ("visibility", {"annotations": [make_row(1, 1, category_id=7, keypoints=[1, 2, 3])]}),
    ("bad-mask", {"annotations": [make_row(1, 1, segmentation=RING | {"size": [40, 30]})]}),
    ("bad-mask", {"annotations": [make_row(1, 1, segmentation=RING | {"counts": "03k0"})]}),
    ("bad-mask", {"annotations": [make_row(1, 1, segmentation={"size": [30, 40]})]}),
    ("bad-polygon", {"annotations": [make_row(1, 1, segmentation=[[0, 0, 1, 1]])]}),
    ("bad-polygon", {"annotations": [make_row(1, 1, segmentation=[[0, 0, 1, 1, 2]])]}),
    ("bad-polygon", {"annotations": [make_row(1, 1, segmentation=[[0, NAN, 1, 1, 2, 2]])]}),
    ("bad-polygon", {"annotations": [make_row(1, 1, segmentation=[{"a": 1}])]}),
    ("no-area", {"annotations": [make_row(1, 1, bbox=[0, 0, 0, 5])]}),
    ("no-area", {"annotations": [make_row(1, 1, bbox=[0, 0, -3, 5])]}),
    ("no-area", {"annotations": [make_row(1, 1, segmentation=RING | {"counts": [1200]})]}),
    ("no-area", {"annotations": [make_row(1, 1, bbox=[], segmentation=[[1]])]}),
    ("outside", {"annotations": [make_row(1, 1, bbox=[-9, 0, 2, 5])]}),
    ("outside", {"annotations": [make_row(1, 1, bbox=[-9, 0, 2, 5], attributes={"rotation": 1})]}),
    ("unknown-class", {"annotations": [make_row(1, 1, category_id=2)]}),
    ("unknown-class", {"annotations": [make_row(1, 1, category_id=[2])]}),
    ("no-image", {"annotations": [make_row(1, 2)]}),
    ("no-image", {"annotations": [make_row(1, None), 3]}),
    ("duplicate-id", {"annotations": [make_row(1, 1), make_row(1, 1)]}),
    ("duplicate-image-id", {"images": [{"id": 1, "file_name": f"{n}.jpg"} for n in range(2)]}),
    ("duplicate-name", {"images": [{"id": n, "file_name": "a.jpg"} for n in range(2)]}),
    ("no-name", {"images": [{"id": 1}, {"file_name": "a.jpg"}, {"id": 1, "file_name": ".."}, 3]}),
    ("no-name", {"images": [{"id": 1, "file_name": "\ud800.jpg"}]}),
    ("path-outside", {"images": [{"id": 1, "file_name": "/etc/passwd"}]}),
    ("path-outside", {"images": [{"id": 1, "file_name": "..\\..\\a.jpg"}]}),
    ("extra-keys", {"images": [{"id": 1, "file_name": "a.jpg", "license": 3}]}),
    ("duplicate-category", {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}),
    ("duplicate-category", {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}),
    ("no-class", {"categories": [{"name": "a"}]}),
]
MASK = Mask(((0, 3),), label="car")
BOX = Box(1, 2, 3, 4, label="car", id="b")
NOSE = Keypoint(5, 6, label="nose", visibility="visible", id="n")
WRITE_LOSSES: list[tuple[str, list[Annotation]]] = [
    ("attributes", [Box(1, 2, 3, 4, label="car", attributes={"a": object()})]),
    ("attributes", [Box(1, 2, 3, 4, label="car", attributes={"rotation": 3})]),
    (
        "attributes",
        [
            Box(1, 2, 3, 4, label="car", id="b", attributes={"a": 1}),
            Polygon([(0, 0), (5, 0), (5, 5)], label="car", id="p", attributes={"a": 2}),
            Group(["b", "p"]),
        ],
    ),
    ("bad-joints", [BOX, NOSE, Keypoint(1, 1, label="nose", id="o"), Group(["b", "n", "o"])]),
    ("visibility", [BOX, Keypoint(1, 1, label="nose", id="n"), Group(["b", "n"])]),
    (
        "joint-attributes",
        [
            BOX,
            Keypoint(1, 1, label="nose", id="n", visibility="visible", attributes={"a": 1}),
            Group(["b", "n"]),
        ],
    ),
    ("bad-mask", [Mask(((0, 3000),), label="car")]),
    ("no-area", [Mask((), label="car")]),
    ("no-area", [Box(1, 1, 0, 3, label="car")]),
    ("no-area", [Polygon([(0, 0), (5, 0)], label="car")]),
    ("bad-polygon", [BOX, Polygon([(0, 0), (5, 0)], label="car", id="p"), Group(["b", "p"])]),
    (
        "two-outlines",
        [
            Mask(((0, 3),), label="car", id="m"),
            Polygon([(0, 0), (5, 0), (5, 5)], label="car", id="p"),
            Group(["m", "p"]),
        ],
    ),
    ("no-class", [Box(1, 1, 3, 3)]),
    ("no-class", [NOSE, Group(["n"])]),
    ("group", [BOX, Box(1, 1, 3, 3, label="bus", id="c"), Group(["b", "c"])]),
    ("no-place", [Label(label="car")]),
    ("no-place", [Polyline([(0, 0), (5, 0)], label="car")]),
    ("no-place", [NOSE]),
]
OTHERS = {
    "no-mask-file",
    "clipped",
    "no-picture",
    "no-size",
    "not-listed",
    "size-differs",
    "turned",
}


@pytest.mark.parametrize(("code", "document"), READ_LOSSES)
def test_reading_reports(tmp_path: Path, code: str, document: dict[str, Any]) -> None:
    _, report = read_one(tmp_path, **document)
    assert code in report.skipped + report.lossy
    with pytest.raises(DataLost, match=re.escape(f"({code})")):
        list(formats.read(tmp_path, "coco", strict=True)[0].samples)


@pytest.mark.parametrize(("code", "annotations"), WRITE_LOSSES)
def test_writing_reports(tmp_path: Path, code: str, annotations: list[Annotation]) -> None:
    written, report = write_one(tmp_path, annotations)
    assert report.skipped + report.lossy == {code: 1}
    assert len(written["images"]) == 1
    with pytest.raises(DataLost, match=re.escape(f"({code})")):
        write_one(tmp_path, annotations, strict=True)


def test_frame_is_that_of_all_formats(tmp_path: Path) -> None:
    check_frame(tmp_path, "coco")


def test_each_loss_has_a_test() -> None:
    tested = {code for code, _ in [*READ_LOSSES, *WRITE_LOSSES]} | OTHERS
    assert tested == set(coco.LOSSES)


def test_pictures_and_rows_that_lack_each_other(tmp_path: Path) -> None:
    write_json(tmp_path, HARD)
    for name in ("a.jpg", "other.jpg", ".hidden.jpg", "notes.txt"):
        path = tmp_path / "train" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    data, report = formats.read(tmp_path, check_sizes=False)
    for _ in range(2):
        assert [each.image is None for each in data.samples] == [False, True, True]
    assert report.skipped == {"not-listed": 1}
    assert report.details[0].sample == "other.jpg"

    report = formats.write(data, tmp_path / "out", "coco")
    assert report.skipped == {"no-picture": 2}
    samples = [Sample("a.jpg", [MASK])]
    report = formats.write(DataSet([], samples), tmp_path / "out", "coco", images="none")
    assert report.lossy == {"no-size": 1}
    assert report.skipped == {"no-size": 1}


def test_sizes_are_compared_with_the_pictures(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    sizes = {
        "same": (40, 30),
        "other": (20, 30),
        "none": None,
        "text": (40, 30),
        "turned": (30, 40),
    }
    rows = []
    picture = image.new("RGB", (40, 30))
    exif = picture.getexif()
    exif[0x0112] = 6
    for number, (name, size) in enumerate(sizes.items()):
        row: dict[str, Any] = {"id": number, "file_name": f"{name}.jpg"}
        rows.append(row | ({"width": size[0], "height": size[1]} if size else {}))
        picture.save(tmp_path / f"{name}.jpg", exif=exif if name == "turned" else b"")
    (tmp_path / "text.jpg").write_text("no picture")
    write_json(tmp_path, {"images": rows, "annotations": [], "categories": []}, "a.json")
    data, report = formats.read(tmp_path)
    assert [each.size for each in data.samples] == [
        (40, 30),
        (40, 30),
        (40, 30),
        (40, 30),
        (40, 30),
    ]
    assert report.lossy == {"size-differs": 2, "turned": 1}
    assert report.details[0].sample == "other.jpg"

    lazy = formats.read(tmp_path, check_sizes=False)[0]
    assert [each.size for each in lazy.samples][2] is None
    bare = [Sample("none.jpg", image=tmp_path / "none.jpg")]
    formats.write(DataSet([], bare), tmp_path / "out", "coco")
    assert load_json(tmp_path / "out")["images"][0]["width"] == 40


def test_names_stay_unique(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": name} for n, name in enumerate(["a.jpg", "a~2.jpg", "a.jpg"])]
    samples, _ = read_one(tmp_path, images=images)
    assert [each.name for each in samples] == ["a.jpg", "a~2.jpg", "a~2_.jpg"]
