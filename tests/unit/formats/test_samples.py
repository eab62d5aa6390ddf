"""Data sets as every format sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Box
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
