"""An export ends with exactly the files it wrote, and touches no file of anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse import formats
from synapse.annotations import Annotation, Box, Label, Mask
from synapse.errors import UsageError
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.written_files import WrittenFiles, keep, record, recording

SIZE = (20, 10)
LIST = ".synapse-files.jsonl"
JOURNAL = ".synapse-writing.jsonl"
OPTIONS: dict[str, dict[str, Any]] = {"yolo": {"task": "detect"}}


def make_samples(folder: Path, *names: str, split: str | None = "train") -> list[Sample]:
    folder.mkdir(exist_ok=True)
    samples: list[Sample] = []
    for name in names:
        (folder / name).write_bytes(name.encode())
        mask = Mask([(3, 9)], label="car", size=SIZE)
        marks: list[Annotation] = [Label(label="car"), Box(1, 2, 3, 4, label="car"), mask]
        image = folder / name
        samples.append(Sample(name, marks, size=SIZE, split=split, image=image))
    return samples


def write(
    folder: Path, samples: list[Sample] | Iterator[Sample], name: str, **options: Any
) -> None:
    data = DataSet([DataSetClass("car")], samples)
    formats.write(data, folder, name, **OPTIONS.get(name, {}), **options)


def list_files(folder: Path) -> list[str]:
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*"))


@pytest.mark.parametrize("name", formats.FORMATS)
def test_second_export_leaves_only_its_own_files(name: str, tmp_path: Path) -> None:
    write(tmp_path / "out", make_samples(tmp_path / "in", "a.png", "b.png"), name)
    later = make_samples(tmp_path / "in", "b.png", "c.png", split="val")
    (tmp_path / "out" / "README.md").write_text("notes of a user")

    write(tmp_path / "out", later, name)
    write(tmp_path / "fresh", later, name)

    assert list_files(tmp_path / "out") == sorted(["README.md", *list_files(tmp_path / "fresh")])
    assert (tmp_path / "out" / LIST).read_bytes() == (tmp_path / "fresh" / LIST).read_bytes()


def test_another_format_replaces_the_data_set(tmp_path: Path) -> None:
    samples = make_samples(tmp_path / "in", "a.png")
    write(tmp_path / "out", samples, "coco")
    write(tmp_path / "out", samples, "voc")
    assert formats.recognize(tmp_path / "out").keys() == {"voc"}


@pytest.mark.parametrize("name", formats.FORMATS)
def test_folder_with_other_files_is_refused_untouched(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "labels").mkdir(parents=True)
    for each in ("a.JPG", "labels/a.txt", "b.json", "c.csv"):
        (out / each).write_text("mine")
    before = list_files(out)
    samples = make_samples(tmp_path / "in", "a.png")
    with pytest.raises(UsageError, match=r"wrote: a\.JPG, b\.json, c\.csv and others\. .*empty"):
        write(out, samples, name)
    assert list_files(out) == before


def test_file_that_would_be_overwritten_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jp2").write_text("mine")
    with pytest.raises(UsageError, match=r"a\.jp2 would be overwritten"), recording(tmp_path):
        record(tmp_path / "a.jp2")
    assert (tmp_path / "a.jp2").read_text() == "mine"


def test_pictures_of_a_user_stay_beside_labels(tmp_path: Path) -> None:
    out = tmp_path / "out"
    samples = make_samples(tmp_path / "in", "a.png", "b.png")
    write(out, samples, "yolo")
    (out / "images/train/mine.png").write_text("mine")
    write(out, samples[:1], "yolo", images="none")
    pictures = sorted(path.name for path in (out / "images/train").iterdir())
    assert pictures == ["a.png", "mine.png"]
    with pytest.raises(UsageError, match=r"images/train/mine\.png"):
        write(out, samples, "yolo")


def test_broken_export_is_continued(tmp_path: Path) -> None:
    samples = make_samples(tmp_path / "in", "a.png", "b.png")
    write(tmp_path / "out", make_samples(tmp_path / "in", "old.png"), "yolo")

    def fail() -> Iterator[Sample]:
        yield samples[0]
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        write(tmp_path / "out", fail(), "yolo")
    assert (tmp_path / "out/images/train/old.png").exists()
    inode = (tmp_path / "out/images/train/a.png").stat().st_ino

    write(tmp_path / "out", samples, "yolo")

    names = sorted(path.name for path in (tmp_path / "out/images/train").iterdir())
    assert names == ["a.png", "b.png"]
    assert (tmp_path / "out/images/train/a.png").stat().st_ino == inode
    assert not (tmp_path / "out" / JOURNAL).exists()


def test_list_from_elsewhere_removes_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path, target_is_directory=True)
    names = ["../mine.txt", str(tmp_path / "mine.txt"), "link/mine.txt", 7, None, "", "gone.txt"]
    lines = [*map(json.dumps, names), "{", "\udcff".encode("utf-8", "surrogatepass").hex()]
    (out / LIST).write_text("\n".join(lines))
    with recording(out):
        pass
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_file_system_without_case_keeps_the_new_file(tmp_path: Path) -> None:
    """There, the old name and the new name are one file."""
    with recording(tmp_path):
        record(tmp_path / "A.png")
        (tmp_path / "A.png").write_text("old")
    (tmp_path / LIST.swapcase()).touch()  # the list under another case: the system ignores case
    with recording(tmp_path):
        record(tmp_path / "a.png")
    assert (tmp_path / "A.png").exists()


def test_without_a_block_nothing_is_noted(tmp_path: Path) -> None:
    record(tmp_path / "a.png")
    keep(tmp_path / "a.png")
    assert not WrittenFiles(tmp_path).has("a.png")
