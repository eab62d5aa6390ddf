"""Annotations as shapes in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synapse.annotations import (
    Annotation,
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
    Relation,
)
from synapse.display.browse import scene
from synapse.display.browse.scene import make_area, make_shapes
from synapse.display.drawing import DrawingArea
from synapse.display.previews import Preview

AREA = DrawingArea((1600, 1600), 1600, 1600)


def shape(*annotations: Annotation, area: DrawingArea | None = AREA) -> dict[str, Any]:
    refs = dict(enumerate(annotations))
    shapes, omitted = make_shapes(refs, area, lambda label: 0 if label else -1)
    assert omitted == 0
    json.dumps(shapes)
    return next(each for each in shapes if each["ref"] == 0)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Box(1, 2, 3, 4), {"path": "M1 2l3 0 0 4 -3 0z", "closed": True, "box": [1, 2, 4, 6]}),
        (Polygon([(0, 0), (9, 0), (9, 9)]), {"path": "M0 0l9 0 0 9z", "closed": True}),
        (Polyline([(0, 0), (9, 0)]), {"path": "M0 0l9 0", "closed": False}),
        (Keypoint(5, 6), {"point": [5, 6], "look": "visible", "box": [5, 6, 5, 6]}),
        (Keypoint(5, 6, visibility="occluded"), {"look": "occluded"}),
        (Mask([(1600, 2)], size=(1600, 1600)), {"box": [0, 1, 2, 2], "size": [1600, 1600]}),
        (Label(label="night"), {"class": 0, "label": "night"}),
        (Box(0, 0, 1, 1), {"class": -1, "label": None}),
    ],
)
def test_shapes(annotation: Annotation, expected: dict[str, Any]) -> None:
    drawn = shape(annotation)

    assert {name: drawn[name] for name in expected} == expected


@pytest.mark.parametrize(
    "annotation",
    [Label(label="x"), Group(members=("a",)), Box(10**400, 0, 1, 1), Mask([], size=(9, 9))],
)
def test_annotation_without_a_place_has_no_box(annotation: Annotation) -> None:
    assert "box" not in shape(annotation)


def test_without_a_picture_nothing_has_a_place() -> None:
    assert "box" not in shape(Box(0, 0, 1, 1), area=None)


def test_relation_goes_from_middle_to_middle() -> None:
    start, end = Box(0, 0, 10, 10, id="a"), Box(100, 0, 10, 10, id="b")

    drawn = shape(Relation(start_id="a", end_id="b"), start, end)
    assert (drawn["path"], drawn["dash"]) == ("M5 5l100 0", True)
    assert "box" not in shape(Relation(start_id="a", end_id="gone"), start)


def test_title_is_bounded_and_has_no_control_characters() -> None:
    box = Box(
        0, 0, 7, 8, label="a\x00" + "b" * 999, attributes={f"k{n}": "v" * 999 for n in range(9)}
    )

    title = shape(box)["title"]
    assert len(title) <= 240
    assert "\x00" not in title
    assert shape(Box(0, 0, 7, 8, label="car", attributes={"far": True}))["title"] == (
        "car · bounding_box · 7 × 8 · far=True"  # noqa: RUF001 - a size's sign
    )


def test_largest_come_first_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "_MOST_SHAPES", 3)
    refs: dict[int, Annotation] = {n: Box(0, 0, n, n) for n in range(1, 6)}

    shapes, omitted = make_shapes(refs, AREA, lambda _: 0)
    assert [each["ref"] for each in shapes] == [5, 4, 3]
    assert omitted == 2


@pytest.mark.slow
def test_bytes_are_bounded() -> None:
    points = [(n, (n * 7919) % 1600) for n in range(1600)]
    refs: dict[int, Annotation] = {n: Polygon(points) for n in range(1000)}

    shapes, omitted = make_shapes(refs, AREA, lambda _: 0)
    assert omitted > 0
    assert len(json.dumps(shapes)) < 1_200_000


def test_area_has_the_size_of_the_picture_or_of_the_annotations() -> None:
    box = Box(0, 0, 100, 50)

    area = make_area(Preview(size=(320, 200)), [box], None)
    assert area is not None
    assert (area.full_size, area.size) == ((1600, 1000), (320, 200))
    area = make_area(Preview(), [box], None)
    assert area is not None
    assert area.size == (105, 52.5)
    assert make_area(Preview(), [], None) is None
    area = make_area(Preview(size=(560, 120), is_fixed=False), [box], (9, 9))
    assert area is not None
    assert area.size == (560, 120)
    area = make_area(Preview(size=(10, 10), origin=(-5, -5)), [], None)
    assert area is not None
    assert area.is_upward
