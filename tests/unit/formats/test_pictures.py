"""Picture files: find them, measure them, place them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from synapse.errors import MissingExtra, UsageError
from synapse.formats import Sample
from synapse.formats.pictures import (
    check_mode,
    find_files,
    find_pictures,
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
