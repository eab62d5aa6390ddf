"""Parts of an export: names that are given once, shares of a split, spooled samples."""

from __future__ import annotations

import pickle
import tempfile
from types import SimpleNamespace
from typing import Any

import pytest

from synapse.annotations import Box, Group, Keypoint, LabelClass
from synapse.errors import UsageError
from synapse.formats import Sample
from synapse.resources.project_export import _make_splitter, _Names, _SeenClasses, _Spooled


def test_names_are_given_once_whatever_the_case() -> None:
    names = _Names()
    assert names.choose("a.jpg", "1/a.jpg") == "a.jpg"
    assert names.choose("A.jpg", "2/A.jpg") == "2_A.jpg"
    assert names.choose("2_a.jpg", "3/2_a.jpg") == "3_2_a.jpg"
    assert names.choose("a.jpg", "2/a.jpg") == "2/a.jpg"
    with pytest.raises(UsageError, match="more than once"):
        names.choose("a.jpg", "2/a.jpg")
    names.close()


def test_samples_are_read_anew_by_each_loop() -> None:
    samples = [Sample(f"{n}.jpg", [Box(n, 0, 1, 1, id=str(n))], size=(3, 2)) for n in range(3)]
    with tempfile.TemporaryFile() as file:
        for sample in samples:
            pickle.dump(sample, file)
        spooled = _Spooled(file, 3)
        assert list(spooled) == list(spooled) == samples


def test_joints_are_no_classes_but_belong_to_one() -> None:
    box = Box(0, 0, 9, 9, label="person")
    joints = [Keypoint(1, 1, label="nose"), Keypoint(2, 2, label="eye")]
    group = Group([box.id, *(each.id for each in joints)])
    seen = _SeenClasses()
    seen.add(Sample("a.jpg", [box, *joints, group, Box(0, 0, 1, 1, label="dog")]))
    project = SimpleNamespace(
        classes=[LabelClass("eye", ("keypoint",)), LabelClass("cat", ("bounding_box",))]
    )

    classes = seen.make_classes(seen.list_names(project))

    assert [each.name for each in classes] == ["cat", "dog", "person"]
    assert classes[2].keypoints == ("nose", "eye")


def task(unit: int) -> Any:
    return SimpleNamespace(data_unit_id=unit)


def test_shares_divide_the_same_units_alike() -> None:
    choose = _make_splitter({"train": 0.8, "val": 0.2})
    parts = [choose(task(unit)) for unit in range(2000)]
    assert parts == [choose(task(unit)) for unit in range(2000)]
    assert 0.77 < parts.count("train") / 2000 < 0.83
    # A larger set keeps the division of the smaller one.
    assert parts[:100] == [choose(task(unit)) for unit in range(100)]


def test_names_and_functions_choose_the_split() -> None:
    assert _make_splitter("train")(task(1)) == "train"
    assert _make_splitter(None)(task(1)) is None
    assert _make_splitter(lambda one: f"part {one.data_unit_id}")(task(1)) == "part 1"


@pytest.mark.parametrize(
    "split", [{"train": 0.8}, {"train": 0.5, "val": 0.6}, {"a": -1, "b": 2}, {"a": "1"}, {}, 3]
)
def test_impossible_splits_are_refused(split: Any) -> None:
    with pytest.raises(UsageError, match="is not valid"):
        _make_splitter(split)
