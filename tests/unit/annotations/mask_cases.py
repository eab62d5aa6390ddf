"""Masks of tests, as sets of pixels, and the slow way to their runs and counts."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from synapse.annotations import mask_counts
from synapse.annotations.masks import (
    Runs,
)

WAYS = ("pure", "numpy")


@contextmanager
def use(way: str) -> Iterator[None]:
    """Convert without numpy, or with numpy whatever the mask's size."""
    with pytest.MonkeyPatch.context() as patch:
        if way == "pure":
            patch.setitem(sys.modules, "numpy", None)
        else:
            patch.setattr(mask_counts, "_MANY_RUNS", 0)
            patch.setattr(mask_counts, "_SPARSE", math.inf)
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
