"""Small copies of pictures of every kind."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from synapse._internal.installation import install_command
from synapse.display import thumbnails
from synapse.display.drawing import Embedded
from synapse.display.thumbnails import Thumbnail, Unshowable, make_thumbnail, read_header


def save(path: Path, picture: Any, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def decode(picture: Embedded | None) -> Any:
    assert picture is not None
    return Image.open(io.BytesIO(picture.content)).convert("RGB")


def half(mode: str, left: Any, right: Any, size: tuple[int, int] = (400, 200)) -> Any:
    """A picture of two colours."""
    picture = Image.new(mode, size, left)
    ImageDraw.Draw(picture).rectangle((size[0] // 2, 0, size[0], size[1]), fill=right)
    return picture


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a.png", half("L", 0, 255)),
        ("a.png", half("1", 0, 1)),
        ("a.png", half("RGB", 0, (255, 255, 255))),
        ("a.png", half("RGB", 0, (255, 255, 255)).convert("P")),
        ("a.png", half("I;16", 10, 40_000)),
        ("a.tif", half("I", -5, 70_000)),
        ("a.tif", half("F", -0.5, 0.25)),
        ("a.png", half("LA", (0, 255), (255, 255))),
        ("a.png", half("RGBA", (0, 0, 0, 255), (0, 0, 0, 0))),
        ("a.jpg", half("CMYK", (0, 0, 0, 255), (0, 0, 0, 0))),
        ("a.gif", half("L", 0, 255)),
        ("a.bmp", half("RGB", 0, (255, 255, 255))),
        ("a.webp", half("RGB", 0, (255, 255, 255))),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_every_mode_is_shown(tmp_path: Path, name: str, picture: Any) -> None:
    thumbnail = make_thumbnail(save(tmp_path / name, picture), 100, 20_000)

    small = decode(thumbnail.picture)
    assert (thumbnail.size, small.size) == ((400, 200), (100, 50))
    assert sum(small.getpixel((10, 25))) < 90
    assert sum(small.getpixel((90, 25))) > 700


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_picture_is_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", half("RGB", 0, (255, 255, 255)), exif=exif)

    thumbnail = make_thumbnail(path, 100, 20_000)
    is_turned = orientation > 4
    assert thumbnail.orientation == orientation
    assert thumbnail.size == ((200, 400) if is_turned else (400, 200))
    small = decode(thumbnail.picture)
    ends = (small.getpixel((5, 5))[0], small.getpixel((small.width - 5, small.height - 5))[0])
    # The white half is where the last column of the stored picture goes.
    assert (ends[0] > ends[1]) == (orientation in (2, 3, 7, 8))


def test_copy_fits_into_its_room(tmp_path: Path) -> None:
    noise = Image.effect_noise((1000, 1000), 90).convert("RGB")
    path = save(tmp_path / "a.png", noise)

    for room in (20_000, 5_000, 1_500):
        picture = make_thumbnail(path, 400, room).picture
        assert picture is not None
        assert len(picture.content) <= room


def test_huge_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (3_000, 2_000)))
    monkeypatch.setattr(thumbnails, "_MOST_PIXELS", 5_000_000)

    with pytest.raises(Unshowable, match="Too large for a preview: 3,000 x 2,000"):
        make_thumbnail(path, 100, 1_000)


def test_fifty_megapixels_are_shown(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.new("L", (10_000, 5_000), 200))

    assert make_thumbnail(path, 100, 5_000).size == (10_000, 5_000)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)

    with pytest.raises(Unshowable, match="Not a readable picture"):
        make_thumbnail(tmp_path / "a.png", 100, 1_000)


def test_damaged_picture_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.effect_noise((300, 300), 90))
    path.write_bytes(path.read_bytes()[:20_000])

    with pytest.raises(Unshowable, match="Not a readable picture"):
        make_thumbnail(path, 100, 1_000)


def test_heic_says_which_library_helps(tmp_path: Path) -> None:
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")

    with pytest.raises(Unshowable, match="pip install pillow-heif"):
        make_thumbnail(tmp_path / "a.HEIC", 100, 1_000)


class TestWithoutPillow:
    @pytest.fixture(autouse=True)
    def without_pillow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "PIL.Image", None)

    @pytest.mark.parametrize(
        ("name", "kind"), [("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a.gif", "image/gif")]
    )
    def test_small_picture_is_used_as_it_is(self, tmp_path: Path, name: str, kind: str) -> None:
        path = save(tmp_path / name, Image.new("L", (40, 30)))

        expected = Thumbnail(Embedded(path.read_bytes(), kind), (40, 30))
        assert make_thumbnail(path, 100, 20_000) == expected

    def test_large_picture_has_its_size(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.png", Image.effect_noise((300, 200), 90))

        thumbnail = make_thumbnail(path, 100, 5_000)
        assert (thumbnail.picture, thumbnail.size) == (None, (300, 200))
        assert thumbnail.note.endswith(install_command("images"))

    def test_other_kinds_need_it(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.bmp", Image.new("L", (40, 30)))

        with pytest.raises(Unshowable, match=re.escape(install_command("images"))):
            make_thumbnail(path, 100, 5_000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xc0\0",
        b"\xff\xd8\xff\xe0\0\0" * 3,
        b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0",
        b"abc",
    ],
)
def test_damaged_header_is_none(content: bytes) -> None:
    assert read_header(content) is None
