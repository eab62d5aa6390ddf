"""YOLO data sets, written and read."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
)
from synapse.errors import DataLost, MissingExtra, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.yolo import LOSSES

Image = pytest.importorskip("PIL.Image")
yaml = pytest.importorskip("yaml")

PERSON = DataSetClass("person", keypoints=["nose", "left_eye", "right_eye"])
CLASSES = [DataSetClass("car"), PERSON, DataSetClass("unused")]
RING = [(1, 1), (9, 1), (9, 9)]


def make_picture(path: Path, size: tuple[int, int] = (60, 30), orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif)
    return path


def make_set(folder: Path, files: dict[str, str]) -> Path:
    """Make a data set of text files, and of pictures of 60 by 30 pixels."""
    for name, text in files.items():
        path = folder / name
        if path.suffix in (".jpg", ".png"):
            make_picture(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


def list_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("[!.]*"))
        if path.is_file()
    }


def describe(annotation: Annotation) -> tuple[Any, ...]:
    if isinstance(annotation, Box):
        place: tuple[Any, ...] = (*annotation.xywh, annotation.rotation)
    elif isinstance(annotation, Polygon):
        place = tuple(value for point in annotation.points for value in point)
    elif isinstance(annotation, Keypoint):
        place = (annotation.x, annotation.y, annotation.visibility)
    else:
        place = ()
    return (type(annotation).__name__, annotation.label, *place)


def write_one(folder: Path, *annotations: Annotation, **options: Any) -> FormatReport:
    sample = Sample("a.jpg", annotations, size=(60, 30), split="train")
    classes = CLASSES if options.get("task") == "pose" else CLASSES[:1]
    data = DataSet(classes, [sample])
    return formats.write(data, folder, "yolo", **{"images": "none", **options})


def read_one(folder: Path, label: str, picture: bool = True, **options: Any) -> FormatReport:
    files = {"data.yaml": "train: images\nnames: [car, bus]\n", "labels/a.txt": label}
    make_set(folder, {**files, **({"images/a.jpg": ""} if picture else {"images/b.jpg": ""})})
    if not picture:
        (folder / "labels" / "b.txt").write_text("")
    data, report = formats.read(folder, "yolo", **options)
    list(data.samples)
    return report


def test_settings_may_have_names_only(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    make_picture(tmp_path / "images" / "a.png")
    make_set(tmp_path, {"data.yaml": "nc: 1\nnames: [car]\n", "labels/a.txt": "0 .5 .5 .5 .5\n"})

    assert list(formats.recognize(tmp_path)) == ["yolo"]
    (sample,) = formats.read(tmp_path)[0].samples
    assert [each.label for each in sample.annotations] == ["car"]


# -- Losses ---------------------------------------------------------------------------------------


def lose_details(folder: Path) -> FormatReport:
    data = DataSet([DataSetClass("car", "vehicle")], [])
    return formats.write(data, folder, "yolo")


def lose_info(folder: Path) -> FormatReport:
    return formats.write(DataSet(CLASSES[:1], [], {"licenses": []}), folder, "yolo")


def lose_folder(folder: Path) -> FormatReport:
    make_set(folder, {"data.yaml": "train: images\nval: gone\nnames: [car]\n", "images/a.jpg": ""})
    (folder / "labels").mkdir()
    return formats.read(folder, "yolo")[1]


def lose_label(folder: Path) -> FormatReport:
    make_set(folder, {"data.yaml": "train: images\nnames: [car]\n", "images/a.jpg": ""})
    data, report = formats.read(folder, "yolo")
    assert [each.annotations for each in data.samples] == [()]
    return report


def lose_size(folder: Path) -> FormatReport:
    data = DataSet(CLASSES[:1], [Sample("a.jpg", [Box(1, 1, 2, 2, label="car")], split="train")])
    return formats.write(data, folder, "yolo", images="none")


def lose_name(folder: Path) -> FormatReport:
    samples = [Sample(name, split="train") for name in ("a.jpg", "a.png", ".b.jpg", "c.jpg")]
    return formats.write(DataSet(CLASSES[:1], samples), folder, "yolo", images="none")


def lose_size_of_data(folder: Path) -> FormatReport:
    picture = make_picture(folder / "in.jpg")
    box = Box(1, 1, 2, 2, label="car")
    sample = Sample("a.jpg", [box], size=(6, 3), image=picture, split="train")
    return formats.write(DataSet(CLASSES[:1], [sample]), folder / "out", "yolo")


def lose_split(folder: Path) -> FormatReport:
    samples = [
        Sample(f"{at}.jpg", split=name) for at, name in enumerate(("train", "valid", "valid"))
    ]
    return formats.write(DataSet(CLASSES[:1], samples), folder, "yolo", images="none")


def lose_suffix(folder: Path) -> FormatReport:
    data = DataSet(CLASSES[:1], [Sample("a.svg", split="train")])
    return formats.write(data, folder, "yolo", images="none")


def share_label(folder: Path) -> FormatReport:
    (folder / "images").mkdir()
    make_picture(folder / "images" / "a.png")
    return read_one(folder, "0 0.5 0.5 0.5 0.5")


def box(**values: Any) -> Box:
    return Box(**{"x": 10, "y": 10, "width": 9, "height": 9, "label": "car", **values})


def skeleton(**values: Any) -> list[Annotation]:
    joint = Keypoint(**{"x": 5, "y": 5, "label": "nose", "id": "k", **values})
    return [box(label="person", id="b"), joint, Group(["b", "k"])]


RING_OF_PIXELS = Mask([(0, 3), (60, 1), (62, 1), (120, 3)], size=(60, 30), label="car")

LOSERS: dict[str, Callable[[Path], FormatReport]] = {
    "attributes": lambda folder: write_one(folder, box(attributes={"color": "red"})),
    "bad-row": lambda folder: read_one(folder, "0 nan 0.1 0.1 0.1"),
    "characters": lambda folder: formats.write(DataSet([DataSetClass("car ")], []), folder, "yolo"),
    "class-details": lose_details,
    "clipped": lambda folder: write_one(folder, box(x=-3), clip=True),
    "crowd": lambda folder: write_one(
        folder, Mask([(0, 9)], size=(60, 30), label="car", attributes={"iscrowd": True})
    ),
    "group": lambda folder: write_one(folder, box(id="a"), box(id="b"), Group(["a", "b"])),
    "holes": lambda folder: write_one(folder, RING_OF_PIXELS, task="segment"),
    "info": lose_info,
    "joints": lambda folder: write_one(
        folder, box(id="b"), Keypoint(5, 5, label="nose", id="k"), Group(["b", "k"])
    ),
    "mask-size": lambda folder: write_one(
        folder, Mask([(0, 9)], size=(30, 60), label="car"), task="segment"
    ),
    "no-area": lambda folder: write_one(folder, box(width=0)),
    "no-class": lambda folder: write_one(folder, box(label=None)),
    "no-folder": lose_folder,
    "no-label": lose_label,
    "no-picture": lambda folder: read_one(folder, "0 0.5 0.5 0.5 0.5", picture=False),
    "no-size": lose_size,
    "not-a-rectangle": lambda folder: read_one(
        folder, "0 0.1 0.1 0.9 0.1 0.5 0.9 0.1 0.9", task="obb"
    ),
    "not-in-task": lambda folder: write_one(folder, Polyline(RING, label="car")),
    "outside": lambda folder: write_one(folder, box(x=90)),
    "parts": lambda folder: write_one(
        folder,
        *(Polygon(RING, label="car", id=name) for name in "pq"),
        Group(["p", "q"]),
        task="segment",
    ),
    "renamed": lose_name,
    "rotation": lambda folder: write_one(folder, box(rotation=0.5)),
    "row-length": lambda folder: read_one(folder, "0 0.1 0.1 0.1 0.1 0.1 0.1", task="detect"),
    "shape": lambda folder: write_one(folder, Polygon(RING, label="car")),
    "shared-label": share_label,
    "size-differs": lose_size_of_data,
    "split": lose_split,
    "suffix": lose_suffix,
    "unknown-class": lambda folder: write_one(folder, box(label="tram")),
    "unknown-joint": lambda folder: write_one(
        folder, *skeleton(label="tail", visibility="visible"), task="pose"
    ),
    "visibility": lambda folder: write_one(folder, *skeleton(), task="pose"),
}


def test_each_loss_is_tested() -> None:
    assert list(LOSERS) == list(LOSSES)


@pytest.mark.parametrize("code", LOSSES)
def test_loss_is_reported(tmp_path: Path, code: str) -> None:
    report = LOSERS[code](tmp_path)
    assert code in {each.code for each in report.details}
    others = {"shape"} if code == "holes" else set()  # a mask with a hole becomes an outline
    assert set(report.skipped) | set(report.lossy) == {code, *others}


def test_strict_refuses_loss(tmp_path: Path) -> None:
    with pytest.raises(DataLost, match="The box has no area"):
        write_one(tmp_path, box(width=0), strict=True)


# -- Round trips ----------------------------------------------------------------------------------


def make_hard_set(folder: Path) -> DataSet:
    pictures = {
        "a.jpg": make_picture(folder / "a.jpg"),
        "sub dir/b.jpg": make_picture(folder / "b.jpg", (100, 80)),
        "empty.png": make_picture(folder / "empty.png"),
        "turned.jpg": make_picture(folder / "turned.jpg", (60, 30), 6),
    }
    annotations: dict[str, list[Annotation]] = {
        "a.jpg": [
            Box(7.125, 3.5, 20.25, 10.0625, label="car", id="box"),
            Polygon([(1, 1), (9, 1), (9.5, 9)], label="car", id="p"),
            Polygon([(20, 1), (29, 1), (29, 9)], label="car", id="q"),
            Group(["p", "q"], label="car", id="parts"),
        ],
        "sub dir/b.jpg": [
            Box(10, 10, 40, 60, label="person", id="person"),
            Keypoint(30, 15, label="nose", id="nose", visibility="visible"),
            Keypoint(25, 12, label="left_eye", id="left", visibility="occluded"),
            Keypoint(0, 0, label="right_eye", id="right", visibility="missing"),
            Group(["person", "nose", "left", "right"], label="person", id="skeleton"),
            Box(40, 30, 20, 10, label="car", rotation=math.pi / 6, id="turned"),
        ],
        "turned.jpg": [Box(10, 5, 20, 10, label="car", id="shown")],
    }
    samples = [
        Sample(
            name,
            annotations.get(name, ()),
            size=(100, 80) if name == "sub dir/b.jpg" else (60, 30),
            image=picture,
            split="val" if name == "empty.png" else "train",
        )
        for name, picture in pictures.items()
    ]
    return DataSet(CLASSES, samples)


PERSON_BOX = ("Box", "person", 10, 10, 40, 60, 0)
TURNED_BOX = ("Box", "car", 10, 5, 20, 10, 0)
HARD: dict[str, dict[str, list[tuple[Any, ...]]]] = {
    "detect": {
        "a.jpg": [
            ("Box", "car", 7.125, 3.5, 20.25, 10.0625, 0),
            ("Box", "car", 1, 1, 28, 8, 0),
        ],
        "sub dir/b.jpg": [PERSON_BOX, ("Box", "car", 38.83975, 25.66987, 22.3205, 18.66025, 0)],
        "turned.jpg": [TURNED_BOX],
    },
    "segment": {
        "a.jpg": [
            ("Polygon", "car", 7.125, 3.5, 27.375, 3.5, 27.375, 13.5625, 7.125, 13.5625),
            ("Polygon", "car", 1, 1, 9, 1, 9.5, 9),
            ("Polygon", "car", 20, 1, 29, 1, 29, 9),
        ],
        "sub dir/b.jpg": [
            ("Polygon", "person", 10, 10, 50, 10, 50, 70, 10, 70),
            (
                *("Polygon", "car", 43.83975, 25.66987, 61.16025, 35.66987),
                *(56.16025, 44.33013, 38.83975, 34.33013),
            ),
        ],
        "turned.jpg": [("Polygon", "car", 10, 5, 30, 5, 30, 15, 10, 15)],
    },
    "pose": {
        "a.jpg": [
            ("Box", "car", 7.125, 3.5, 20.25, 10.0625, 0),
            ("Box", "car", 1, 1, 28, 8, 0),
        ],
        "sub dir/b.jpg": [
            PERSON_BOX,
            ("Keypoint", "nose", 30, 15, "visible"),
            ("Keypoint", "left_eye", 25, 12, "occluded"),
            ("Keypoint", "right_eye", 0, 0, "missing"),
            ("Group", "person"),
            ("Box", "car", 38.83975, 25.66987, 22.3205, 18.66025, 0),
        ],
        "turned.jpg": [TURNED_BOX],
    },
    "obb": {
        "a.jpg": [
            ("Box", "car", 7.125, 3.5, 20.25, 10.0625, 0),
            ("Box", "car", 1, 1, 28, 8, 0),
        ],
        "sub dir/b.jpg": [PERSON_BOX, ("Box", "car", 40, 30, 20, 10, math.pi / 6)],
        "turned.jpg": [TURNED_BOX],
    },
}


@pytest.mark.parametrize("task", HARD)
def test_round_trip_of_the_hard_set(tmp_path: Path, task: str) -> None:
    data = make_hard_set(tmp_path / "in")
    formats.write(data, tmp_path / "out", "yolo", task=task)

    found, report = formats.read(tmp_path / "out", task=task)
    assert [each.name for each in found.classes] == ["car", "person", "unused"]
    for _ in range(2):
        samples = list(found.samples)
        assert {(each.split, each.name): each.size for each in samples} == {
            (each.split, each.name): each.size for each in data.samples
        }
        for sample in samples:
            expected = HARD[task].get(sample.name, [])
            described = [describe(each) for each in sample.annotations]
            assert [each[:2] for each in described] == [each[:2] for each in expected]
            for one, other in zip(described, expected, strict=True):
                assert one[2:] == pytest.approx(other[2:], abs=1e-4)
    assert (report.samples, report.skipped, report.lossy) == (4, {}, {})
    first, second = (
        [each.id for sample in found.samples for each in sample.annotations] for _ in range(2)
    )
    assert first == second


def test_files_of_a_set(tmp_path: Path) -> None:
    report = formats.write(make_hard_set(tmp_path / "in"), tmp_path / "out", "yolo", task="pose")
    files = list_files(tmp_path / "out")
    assert sorted(files) == [
        "data.yaml",
        *("images/train/a.jpg", "images/train/sub dir/b.jpg", "images/train/turned.jpg"),
        "images/val/empty.png",
        *("labels/train/a.txt", "labels/train/sub dir/b.txt", "labels/train/turned.txt"),
        "labels/val/empty.txt",
    ]
    assert files["labels/val/empty.txt"] == b""
    assert files["labels/train/turned.txt"] == b"0 0.66666667 0.33333333 0.33333333 0.33333333" + (
        b" 0 0 0" * 3 + b"\n"
    )
    assert files["images/train/a.jpg"] == (tmp_path / "in" / "a.jpg").read_bytes()
    settings = yaml.safe_load(files["data.yaml"])
    assert list(settings.items()) == [
        ("train", "images/train"),
        ("val", "images/val"),
        ("nc", 3),
        ("names", {0: "car", 1: "person", 2: "unused"}),
        ("kpt_shape", [3, 3]),
        ("flip_idx", [0, 2, 1]),
        ("kpt_names", {1: ["nose", "left_eye", "right_eye"]}),
    ]
    assert report.samples == 4
    assert formats.recognize(tmp_path / "out")["yolo"] == "data.yaml names classes and splits"


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    data = make_hard_set(tmp_path / "in")
    for name in ("one", "two", "two"):
        formats.write(data, tmp_path / name, "yolo", task="segment")
    assert list_files(tmp_path / "one") == list_files(tmp_path / "two")


def test_finished_pictures_are_left(tmp_path: Path) -> None:
    data = make_hard_set(tmp_path / "in")
    formats.write(data, tmp_path / "out", "yolo")
    picture = tmp_path / "out" / "images" / "train" / "a.jpg"
    before = picture.stat().st_ino
    formats.write(data, tmp_path / "out", "yolo")
    assert picture.stat().st_ino == before
    assert not list((tmp_path / "out").rglob("*.part"))


def test_validation_folder_is_there_without_pictures(tmp_path: Path) -> None:
    write_one(tmp_path)
    assert (tmp_path / "images" / "val").is_dir()
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["val"] == "images/val"


def test_label_files_are_not_shared(tmp_path: Path) -> None:
    names = ["a.jpg", "a.png", "A.jpg", "a.PNG", "images/a.jpg", "labels/a.jpg", ".a.jpg"]
    samples = [
        Sample(
            name,
            [Box(number, 1, 2, 2, label="car")],
            size=(60, 30),
            image=make_picture(tmp_path / "in" / str(number) / "a.png"),
            split="train",
            id=number,
        )
        for number, name in enumerate(names)
    ]
    data = DataSet(CLASSES[:1], samples)
    report = formats.write(data, tmp_path / "out", "yolo")
    assert report.lossy["renamed"] == 4
    found, read_report = formats.read(tmp_path / "out", "yolo")
    places = {each.name: [describe(part)[2] for part in each.annotations] for each in found.samples}
    assert len(places) == 7
    assert sorted(place for (place,) in places.values()) == pytest.approx(range(7))
    assert places["a_png.png"] == [1]
    assert read_report.details == []


def test_sizes_of_the_data_may_be_those_shown(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "in.jpg", (60, 30), 6)
    for name, size in (("stored", (60, 30)), ("shown", (30, 60)), ("unknown", None)):
        sample = Sample(
            "a.jpg", [Box(0, 0, 15, 15, label="car")], size=size, image=picture, split="train"
        )
        report = formats.write(DataSet(CLASSES[:1], [sample]), tmp_path / name, "yolo")
        row = (tmp_path / name / "labels" / "train" / "a.txt").read_text()
        assert row == ("0 0.25 0.125 0.5 0.25\n" if name == "shown" else "0 0.75 0.125 0.5 0.25\n")
        assert report.details == []


def test_missing_picture_keeps_the_label(tmp_path: Path) -> None:
    for image in (None, tmp_path / "gone.jpg"):
        sample = Sample("a.jpg", [box()], size=(60, 30), image=image, split="train")
        report = formats.write(DataSet(CLASSES[:1], [sample]), tmp_path / "out", "yolo")
        assert report.lossy == {"no-picture": 1}
        assert (tmp_path / "out" / "labels" / "train" / "a.txt").read_text()


def test_pictures_without_a_split_are_for_training(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "in.png")
    data = DataSet(CLASSES[:1], [Sample("a.png", image=picture)])
    report = formats.write(data, tmp_path / "out", "yolo", strict=True)
    assert report.details == []
    found, _ = formats.read(tmp_path / "out", "yolo")
    assert [(each.split, each.name) for each in found.samples] == [("train", "a.png")]


def test_other_splits_are_kept(tmp_path: Path) -> None:
    names = ["test", "holdout", "train"]
    samples = [
        Sample(f"{name}.png", image=make_picture(tmp_path / "in.png"), split=name) for name in names
    ]
    formats.write(DataSet(CLASSES[:1], samples), tmp_path / "out", "yolo")
    found, _ = formats.read(tmp_path / "out", "yolo")
    assert {each.split: each.name for each in found.samples} == {
        name: f"{name}.png" for name in names
    }


# -- Arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["names", "path"])
def test_split_names_a_folder(tmp_path: Path, split: str) -> None:
    data = DataSet(CLASSES, [Sample("a.jpg", split=split)])
    with pytest.raises(UsageError, match="can't name a folder"):
        formats.write(data, tmp_path, "yolo", images="none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "boxes"}, "task='boxes'"),
        ({"images": "move"}, "images='move'"),
        ({"task": "pose", "flip_idx": [0, 1]}, "flip_idx="),
        ({"task": "pose", "flip_idx": [0, 0, 1]}, "flip_idx="),
        ({"task": "pose", "keypoints": "nose"}, "keypoints='nose'"),
        ({"task": "pose", "keypoints": []}, "needs the joints in order"),
    ],
)
def test_arguments_are_checked(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        write_one(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_misspelt_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="tsak"):
        write_one(tmp_path, tsak="detect")


def test_two_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Two classes"):
        formats.write(DataSet([CLASSES[0]] * 2, []), tmp_path, "yolo")


def test_joints_may_be_given(tmp_path: Path) -> None:
    write_one(
        tmp_path,
        *skeleton(label="tip", visibility="visible"),
        task="pose",
        keypoints=["root", "tip"],
        flip_idx=[1, 0],
    )
    settings = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert (settings["kpt_shape"], settings["flip_idx"]) == ([2, 3], [1, 0])
    row = (tmp_path / "labels" / "train" / "a.txt").read_text().split()
    assert row[5:8] == ["0", "0", "0"]
    assert float(row[8]) == pytest.approx(5 / 60)


@pytest.mark.parametrize(
    "row",
    ["0 0 0 1 0 1 1 0 1", "0 0 0 1 0 1 1 0 1 0 0.5", "0 0 0 1 0 1 1", "0 0.5 0.5 1 1 0 0 2"],
    ids=["quadrilateral or turned box", "pentagon or two joints", "triangle", "one joint"],
)
def test_task_is_said(tmp_path: Path, row: str) -> None:
    with pytest.raises(UsageError, match=r"a\.txt, row 2: \d+ numbers .* Pass task='segment'"):
        read_one(tmp_path, f"0 0.5 0.5 0.1 0.1\n{row}\n")


def test_task_of_boxes_may_be_left_out(tmp_path: Path) -> None:
    report = read_one(tmp_path, "0 0.5 0.5 0.1 0.1\nrubbish\n\n1 0.5 0.5 0.1 0.1 0.9\n")
    assert (report.annotations, report.skipped) == (2, {"bad-row": 1})


def test_settings_may_say_the_pose(tmp_path: Path) -> None:
    text = "train: images\nnames: [person]\nkpt_shape: [1, 3]\n"
    files = {"data.yaml": text, "images/a.jpg": "", "labels/a.txt": "0 0.5 0.5 1 1 0.5 0.5 2"}
    make_set(tmp_path, files)
    data, _ = formats.read(tmp_path)
    assert data.classes[0].keypoints == ("0",)
    (sample,) = data.samples
    assert [describe(each) for each in sample.annotations][1] == (
        *("Keypoint", "0", 30, 15, "visible"),
    )
    data, _ = formats.read(tmp_path, "yolo", keypoints=["nose"])
    assert [each.label for sample in data.samples for each in sample.annotations][1] == "nose"


def test_pose_needs_the_number_of_joints(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no kpt_shape"):
        read_one(tmp_path, "0 0.5 0.5 1 1 0 0 0", task="pose")


def test_names_may_be_given(tmp_path: Path) -> None:
    make_set(tmp_path, {"images/a.jpg": "", "labels/a.txt": "1 0.5 0.5 0.5 0.5"})
    assert formats.recognize(tmp_path)["yolo"] == (
        "labels/a.txt has rows of a class index and coordinates"
    )
    with pytest.raises(UsageError, match=r"Pass names="):
        formats.read(tmp_path, "yolo")
    with pytest.raises(UsageError, match="names='car' is not a list"):
        formats.read(tmp_path, "yolo", names="car")
    data, _ = formats.read(tmp_path, "yolo", names=["car", "bus"])
    assert [each.label for sample in data.samples for each in sample.annotations] == ["bus"]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"images/a.jpg": ""},
        {"images/a.jpg": "", "labels/a.txt": "Car 0.0 0 1.5 1 2 3 4"},
        {"images/a.jpg": "", "labels/a.txt": ""},
        {"images/a.jpg": "", "labels/a.png": ""},
        {"config.yaml": "name: plugin\n"},
    ],
)
def test_other_folders_are_not_recognized(tmp_path: Path, files: dict[str, str]) -> None:
    assert "yolo" not in formats.recognize(make_set(tmp_path, files))


def test_unreadable_picture_is_skipped_alone(tmp_path: Path) -> None:
    files = {"data.yaml": "train: images\nnames: [car]\n", "images/a.jpg": "", "labels/a.txt": ""}
    make_set(tmp_path, {**files, "labels/b.txt": "0 0.5 0.5 0.5 0.5"})
    (tmp_path / "images" / "b.jpg").write_text("no picture")
    data, report = formats.read(tmp_path, "yolo")
    assert [each.name for each in data.samples] == ["a.jpg"]
    assert report.skipped == {"no-size": 1}


def test_listed_pictures_out_of_the_folder_are_skipped(tmp_path: Path) -> None:
    make_picture(tmp_path / "out.jpg")
    files = {
        "data.yaml": "train: list.txt\nnames: [car]\n",
        "list.txt": "../out.jpg\nimages/a.jpg\n",
        "images/a.jpg": "",
        "labels/a.txt": "",
    }
    data, report = formats.read(make_set(tmp_path / "set", files), "yolo")
    assert [(each.name, each.split) for each in data.samples] == [("images/a.jpg", "train")]
    assert report.skipped == {"no-picture": 1}


def test_missing_yaml_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match=r"Writing data\.yaml .*pip install .*\[plugins\]"):
        write_one(tmp_path)


def test_label_of_the_whole_picture_has_no_row(tmp_path: Path) -> None:
    report = write_one(tmp_path, Label(label="rain"))
    assert report.skipped == {"not-in-task": 1}
    assert "label of the whole picture" in report.details[0].reason


def test_classes_of_other_lines_come_back_as_reported(tmp_path: Path) -> None:
    names = ["cat\u2028", "a\x85b", " dog ", "yes", "null", "1"]
    report = formats.write(DataSet(map(DataSetClass, names), []), tmp_path, "yolo")
    assert report.lossy == {"characters": 3}
    data, _ = formats.read(tmp_path, "yolo", task="detect")
    assert [each.name for each in data.classes] == ["cat", "a b", "dog", "yes", "null", "1"]
