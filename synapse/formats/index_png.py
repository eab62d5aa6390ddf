"""PNG files whose pixels are indices or colours, one for each class or object."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from synapse._internal.lazy_import import load
from synapse.annotations import masks
from synapse.errors import FieldValueError, MissingExtra, UsageError
from synapse.formats.parts import Unfit

__all__ = [
    "MAX_CANVAS",
    "VOID",
    "Canvas",
    "Color",
    "make_palette",
    "make_png",
    "read_indices",
    "read_png_size",
]

Color: TypeAlias = tuple[int, int, int]

MAX_CANVAS = 2**27
"""Pixels of the largest picture whose masks are written: the memory needs five times as much."""

VOID = 255
"""Index of pixels without a class, as Pascal VOC has them."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {1: 3, 3: 2}


def make_palette() -> list[Color]:
    """Return the 256 colours of Pascal VOC.

    Example:
        >>> make_palette()[:4]
        [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    """
    palette: list[Color] = []
    for index in range(256):
        red = green = blue = 0
        rest = index
        for shift in range(7, -1, -1):
            red |= (rest & 1) << shift
            green |= (rest >> 1 & 1) << shift
            blue |= (rest >> 2 & 1) << shift
            rest >>= 3
        palette.append((red, green, blue))
    return palette


class Canvas:
    """Pixels of a picture, each with one index.

    Args:
        width: Width in pixels.
        height: Height in pixels.

    Raises:
        Unfit: The picture is too large.
    """

    def __init__(self, width: int, height: int) -> None:
        if width * height > MAX_CANVAS:
            raise Unfit(
                "too-large", f"{width} x {height} pixels are more than {MAX_CANVAS}: no mask."
            )
        self.width = width
        self.height = height
        self.pixels = bytearray(width * height)

    def paint(self, runs: masks.Runs, index: int) -> bool:
        """Set the index of pixels.

        Returns:
            Whether some of them had one.
        """
        covers = False
        for start, length in runs:
            covers = covers or any(self.pixels[start : start + length])
            self.pixels[start : start + length] = bytes([index]) * length
        return covers

    def to_png(self, palette: Sequence[Color]) -> bytes:
        """Return a PNG of the indices, shown in the palette's colours."""
        return make_png(bytes(self.pixels), self.width, self.height, palette)

    def to_color_png(self, palette: Sequence[Color]) -> bytes:
        """Return a PNG of the palette's colours."""
        colors = [bytes(color) for color in palette]
        content = b"".join(map(colors.__getitem__, self.pixels))
        return make_png(content, self.width, self.height)


def make_png(
    pixels: bytes, width: int, height: int, palette: Sequence[Color] | None = None
) -> bytes:
    """Return a PNG: of indices with a palette, of red, green and blue without one."""
    samples = 3 if palette is None else 1
    size = width * samples
    rows = (pixels[at : at + size] for at in range(0, height * size, size))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[samples], 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if palette is not None:
        chunks.append((b"PLTE", b"".join(map(bytes, palette))))
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def read_png_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG from the header, or `None` if the bytes aren't a PNG's."""
    if len(data) < 24 or not data.startswith(_SIGNATURE):
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def read_indices(
    path: Path, colors: Mapping[int, Color], size: tuple[int, int] | None = None
) -> tuple[bytes, int, int]:
    """Return one index for each pixel of a PNG, with its width and height.

    Args:
        path: A PNG of indices, or one of colours, for which Pillow is necessary.
        colors: The colour of each index; pixels of other colours get `VOID`.

        size: Width and height that the PNG has to have; checked before the pixels are unpacked.

    Raises:
        MissingExtra: The PNG has colours, and Pillow isn't installed.
        UsageError: The file can't be read, or has another size.
    """
    try:
        data = path.read_bytes()
        stated = read_png_size(data)
        if size is not None and stated is not None and stated != size:
            raise UsageError(f"{path} has {stated[0]} x {stated[1]} pixels, unlike the picture.")
        if data[:8] == _SIGNATURE and data[25:26] in (b"\2", b"\6"):
            return _read_colors(path, colors)
        return masks.read_png(data)
    except (FieldValueError, OSError) as error:
        raise UsageError(f"{path} is not a readable mask ({error}).") from None


def _read_colors(path: Path, colors: Mapping[int, Color]) -> tuple[bytes, int, int]:
    try:
        pillow = load("PIL.Image")
    except ImportError as error:
        raise MissingExtra("Reading masks in colours", "images") from error
    try:
        with pillow.open(path) as picture:
            width, height = picture.size
            content = picture.convert("RGB").tobytes()
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise UsageError(f"{path} is not a readable mask ({error}).") from None
    indices = {bytes(color): index for index, color in colors.items()}
    pixels = bytes(indices.get(content[at : at + 3], VOID) for at in range(0, len(content), 3))
    return pixels, width, height
