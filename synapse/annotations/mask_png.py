"""PNG files of masks: grey or with a palette, read and written without a library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from synapse._internal.validate import validate_int
from synapse.annotations.mask_runs import MAX_SIDE, Runs, from_pixels, normalize, split_rows
from synapse.errors import FieldValueError, UsageError

__all__ = ["MAX_PIXELS", "from_png", "read_png", "to_png"]

#: Pixels of the largest PNG that is read, unless the caller allows more.
MAX_PIXELS = 2**28

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}


def to_png(
    runs: Iterable[Sequence[int]], width: int, height: int, *, depth: Literal[1, 8] = 8
) -> bytes:
    """Return a mask as a grey PNG: white inside, black outside.

    Args:
        runs: The mask.
        width: Width of the mask in pixels.
        height: Height of the mask in pixels.
        depth: Bits per pixel, 1 or 8.

    Raises:
        FieldValueError: An item isn't a run, or ends outside the mask.
        UsageError: The size or depth isn't valid.

    Example:
        >>> from_png(to_png(((0, 2), (5, 1)), width=5, height=2))
        (((0, 2), (5, 1)), 5, 2)
    """
    if depth not in (1, 8):
        raise UsageError(f"depth={depth!r} is not valid. Pass 1 or 8.")
    rows = split_rows(normalize(runs, width, height), width)
    compressor = zlib.compressobj()
    draw = _draw_bits if depth == 1 else _draw_bytes
    empty = draw([], width)
    # Filter 0: lines of masks compress best as they are.
    parts = [
        compressor.compress(b"\0" + (draw(rows[y], width) if y in rows else empty))
        for y in range(height)
    ]
    content = b"".join([*parts, compressor.flush()])
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", content), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_make_chunk(kind, body) for kind, body in chunks)


def from_png(
    data: bytes, *, value: int | None = None, max_pixels: int = MAX_PIXELS
) -> tuple[Runs, int, int]:
    """Return a mask, its width and its height from a PNG.

    Args:
        data: A PNG as `read_png()` takes.
        value: Grey value or palette index inside the mask; `None` for all but 0.
        max_pixels: Pixels of the largest picture to read.

    Raises:
        FieldValueError: The PNG is damaged, cut, too large or of another kind.

    Example:
        >>> from_png(to_png(((0, 4),), width=2, height=3, depth=1))
        (((0, 4),), 2, 3)
    """
    pixels, width, height = read_png(data, max_pixels=max_pixels)
    return from_pixels(pixels, value), width, height


def read_png(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[bytes, int, int]:
    r"""Return the pixels of a PNG, one byte each, with the width and the height.

    Args:
        data: A grey or palette PNG of 1, 2, 4 or 8 bits, not interlaced.
        max_pixels: Pixels of the largest picture to read. Larger ones are refused before their
            pixels are unpacked.

    Returns:
        The grey values or palette indices as stored, row by row (white is 1 in a PNG of one bit),
        the width and the height.

    Raises:
        FieldValueError: The PNG is damaged, cut, too large or of another kind.

    Example:
        >>> read_png(to_png(((0, 1),), width=2, height=1))
        (b'\xff\x00', 2, 1)
    """
    validate_int("max_pixels", max_pixels)
    chunks = list(_read_chunks(data))
    kind, header = chunks[0]
    if kind != b"IHDR" or len(header) != 13:
        raise FieldValueError("The PNG has no header. The file is damaged.")
    width, height, depth, color, packing, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if color not in (0, 3) or depth not in (1, 2, 4, 8) or interlace or packing or filtering:
        raise FieldValueError(
            f"The PNG is {_KINDS.get(color, 'of an unknown kind')}, {depth} bits"
            f"{', interlaced' if interlace else ''}. "
            "Save the mask in grey or with a palette, in at most 8 bits and not interlaced."
        )
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= max_pixels):
        raise FieldValueError(
            f"The PNG has {width} x {height} pixels, but max_pixels={max_pixels}. "
            "Pass a higher max_pixels if the file is trustworthy."
        )
    size = (width * depth + 7) // 8
    expected = height * (size + 1)
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(
            b"".join(body for kind, body in chunks if kind == b"IDAT"), expected + 1
        )
    except zlib.error as error:
        raise FieldValueError(f"The PNG is damaged ({error}). Save the file again.") from error
    if len(content) != expected or not decompressor.eof:
        raise FieldValueError(
            f"The PNG doesn't hold exactly the pixels of {width} x {height}. "
            "The file is cut or damaged."
        )
    lines = _unfilter(content, size)
    if depth < 8:
        mask = (1 << depth) - 1
        shifts = range(8 - depth, -1, -depth)
        table = [bytes(byte >> shift & mask for shift in shifts) for byte in range(256)]
        lines = (b"".join(map(table.__getitem__, line))[:width] for line in lines)
    return b"".join(lines), width, height


def _draw_bits(ends: list[int], width: int) -> bytes:
    """Return a line of a PNG with one bit per pixel."""
    size = (width + 7) // 8
    bits = 0
    for end in ends:
        # Two ends leave the bits between them: those before the second, without those before the
        # first.
        bits ^= (1 << size * 8) - (1 << size * 8 - end)
    return bits.to_bytes(size, "big")


def _draw_bytes(ends: list[int], width: int) -> bytes:
    """Return a line of a PNG with one byte per pixel."""
    line = bytearray(width)
    for left, right in zip(ends[::2], ends[1::2], strict=True):
        line[left:right] = b"\xff" * (right - left)
    return bytes(line)


def _make_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and body of a PNG's chunks up to the last."""
    if not data.startswith(_SIGNATURE):
        raise FieldValueError("The file isn't a PNG. Pass the bytes of a PNG file.")
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        kind, body = data[position + 4 : position + 8], data[position + 8 : end]
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(kind + body)):
            raise FieldValueError(
                f"The PNG is damaged: the checksum at byte {end} is wrong. Save the file again."
            )
        yield kind, body
        if kind == b"IEND":
            return
        position = end + 4
    raise FieldValueError(f"The PNG ends after {len(data)} bytes. The file is cut.")


def _unfilter(content: bytes, size: int) -> Iterator[bytes]:
    """Yield the lines of a PNG with one byte, or less, per pixel."""
    adder = _ByteAdder(size)
    above = empty = bytes(size)
    for position in range(0, len(content), size + 1):
        kind = content[position]
        line = content[position + 1 : position + 1 + size]
        if kind > 4:
            raise FieldValueError(
                f"The PNG has the unknown filter {kind} in row {position // (size + 1)}. "
                "The file is damaged."
            )
        if kind == 2:
            line = adder.add(line, above)
        elif kind == 1 or (kind == 4 and above == empty):
            line = adder.accumulate(line)
        elif kind == 3:
            line = _unfilter_average(line, above)
        elif kind == 4:
            line = _unfilter_paeth(line, above)
        above = line
        yield line


class _ByteAdder:
    """Sums of bytes modulo 256, all bytes of a line at once in one large integer."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._low = int.from_bytes(b"\x7f" * size, "little")
        self._high = int.from_bytes(b"\x80" * size, "little")

    def add(self, line: bytes, above: bytes) -> bytes:
        """Return the sum of two lines."""
        total = self._add(int.from_bytes(line, "little"), int.from_bytes(above, "little"))
        return total.to_bytes(self._size, "little")

    def accumulate(self, line: bytes) -> bytes:
        """Return the sum of each byte and all bytes before."""
        total = int.from_bytes(line, "little")
        bits = 8 * self._size
        shift = 8
        # Each step doubles the number of bytes that are summed.
        while shift < bits and total:
            total = self._add(total, total << shift & (1 << bits) - 1)
            shift *= 2
        return total.to_bytes(self._size, "little")

    def _add(self, first: int, second: int) -> int:
        # The highest bits are added apart, so that no byte carries into the next.
        return (first & self._low) + (second & self._low) ^ (first ^ second) & self._high


def _unfilter_average(line: bytes, above: bytes) -> bytes:
    """Return a line that is stored relative to the mean of the pixels to the left and above."""
    values = bytearray(len(line))
    left = 0
    for x, (value, top) in enumerate(zip(line, above, strict=True)):
        values[x] = left = value + (left + top >> 1) & 255
    return bytes(values)


def _unfilter_paeth(line: bytes, above: bytes) -> bytes:
    """Return a line that is stored relative to Paeth's choice of a neighbour."""
    values = bytearray(len(line))
    left = corner = 0
    for x, (value, top) in enumerate(zip(line, above, strict=True)):
        to_left, to_top = abs(top - corner), abs(left - corner)
        to_corner = abs(left + top - 2 * corner)
        if to_left <= to_top and to_left <= to_corner:
            nearest = left
        else:
            nearest = top if to_top <= to_corner else corner
        values[x] = left = value + nearest & 255
        corner = top
    return bytes(values)
