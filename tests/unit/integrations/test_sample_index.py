"""Many rows in one buffer."""

from __future__ import annotations

import pickle

import pytest

from synapse.integrations.sample_index import SampleIndex

ROWS = [{"id": number, "name": "é" * number, "none": None} for number in range(5)]


def test_rows_come_back() -> None:
    index = pickle.loads(pickle.dumps(SampleIndex(ROWS)))

    assert list(index) == ROWS
    assert (len(index), index[-1], index[1:3]) == (5, ROWS[-1], ROWS[1:3])
    with pytest.raises(IndexError):
        index[5]
    assert list(SampleIndex()) == []


def test_rows_are_small() -> None:
    row = {"id": 1, "data": {"annotations": {"image_1": [{"tool": "bounding_box"}] * 50}}}
    index = SampleIndex([row] * 100)

    assert len(pickle.dumps(index)) < 20_000
