"""Parts of an export: noted names and splits, shares of a split, classes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from synapse.annotations import Box, Group, Keypoint, LabelClass
from synapse.errors import UsageError
from synapse.formats import Sample
from synapse.resources.imported_classes import ImportedClasses
from synapse.resources.project_export import (
    _choose_name,
    _make_splitter,
    _read_split,
    _SeenClasses,
)


@pytest.mark.parametrize(
    ("meta", "name"),
    [
        ({"name": "day/1.jpg"}, "day/1.jpg"),
        ({"name": "day/1.JPG"}, "day/1.JPG"),
        ({"name": "../../etc/./1.jpg"}, "etc/1.jpg"),
        ({"name": "/C:/a?.jpg"}, "C_/a_.jpg"),
        ({"name": "12:30:05.jpg"}, "12_30_05.jpg"),
        ({"name": "a:b?.jpg"}, "a_b_.jpg"),
        ({"name": "a cat"}, "file.jpg"),
        ({"name": "1.png"}, "file.jpg"),
        ({"name": 7}, "file.jpg"),
        ({}, "file.jpg"),
    ],
)
def test_names_that_an_import_noted(meta: Any, name: str) -> None:
    assert _choose_name(meta, "file.jpg") == name


@pytest.mark.parametrize(
    ("meta", "split"),
    [({"split": "train"}, "train"), ({"split": "../x"}, None), ({"split": 7}, None), ({}, None)],
)
def test_splits_that_an_import_noted(meta: Any, split: str | None) -> None:
    assert _read_split(meta) == split


def test_joints_are_no_classes_but_belong_to_one() -> None:
    box = Box(0, 0, 9, 9, label="person")
    joints = [Keypoint(1, 1, label="nose"), Keypoint(2, 2, label="eye")]
    group = Group([box.id, *(each.id for each in joints)])
    seen = _SeenClasses()
    seen.add(Sample("a.jpg", [box, *joints, group, Box(0, 0, 1, 1, label="dog")]))
    project = SimpleNamespace(
        classes=[LabelClass("eye", ("keypoint",)), LabelClass("cat", ("bounding_box",))]
    )

    imported = ImportedClasses()
    classes = seen.make_classes(seen.list_names(project, imported), imported)

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
    assert _make_splitter(None) is None
    assert _make_splitter(lambda one: f"part {one.data_unit_id}")(task(1)) == "part 1"


@pytest.mark.parametrize(
    "split", [{"train": 0.8}, {"train": 0.5, "val": 0.6}, {"a": -1, "b": 2}, {"a": "1"}, {}, 3]
)
def test_impossible_splits_are_refused(split: Any) -> None:
    with pytest.raises(UsageError, match="is not valid"):
        _make_splitter(split)
