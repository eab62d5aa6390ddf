"""Data sets as every format sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Box, Mask, masks
from synapse.errors import UsageError
from synapse.formats import DataSet, DataSetClass, Sample


@pytest.mark.parametrize(
    "name", ["", "/a.jpg", "../a.jpg", "a/../../b.jpg", "a\\b.jpg", ".."], ids=str
)
def test_names_stay_in_their_folder(name: str) -> None:
    with pytest.raises(UsageError, match="can't name a picture"):
        Sample(name)


def test_values() -> None:
    sample = Sample("sub dir/a.jpg", [], size=(3, 2), split="train")
    assert (sample.name, sample.annotations) == ("sub dir/a.jpg", ())
    data = DataSet([DataSetClass("person", keypoints=["nose"], skeleton=[(0, 0)])], [sample])
    assert data.classes[0].keypoints == ("nose",)
    assert list(data.samples) == [sample]


@pytest.mark.parametrize("name", ["coco", "csv_boxes", "cvat", "label_studio", "labelme"])
def test_classes_that_differ_in_blanks_stay_apart(tmp_path: Path, name: str) -> None:
    labels = [" a", "a", "a "]
    boxes = [Box(1, 1, 5, 5, label=label) for label in labels]
    data = DataSet(map(DataSetClass, labels), [Sample("a.jpg", boxes, size=(50, 40))])

    formats.write(data, tmp_path, name, images="none")
    found, _ = formats.read(tmp_path, name)

    (sample,) = found.samples
    assert [each.label for each in sample.annotations] == labels
    assert sorted(each.name for each in found.classes) == sorted(labels)


@pytest.mark.parametrize(
    "name", ["csv_boxes", "label_studio", "labelme", "mask_png", "voc", "yolo", "coco", "cvat"]
)
def test_pictures_that_nobody_labelled(tmp_path: Path, name: str) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(masks.to_png(((0, 1),), 8, 8))
    shape = Box(1, 1, 4, 4, label="car")
    full = Mask([(0, 9)], size=(8, 8), label="car") if name == "mask_png" else shape
    samples = [
        Sample("full.png", [full], size=(8, 8), image=image),
        Sample("empty.png", size=(8, 8), image=image),
        Sample("unknown.png", size=(8, 8), image=image, is_labelled=False),
    ]
    assert [sample.is_unknown for sample in samples] == [False, False, True]
    formats.write(DataSet([DataSetClass("car")], samples), tmp_path / "set", name)

    data, _ = formats.read(tmp_path / "set", name)
    found = {Path(one.name).stem: one.is_labelled for one in data.samples}

    assert found["full"]
    # A CSV has no row for either picture; COCO and CVAT have one for both.
    assert found["empty"] is (name != "csv_boxes")
    assert found["unknown"] is (name in ("coco", "cvat"))


@pytest.mark.parametrize("name", ["csv_boxes", "cvat", "label_studio", "labelme", "voc", "yolo"])
def test_ids_of_categories_are_no_loss(tmp_path: Path, name: str) -> None:
    samples = [Sample("a.jpg", [Box(2, 2, 4, 4, label="car")], size=(40, 30))]
    info = {"category_ids": {"car": 7, "bus": 1}}
    classes = [DataSetClass("car"), DataSetClass("bus")]
    report = formats.write(DataSet(classes, samples, info), tmp_path / "a", name, images="none")
    assert "info" not in report.lossy
    data = DataSet(classes, samples, {**info, "licenses": [{"id": 1}]})
    report = formats.write(data, tmp_path / "b", name, images="none")
    assert report.lossy["info"] == 1
    assert not [loss for loss in report.details if "category_ids" in loss.reason]
