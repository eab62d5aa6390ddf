"""Annotations as rows: one for each, with its file, whatever the kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

import synapse
from synapse.annotations import Box, BoxTrack, Group, Keypoint, Label, Polygon
from synapse.errors import UnknownDocument
from synapse.resources.annotation_rows import AnnotationRows, _find_file
from synapse.testing import assert_num_requests

TWO = {
    "a": {"file_type": "image", "path": "a.png"},
    "b": {"file_type": "text", "path": "b.txt"},
    "c": {"file_type": "image", "path": "c.png"},
}


@pytest.mark.parametrize(
    ("medium", "files", "name"),
    [
        ("image_1", TWO, "a.png"),
        ("image_2", TWO, "c.png"),
        ("image_3", TWO, None),
        ("image_0", TWO, None),
        ("text_1", TWO, "b.txt"),
        ("b", TWO, "b.txt"),
        ("image_1", {"x": {"path": "x.png"}}, "x.png"),
        ("image_²", TWO, "a.png"),
        (None, TWO, None),
        ("image_1", {}, None),
        ("image_1", {"image_1": "broken"}, None),
    ],
)
def test_a_medium_is_a_file(medium: Any, files: Any, name: Any) -> None:
    assert _find_file(medium, files) == name


def test_every_kind_has_a_row(session: synapse.Session, project: synapse.Project) -> None:
    corner = Keypoint(1, 2, label="corner")
    annotations = [
        Box(10, 20, 30, 40, label="car", attributes={"color": "é"}),
        Polygon([(0, 0), (4, 0), (0, 3)], label="sign"),
        Label(label="night"),
        corner,
        Group(members=[corner.id], label="pair"),
        BoxTrack({3: (1, 2, 3, 4)}, label="car"),
    ]
    first, second = project.tasks
    first.annotate(annotations)
    with assert_num_requests(session, 1):
        rows = list(project.tasks.annotations)
    assert {row["task"] for row in rows} == {first.id}
    assert second.id not in {row["task"] for row in rows}
    box = next(row for row in rows if row["tool"] == "bounding_box" and row["x"] is not None)
    assert {name: box[name] for name in ("class", "x", "y", "width", "height", "area")} == {
        "class": "car",
        "x": 10,
        "y": 20,
        "width": 30,
        "height": 40,
        "area": 1200,
    }
    assert box["file"] == "sample.txt"
    assert json.loads(box["attributes"]) == {"color": "é"}
    by_class = {row["class"]: row for row in rows if row is not box}
    assert by_class["sign"]["area"] == 6
    assert json.loads(by_class["sign"]["geometry"]) == {"points": [[0, 0], [4, 0], [0, 3]]}
    assert by_class["night"]["x"] is None
    assert by_class["night"]["area"] == 0
    assert json.loads(by_class["pair"]["geometry"])["members"] == [corner.id]
    assert json.loads(by_class["car"]["geometry"]) == {"frames": {"3": [1, 2, 3, 4]}}
    table = project.tasks.annotations.to_arrow()
    assert table.to_pylist() == rows


def test_nothing_has_a_schema(session: synapse.Session, project: synapse.Project) -> None:
    table = project.tasks.annotations.to_arrow()
    assert table.num_rows == 0
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["task"], types["area"], types["geometry"]) == ("int64", "double", "string")
    assert types["class"] == "dictionary<values=string, indices=int32, ordered=0>"
    for manager, owner in (
        (session.assignments, "assignment"),
        (session.ground_truth_events, "ground_truth_event"),
    ):
        assert manager.annotations._columns()[0].name == owner
    assert repr(project.tasks.annotations) == f"<annotations of {project.tasks!r}>"
    assert isinstance(session.tasks.filter(status="pending").annotations, AnnotationRows)


def test_an_unknown_document_names_its_task(project: synapse.Project) -> None:
    task = project.tasks[0].annotate({"shapes": 3})
    with pytest.raises(UnknownDocument, match=f"^Task {task.id}: "):
        list(project.tasks.annotations)
