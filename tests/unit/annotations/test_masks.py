"""Conversions of masks, against sets of pixels and against texts that pycocotools wrote."""

from __future__ import annotations

import io
import itertools
import math
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import masks
from synapse.annotations.masks import (
    Runs,
    area,
    bounds,
    compress_counts,
    decode_counts,
    encode_counts,
    expand_counts,
    from_array,
    from_indices,
    from_pixels,
    from_png,
    intersection,
    merge,
    normalize,
    rasterize,
    read_png,
    to_array,
    to_indices,
    to_png,
)
from synapse.errors import FieldValueError, UsageError

WAYS = ("pure", "numpy")


@contextmanager
def use(way: str) -> Iterator[None]:
    """Convert without numpy, or with numpy whatever the mask's size."""
    with pytest.MonkeyPatch.context() as patch:
        if way == "pure":
            patch.setitem(sys.modules, "numpy", None)
        else:
            patch.setattr(masks, "_MANY_RUNS", 0)
            patch.setattr(masks, "_SPARSE", math.inf)
        yield


Mask = tuple[int, int, set[int]]


@st.composite
def draw_masks(draw: st.DrawFn, side: int = 12) -> Mask:
    """Width, height and the indices of the pixels inside."""
    width, height = draw(st.integers(1, side)), draw(st.integers(1, side))
    bits = draw(st.integers(0, 2 ** (width * height) - 1))
    return width, height, {i for i in range(width * height) if bits >> i & 1}


@st.composite
def draw_pairs(draw: st.DrawFn) -> tuple[int, int, set[int], set[int]]:
    """Width, height and two masks of that size."""
    width, height, first = draw(draw_masks())
    second = draw(st.sets(st.integers(0, width * height - 1)))
    return width, height, first, second


def make_runs(pixels: set[int]) -> Runs:
    """The runs of a set of pixels, by the slow way."""
    runs: list[tuple[int, int]] = []
    for pixel in sorted(pixels):
        if runs and sum(runs[-1]) == pixel:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((pixel, 1))
    return tuple(runs)


def make_counts(width: int, height: int, pixels: set[int]) -> list[int]:
    """COCO's counts of a set of pixels, by the slow way."""
    values = [y * width + x in pixels for x in range(width) for y in range(height)]
    counts = [len(list(group)) for _, group in itertools.groupby(values)]
    return [0, *counts] if values[0] else counts


# -- Runs ----------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8))))
def test_normal_runs_cover_the_same_pixels(runs: list[tuple[int, int]]) -> None:
    pixels = {start + i for start, length in runs for i in range(length)}

    assert normalize(runs) == make_runs(pixels)
    assert normalize([list(run) for run in runs], 48, 1) == make_runs(pixels)
    assert normalize(normalize(runs)) == make_runs(pixels)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], ()),
        ([[3, 0]], ()),
        ([[4, 2], [0, 2]], ((0, 2), (4, 2))),
        ([[0, 2], [2, 2]], ((0, 4),)),
        ([[0, 9], [2, 2], [8, 3]], ((0, 11),)),
        (((0, 2), (0, 2)), ((0, 2),)),
        (((0, 2), (1, 0), (5, 1)), ((0, 2), (5, 1))),
        (([0, 2], (5, 1)), ((0, 2), (5, 1))),
    ],
)
def test_normal_runs(runs: Any, expected: Runs) -> None:
    assert normalize(runs) == expected
    assert all(type(run) is tuple for run in normalize(runs))


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([[0, 1], [2, -1]], r"runs\[1\]: \[2, -1\] is not a run"),
        ([[-1, 2]], r"runs\[0\]: \[-1, 2\] is not a run"),
        (((-1, 2),), r"runs\[0\]: \(-1, 2\) is not a run"),
        ([[0, 1, 2]], r"runs\[0\]"),
        (((0, 1, 2),), r"runs\[0\]"),
        ([[0, 1.0]], r"runs\[0\]"),
        (((0, True),), r"runs\[0\]"),
        ([[0, math.nan]], r"runs\[0\]"),
        (["ab"], r"runs\[0\]"),
        ([[0, "1"]], r"runs\[0\]"),
        ([7], r"runs\[0\]: 7 is not a run"),
        ([[0, 1], [5, 2]], r"runs\[1\]: \[5, 2\] is outside a mask of 3 x 2 pixels"),
        (((0, 1), (5, 2)), r"runs\[1\]: \(5, 2\) is outside a mask of 3 x 2 pixels"),
        ([[7, 0]], r"runs\[0\]"),
        ([[10**30, 1]], r"runs\[0\]"),
    ],
)
@pytest.mark.parametrize("convert", [normalize, encode_counts, to_array, to_png])
def test_wrong_run_is_named(runs: Any, message: str, convert: Any) -> None:
    with pytest.raises(FieldValueError, match=message):
        convert(runs, 3, 2)


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (0, 2, "width"),
        (3, -1, "height"),
        (None, 2, "width"),
        (3, None, "height"),
        (3.0, 2, "width"),
        (True, 2, "width"),
        (2**21, 1, "width"),
        (2**20, 2**20, "height"),
    ],
)
@pytest.mark.parametrize(
    "convert",
    [normalize, from_indices, encode_counts, decode_counts, to_array, to_png, rasterize],
)
def test_wrong_size_is_refused(width: Any, height: Any, name: str, convert: Any) -> None:
    with pytest.raises(UsageError, match=f"{name}="):
        convert([], width, height)


@given(draw_masks(), st.randoms())
def test_indices_round_trip(mask: Mask, order: random.Random) -> None:
    width, height, pixels = mask
    runs = make_runs(pixels)
    shuffled = [*pixels, *sorted(pixels)[:3]]
    order.shuffle(shuffled)

    assert to_indices(runs) == sorted(pixels)
    assert from_indices(shuffled) == runs
    assert from_indices(iter(shuffled), width, height) == runs


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, -1], r"indices\[1\]: -1 is not a pixel's index"),
        ([0, 1.0], r"indices\[1\]: 1.0 is not"),
        ([True], r"indices\[0\]: True is not"),
        (["1"], r"indices\[0\]: '1' is not"),
        ([[0, 1]], r"indices\[0\]"),
        ([5, 6], r"indices\[1\]: 6 is outside a mask of 3 x 2 pixels"),
    ],
)
def test_wrong_index_is_named(indices: Any, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        from_indices(indices, 3, 2)


@given(draw_pairs())
def test_measures_of_masks(pair: tuple[int, int, set[int], set[int]]) -> None:
    width, _, first, second = pair
    a, b = make_runs(first), make_runs(second)

    assert area(a) == len(first)
    assert intersection(a, b) == intersection(b, a) == len(first & second)
    assert intersection([list(run) for run in reversed(a)], b) == len(first & second)
    assert merge(a, b) == merge(b, a) == make_runs(first | second)
    assert merge(a) == a
    columns = [pixel % width for pixel in first] or [0]
    rows = [pixel // width for pixel in first] or [0]
    size = (max(columns) + 1 - min(columns), max(rows) + 1 - min(rows)) if first else (0, 0)
    assert bounds(a, width) == (min(columns), min(rows), *size)


def test_measures_count_overlaps_once() -> None:
    assert area([[0, 3], [2, 2]]) == 4
    assert to_indices([[0, 3], [2, 2]]) == [0, 1, 2, 3]
    assert intersection([[0, 3], [2, 2]], [[0, 9]]) == 4
    assert bounds([[7, 1], [1, 1]], 5) == (1, 0, 2, 2)
    assert merge() == ()


# -- Polygons ------------------------------------------------------------------------------------


def fill(points: list[tuple[float, float]], width: int, height: int) -> set[int]:
    """The pixels whose centres are inside a ring, in exact numbers."""
    pixels = set()
    for y, x in itertools.product(range(height), range(width)):
        center_x, center_y = Fraction(2 * x + 1, 2), Fraction(2 * y + 1, 2)
        crossings = 0
        for one, other in zip(points, [*points[1:], points[0]], strict=True):
            (x1, y1), (x2, y2) = (tuple(map(Fraction, point)) for point in (one, other))
            if min(y1, y2) <= center_y < max(y1, y2):
                crossings += x1 + (x2 - x1) * (center_y - y1) / (y2 - y1) <= center_x
        if crossings % 2:
            pixels.add(y * width + x)
    return pixels


COORDINATES = st.integers(-12, 60).map(lambda number: number / 4)
POINTS = st.tuples(COORDINATES, COORDINATES)


@given(st.lists(POINTS, min_size=3, max_size=8), st.integers(1, 12), st.integers(1, 12))
def test_polygon_covers_the_centres_inside(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    assert rasterize(points, width, height) == make_runs(fill(points, width, height))
    assert rasterize(points[::-1], width, height) == rasterize(points, width, height)


@given(st.lists(st.tuples(*[st.floats(0, 12)] * 2), min_size=4, max_size=4))
def test_polygons_with_a_common_edge_share_no_pixel(points: list[tuple[float, float]]) -> None:
    # The even-odd rule: the ring is what exactly one of the two triangles covers.
    a, b, c, d = points
    one, other = rasterize([a, b, c], 12, 12), rasterize([c, d, a], 12, 12)

    covered = {*to_indices(one)} ^ {*to_indices(other)}

    assert rasterize(points, 12, 12) == make_runs(covered)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 1), (4, 1), (4, 3), (1, 3)], [6, 7, 8, 11, 12, 13]),
        ([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)], [0]),
        ([(0.6, 0.6), (1.4, 0.6), (1.4, 1.4), (0.6, 1.4)], []),
        ([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)], list(range(20))),
        ([(0, 0), (5, 0), (0, 0)], []),
        # A ring that crosses itself: both halves.
        ([(0, 0), (4, 4), (4, 0), (0, 4)], [3, 5, 7, 8, 10, 12, 13, 18]),
    ],
)
def test_polygon(points: list[tuple[float, float]], expected: list[int]) -> None:
    assert to_indices(rasterize(points, 5, 4)) == expected


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "points has 0 points"),
        ([(0, 0), (1, 1)], "points has 2 points"),
        ([(0, 0), (1, 1), (math.nan, 2)], r"points\[2\]"),
        ([(0, 0), (1, math.inf), (1, 2)], r"points\[1\]"),
        ([(0, 0), (1, 10**400), (1, 2)], r"points\[1\]"),
        ([(0, 0), (1, 1e300), (1, 2)], r"points\[1\]"),
        ([(0, 0, 0), (1, 1), (1, 2)], r"points\[0\]"),
        ([0, 0, 1, 1, 1, 2], r"points\[0\]: 0 is not a point"),
        ([("0", 0), (1, 1), (1, 2)], r"points\[0\]"),
        ([(True, 0), (1, 1), (1, 2)], r"points\[0\]"),
    ],
)
def test_wrong_point_is_named(points: Any, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        rasterize(points, 5, 5)


# -- COCO ----------------------------------------------------------------------------------------

# Width, height, runs and the text that pycocotools 2.0.11 writes for the mask.
COCO_MASKS: list[tuple[int, int, Runs, str]] = [
    (4, 3, (), "<"),
    (4, 3, ((0, 12),), "0<"),
    (1, 1, ((0, 1),), "01"),
    (4, 3, ((0, 1),), "01;"),
    (4, 3, ((11, 1),), ";1"),
    (5, 4, ((6, 3), (11, 3)), "5220003"),
    (6, 5, ((7, 4), (13, 2), (16, 1), (19, 4)), "63200NO0124"),
    (4, 4, tuple((i, 1) for i in (0, 2, 5, 7, 8, 10, 13, 15)), "011010O10O10O0"),
]
DISC = "Rk09a14M2N2N2N2O0O2O0000000000000001N101N2N2N2N3Ldg0"
# Counts and the text that pycocotools 2.0.11 writes for them.
COCO_COUNTS = [
    ([4294967295], "oooooo3"),
    ([0, 1, 2, 4294967292], "012kooooo3"),
    ([0, 4294967290, 1, 0, 4], "0jooooo31VPPPPPL3"),
    (
        [19999, 1, 5980005, 14995, 93995000, 1, 99969999, 20000],
        "o`c01Uk_f5bd>cTPnc2^[AgnZf5o`c0",
    ),
    ([1, 2, 3, 4, 20, 1, 33, 16, 1, 15, 32, 0, 0, 1000], "1232a0M=?POOo0APOXo0"),
    # Differences of 16 and -16, beside the limits of one character.
    ([0, 1, 20, 17, 4, 1], "01d0`0@@"),
    ([0, 17, 21, 1, 4, 18], "0a0e0@_Oa0"),
]


@pytest.mark.parametrize("way", WAYS)
@given(mask=draw_masks())
def test_counts_round_trip(way: str, mask: Mask) -> None:
    width, height, pixels = mask
    runs = make_runs(pixels)
    counts = make_counts(width, height, pixels)
    text = compress_counts(counts)

    with use(way):
        assert encode_counts(runs, width, height) == counts
        assert encode_counts([list(run) for run in reversed(runs)], width, height) == counts
        assert decode_counts(counts, width, height) == runs
        assert decode_counts(text, width, height) == runs
        assert decode_counts(text.encode(), width, height) == runs


@pytest.mark.parametrize("way", WAYS)
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=20), data=st.data())
def test_counts_of_zero_are_read(way: str, counts: list[int], data: st.DataObject) -> None:
    pixels = max(sum(counts), 1)
    counts = counts if sum(counts) else [*counts, 0, 1]
    width = data.draw(st.sampled_from([i for i in range(1, pixels + 1) if pixels % i == 0]))
    height = pixels // width
    values = [i % 2 for i, count in enumerate(counts) for _ in range(count)]
    inside = {i % height * width + i // height for i, value in enumerate(values) if value}

    with use(way):
        assert decode_counts(counts, width, height) == make_runs(inside)


@pytest.mark.parametrize(("width", "height", "runs", "text"), COCO_MASKS)
def test_text_equals_that_of_pycocotools(width: int, height: int, runs: Runs, text: str) -> None:
    runs = normalize(runs)

    assert compress_counts(encode_counts(runs, width, height)) == text
    assert decode_counts(text, width, height) == runs


def test_text_of_a_disc_equals_that_of_pycocotools() -> None:
    disc = from_array([[(x - 25) ** 2 + (y - 30) ** 2 < 144 for x in range(50)] for y in range(60)])

    assert compress_counts(encode_counts(disc, 50, 60)) == DISC
    assert decode_counts(DISC, 50, 60) == disc


@pytest.mark.parametrize(("counts", "text"), COCO_COUNTS)
def test_counts_equal_those_of_pycocotools(counts: list[int], text: str) -> None:
    assert compress_counts(counts) == text
    assert expand_counts(text) == expand_counts(text.encode()) == counts


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 70)))
def test_any_counts_survive_compression(counts: list[int]) -> None:
    assert expand_counts(compress_counts(counts)) == counts


@given(st.text() | st.binary() | st.text("".join(map(chr, range(48, 112)))))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        counts = expand_counts(text)
    except FieldValueError:
        return
    assert all(0 <= count < 2**32 for count in counts)


@given(draw_masks(), st.data())
def test_cut_text_is_refused(mask: Mask, data: st.DataObject) -> None:
    width, height, pixels = mask
    text = compress_counts(make_counts(width, height, pixels))
    # A last count of 0 would add nothing; ours never end with one.
    end = data.draw(st.integers(0, len(text) - 1))

    with pytest.raises(FieldValueError, match="counts"):
        decode_counts(text[:end], width, height)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([0, 3, 8], "counts add up to 11, not to the 10 pixels of 5 x 2"),
        ([], "counts add up to 0"),
        ("", "counts add up to 0"),
        ([5, -1, 6], r"counts\[1\]: -1 is not a count"),
        ([5.0, 5], r"counts\[0\]: 5.0 is not a count"),
        ([True, 9], r"counts\[0\]: True is not"),
        (["5", 5], r"counts\[0\]: '5' is not"),
        ([2**32], r"counts\[0\]"),
        ("03 7", r"counts, character 2: ' ' cannot occur"),
        ("03\u00e97", r"counts, character 2: '\u00e9' cannot occur"),
        ("03\ud8007", r"counts, character 2: '\\ud800' cannot occur"),
        (b"03\xff7", r"counts, character 2: b'\\xff' cannot occur"),
        ("03\x007", r"counts, character 2"),
        ("037p", r"counts, character 3"),
        ("03W", "counts end within a number, after 3 characters"),
        ("O", r"counts, character 0: count 0 is -1"),
        ("001K", r"counts, character 3: count 3 is -5"),
        ("o" * 7, r"counts, character 6: the number is too long"),
        ("o" * 1_000_000, r"counts, character 6: the number is too long"),
        ("oooooo7", r"counts, character 6: count 0 is 8589934591"),
    ],
)
def test_wrong_counts_are_named(counts: Any, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        decode_counts(counts, 5, 2)


def test_large_sizes_cost_what_the_runs_cost() -> None:
    side = 2**16 - 1

    counts = encode_counts(((side * side - 2, 2),), side, side)

    assert counts == [side * (side - 1) - 1, 1, side - 1, 1]
    assert decode_counts(counts, side, side) == ((side * side - 2, 2),)


# -- numpy ---------------------------------------------------------------------------------------


@given(draw_masks())
def test_array_round_trip(mask: Mask) -> None:
    width, height, pixels = mask
    runs = make_runs(pixels)

    array = to_array(runs, width, height)

    assert array.shape == (height, width)
    assert array.dtype == np.bool_
    assert set(np.flatnonzero(array).tolist()) == pixels
    assert from_array(array) == from_array(array.tolist()) == runs
    assert from_array(np.asfortranarray(array)) == runs
    assert from_array(array * np.float32(0.5)) == runs


@pytest.mark.parametrize("array", [[True], [[[True]]], True])
def test_array_needs_two_dimensions(array: Any) -> None:
    with pytest.raises(FieldValueError, match="shape"):
        from_array(array)


def test_array_can_be_written_to() -> None:
    array = to_array(((0, 1),), 2, 2)

    array[1, 1] = True

    assert from_array(array) == ((0, 1), (3, 1))


@pytest.mark.parametrize("is_installed", [True, False])
def test_many_runs_use_numpy_where_installed(is_installed: bool) -> None:
    random_numbers = random.Random(7)
    runs = from_indices(random_numbers.sample(range(300 * 200), 20_000))
    calls = []
    load_numpy = masks._load_numpy

    def record() -> Any:
        calls.append(load_numpy())
        return calls[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "_load_numpy", record)
        if not is_installed:
            patch.setitem(sys.modules, "numpy", None)
        counts = encode_counts(runs, 300, 200)
        assert decode_counts(counts, 300, 200) == runs

    assert calls == [np if is_installed else None] * 2
    assert counts == make_counts(300, 200, set(to_indices(runs)))


def test_small_masks_load_no_library() -> None:
    script = (
        "import sys; from synapse.annotations.masks import *\n"
        "runs = rasterize([[1, 1], [60, 2], [30, 60]], 64, 64)\n"
        "assert decode_counts(encode_counts(runs, 64, 64), 64, 64) == runs\n"
        "assert from_png(to_png(runs, 64, 64)) == (runs, 64, 64)\n"
        "print({'numpy', 'PIL', 'requests'} & {*sys.modules})"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert result.stdout.strip() == "set()"


# -- PNG -----------------------------------------------------------------------------------------


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


@given(st.binary(max_size=30), st.none() | st.integers(0, 255))
def test_pixels_by_value(pixels: bytes, value: int | None) -> None:
    inside = {i for i, p in enumerate(pixels) if (p != 0 if value is None else p == value)}

    assert from_pixels(pixels, value) == make_runs(inside)


@pytest.mark.parametrize("value", [-1, 256, True, 1.0])
def test_value_is_a_byte(value: Any) -> None:
    with pytest.raises(UsageError, match="value="):
        from_pixels(b"\0", value)


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

    monkeypatch.setattr(masks.zlib, "decompressobj", Decompressor)
    bomb = make_png([b"\0\1\2"], 3, [0], more=bytes(1_000_000))

    with pytest.raises(FieldValueError, match="exactly the pixels"):
        read_png(bomb)

    assert sizes == [5]


@pytest.mark.parametrize("depth", [0, 2, "8", None])
def test_depth_is_one_or_eight(depth: Any) -> None:
    with pytest.raises(UsageError, match="depth="):
        to_png((), 1, 1, depth=depth)
