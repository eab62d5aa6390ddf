"""Picture files: find them, measure them, place them."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Box, Label, Mask, masks
from synapse.errors import MissingExtra, UsageError
from synapse.formats import FORMATS, DataSet, DataSetClass, Sample
from synapse.formats.pictures import (
    check_mode,
    find_files,
    find_pictures,
    is_file,
    list_entries,
    place_picture,
    read_orientation,
    read_size,
    write_file,
)

from .frame_cases import STORED, save_picture


def test_pictures_are_found_by_name(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "a.png", ".hidden/x.png", "b/.y.png", "notes.txt", "b/1.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in find_pictures(tmp_path)]
    assert found == ["a.png", "b/1.webp", "b/2.JPG"]
    files = [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path)]
    assert files == ["a.png", "notes.txt", "b/1.webp", "b/2.JPG"]
    hidden = [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path, hidden=True)]
    assert hidden == ["a.png", "notes.txt", "b/.y.png", "b/1.webp", "b/2.JPG"]
    assert [path.name for path in list_entries(tmp_path)] == ["a.png", "b", "notes.txt"]
    assert [path.name for path in list_entries(tmp_path, ".txt")] == ["notes.txt"]
    assert list_entries(tmp_path / "missing") == []


def test_size_is_that_of_the_stored_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = image.new("RGB", (6, 3))
    picture.save(tmp_path / "a.png")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "text.png").write_text("no picture")

    assert read_size(tmp_path / "a.png") == ((6, 3), False)
    assert read_size(tmp_path / "turned.jpg") == ((6, 3), True)
    with pytest.raises(UsageError, match=r"text\.png is not a readable picture"):
        read_size(tmp_path / "text.png")


def test_missing_pillow_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[images\]"):
        read_size(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_picture_is_placed_once(tmp_path: Path, mode: str) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "out" / "sub" / "a.jpg"
    source.write_bytes(b"1234")
    sample = Sample("a.jpg", image=source)

    assert place_picture(sample, target, mode)  # type: ignore[arg-type] # one of the modes
    before = target.stat().st_ino
    assert place_picture(sample, target, mode)  # type: ignore[arg-type] # one of the modes

    assert target.read_bytes() == b"1234"
    assert target.stat().st_ino == before
    assert (before == source.stat().st_ino) is (mode == "link")
    source.write_bytes(b"12345")
    assert place_picture(sample, target, "copy")
    assert target.read_bytes() == b"12345"


def test_pictures_may_be_missing_or_unwanted(tmp_path: Path) -> None:
    assert not place_picture(Sample("a.jpg"), tmp_path / "a.jpg", "copy")
    assert place_picture(Sample("a.jpg"), tmp_path / "a.jpg", "none")
    assert list(tmp_path.iterdir()) == []
    check_mode("none")
    with pytest.raises(UsageError, match="images='symlink'"):
        check_mode("symlink")


@pytest.mark.parametrize(("stored", "expected"), [(None, 1), (3, 3), (8, 8), (0, 1), (9, 1)])
def test_orientation(tmp_path: Path, stored: int | None, expected: int) -> None:
    picture = pytest.importorskip("PIL.Image").new("RGB", (6, 3))
    exif = picture.getexif()
    if stored is not None:
        exif[0x0112] = stored
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert read_orientation(tmp_path / "a.jpg") == ((6, 3), expected)


def test_files_are_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.txt"
    for data in (b"first", b""):
        write_file(path, data)
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_another_picture_of_the_same_size_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.bmp"
    for content in (b"red!", b"blue"):
        (tmp_path / "a.bmp").write_bytes(content)
        assert place_picture(Sample("a.bmp", image=tmp_path / "a.bmp"), target, "copy")
        assert target.read_bytes() == content


def test_link_of_a_relative_link_is_the_picture(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "blob").write_bytes(b"1234")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").symlink_to("../store/blob")
    target = tmp_path / "deep" / "er" / "a.jpg"
    assert place_picture(Sample("a.jpg", image=tmp_path / "images" / "a.jpg"), target, "link")
    assert target.read_bytes() == b"1234"


READABLE = sorted(set(formats.FORMATS) - {"webdataset"})


@pytest.mark.parametrize("name", READABLE)
def test_no_reader_sees_what_systems_leave(tmp_path: Path, name: str) -> None:
    """As in an archive of a Mac that was unpacked on a network drive."""
    image = write_picture(tmp_path / "a.png")
    shapes = {
        "image_folder": Label(label="car"),
        "mask_png": Mask([(0, 9)], size=(8, 8), label="car"),
    }
    shape = shapes.get(name, Box(1, 1, 4, 4, label="car"))
    folder = tmp_path / "set"
    sample = Sample("sub/a.png", [shape], size=(8, 8), image=image, split="train")
    formats.write(DataSet([DataSetClass("car")], [sample]), folder, name)
    reasons = formats.recognize(folder)
    before, first = formats.read(folder, name)
    samples = list(before.samples)
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        relative = path.relative_to(folder)
        for other in (
            path.with_name(f"._{path.name}"),
            path.with_name(f"{path.name}.part"),
            folder / "__MACOSX" / relative.with_name(f"._{path.name}"),
            path.parent / "@eaDir" / path.name / f"SYNO_THUMB{path.suffix}",
            path.parent / "@eaDir" / path.name,
            path.with_name("Thumbs.db"),
        ):
            if not other.is_dir():
                other.parent.mkdir(parents=True, exist_ok=True)
                other.write_bytes(path.read_bytes() if "@eaDir" in str(other) else b"\0\5\x16\7")

    assert formats.recognize(folder) == reasons
    data, report = formats.read(folder, name)
    assert (list(data.samples), data.classes) == (samples, before.classes)
    assert (report.skipped, report.lossy) == (first.skipped, first.lossy)


def write_picture(path: Path) -> Path:
    path.write_bytes(masks.to_png(((0, 1),), 8, 8))
    return path


READ = [name for name in FORMATS if hasattr(import_module(f"synapse.formats.{name}"), "read")]


@pytest.mark.parametrize("name", READ)
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path, name: str) -> None:
    image = save_picture(tmp_path / "source.jpg")
    mask = Mask([(0, 5)], size=STORED, label="car")
    shape = {"image_folder": Label(label="car"), "mask_png": mask}.get(
        name, Box(1, 2, 3, 4, label="car")
    )
    samples = [Sample("a.jpg", [shape], size=STORED, image=image)]
    classes = [DataSetClass("bus"), DataSetClass("car")]
    formats.write(DataSet(classes, samples), tmp_path / "set", name)
    place = tmp_path / "set"
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for folder in folders:
        for suffix in ("csv", "data", "jpg", "json", "png", "txt", "xml", "yaml"):
            os.mkfifo(folder / f"0.{suffix}")
            (folder / f"1.{suffix}").symlink_to("/dev/zero")

    assert name in formats.recognize(place)
    data, _ = formats.read(place, name, follow_links=True)
    assert [sample.name.endswith("a.jpg") for sample in data.samples] == [True]


def test_names_too_long_for_a_file(tmp_path: Path) -> None:
    assert not is_file(tmp_path / ("x" * 5000))
    os.mkfifo(tmp_path / "a.jpg")
    assert not is_file(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="is not a file"):
        read_orientation(tmp_path / "a.jpg")
    (tmp_path / "data.yaml").write_text(f"train: {'x' * 5000}\nval: .\nnames: [car]\n")
    data, report = formats.read(tmp_path, "yolo")
    assert (list(data.samples), report.skipped) == ([], {"no-folder": 1})


@pytest.mark.parametrize("name", ["coco", "label_studio", "labelme"])
def test_half_a_surrogate_pair_is_written_as_its_escape(tmp_path: Path, name: str) -> None:
    samples = [Sample("a.jpg", [Box(1, 2, 3, 4, label="\ud800")], size=(9, 9))]
    formats.write(DataSet([DataSetClass("\ud800")], samples), tmp_path, name, images="none")

    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    (sample,) = formats.read(tmp_path, name)[0].samples
    assert [each.label for each in sample.annotations] == ["\ud800"]


@pytest.mark.parametrize("name", ["coco", "cvat", "image_folder", "label_studio", "yolo"])
def test_picture_named_as_a_temporary_file_stays(tmp_path: Path, name: str) -> None:
    samples: list[Sample] = []
    for picture in ("a.jpg.part", "a.jpg"):
        source = tmp_path / picture
        source.write_bytes(picture.encode())
        annotations = [Label(label="car")] if name == "image_folder" else []
        samples.append(Sample(picture, annotations, size=(9, 9), image=source))
    folder = tmp_path / "set"
    formats.write(DataSet([DataSetClass("car")], samples), folder, name)
    found = {path.read_bytes() for path in folder.rglob("a.jpg*") if path.is_file()}
    assert found >= {b"a.jpg.part", b"a.jpg"}
