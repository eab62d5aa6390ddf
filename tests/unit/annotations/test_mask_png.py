"""PNG files of masks, against Pillow and against the specification."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import mask_png
from synapse.annotations.masks import (
    from_png,
    read_png,
    to_array,
    to_png,
)
from synapse.errors import FieldValueError, UsageError

from .mask_cases import Mask, draw_masks, make_runs


def predict(kind: int, left: int, above: int, corner: int) -> int:
    """The value that a filter subtracts, as the PNG specification has it."""
    guess = left + above - corner
    nearest = min((left, above, corner), key=lambda value: abs(guess - value))
    return (0, left, above, (left + above) // 2, nearest)[kind]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def make_png(
    lines: list[bytes],
    width: int,
    kinds: list[int],
    *,
    depth: int = 8,
    color: int = 0,
    **wrong: Any,
) -> bytes:
    """A PNG whose lines have the given filters."""
    above = bytes(len(lines[0]))
    content = b""
    for kind, line in zip(kinds, lines, strict=True):
        corners = zip(b"\0" + line, above, b"\0" + above, strict=False)
        predicted = [predict(min(kind, 4), *corner) for corner in corners]
        content += bytes([kind, *(v - p & 255 for v, p in zip(line, predicted, strict=True))])
        above = line
    content += wrong.get("more", b"")
    size = wrong.get("size", (width, len(lines)))
    header = struct.pack(
        ">IIBBBBB", *size, depth, color, 0, wrong.get("filtering", 0), wrong.get("interlace", 0)
    )
    stream = zlib.compress(content)
    half = len(stream) // 2
    parts = [
        chunk(b"IHDR", header),
        chunk(b"tEXt", b"Title\0mask"),
        *([chunk(b"PLTE", bytes(range(48)))] if color == 3 else []),
        chunk(b"IDAT", stream[:half]),
        chunk(b"IDAT", stream[half:]),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@given(draw_masks(side=20), st.sampled_from([1, 8]))
def test_png_round_trip(mask: Mask, depth: Any) -> None:
    width, height, pixels = mask
    runs = make_runs(pixels)

    data = to_png(runs, width, height, depth=depth)

    assert from_png(data) == (runs, width, height)
    white = 1 if depth == 1 else 255
    values = bytes(white if i in pixels else 0 for i in range(width * height))
    assert read_png(data) == (values, width, height)


@given(draw_masks(side=20), st.sampled_from([1, 8]))
def test_pillow_reads_our_png(mask: Mask, depth: Any) -> None:
    image_module = pytest.importorskip("PIL.Image")
    width, height, pixels = mask

    image = image_module.open(io.BytesIO(to_png(make_runs(pixels), width, height, depth=depth)))

    assert image.mode == ("1" if depth == 1 else "L")
    assert (np.asarray(image) != 0).tolist() == to_array(make_runs(pixels), width, height).tolist()


@given(
    st.integers(1, 9).flatmap(
        lambda width: st.tuples(
            st.just(width),
            st.lists(
                st.tuples(
                    st.integers(0, 4),
                    st.binary(min_size=width, max_size=width) | st.just(bytes(width)),
                ),
                min_size=1,
                max_size=6,
            ),
        )
    )
)
def test_every_filter_is_undone(picture: tuple[int, list[tuple[int, bytes]]]) -> None:
    width, rows = picture
    lines = [line for _, line in rows]
    data = make_png(lines, width, [kind for kind, _ in rows])

    assert read_png(data) == (b"".join(lines), width, len(lines))


def test_paeth_prefers_above_to_the_corner() -> None:
    # For the last pixel: left 11, above 8, corner 10, so the guess is 9.
    lines = [bytes([10, 8]), bytes([11, 50])]

    assert read_png(make_png(lines, 2, [0, 4]))[0] == bytes([10, 8, 11, 50])


@pytest.mark.parametrize("kind", range(5))
def test_filters_of_the_tests_are_those_of_pillow(kind: int) -> None:
    image_module = pytest.importorskip("PIL.Image")
    random_numbers = random.Random(kind)
    lines = [random_numbers.randbytes(7) for _ in range(5)]
    data = make_png(lines, 7, [kind] * 5)

    assert image_module.open(io.BytesIO(data)).tobytes() == b"".join(lines)
    assert read_png(data)[0] == b"".join(lines)


@pytest.mark.parametrize("color", [0, 3])
@pytest.mark.parametrize(
    ("depth", "values"),
    [
        (1, [1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1]),
        (2, [3, 1, 0, 2, 3, 3, 1]),
        (4, [15, 1, 0, 7, 9]),
    ],
)
@pytest.mark.parametrize("kind", range(5))
def test_packed_pixels_are_read(color: int, depth: int, values: list[int], kind: int) -> None:
    bits = "".join(f"{value:0{depth}b}" for value in values)
    line = int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8), "big")
    data = make_png([line, line], len(values), [kind, kind], depth=depth, color=color)

    assert read_png(data) == (bytes(values * 2), len(values), 2)


@pytest.mark.parametrize("colors", [2, 3, 16, 256])
def test_palette_of_pillow_is_read(colors: int) -> None:
    image_module = pytest.importorskip("PIL.Image")
    random_numbers = random.Random(colors)
    values = bytes(random_numbers.randrange(colors) for _ in range(13 * 9))
    image = image_module.frombytes("P", (13, 9), values)
    image.putpalette(bytes(range(3 * colors % 256)) + bytes(3 * colors - 3 * colors % 256))
    file = io.BytesIO()
    image.save(file, "PNG")

    assert read_png(file.getvalue()) == (values, 13, 9)
    for value in (0, 1, colors - 1):
        inside = {i for i, pixel in enumerate(values) if pixel == value}
        assert from_png(file.getvalue(), value=value)[0] == make_runs(inside)


@pytest.mark.parametrize("mode", ["1", "L"])
@given(mask=draw_masks(side=20))
def test_grey_png_of_pillow_is_read(mode: str, mask: Mask) -> None:
    image_module = pytest.importorskip("PIL.Image")
    width, height, pixels = mask
    array = to_array(make_runs(pixels), width, height)
    file = io.BytesIO()
    image_module.fromarray(array).convert(mode).save(file, "PNG")

    assert from_png(file.getvalue()) == (make_runs(pixels), width, height)


GOOD = make_png([b"\0\1\2"] * 2, 3, [0, 0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "isn't a PNG"),
        (b"GIF89a", "isn't a PNG"),
        (GOOD[:8], "ends after 8 bytes"),
        (GOOD[:8] + GOOD[33:], "no header"),
        (GOOD[:40] + b"X" + GOOD[41:], "checksum at byte"),
        (make_png([b"\0\1\2"], 3, [5]), "unknown filter 5 in row 0"),
        (make_png([b"\0\1\2"], 3, [0], more=b"\0"), "exactly the pixels of 3 x 1"),
        (make_png([b"\0\1\2"], 3, [0], size=(3, 2)), "exactly the pixels of 3 x 2"),
        (make_png([b"\0\1\2"], 3, [0], size=(0, 2)), "0 x 2 pixels"),
        (make_png([b"\0\1\2"], 3, [0], size=(2**31, 1)), "2147483648 x 1 pixels"),
        (make_png([b"\0\1\2"], 1, [0], color=2), "RGB, 8 bits"),
        (make_png([b"\0\1\2\3"], 1, [0], color=6), "RGB with alpha, 8 bits"),
        (make_png([b"\0\1"], 1, [0], color=4), "grey with alpha"),
        (make_png([b"\0\1"], 1, [0], color=9), "of an unknown kind"),
        (make_png([b"\0\1"], 1, [0], depth=16), "grey, 16 bits"),
        (make_png([b"\0"], 1, [0], interlace=1), "interlaced"),
        (make_png([b"\0"], 1, [0], filtering=1), "Save the mask in grey"),
        (GOOD[:8] + chunk(b"IHDR", b"\0" * 12) + chunk(b"IEND", b""), "no header"),
        (
            GOOD[:33] + chunk(b"IDAT", b"abc") + chunk(b"IEND", b""),
            r"damaged \(Error -3",
        ),
        (GOOD[:33] + chunk(b"IEND", b""), "exactly the pixels"),
        (
            GOOD[:33] + chunk(b"IDAT", zlib.compress(b"\0" * 8)[:-4]) + chunk(b"IEND", b""),
            "cut or damaged",
        ),
    ],
)
def test_wrong_png_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        read_png(data)


@pytest.mark.parametrize("end", range(len(GOOD)))
def test_cut_png_is_refused(end: int) -> None:
    with pytest.raises(FieldValueError):
        read_png(GOOD[:end])


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_changed_png_is_refused(position: int, change: int) -> None:
    damaged = bytearray(GOOD)
    damaged[position] ^= change

    with pytest.raises(FieldValueError):
        read_png(bytes(damaged))


def test_large_png_is_refused_before_it_is_unpacked() -> None:
    # 4 GB of pixels would be unpacked; the packed content isn't even a zlib stream.
    header = struct.pack(">IIBBBBB", 2**16, 2**16, 8, 0, 0, 0, 0)
    data = GOOD[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", b"abc") + chunk(b"IEND", b"")

    with pytest.raises(FieldValueError, match="65536 x 65536 pixels, but max_pixels="):
        read_png(data)
    with pytest.raises(FieldValueError, match="max_pixels=5"):
        from_png(GOOD, max_pixels=5)
    assert from_png(GOOD, max_pixels=6)[1:] == (3, 2)


def test_bomb_is_unpacked_to_the_stated_size_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    make_decompressor = zlib.decompressobj

    class Decompressor:
        def __init__(self) -> None:
            self.inner = make_decompressor()

        def decompress(self, data: bytes, max_length: int) -> bytes:
            content = self.inner.decompress(data, max_length)
            sizes.append(len(content))
            return content

        @property
        def eof(self) -> bool:
            return self.inner.eof

    monkeypatch.setattr(mask_png.zlib, "decompressobj", Decompressor)
    bomb = make_png([b"\0\1\2"], 3, [0], more=bytes(1_000_000))

    with pytest.raises(FieldValueError, match="exactly the pixels"):
        read_png(bomb)

    assert sizes == [5]


@pytest.mark.parametrize("depth", [0, 2, "8", None])
def test_depth_is_one_or_eight(depth: Any) -> None:
    with pytest.raises(UsageError, match="depth="):
        to_png((), 1, 1, depth=depth)
