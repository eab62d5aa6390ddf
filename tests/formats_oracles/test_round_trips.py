"""A hard set through each format, measured by pycocotools before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from coco_measures import find_precision, load_coco, read_boxes, read_masks
from hard_set import make_hard_set

from synapse import formats
from synapse.annotations import Box
from synapse.annotations.outlines import trace_outlines
from synapse.formats import DataSet
from synapse.formats.objects import ImageObject, find_objects

Holds = Callable[[ImageObject], bool]


def is_upright(found: ImageObject) -> bool:
    return not (found.box and found.box.rotation)


def is_no_crowd(found: ImageObject) -> bool:
    return not (found.mask and found.mask.attributes.get("iscrowd"))


def has_one_outline(found: ImageObject) -> bool:
    """Return whether the object is one outline without a hole, and no joints."""
    if found.mask is None or found.mask.size is None:
        return len(found.polygons) == 1 and not found.keypoints
    outlines = trace_outlines(found.mask.runs, *found.mask.size)
    return len(outlines) == 1 and not outlines[0].holes


# Format, options of writing, options of reading, objects that the format holds, measures.
WAYS: list[tuple[str, dict[str, Any], dict[str, Any], Holds, tuple[str, ...]]] = [
    ("coco", {}, {}, lambda _: True, ("bbox", "segm", "keypoints")),
    ("cvat", {}, {}, lambda _: True, ("bbox", "segm", "keypoints")),
    # Visibilities of joints have no place.
    ("labelme", {}, {}, lambda found: is_upright(found) and not found.keypoints, ("bbox", "segm")),
    ("label_studio", {}, {}, lambda _: True, ("bbox", "segm", "keypoints")),
    # Outlines become pixels, whose border is another one; joints have no place.
    (
        "voc",
        {"decimals": True},
        {},
        lambda found: is_upright(found) and not found.polygons and not found.keypoints,
        ("bbox", "segm"),
    ),
    ("csv_boxes", {}, {}, lambda found: is_upright(found) and found.box is not None, ("bbox",)),
    ("mask_png", {}, {}, lambda found: found.mask is not None, ("segm",)),
    (
        "yolo",
        {"task": "detect"},
        {"task": "detect"},
        lambda found: is_upright(found) and found.box is not None,
        ("bbox",),
    ),
    (
        "yolo",
        {"task": "segment"},
        {"task": "segment"},
        lambda found: has_one_outline(found) and is_no_crowd(found),
        ("bbox", "segm"),
    ),
    (
        "yolo",
        {"task": "pose"},
        {"task": "pose"},
        lambda found: bool(found.keypoints),
        ("bbox", "keypoints"),
    ),
    (
        "yolo",
        {"task": "obb"},
        {"task": "obb"},
        lambda found: bool(found.box and not found.keypoints),
        ("bbox",),
    ),
]
IDS = [f"{name} {options.get('task', '')}".strip() for name, options, *_ in WAYS]


def choose(data: DataSet, holds: Holds) -> DataSet:
    """Return the set with the objects that a format holds, and all pictures."""

    def choose_annotations(sample: formats.Sample) -> formats.Sample:
        chosen = [
            each
            for found in find_objects(sample.annotations)
            if isinstance(found, ImageObject) and holds(found)
            for each in (*found.annotations, found.group)
            if each is not None
        ]
        return attrs.evolve(sample, annotations=chosen)

    return attrs.evolve(data, samples=[choose_annotations(each) for each in data.samples])


def write_coco(data: DataSet, folder: Path) -> Path:
    """Write a set as COCO, all splits in one file, and return the file."""
    samples = [attrs.evolve(each, split=None) for each in data.samples]
    formats.write(attrs.evolve(data, samples=samples, info={}), folder, "coco", images="none")
    return folder / "annotations" / "instances_default.json"


@pytest.fixture
def hard(tmp_path: Path) -> DataSet:
    make_hard_set(tmp_path / "hard")
    data, report = formats.read(tmp_path / "hard", "coco")
    samples = list(data.samples)
    # The size of the turned picture is as stored, and said to be so nowhere.
    assert report.details == []
    assert len(samples) == 5
    return attrs.evolve(data, samples=samples)


def test_coco_keeps_every_object(hard: DataSet, tmp_path: Path) -> None:
    before = load_coco(tmp_path / "hard" / "annotations" / "instances_default.json")
    after = load_coco(write_coco(hard, tmp_path / "out"))

    boxes = read_boxes(before)
    assert read_boxes(after) == {
        name: [(label, *(pytest.approx(value, abs=1e-3) for value in box)) for label, *box in rows]
        for name, rows in boxes.items()
    }
    assert sum(map(len, boxes.values())) == 10
    masks = read_masks(before)
    assert read_masks(after) == masks
    assert sum(map(len, masks.values())) == 5
    crowds = [sum(row["iscrowd"] for row in each.anns.values()) for each in (before, after)]
    assert crowds == [1, 1]


@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_export_against_itself_is_perfect(hard: DataSet, tmp_path: Path, kind: str) -> None:
    export = load_coco(write_coco(hard, tmp_path / "out"))

    assert find_precision(export, export, kind) == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "writing", "reading", "holds", "kinds"), WAYS, ids=IDS)
def test_format_keeps_what_it_holds(
    hard: DataSet,
    tmp_path: Path,
    name: str,
    writing: dict[str, Any],
    reading: dict[str, Any],
    holds: Holds,
    kinds: tuple[str, ...],
) -> None:
    data = choose(hard, holds)
    expected = load_coco(write_coco(data, tmp_path / "expected"))

    written = formats.write(data, tmp_path / "out", name, **writing)
    read, report = formats.read(tmp_path / "out", name, **reading)
    found = load_coco(write_coco(read, tmp_path / "found"))

    assert written.skipped == {}
    # Pictures without boxes have no row in CSV; the reader finds the pictures and says so.
    without = sum(not rows for rows in read_boxes(expected).values())
    losses = {"no-labels": without} if name == "csv_boxes" else {}
    assert (report.skipped, report.lossy) == ({}, losses)
    assert set(read_boxes(found)) == set(read_boxes(expected))
    if "bbox" in kinds:
        boxes, others = read_boxes(found), read_boxes(expected)
        for picture, rows in boxes.items():
            for (label, *box), (other, *truth) in zip(rows, others[picture], strict=True):
                assert (label, box) == (other, pytest.approx(truth, abs=0.5))
    if "segm" in kinds:
        assert read_masks(found) == read_masks(expected)
    for kind in kinds:
        assert find_precision(expected, found, kind) == pytest.approx(1.0)


def test_turned_boxes_keep_their_corners(hard: DataSet, tmp_path: Path) -> None:
    """pycocotools knows no turned boxes, so the corners are compared."""
    for name, options in [("cvat", {}), ("label_studio", {}), ("yolo", {"task": "obb"})]:
        data = choose(hard, lambda found: not is_upright(found))
        formats.write(data, tmp_path / name, name, **options)
        read, _ = formats.read(tmp_path / name, name, **options)
        (box,) = [each for sample in data.samples for each in sample.annotations]
        (found,) = [each for sample in read.samples for each in sample.annotations]
        assert isinstance(box, Box)
        assert isinstance(found, Box)
        for corner, truth in zip(found.corners, box.corners, strict=True):
            assert corner == pytest.approx(truth, abs=0.01)


def test_measures_fall(hard: DataSet, tmp_path: Path) -> None:
    """The measures see a shift of half a pixel, a lost mask and a moved joint."""
    export = load_coco(write_coco(hard, tmp_path / "out"))
    assert find_precision(export, export, "bbox", shift=0.5) < 0.9

    poorer = choose(hard, lambda found: found.mask is None and not found.keypoints)
    other = load_coco(write_coco(poorer, tmp_path / "poorer"))
    assert find_precision(export, other, "segm") < 0.9
    assert read_masks(other) != read_masks(export)

    moved = load_coco(tmp_path / "out" / "annotations" / "instances_default.json")
    (person,) = [row for row in moved.anns.values() if row.get("num_keypoints")]
    person["keypoints"][0] += 20
    assert find_precision(export, moved, "keypoints") < 0.9
