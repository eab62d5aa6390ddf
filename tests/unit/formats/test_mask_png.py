"""Masks of indices and of colours."""

from __future__ import annotations

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
    Mask,
    Polygon,
    Polyline,
    masks,
)
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.index_png import Canvas, make_palette
from synapse.formats.mask_png import LOSSES

from .one_picture import SIZE, FormatUnderTest, put_files

CLASSES = [DataSetClass("road"), DataSetClass("traffic light")]
LIST = "# index red green blue name\n0 0 0 0 background\n7 128 64 128 road\n"

UNDER_TEST = FormatUnderTest("mask_png", CLASSES)
read = UNDER_TEST.read
write = UNDER_TEST.write
put = put_files


def make_mask(index: int, size: tuple[int, int] = SIZE) -> bytes:
    canvas = Canvas(*size)
    canvas.paint(((0, 9),), index)
    return canvas.to_png(make_palette())


@pytest.mark.parametrize("style", ["index", "color"])
def test_masks_come_back(tmp_path: Path, style: str) -> None:
    pytest.importorskip("PIL.Image")
    source = put(tmp_path, {"source.jpg": b"picture"}) / "source.jpg"
    road = Mask([(0, 5), (100, 50)], label="road", size=SIZE)
    light = Mask([(50, 5)], label="traffic light", size=SIZE)
    samples = [
        Sample("b.jpg", [], size=SIZE, image=source),
        Sample("sub dir/.a.jpg", [], size=SIZE, image=source),
        Sample("sub dir/b.jpg", [road, light], size=SIZE, image=source, split="train"),
    ]
    colors = {"road": (1, 2, 3)}
    data = DataSet(CLASSES, samples)
    report = formats.write(data, tmp_path / "set", "mask_png", style=style, colors=colors)

    assert not report.skipped
    assert not report.lossy
    assert (report.samples, report.annotations) == (3, 2)
    assert (tmp_path / "set/classes.txt").read_text().splitlines()[1:] == [
        "0 0 0 0 background",
        "1 1 2 3 road",
        "2 0 128 0 traffic light",
    ]
    assert "mask_png" in formats.recognize(tmp_path / "set")
    found, reasons = formats.read(tmp_path / "set")
    assert found.classes == data.classes
    plain, full = found.samples
    assert (plain.name, plain.split, plain.annotations) == ("b.jpg", None, ())
    assert (full.name, full.split, full.size) == ("sub dir/b.jpg", "train", SIZE)
    assert [(each.label, each.runs) for each in full.annotations if isinstance(each, Mask)] == [
        ("road", road.runs),
        ("traffic light", light.runs),
    ]
    # Hidden pictures aren't read, and their masks are named.
    assert reasons.skipped == {"no-picture": 1}


@settings(max_examples=30)
@given(st.sets(st.integers(0, SIZE[0] * SIZE[1] - 1), min_size=1))
def test_every_pixel_comes_back(tmp_path_factory: pytest.TempPathFactory, pixels: set[int]) -> None:
    folder = tmp_path_factory.mktemp("masks")
    mask = Mask(masks.from_indices(pixels), label="road", size=SIZE)
    write(folder, [mask])
    put(folder, {"images/a.jpg": b""})
    ((sample,), _) = read(folder)
    (found,) = sample.annotations
    assert isinstance(found, Mask)
    assert found.runs == mask.runs


def test_the_output_is_the_same_each_time(tmp_path: Path) -> None:
    trees: list[list[tuple[str, bytes]]] = []
    for name in ("one", "two", "two"):
        write(tmp_path / name, [Mask([(0, 5)], label="road", size=SIZE)])
        files = sorted(each for each in (tmp_path / name).rglob("*") if each.is_file())
        trees.append([(each.name, each.read_bytes()) for each in files])
    assert trees[0] == trees[1] == trees[2]
    assert [name for name, _ in trees[0]] == [".synapse-files.jsonl", "classes.txt", "a.png"]


def test_other_folders_are_read_by_arguments(tmp_path: Path) -> None:
    """The tree of CamVid: masks in colours, with a suffix, in a folder of their own."""
    pytest.importorskip("PIL.Image")
    canvas = Canvas(*SIZE)
    canvas.paint(((0, 9),), 1)
    put(tmp_path, {"701_StillsRaw/a.png": b"", "LabeledApproved/a_L.png": b""})
    (tmp_path / "LabeledApproved/a_L.png").write_bytes(
        canvas.to_color_png([(0, 0, 0), (128, 64, 128)])
    )
    assert "mask_png" not in formats.recognize(tmp_path)
    (sample,), report = read(
        tmp_path,
        classes={"road": (128, 64, 128)},
        images="701_StillsRaw",
        masks="LabeledApproved",
        suffix="_L",
    )
    assert [each.label for each in sample.annotations] == ["road"]
    assert sample.name == "a.png"
    assert not report.skipped


def test_pictures_and_masks_may_share_a_folder(tmp_path: Path) -> None:
    put(tmp_path, {"x/a.jpg": b"", "x/a_mask.png": make_mask(1), "x/b.jpg": b""})
    samples, report = read(tmp_path, classes=["road"], images="x", masks="x", suffix="_mask")
    assert [(each.name, len(each.annotations)) for each in samples] == [("a.jpg", 1), ("b.jpg", 0)]
    assert report.lossy == {"no-labels": 1}


def test_splits_are_folders(tmp_path: Path) -> None:
    names = {"images/val/a.jpg": b"", "masks/val/a.png": make_mask(7)}
    put(tmp_path, {"classes.txt": LIST, **names})
    (sample,), _ = read(tmp_path)
    assert (sample.name, sample.split, sample.annotations[0].label) == ("a.jpg", "val", "road")


PICTURE: dict[str, str | bytes] = {"classes.txt": LIST, "images/a.jpg": b""}
READING: dict[str, dict[str, str | bytes]] = {
    "bad-mask": {**PICTURE, "masks/a.png": b"text"},
    "no-labels": {**PICTURE, "images/b.jpg": b"", "masks/a.png": make_mask(7)},
    "no-picture": {**PICTURE, "masks/a.png": make_mask(7), "masks/b.png": make_mask(7)},
    "unknown-class": {**PICTURE, "masks/a.png": make_mask(8)},
    "void": {**PICTURE, "masks/a.png": make_mask(255)},
}


@pytest.mark.parametrize("code", READING)
def test_what_reading_loses(tmp_path: Path, code: str) -> None:
    put(tmp_path, READING[code])
    _, report = read(tmp_path)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        list(formats.read(tmp_path, "mask_png", strict=True)[0].samples)


def test_a_mask_of_another_size_is_noted(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    put(tmp_path, {**PICTURE, "masks/a.png": make_mask(7, (40, 50))})
    image.new("RGB", SIZE).save(tmp_path / "images/a.jpg")
    assert read(tmp_path)[1].skipped == {"bad-mask": 1}


@pytest.mark.parametrize("row", ["road", "1 2 3 road", "1 2 3 256 road", "1 2 3 4", "a 2 3 4 road"])
def test_wrong_classes_are_an_error(tmp_path: Path, row: str) -> None:
    put(tmp_path, {**PICTURE, "classes.txt": f"# x\n{row}\n", "masks/a.png": b""})
    with pytest.raises(UsageError, match=r"classes\.txt, line 2"):
        read(tmp_path)
    assert "mask_png" not in formats.recognize(tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "classes.txt isn't there"),
        ({"classes": "road"}, "not a list"),
        ({"classes": {"road": (1, 2)}}, "not .red, green, blue"),
        ({"classes": ["road"], "masks": "nowhere"}, "nowhere is not a folder"),
    ],
)
def test_arguments_of_reading_are_checked(
    tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    put(tmp_path, {"images/a.jpg": b"", "masks/a.png": make_mask(7)})
    with pytest.raises(UsageError, match=reason):
        read(tmp_path, **options)


ROAD = Mask([(0, 5)], label="road", size=SIZE)
LIGHT = Mask([(4, 5)], label="traffic light", size=SIZE)
FAR = Mask([(400, 5)], label="traffic light", size=SIZE)
SQUARE = Polygon([(0, 0), (9, 0), (9, 9)], label="road")
BOX = Box(0, 0, 9, 9, label="road")
JOINT = Keypoint(1, 1, label="nose")
WRITING: dict[str, tuple[list[Annotation], dict[str, Any]]] = {
    "attributes": ([Mask([(0, 5)], label="road", size=SIZE, attributes={"wet": True})], {}),
    "class-details": ([], {"classes": [DataSetClass("road", "flat")]}),
    "group": ([ROAD, FAR, Group([ROAD.id, FAR.id])], {}),
    "joints": ([ROAD, JOINT, Group([ROAD.id, JOINT.id])], {}),
    "kind": ([Polyline([(0, 0), (9, 9)], label="road")], {}),
    "mask-size": ([Mask([(0, 3)], label="road", size=(9, 9))], {}),
    "no-area": ([Polygon([(0, 0), (0.1, 0), (0.1, 0.1)], label="road")], {}),
    "no-class": ([Mask([(0, 3)], size=SIZE)], {}),
    "no-picture": ([ROAD], {"images": "copy"}),
    "no-size": ([], {"size": None}),
    "objects": ([ROAD, Mask([(40, 5)], label="road", size=SIZE)], {}),
    "outline": ([SQUARE], {}),
    "overlap": ([ROAD, LIGHT], {}),
    "shape": ([ROAD, BOX, Group([ROAD.id, BOX.id])], {}),
    "unknown-class": ([Mask([(0, 3)], label="car", size=SIZE)], {}),
}


@pytest.mark.parametrize("code", WRITING)
def test_what_writing_loses(tmp_path: Path, code: str) -> None:
    annotations, options = WRITING[code]
    report = write(tmp_path / "one", annotations, **options)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        write(tmp_path / "two", annotations, strict=True, **options)


@pytest.mark.parametrize("each", [BOX, JOINT])
def test_boxes_and_keypoints_have_no_place(tmp_path: Path, each: Annotation) -> None:
    assert write(tmp_path, [each]).skipped == {"kind": 1}


def test_masks_of_one_class_overlap_without_loss(tmp_path: Path) -> None:
    report = write(tmp_path, [ROAD, Mask([(3, 5)], label="road", size=SIZE)])
    assert report.lossy == {"objects": 1}


def test_further_losses(tmp_path: Path) -> None:
    samples = [Sample(name, size=SIZE) for name in ("a.jpg", "a.png")]
    data = DataSet([DataSetClass(f"c{number}") for number in range(256)], samples, {"x": 1})
    report = formats.write(data, tmp_path, "mask_png", images="none")
    assert report.lossy == {"info": 1, "renamed": 1}
    assert report.skipped == {"too-many": 2}


def test_pictures_that_are_too_large_for_masks(tmp_path: Path) -> None:
    outline = Polygon([(0, 0), (10, 0), (10, 10)], label="car")
    samples = [Sample("a.jpg", [outline], size=(2**14, 2**14)), Sample("b.jpg", size=(9, 9))]
    data = DataSet([DataSetClass("car")], samples)
    report = formats.write(data, tmp_path, "mask_png", images="none")
    assert report.skipped["too-large"] == 1
    assert report.samples == 1


def test_each_loss_is_tested() -> None:
    assert {*READING, *WRITING, "characters", "info", "renamed", "too-large", "too-many"} == set(
        LOSSES
    )


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"images": "move"}, UsageError),
        ({"style": "rgb"}, UsageError),
        ({"colors": {"car": (1, 2, 3)}}, UsageError),
        ({"colors": {"road": (0, 0, 0)}}, UsageError),
        ({"colors": {"road": (0, 0, 256)}}, UsageError),
        ({"styl": "index"}, TypeError),
    ],
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        write(tmp_path, [ROAD], **options)


def test_classes_keep_their_masks_whatever_their_names(tmp_path: Path) -> None:
    names = ["cat", "a\nb", " dog", "", "#x"]
    masks = [Mask(((at * 5, 3),), size=SIZE, label=name) for at, name in enumerate(names)]
    report = write(tmp_path, masks, classes=[DataSetClass(name) for name in names])
    assert report.lossy["characters"] == 3
    (tmp_path / "images" / "a.jpg").parent.mkdir(exist_ok=True)
    (tmp_path / "images" / "a.jpg").write_bytes(b"")
    samples, _ = read(tmp_path)
    found = [(each.label, each.runs) for each in samples[0].annotations if isinstance(each, Mask)]
    assert found == [
        (name, mask.runs)
        for name, mask in zip(["cat", "a b", "dog", "_", "#x"], masks, strict=True)
    ]


def test_two_classes_of_one_index_are_refused(tmp_path: Path) -> None:
    rows = "1 128 0 0 car\n1 0 128 0 bus\n"
    put(tmp_path, {"classes.txt": rows, "images/a.jpg": "", "masks/a.png": make_mask(1)})
    with pytest.raises(UsageError, match="line 2: the index 1 is there twice"):
        read(tmp_path)


def test_a_class_may_have_the_name_of_the_background(tmp_path: Path) -> None:
    mask = Mask(((0, 3),), size=SIZE, label="background")
    report = write(tmp_path, [mask], classes=[DataSetClass("background")])
    assert report.skipped == {}
    put(tmp_path, {"images/a.jpg": ""})
    (found,) = read(tmp_path)[0][0].annotations
    assert found.label == "background"
