"""PNG files of indices and colours."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from synapse.annotations import masks
from synapse.errors import MissingExtra, UsageError
from synapse.formats.index_png import VOID, Canvas, make_palette, read_indices


def make_canvas() -> Canvas:
    canvas = Canvas(3, 2)
    assert not canvas.paint(((0, 2),), 1)
    assert canvas.paint(((1, 3),), 2)
    return canvas


def test_indices_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(make_canvas().to_png(make_palette()))
    assert read_indices(path, {}) == (bytes([1, 2, 2, 2, 0, 0]), 3, 2)


def test_palette_is_that_of_pascal_voc() -> None:
    palette = make_palette()
    assert (palette[15], palette[20], palette[255]) == (
        (192, 128, 128),
        (0, 64, 128),
        (224, 224, 192),
    )


def test_pillow_sees_palette_and_colours() -> None:
    image = pytest.importorskip("PIL.Image")
    canvas = make_canvas()
    indexed = image.open(io.BytesIO(canvas.to_png(make_palette())))
    colored = image.open(io.BytesIO(canvas.to_color_png(make_palette())))
    assert indexed.mode == "P"
    assert indexed.tobytes() == bytes(canvas.pixels)
    assert indexed.convert("RGB").tobytes() == colored.tobytes()
    assert colored.getpixel((1, 0)) == (0, 128, 0)


def test_colours_become_indices(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    path = tmp_path / "a.png"
    path.write_bytes(make_canvas().to_color_png(make_palette()))
    pixels, *_ = read_indices(path, dict(enumerate(make_palette()[:2])))
    assert pixels == bytes([1, VOID, VOID, VOID, 0, 0])


def test_colours_need_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(make_canvas().to_color_png(make_palette()))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[images\]"):
        read_indices(path, {})


@pytest.mark.parametrize("data", [b"", b"text", masks.to_png((), 2, 2)[:-20]])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"a\.png is not a readable mask"):
        read_indices(path, {})


def test_a_cut_picture_in_colours_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    path = tmp_path / "a.png"
    path.write_bytes(make_canvas().to_color_png(make_palette())[:45])
    with pytest.raises(UsageError, match=r"a\.png is not a readable mask"):
        read_indices(path, {})


def test_size_is_compared_before_pixels_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(masks.to_png((), 300, 200)[:40])  # the pixels are cut off
    with pytest.raises(UsageError, match="300 x 200 pixels, unlike the picture"):
        read_indices(path, {}, (50, 40))
