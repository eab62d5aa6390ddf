"""Counts of COCO, against sets of pixels and against texts that pycocotools wrote."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import mask_counts
from synapse.annotations.masks import (
    Runs,
    compress_counts,
    decode_counts,
    encode_counts,
    expand_counts,
    from_array,
    from_indices,
    normalize,
    to_indices,
)
from synapse.errors import FieldValueError

from .mask_cases import WAYS, Mask, draw_masks, make_counts, make_runs, use

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


@pytest.mark.parametrize("is_installed", [True, False])
def test_many_runs_use_numpy_where_installed(is_installed: bool) -> None:
    random_numbers = random.Random(7)
    runs = from_indices(random_numbers.sample(range(300 * 200), 20_000))
    calls = []
    load_numpy = mask_counts._load_numpy

    def record() -> Any:
        calls.append(load_numpy())
        return calls[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_counts, "_load_numpy", record)
        if not is_installed:
            patch.setitem(sys.modules, "numpy", None)
        counts = encode_counts(runs, 300, 200)
        assert decode_counts(counts, 300, 200) == runs

    assert calls == [np if is_installed else None] * 2
    assert counts == make_counts(300, 200, set(to_indices(runs)))
