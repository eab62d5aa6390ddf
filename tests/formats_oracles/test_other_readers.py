"""Other libraries read the formats' folders, and the formats read theirs.

Where a library is wrong, the test that works around says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import datumaro
import numpy as np
import pytest
import supervision as sv
from hard_set import make_hard_set
from PIL import Image

from synapse import formats
from synapse.annotations import Annotation, Box, Keypoint, Label, Mask, Polygon, masks
from synapse.formats import DataSet, Sample
from synapse.formats.objects import ImageObject, find_objects
from synapse.formats.parts import find_bounds

Boxes = dict[str, list[tuple[Any, ...]]]
Pixels = dict[str, list[tuple[str, bytes]]]


@pytest.fixture
def hard(tmp_path: Path) -> DataSet:
    make_hard_set(tmp_path / "hard")
    data, _ = formats.read(tmp_path / "hard", "coco")
    return attrs.evolve(data, samples=list(data.samples), info={})


def flatten(data: DataSet) -> DataSet:
    """Return the set without subfolders, in the split `train`."""
    samples = [
        attrs.evolve(each, name=each.name.replace("/", " "), split="train") for each in data.samples
    ]
    return attrs.evolve(data, samples=samples)


def iterate_objects(sample: Sample) -> list[ImageObject]:
    found = [each for each in find_objects(sample.annotations) if isinstance(each, ImageObject)]
    return [each for each in found if each.box or each.polygons or each.mask]


def expect_boxes(data: DataSet, *, with_crowds: bool = True, shown: bool = False) -> Boxes:
    """Return class and upright box (left, top, right, bottom) of each object, by picture."""
    return {
        sample.name: sorted(
            (each.label, *_get_edges(each, shown and sample.name == "turned.jpg"))
            for each in iterate_objects(sample)
            if with_crowds or not (each.mask and each.mask.attributes.get("iscrowd"))
        )
        for sample in data.samples
    }


def _get_edges(found: ImageObject, is_turned: bool) -> tuple[float, float, float, float]:
    x, y, width, height = find_bounds(found)
    if is_turned:  # EXIF turns the picture of 60 x 30 pixels clockwise
        x, y, width, height = 30 - y - height, x, height, width
    return x, y, x + width, y + height


def expect_masks(data: DataSet) -> Pixels:
    """Return class and pixels of each mask, by picture."""
    return {
        sample.name: sorted(
            (str(each.label), masks.to_array(each.runs, *sample.size).tobytes())
            for each in sample.annotations
            if isinstance(each, Mask) and sample.size
        )
        for sample in data.samples
    }


def check_boxes(found: Boxes, expected: Boxes, tolerance: float = 0.5) -> None:
    assert found.keys() == expected.keys()
    for picture, rows in expected.items():
        assert len(found[picture]) == len(rows), picture
        for (label, *box), (truth, *edges) in zip(sorted(found[picture]), rows, strict=True):
            assert label == truth
            assert box == pytest.approx(edges, abs=tolerance), picture


# -- datumaro -------------------------------------------------------------------------------------


def read_datumaro(folder: Path, name: str) -> datumaro.Dataset:
    return datumaro.Dataset.import_from(str(folder), name)


def get_label(found: datumaro.Dataset, annotation: Any) -> str:
    return str(found.categories()[datumaro.AnnotationType.label][annotation.label].name)


def get_names(data: DataSet) -> dict[str, str]:
    """Return the names with suffix, which datumaro doesn't have."""
    return {each.name.rpartition(".")[0]: each.name for each in data.samples}


def list_boxes(found: datumaro.Dataset, data: DataSet, kinds: tuple[str, ...] = ("bbox",)) -> Boxes:
    names = get_names(data)
    return {
        names[item.id]: sorted(
            (get_label(found, each), x, y, x + width, y + height)
            for each in item.annotations
            if each.type.name in kinds
            for x, y, width, height in [each.get_bbox()]
        )
        for item in found
    }


def list_masks(found: datumaro.Dataset, data: DataSet) -> Pixels:
    names = get_names(data)
    return {
        names[item.id]: sorted(
            (get_label(found, each), np.asarray(each.image, dtype=bool).tobytes())
            for each in item.annotations
            if each.type.name == "mask"
        )
        for item in found
    }


def test_datumaro_reads_coco(hard: DataSet, tmp_path: Path) -> None:
    formats.write(hard, tmp_path / "out", "coco")
    found = read_datumaro(tmp_path / "out", "coco_instances")

    # The box before turning; the angle is an attribute.
    unturned = [
        attrs.evolve(
            sample,
            annotations=[
                attrs.evolve(each, rotation=0) if isinstance(each, Box) else each
                for each in sample.annotations
            ],
        )
        for sample in hard.samples
    ]
    check_boxes(list_boxes(found, hard), expect_boxes(attrs.evolve(hard, samples=unturned)))
    assert list_masks(found, hard) == expect_masks(hard)
    attributes = [each.attributes for item in found for each in item.annotations]
    assert {"occluded": True, "note": "süß", "is_crowd": False} in attributes
    assert any(each.get("rotation") == pytest.approx(30) for each in attributes)
    assert sum(each.get("is_crowd", False) for each in attributes) == 2  # the box and the mask


def test_datumaro_reads_voc(hard: DataSet, tmp_path: Path) -> None:
    samples = [
        attrs.evolve(
            sample,
            annotations=[each for each in sample.annotations if not isinstance(each, Polygon)],
        )
        for sample in hard.samples
    ]
    data = attrs.evolve(hard, samples=samples)  # outlines would become masks
    formats.write(data, tmp_path / "out", "voc", decimals=True)
    found = read_datumaro(tmp_path / "out", "voc")

    check_boxes(list_boxes(found, data), expect_boxes(data))
    assert list_masks(found, data) == expect_masks(data)


def test_datumaro_reads_cvat(hard: DataSet, tmp_path: Path) -> None:
    formats.write(hard, tmp_path / "out", "cvat")
    found = read_datumaro(tmp_path / "out", "cvat")

    # datumaro takes the parts of an object for objects, and has no box for a mask.
    def is_box(each: Annotation) -> bool:
        return isinstance(each, (Box, Polygon))

    expected = {
        sample.name: sorted(
            (each.label, *Box(*each.bounds).xyxy)
            for each in sample.annotations
            if is_box(each) and each.bounds
        )
        for sample in hard.samples
    }
    check_boxes(list_boxes(found, hard, ("bbox", "polygon", "rotated_bbox")), expected)
    assert list_masks(found, hard) == expect_masks(hard)
    joints = {
        get_label(found, each): tuple(each.points)
        for item in found
        for each in item.annotations
        if each.type.name == "points"
    }
    assert joints == {
        each.label: (each.x, each.y)
        for sample in hard.samples
        for each in sample.annotations
        if isinstance(each, Keypoint)
    }


def test_datumaro_reads_yolo(hard: DataSet, tmp_path: Path) -> None:
    # datumaro finds no pictures in subfolders of a split.
    data = flatten(hard)
    formats.write(data, tmp_path / "out", "yolo", task="detect")
    found = read_datumaro(tmp_path / "out", "yolo")

    check_boxes(list_boxes(found, data), expect_boxes(data, with_crowds=False, shown=True))


def test_datumaro_reads_csv(hard: DataSet, tmp_path: Path) -> None:
    data = flatten(hard)
    formats.write(data, tmp_path / "out", "csv_boxes", style="vott")
    found = read_datumaro(tmp_path / "out", "vott_csv")

    expected = expect_boxes(data)
    del expected["empty.png"]  # no row
    check_boxes(list_boxes(found, data), expected)


def build_datumaro(folder: Path) -> datumaro.Dataset:
    """Return a data set of datumaro's own making."""
    box = datumaro.Bbox
    pixels = np.zeros((48, 64), dtype=np.uint8)
    pixels[10:13, 40:43] = 1
    pixels[11, 41] = 0
    Image.new("RGB", (64, 48)).save(folder / "a.png")
    picture = datumaro.Image.from_file(path=str(folder / "a.png"))
    annotations = {
        "a": [box(7.5, 3.5, 20, 5.25, label=1), datumaro.Mask(pixels, label=0, id=3, group=3)],
        "sub dir/ü": [box(0, 0, 64, 48, label=0), box(60.25, 1.5, 0.5, 0.75, label=1)],
    }
    items = [
        datumaro.DatasetItem(id=name, subset="train", media=picture, annotations=each)
        for name, each in annotations.items()
    ]
    return datumaro.Dataset.from_iterable(items, categories=["car", "größer"])


OTHERS = [("coco_instances", "coco"), ("voc", "voc"), ("yolo", "yolo"), ("cvat", "cvat")]


@pytest.mark.parametrize(("name", "ours"), OTHERS, ids=[ours for _, ours in OTHERS])
def test_sets_of_datumaro_are_read(tmp_path: Path, name: str, ours: str) -> None:
    build_datumaro(tmp_path).export(str(tmp_path / "out"), name, save_media=True)

    assert list(formats.recognize(tmp_path / "out")) == [ours]
    data, report = formats.read(tmp_path / "out", ours)
    found = [
        (sample.name.rpartition("/")[2], each.label, each.bounds)
        for sample in data.samples
        for each in sample.annotations
        if isinstance(each, Box)
    ]
    drawn = [
        each.runs
        for sample in data.samples
        for each in sample.annotations
        if isinstance(each, Mask)
    ]

    truth = [
        ("a.png", "größer", (7.5, 3.5, 20, 5.25)),
        ("ü.png", "car", (0, 0, 64, 48)),
        ("ü.png", "größer", (60.25, 1.5, 0.5, 0.75)),
    ]
    wide = [each for each in found if each[2] != (40, 10, 3, 3)]  # the mask's own box
    for (picture, label, box), (other, name_, edges) in zip(sorted(wide), truth, strict=True):
        assert (picture, label) == (other, name_)
        assert box == pytest.approx(edges, abs=0.5)
    ring = ((10 * 64 + 40, 3), (11 * 64 + 40, 1), (11 * 64 + 42, 1), (12 * 64 + 40, 3))
    assert drawn == ([] if ours == "yolo" else [ring])
    assert report.skipped == {}


# -- supervision ----------------------------------------------------------------------------------


def list_detections(found: sv.DetectionDataset, folder: Path) -> Boxes:
    return {
        Path(path).relative_to(folder).as_posix(): sorted(
            (found.classes[label], *map(float, edges))
            for label, edges in zip(each.class_id, each.xyxy, strict=True)
        )
        for path, _, each in found
    }


@pytest.mark.parametrize("task", ["detect", "segment", "obb"])
def test_supervision_reads_yolo(hard: DataSet, target: Path, task: Any) -> None:
    # supervision sees no pictures in subfolders, without a word.
    data = flatten(hard)
    if task == "segment":  # an object of several outlines would have several rows
        samples = [
            attrs.evolve(
                sample,
                annotations=[
                    each
                    for each in sample.annotations
                    if not isinstance(each, Mask) and each.label != "Fußgänger überweg"
                ],
            )
            for sample in data.samples
        ]
        data = attrs.evolve(data, samples=samples)
    formats.write(data, target, "yolo", task=task)
    images = target / "images" / "train"

    found = sv.DetectionDataset.from_yolo(
        str(images),
        str(target / "labels" / "train"),
        str(target / "data.yaml"),
        is_obb=task == "obb",
    )

    boxes = list_detections(found, images)
    check_boxes(boxes, expect_boxes(data, with_crowds=False, shown=True))
    if task == "obb":
        (corners,) = [
            each.data["xyxyxyxy"][at]
            for path, _, each in found
            for at, name in enumerate(each.data["class_name"])
            if path.endswith("sub dir a.jpg") and name == "car"
        ]
        (turned,) = [
            each
            for sample in data.samples
            for each in sample.annotations
            if isinstance(each, Box) and each.rotation
        ]
        assert corners.ravel().tolist() == pytest.approx(np.ravel(turned.corners), abs=0.5)


def test_supervision_reads_voc(hard: DataSet, target: Path) -> None:
    data = flatten(hard)
    # supervision always counts from 1.
    formats.write(data, target, "voc", decimals=True, one_based=True)
    found = sv.DetectionDataset.from_pascal_voc(
        str(target / "JPEGImages"), str(target / "Annotations")
    )

    check_boxes(list_detections(found, target / "JPEGImages"), expect_boxes(data))


def test_supervision_reads_coco(hard: DataSet, target: Path) -> None:
    samples = [
        attrs.evolve(
            sample, annotations=[a for a in sample.annotations if not getattr(a, "rotation", 0)]
        )
        for sample in hard.samples
    ]
    data = attrs.evolve(hard, samples=samples)
    formats.write(data, target, "coco")
    images = target / "images" / "default"
    found = sv.DetectionDataset.from_coco(
        str(images), str(target / "annotations" / "instances_default.json")
    )

    check_boxes(list_detections(found, images), expect_boxes(data))
    # Outlines are drawn by OpenCV, which takes the border for a part of the outline; masks aren't.
    (pixels,) = [each.mask for path, _, each in found if path == str(images / "a.jpg")]
    drawn = {each.tobytes() for each in np.asarray(pixels) if each.any()}
    assert drawn == {each for _, each in expect_masks(data)["a.jpg"]}


def test_supervision_reads_folders_of_classes(hard: DataSet, tmp_path: Path) -> None:
    labels = dict(zip((each.name for each in flatten(hard).samples), "baabb", strict=True))
    samples = [
        attrs.evolve(each, annotations=[Label(label=labels[each.name])])
        for each in flatten(hard).samples
    ]
    data = DataSet([formats.DataSetClass("a"), formats.DataSetClass("b")], samples)
    formats.write(data, tmp_path / "out", "image_folder")

    found = sv.ClassificationDataset.from_folder_structure(str(tmp_path / "out" / "train"))

    assert found.classes == ["a", "b"]
    assert {
        Path(path).name: found.classes[int(each.class_id[0])] for path, _, each in found
    } == labels


@pytest.mark.parametrize("name", ["yolo", "coco", "voc"])
def test_sets_of_supervision_are_read(tmp_path: Path, name: str) -> None:
    detections = sv.Detections(
        xyxy=np.array([[7.5, 3.25, 27.5, 8.5], [40.0, 10, 43, 13]]), class_id=np.array([1, 0])
    )
    path = str(tmp_path / "a b.jpg")
    Image.new("RGB", (64, 48)).save(path)
    made = sv.DetectionDataset(["car", "bus"], [path], {path: detections})
    out = tmp_path / "out"
    if name == "yolo":
        made.as_yolo(str(out / "images"), str(out / "labels"), str(out / "data.yaml"))
    elif name == "coco":
        made.as_coco(str(out / "images"), str(out / "annotations.json"))
    else:
        made.as_pascal_voc(str(out / "JPEGImages"), str(out / "Annotations"))

    options: dict[str, Any] = {"voc": {"one_based": True}}.get(name, {})
    data, report = formats.read(out, name, **options)
    (sample,) = data.samples

    assert sample.name.endswith("a b.jpg")
    found = sorted((str(each.label), *(each.bounds or ())) for each in sample.annotations)
    # supervision's VOC adds one to each edge, and cuts fractions.
    tolerance = 1.01 if name == "voc" else 0.5
    for row, truth in zip(
        found, [("bus", 7.5, 3.25, 20, 5.25), ("car", 40, 10, 3, 3)], strict=True
    ):
        assert row[0] == truth[0]
        assert row[1:] == pytest.approx(truth[1:], abs=tolerance)
    assert report.skipped == {}


# -- Pillow ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["index", "color"])
def test_pillow_reads_masks(hard: DataSet, target: Path, style: Any) -> None:
    samples = [
        attrs.evolve(each, annotations=[a for a in each.annotations if isinstance(a, Mask)])
        for each in hard.samples
    ]
    data = attrs.evolve(hard, samples=samples)
    formats.write(data, target, "mask_png", style=style)
    names = [each.name for each in data.classes]
    colors = {"person": (128, 0, 0), "car": (0, 128, 0), "Fußgänger überweg": (0, 0, 128)}

    for sample in data.samples:
        path = (target / "masks" / sample.name).with_suffix(".png")
        with Image.open(path) as picture:
            pixels = np.array(picture)
            shown = np.array(picture.convert("RGB"))
        truth = np.zeros(pixels.shape[:2], dtype=np.uint8)
        for each in sample.annotations:
            assert isinstance(each, Mask)
            truth[masks.to_array(each.runs, *sample.size)] = names.index(str(each.label)) + 1
        if style == "index":
            assert (pixels == truth).all()
        for at, name in enumerate(names, start=1):
            if (truth == at).any():
                assert (shown[truth == at] == colors[name]).all()
        assert (shown[truth == 0] == 0).all()


def test_pillow_reads_masks_of_voc(hard: DataSet, target: Path) -> None:
    formats.write(hard, target, "voc")
    names = [each.name for each in hard.classes]

    for sample in hard.samples:
        drawn = [each for each in sample.annotations if isinstance(each, Mask)]
        for number, folder in enumerate(("SegmentationClass", "SegmentationObject")):
            path = (target / folder / sample.name).with_suffix(".png")
            assert path.is_file() or not drawn
            for each in drawn:
                assert each.size is not None
                inside = masks.to_array(each.runs, *each.size)
                with Image.open(path) as picture:
                    found = np.array(picture)
                (index,) = set(found[inside].tolist())
                if number == 0:
                    assert index == names.index(str(each.label)) + 1
                else:
                    assert ((found == index) == inside).all()
