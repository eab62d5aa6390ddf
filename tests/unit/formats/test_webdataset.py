"""Tar shards of pictures and JSON."""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse import formats
from synapse.annotations import (
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    OtherAnnotation,
    Polygon,
)
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample
from synapse.formats.webdataset import LOSSES

CLASSES = [DataSetClass("car", "vehicle"), DataSetClass("person", keypoints=["nose"])]


def make_sample(folder: Path, name: str = "a.jpg", *annotations: Any, **values: Any) -> Sample:
    image = folder / "in" / name
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(name.encode())
    return Sample(name, annotations, **{"image": image, **values})


def write(folder: Path, *samples: Sample, **options: Any) -> FormatReport:
    data = DataSet(CLASSES, samples, {"licenses": ["CC0"]})
    return formats.write(data, folder / "out", "webdataset", **options)


def read_shard(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr] # files only


def lose_shard(folder: Path) -> FormatReport:
    samples = [make_sample(folder, f"{number}.jpg") for number in range(3)]
    write(folder, *samples, samples_per_shard=1)
    return write(folder, *samples, samples_per_shard=2)


LOSERS: dict[str, Callable[[Path], FormatReport]] = {
    "no-picture": lambda folder: write(
        folder, Sample("a.jpg"), Sample("b.jpg", image=folder / "gone.jpg")
    ),
    "not-json": lambda folder: write(
        folder, make_sample(folder, "a.jpg", Box(1, 1, 1, 1, attributes={"score": math.nan}))
    ),
    "old-shard": lose_shard,
    "unknown-tool": lambda folder: write(folder, make_sample(folder, "a.jpg", OtherAnnotation())),
}


def test_each_loss_is_tested() -> None:
    assert list(LOSERS) == list(LOSSES)


@pytest.mark.parametrize("code", LOSSES)
def test_loss_is_reported(tmp_path: Path, code: str) -> None:
    report = LOSERS[code](tmp_path)
    assert {*report.skipped, *report.lossy} == {code}


def test_samples_have_a_picture_and_json(tmp_path: Path) -> None:
    annotations = [
        Box(1, 2, 3.5, 4, rotation=0.5, label="car", id="b", attributes={"Größe": [1]}),
        Polygon([(0, 0), (4, 0), (4, 4.5)], label="car", id="p"),
        Mask([(0, 3), (9, 1)], size=(6, 3), label="car", id="m"),
        Keypoint(1, 1, visibility="occluded", label="nose", id="k"),
        Group(["b", "k"], id="g"),
        Label(label="rain", id="l"),
    ]
    sample = make_sample(tmp_path, "sub dir/a.JPG", *annotations, size=(6, 3), id=7, split="train")
    report = write(tmp_path, sample, make_sample(tmp_path, "empty.png", split="val"))
    assert (report.samples, report.annotations, report.details) == (2, 5, [])
    files = read_shard(tmp_path / "out" / "train-000000.tar")
    assert list(files) == ["000000000.jpg", "000000000.json"]
    assert files["000000000.jpg"] == b"sub dir/a.JPG"
    values = json.loads(files["000000000.json"])
    shapes = values.pop("annotations")
    assert values == {"name": "sub dir/a.JPG", "id": 7, "width": 6, "height": 3}
    common = {"label": "car", "attributes": {}}
    assert shapes == [
        {
            **common,
            "tool": "bounding_box",
            "id": "b",
            "x": 1,
            "y": 2,
            "width": 3.5,
            "height": 4,
            "rotation": 0.5,
            "attributes": {"Größe": [1]},
        },
        {**common, "tool": "polygon", "id": "p", "points": [[0, 0], [4, 0], [4, 4.5]]},
        {**common, "tool": "segmentation", "id": "m", "runs": [[0, 3], [9, 1]], "size": [6, 3]},
        {
            **common,
            "tool": "keypoint",
            "id": "k",
            "x": 1,
            "y": 1,
            "label": "nose",
            "visibility": "occluded",
        },
        {**common, "tool": "group", "id": "g", "label": None, "members": ["b", "k"]},
        {**common, "tool": "classification", "id": "l", "label": "rain"},
    ]
    files = read_shard(tmp_path / "out" / "val-000000.tar")
    assert list(files) == ["000000001.png", "000000001.json"]
    assert json.loads((tmp_path / "out" / "classes.json").read_text()) == {
        "classes": [
            {"name": "car", "supercategory": "vehicle", "keypoints": [], "skeleton": []},
            {"name": "person", "supercategory": None, "keypoints": ["nose"], "skeleton": []},
        ],
        "info": {"licenses": ["CC0"]},
    }


@pytest.mark.parametrize(("maximum", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_shards_have_a_maximum(tmp_path: Path, maximum: int, sizes: list[int]) -> None:
    samples = [make_sample(tmp_path, f"{number}.jpg") for number in range(5)]
    write(tmp_path, *samples, samples_per_shard=maximum)
    shards = sorted((tmp_path / "out").glob("*.tar"))
    assert [path.name for path in shards] == [f"data-{at:06d}.tar" for at in range(len(sizes))]
    names = [list(read_shard(path)) for path in shards]
    assert [len(each) // 2 for each in names] == sizes
    assert sorted(name for each in names for name in each) == sorted(
        f"{at:09d}{suffix}" for at in range(5) for suffix in (".jpg", ".json")
    )


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    samples = [make_sample(tmp_path, f"{at}.jpg", Box(1, 1, at + 1, 1)) for at in range(3)]
    found = []
    for _ in range(2):
        write(tmp_path, *samples, samples_per_shard=2)
        found.append({path.name: path.read_bytes() for path in (tmp_path / "out").glob("[!.]*")})
        for sample in samples:
            assert sample.image is not None
            sample.image.touch()
            sample.image.chmod(0o600)
    assert found[0] == found[1]
    assert sorted(found[0]) == ["classes.json", "data-000000.tar", "data-000001.tar"]
    with tarfile.open(tmp_path / "out" / "data-000000.tar") as tar:
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in tar} == {
            (0, 0, "", 0o644)
        }


def test_unfinished_shard_is_removed(tmp_path: Path) -> None:
    def read_samples() -> Iterator[Sample]:
        for number in range(3):
            yield make_sample(tmp_path, f"{number}.jpg")
        raise RuntimeError("stop")

    data = DataSet(CLASSES, read_samples())
    with pytest.raises(RuntimeError, match="stop"):
        formats.write(data, tmp_path / "out", "webdataset", samples_per_shard=2)
    assert [path.name for path in (tmp_path / "out").glob("[!.]*")] == ["data-000000.tar"]


def test_pictures_may_be_left_out(tmp_path: Path) -> None:
    report = write(tmp_path, make_sample(tmp_path), Sample("b.jpg"), images="none")
    assert list(read_shard(tmp_path / "out" / "data-000000.tar")) == [
        *("000000000.json", "000000001.json"),
    ]
    assert report.details == []


@pytest.mark.parametrize(
    ("options", "split", "message"),
    [
        ({"samples_per_shard": 0}, None, "samples_per_shard=0"),
        ({"samples_per_shard": 1.5}, None, "samples_per_shard=1.5"),
        ({"images": "move"}, None, "images='move'"),
        ({}, "../x", "can't name a folder"),
    ],
)
def test_arguments_are_checked(
    tmp_path: Path, options: Any, split: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        write(tmp_path, make_sample(tmp_path, split=split), **options)


def test_strict_refuses_loss(tmp_path: Path) -> None:
    with pytest.raises(DataLost, match="no local file"):
        write(tmp_path, Sample("a.jpg"), strict=True)
    assert list((tmp_path / "out").iterdir()) == []


def test_shards_are_recognized_and_not_read(tmp_path: Path) -> None:
    assert formats.recognize(tmp_path).get("webdataset") is None
    write(tmp_path, make_sample(tmp_path))
    assert formats.recognize(tmp_path / "out") == {"webdataset": "data-000000.tar and classes.json"}
    for name in ("auto", "webdataset"):
        with pytest.raises(
            UsageError, match=r"format='webdataset' can't be read\. Use one of .*yolo"
        ):
            formats.read(tmp_path / "out", name)
