"""Masks of Label Studio's brush."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.formats.brush_rle import decode_brush, encode_brush
from synapse.formats.parts import Unfit

# Bytes that Label Studio's own converter makes of a row of four pixels, the middle ones set.
FOUR = [0, 0, 0, 16, 57, 27, 252, 96, 19, 255, 198, 0]


def test_bytes_are_those_of_label_studio() -> None:
    assert encode_brush([(1, 2)], 4, 1) == FOUR
    assert decode_brush(FOUR, 4, 1) == ((1, 2),)


@given(st.sets(st.integers(0, 34)))
def test_pixels_come_back(pixels: set[int]) -> None:
    packed = encode_brush([(pixel, 1) for pixel in pixels], 7, 5)
    found = decode_brush(packed, 7, 5)
    assert {at for start, length in found for at in range(start, start + length)} == pixels
    assert all(0 <= value < 256 for value in packed)


def test_long_runs_are_parted() -> None:
    runs = ((5, 300_000), (400_000, 1))
    assert decode_brush(encode_brush(runs, 1000, 500), 1000, 500) == runs


def pack(text: str) -> list[int]:
    text += "0" * (-len(text) % 8)
    return [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]


def test_single_values_and_smooth_edges() -> None:
    # Two pixels byte by byte: the fourth and the eighth byte are the alpha channel.
    head = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    values = [255, 0, 0, 127, 0, 0, 0, 128]
    text = head + "000" + f"{7:03b}" + "".join(f"{value:08b}" for value in values)
    assert decode_brush(pack(text), 2, 1) == ((1, 1),)


def test_runs_may_end_within_a_pixel() -> None:
    head = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    # Three bytes of colour, one of alpha and one of the next pixel's colour, three of the rest.
    runs = [(3, 0), (2, 255), (3, 0)]
    text = head + "".join(f"100{length - 1:03b}{value:08b}" for length, value in runs)
    assert decode_brush(pack(text), 2, 1) == ((0, 1),)


@pytest.mark.parametrize(
    "values", [[], [0, 0], encode_brush([(1, 2)], 4, 1)[:-3], "text", None, [300], [-1], {"a": 1}]
)
def test_damaged_bytes_are_refused(values: object) -> None:
    with pytest.raises(Unfit):
        decode_brush(values, 4, 1)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(Unfit, match="5 x 1"):
        decode_brush(encode_brush([(1, 2)], 4, 1), 5, 1)
