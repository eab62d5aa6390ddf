"""Folders of pictures, one for each class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse import formats
from synapse.annotations import Box, Label
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.image_folder import LOSSES

CLASSES = [DataSetClass("cat"), DataSetClass("dog")]


def make_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def make_sample(folder: Path, name: str = "a.jpg", *labels: Any, **values: Any) -> Sample:
    image = make_files(folder / "in", name) / name
    annotations = [Label(label=each) if isinstance(each, str) else each for each in labels]
    return Sample(name, annotations, **{"image": image, **values})


def write(folder: Path, *samples: Sample, classes: Any = CLASSES, **options: Any) -> FormatReport:
    return formats.write(DataSet(classes, samples), folder / "out", "image_folder", **options)


def list_files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file()
    )


def read(folder: Path, *names: str, **options: Any) -> FormatReport:
    data, report = formats.read(make_files(folder, *names), "image_folder", **options)
    list(data.samples)
    return report


CAT = Label(label="cat", attributes={"sure": True})
LOSERS: dict[str, Callable[[Path], FormatReport]] = {
    "attributes": lambda folder: write(folder, make_sample(folder, "a.jpg", CAT)),
    "class-details": lambda folder: write(folder, classes=[DataSetClass("cat", "animal")]),
    "class-name": lambda folder: write(
        folder, *(make_sample(folder, "a.jpg", name) for name in ("a/b", "..", "a ", "a\\b", ".x"))
    ),
    "class-order": lambda folder: write(folder, classes=CLASSES[::-1]),
    "info": lambda folder: formats.write(DataSet([], [], {"a": 1}), folder, "image_folder"),
    "no-class": lambda folder: write(folder, make_sample(folder)),
    "no-picture": lambda folder: write(
        folder, Sample("a.jpg", [CLABEL]), Sample("b.jpg", [CLABEL], image=folder / "gone.jpg")
    ),
    "not-a-label": lambda folder: write(
        folder, make_sample(folder, "a.jpg", "cat", Box(1, 1, 2, 2, label="cat"))
    ),
    "not-a-picture": lambda folder: read(folder, "cat/a.jpg", "cat/Thumbs.db", "README.md"),
    "renamed": lambda folder: write(
        folder,
        make_sample(folder, "a.jpg", "cat"),
        make_sample(folder, "cat/a.jpg", "cat"),
        make_sample(folder, ".b.jpg", "cat"),
    ),
    "several-classes": lambda folder: write(folder, make_sample(folder, "a.jpg", "cat", "dog")),
    "split": lambda folder: write(folder, make_sample(folder, "a.jpg", "cat", split="holdout")),
    "suffix": lambda folder: write(folder, make_sample(folder, "a.svg", "cat")),
}
CLABEL = Label(label="cat")


def test_each_loss_is_tested() -> None:
    assert list(LOSERS) == list(LOSSES)


@pytest.mark.parametrize("code", LOSSES)
def test_loss_is_reported(tmp_path: Path, code: str) -> None:
    report = LOSERS[code](tmp_path)
    assert {*report.skipped, *report.lossy} == {code}
    assert {each.code for each in report.details} == {code}


def test_strict_refuses_loss(tmp_path: Path) -> None:
    with pytest.raises(DataLost, match="no class"):
        write(tmp_path, make_sample(tmp_path), strict=True)


@pytest.mark.parametrize("split", [None, "train"])
@pytest.mark.parametrize("images", ["copy", "link"])
def test_round_trip(tmp_path: Path, split: str | None, images: str) -> None:
    samples = [
        make_sample(tmp_path, "cat/sub dir/a.jpg", "cat", split=split),
        make_sample(tmp_path, "dog/a.PNG", "dog", split=split),
    ]
    classes = [*CLASSES, DataSetClass("unused")]
    report = write(tmp_path, *samples, classes=classes, images=images)
    assert (report.samples, report.annotations, report.details) == (2, 2, [])
    data, report = formats.read(tmp_path / "out")
    assert data.classes == tuple(classes)
    for _ in range(2):
        found = list(data.samples)
        assert [
            (each.name, each.split, [label.label for label in each.annotations]) for each in found
        ] == [("cat/sub dir/a.jpg", split, ["cat"]), ("dog/a.PNG", split, ["dog"])]
        assert [each.image and each.image.read_bytes() for each in found] == [
            *(b"cat/sub dir/a.jpg", b"dog/a.PNG"),
        ]
    assert (report.samples, report.annotations, report.details) == (2, 2, [])


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    samples = [make_sample(tmp_path, name, "cat", split="val") for name in ("a.jpg", "A.jpg")]
    write(tmp_path, *samples)
    before = list_files(tmp_path / "out")
    assert before == ["val/cat/A_jpg.jpg", "val/cat/a.jpg"]
    inode = (tmp_path / "out" / before[0]).stat().st_ino
    write(tmp_path, *samples)
    assert list_files(tmp_path / "out") == before
    assert (tmp_path / "out" / before[0]).stat().st_ino == inode


def test_names_may_differ_in_the_suffix_only(tmp_path: Path) -> None:
    report = write(tmp_path, *(make_sample(tmp_path, f"a.{end}", "cat") for end in ("jpg", "png")))
    assert list_files(tmp_path / "out") == ["cat/a.jpg", "cat/a.png"]
    assert report.details == []


@pytest.mark.parametrize(
    ("names", "splits", "expected"),
    [
        (["cat/a.jpg", "dog/a.jpg"], None, [(None, "cat/a.jpg"), (None, "dog/a.jpg")]),
        (["train/cat/a.jpg", "valid/dog/a.jpg"], None,
         [("train", "cat/a.jpg"), ("valid", "dog/a.jpg")]),
        (["train/a.jpg", "test/b.jpg"], None, [(None, "test/b.jpg"), (None, "train/a.jpg")]),
        (["train/cat/a.jpg", "dog/b.jpg"], None, [(None, "dog/b.jpg"), ("train", "cat/a.jpg")]),
        (["one/cat/a.jpg", "two/dog/a.jpg"], True,
         [("one", "cat/a.jpg"), ("two", "dog/a.jpg")]),
        (["train/x/a.jpg"], False, [(None, "train/x/a.jpg")]),
        ([".git/a.jpg", "cat/.b.jpg", "cat/.x/b.jpg", "cat/a.jpg"], None, [(None, "cat/a.jpg")]),
    ],
)  # fmt: skip
def test_layouts(
    tmp_path: Path, names: list[str], splits: bool | None, expected: list[tuple[str | None, str]]
) -> None:
    data, report = formats.read(make_files(tmp_path, *names), "image_folder", splits=splits)
    assert [(each.split, each.name) for each in data.samples] == expected
    assert report.details == []


def test_pictures_without_a_class_are_skipped(tmp_path: Path) -> None:
    report = read(tmp_path, "train/cat/a.jpg", "b.jpg", "train/c.txt")
    assert (report.samples, report.skipped) == (1, {"no-class": 1, "not-a-picture": 1})


def test_mixed_splits_come_back(tmp_path: Path) -> None:
    write(
        tmp_path,
        make_sample(tmp_path, "a.jpg", "cat"),
        make_sample(tmp_path, "b.jpg", "cat", split="test"),
    )
    data, _ = formats.read(tmp_path / "out")
    assert sorted((each.split or "", each.name) for each in data.samples) == [
        ("", "cat/a.jpg"),
        ("test", "cat/b.jpg"),
    ]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["cat/a.jpg", "dog/b.png"], "folders of pictures: cat, dog"),
        (["cat/a.jpg", "dog/b.png", "README.md"], "folders of pictures: cat, dog"),
        (["train/cat/a.jpg", "val/dog/b.png"], "folders of pictures: cat, dog"),
        ([f"{name}/a.jpg" for name in "abcde"], "folders of pictures: a, b, c, d …"),
        (["cat/a.jpg"], None),
        (["images/a.jpg", "masks/a.png"], None),
        (["JPEGImages/a.jpg", "SegmentationClass/a.png"], None),
        (["cat/a.jpg", "dog/a.xml"], None),
        (["cat/a.jpg", "dog/b.jpg", "c.jpg"], None),
        (["cat/", "dog/"], None),
        ([], None),
    ],
)
def test_recognition(tmp_path: Path, names: list[str], reason: str | None) -> None:
    for name in names:
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        else:
            make_files(tmp_path, name)
    assert formats.recognize(tmp_path).get("image_folder") == reason


def test_folder_without_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folders of pictures"):
        read(tmp_path, "a.jpg")


def test_pictures_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="images='none'"):
        write(tmp_path, images="none")
    with pytest.raises(UsageError, match="images='move'"):
        write(tmp_path, images="move")
    with pytest.raises(UsageError, match="can't name a folder"):
        write(tmp_path, make_sample(tmp_path, "a.jpg", "cat", split="../x"))
