"""Notes of a data set's classes, also damaged ones."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.annotations import Box, Keypoint
from synapse.formats import DataSet, DataSetClass
from synapse.resources.imported_classes import ImportedClasses, SeenTools


@pytest.mark.parametrize(
    "configuration",
    [
        None,
        {"imported_classes": 3},
        {"imported_classes": {"names": "car", "category_ids": [1], "joints": ["nose"]}},
        {"imported_classes": {"names": [3], "category_ids": {"a": "1", "b": True}}},
    ],
)
def test_damaged_notes_are_left_out(configuration: Any) -> None:
    assert ImportedClasses.read(configuration) == ImportedClasses()


def test_notes_are_read_as_they_were_written() -> None:
    note = ImportedClasses(("car", "dog"), {"car": 9}, {"dog": ("tail",)})
    assert ImportedClasses.read({"imported_classes": note.to_dict()}) == note
    double = {"category_ids": {"car": 9, "dog": 9}}
    assert ImportedClasses.read({"imported_classes": double}).category_ids == {"car": 9}


def test_indices_are_those_of_the_beginning_in_any_unicode_form() -> None:
    source = ImportedClasses(("caf\u00e9", "car"))
    assert source.has_indices_of(["cafe\u0301", "car", "bus"])
    assert not source.has_indices_of(["car", "caf\u00e9"])


def test_joints_are_offered_by_their_tool_only() -> None:
    data = DataSet([DataSetClass("dog", keypoints=["tail"]), DataSetClass("car")], [])
    tools = SeenTools()
    assert tools.build_section(data) == {"bounding_box": ["dog", "car"]}
    tools.add([Keypoint(1, 1, label="ear")])
    expected = {"bounding_box": ["dog", "car"], "keypoint": ["tail", "ear"]}
    assert tools.build_section(data) == expected
    tools.add([Box(0, 0, 1, 1, label="tram")])
    assert tools.build_section(data) == {
        "bounding_box": ["dog", "car", "tram"],
        "keypoint": ["tail", "ear"],
    }
