"""Masks of Label Studio's brush: runs of bytes of an RGBA picture, packed bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from synapse.annotations import masks
from synapse.formats.parts import Unfit

__all__ = ["decode_brush", "encode_brush"]

# Bits of a run's length, by the two bits before.
_SIZES = (3, 4, 8, 16)
_WORD = 8
_LONGEST = 2**16
# Edges of brush strokes are smooth: pixels that are covered by half or more count.
_HALF = 128


def encode_brush(runs: Iterable[Sequence[int]], width: int, height: int) -> list[int]:
    """Return the bytes of a mask as Label Studio has them.

    Example:
        >>> decode_brush(encode_brush([(1, 2)], 4, 1), 4, 1)
        ((1, 2),)
    """
    bits: list[str] = [f"{4 * width * height:032b}", f"{_WORD - 1:05b}"]
    bits += [f"{size - 1:04b}" for size in _SIZES]
    end = 0
    for start, length in [*masks.normalize(runs, width, height), (width * height, 0)]:
        for value, pixels in ((0, start - end), (255, length)):
            rest = 4 * pixels
            while rest:
                part = min(rest, _LONGEST)
                index = next(at for at, size in enumerate(_SIZES) if part <= 2**size)
                bits.append(f"1{index:02b}{part - 1:0{_SIZES[index]}b}{value:08b}")
                rest -= part
        end = start + length
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def decode_brush(values: Any, width: int, height: int) -> masks.Runs:
    """Return the pixels of a mask out of Label Studio's bytes.

    Raises:
        Unfit: The bytes are damaged, cut, or of a picture of another size.
    """
    try:
        bits = _Bits(bytes(values))
        count, word = bits.read(32), bits.read(5) + 1
        sizes = [bits.read(4) + 1 for _ in range(4)]
        if count != 4 * width * height:
            raise Unfit("bad-mask", f"The mask has not the {width} x {height} pixels.")
        runs: list[tuple[int, int]] = []
        position = 0
        while position < count:
            is_run = bits.read(1)
            end = position + 1 + bits.read(sizes[bits.read(2)])
            # Each pixel's fourth byte is the alpha channel.
            first, last = position // 4, end // 4
            if is_run:
                if bits.read(word) >= _HALF:
                    runs.append((first, max(last - first, 0)))
            else:
                start = bits.position
                for pixel in range(first, last):
                    bits.position = start + (4 * pixel + 3 - position) * word
                    if bits.read(word) >= _HALF:
                        runs.append((pixel, 1))
                bits.position = start + (end - position) * word
                bits.check()
            position = end
        return masks.normalize(runs, width, height)
    except (EOFError, TypeError, ValueError):
        raise Unfit("bad-mask", "The mask's bytes are damaged or cut.") from None


class _Bits:
    """Numbers of any number of bits, read one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def read(self, count: int) -> int:
        end = self.position + count
        part = self._data[self.position // 8 : (end + 7) // 8]
        self.position = end
        self.check()
        return int.from_bytes(part, "big") >> (-end % 8) & (1 << count) - 1

    def check(self) -> None:
        if self.position > 8 * len(self._data):
            raise EOFError
