"""Data sets as every format sees them."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.formats import DataSet, DataSetClass, Sample


@pytest.mark.parametrize(
    "name", ["", "/a.jpg", "../a.jpg", "a/../../b.jpg", "a\\b.jpg", ".."], ids=str
)
def test_names_stay_in_their_folder(name: str) -> None:
    with pytest.raises(UsageError, match="can't name a picture"):
        Sample(name)


def test_values() -> None:
    sample = Sample("sub dir/a.jpg", [], size=(3, 2), split="train")
    assert (sample.name, sample.annotations) == ("sub dir/a.jpg", ())
    data = DataSet([DataSetClass("person", keypoints=["nose"], skeleton=[(0, 0)])], [sample])
    assert data.classes[0].keypoints == ("nose",)
    assert list(data.samples) == [sample]
