"""Objects: annotations that show one thing."""

from __future__ import annotations

import pytest

from synapse.annotations import Annotation, Box, Group, Keypoint, Label, Mask, Polygon
from synapse.formats.objects import ImageObject, find_objects, make_stable_id

RING = [(0, 0), (4, 0), (4, 4)]


def describe(annotations: list[Annotation]) -> list[object]:
    return [
        (each.label, *(part.id for part in each.annotations))
        if isinstance(each, ImageObject)
        else each.id
        for each in find_objects(annotations)
    ]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([Box(1, 2, 3, 4, label="car", id="b"), Label(label="rain", id="l")], [("car", "b"), "l"]),
        (
            [
                Keypoint(1, 1, label="nose", id="k"),
                Box(1, 2, 3, 4, label="person", id="b"),
                Group(["k", "b"], label="other", id="g"),
            ],
            [("person", "b", "k")],
        ),
        (
            [Keypoint(1, 1, label="nose", id="k"), Group(["k"], label="person", id="g")],
            [("person", "k")],
        ),
        (
            [
                Polygon(RING, label="car", id="p"),
                Polygon(RING, label="car", id="q"),
                Mask([(0, 3)], label="car", id="m"),
                Group(["p", "q", "m", "gone"], id="g"),
            ],
            [("car", "p", "q", "m")],
        ),
        (
            [
                Box(1, 2, 3, 4, label="car", id="b"),
                Box(1, 2, 3, 4, label="car", id="c"),
                Group(["b", "c"], id="g"),
            ],
            [("car", "b"), ("car", "c"), "g"],
        ),
        (
            [
                Box(1, 2, 3, 4, label="car", id="b"),
                Polygon(RING, label="wheel", id="p"),
                Group(["b", "p"], id="g"),
            ],
            [("car", "b"), ("wheel", "p"), "g"],
        ),
        ([Group([], id="g")], ["g"]),
    ],
    ids=["alone", "skeleton", "joints only", "parts", "two boxes", "two classes", "empty"],
)
def test_objects(annotations: list[Annotation], expected: list[object]) -> None:
    assert describe(annotations) == expected


def test_id_of_an_object_is_that_of_its_first_annotation() -> None:
    (found,) = find_objects([Polygon(RING, id="p"), Box(0, 0, 1, 1, id="b"), Group(["p", "b"])])
    assert isinstance(found, ImageObject)
    assert (found.id, found.group is not None) == ("b", True)


def test_stable_ids_depend_on_the_parts_only() -> None:
    assert make_stable_id("a.jpg", 1) == make_stable_id("a.jpg", 1)
    assert len({make_stable_id(*parts) for parts in [("a", 1), ("a", 11), ("a1", 1), ("a",)]}) == 4
    assert len(make_stable_id("a")) == 10
