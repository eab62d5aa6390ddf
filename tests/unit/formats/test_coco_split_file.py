"""The COCO file of one split: whole or not at all, with the joints that later rows have."""

from __future__ import annotations

import json
from pathlib import Path

from synapse.annotations import Annotation, Box, Group, Keypoint
from synapse.formats import FormatReport, Sample
from synapse.formats.coco_rows import CategoryRegistry, CocoRowWriter
from synapse.formats.coco_split_file import CocoSplitFile


def make_person(*joints: str) -> list[Annotation]:
    box = Box(1, 2, 3, 4, label="person", id="b")
    points = [Keypoint(2, 3, visibility="visible", label=each, id=each) for each in joints]
    return [box, *points, Group(["b", *joints], label="person")]


def test_earlier_rows_get_the_joints_of_later_ones(tmp_path: Path) -> None:
    registry = CategoryRegistry([], {})
    writer = CocoRowWriter(registry, False, FormatReport())
    with CocoSplitFile(tmp_path, "train") as file:
        file.add(Sample("a.jpg", make_person("nose"), size=(50, 40)), writer, "none")
        file.add(Sample("b.jpg", make_person("nose", "eye"), size=(50, 40)), writer, "none")
        assert not list(tmp_path.rglob("*.json"))
        file.finish(registry, {})

    (path,) = tmp_path.rglob("*.json")
    document = json.loads(path.read_text())
    assert path.name == "instances_train.json"
    assert [len(row["keypoints"]) for row in document["annotations"]] == [6, 6]
    assert [row["image_id"] for row in document["annotations"]] == [1, 2]
    assert document["categories"][0]["keypoints"] == ["nose", "eye"]


def test_a_file_that_is_not_finished_does_not_appear(tmp_path: Path) -> None:
    writer = CocoRowWriter(CategoryRegistry([], {}), False, FormatReport())
    with CocoSplitFile(tmp_path, "val") as file:
        file.add(Sample("a.jpg", size=(50, 40)), writer, "none")
    assert not list(tmp_path.rglob("*.json"))
