"""Picture files: find them, measure them, place them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from synapse import formats
from synapse.annotations import Box, Label, Mask, masks
from synapse.errors import MissingExtra, UsageError
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.pictures import (
    check_mode,
    find_files,
    find_pictures,
    list_entries,
    place_picture,
    read_orientation,
    read_size,
    write_file,
)


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
    with pytest.raises(MissingExtra, match=r"synapse-sdk\[images\]"):
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
