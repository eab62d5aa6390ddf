"""Masks of COCO files, against pycocotools itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as oracle

from synapse.annotations import masks

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))
PIXELS = SHAPES.flatmap(lambda shape: arrays(np.bool_, shape))


@given(PIXELS)
def test_texts_are_equal_and_masks_equal_to_the_bit(pixels: np.ndarray) -> None:
    height, width = pixels.shape
    runs = masks.from_array(pixels)
    expected = oracle.encode(np.asfortranarray(pixels.astype(np.uint8)))

    text = masks.compress_counts(masks.encode_counts(runs, width, height))

    assert text.encode() == expected["counts"]
    assert masks.decode_counts(expected["counts"], width, height) == runs
    assert (oracle.decode({"size": [height, width], "counts": text}) == pixels).all()
    assert masks.area(runs) == oracle.area(expected)
    assert (*masks.bounds(runs, width),) == tuple(oracle.toBbox(expected))


@given(SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.bool_, shape)] * 2)))
def test_overlap_agrees(pair: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = (oracle.encode(np.asfortranarray(each.astype(np.uint8))) for each in pair)
    one, other = map(masks.from_array, pair)
    shared = masks.intersection(one, other)

    assert shared == oracle.area(oracle.merge([first, second], intersect=True))
    assert masks.area(masks.merge(one, other)) == oracle.area(oracle.merge([first, second]))
