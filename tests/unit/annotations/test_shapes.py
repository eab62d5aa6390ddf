"""Annotations as values: construction, geometry, refusals."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import attrs
import numpy as np
import pytest

from synapse.annotations import (
    Box,
    BoxTrack,
    Cuboid,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
)
from synapse.errors import FieldValueError


def test_forms_of_a_box_agree() -> None:
    box = Box(10, 20, 100, 50)
    assert Box.from_xyxy(*box.xyxy).xywh == box.xywh == (10, 20, 100, 50)
    assert Box.from_cxcywh(*box.cxcywh, label="car").xywh == box.xywh
    assert box.cxcywh == (60, 45, 100, 50)
    assert box.area == 5000
    assert box.bounds == (10, 20, 100, 50)


def test_turned_box_has_corners_around_its_centre() -> None:
    box = Box(0, 0, 4, 2, rotation=math.pi / 2)
    assert [tuple(round(value, 9) for value in corner) for corner in box.corners] == [
        *((3, -1), (3, 3), (1, 3), (1, -1))
    ]
    assert box.bounds == pytest.approx((1, -1, 2, 4))
    assert Box(1, 2, 3, 4).corners == ((1, 2), (4, 2), (4, 6), (1, 6))


def test_polygon_has_area_and_bounds() -> None:
    roof = Polygon([(0, 0), (10, 0), (10, 5)], label="roof")
    assert (roof.area, roof.bounds) == (25, (0, 0, 10, 5))
    assert (Polygon([]).area, Polygon([]).bounds) == (0, None)
    assert Polyline([(1, 5), (3, 2)]).bounds == (1, 2, 2, 3)
    assert Keypoint(3, 4).bounds == (3, 4, 0, 0)
    assert (Label().bounds, Label().area) == (None, 0)


def test_mask_has_bounds_where_the_size_is_known() -> None:
    assert Mask([(11, 2), (21, 1)]).bounds is None
    mask = Mask([(11, 2), (21, 1)], size=(10, 5))
    assert (mask.area, mask.bounds) == (3, (1, 1, 2, 2))


def test_values_of_numpy_become_plain() -> None:
    box = Box(*np.array([1.5, 2, 3, 4], dtype=np.float32), label="car")
    assert [type(value) for value in box.xywh] == [float] * 4
    assert Polygon(np.array([[0, 0], [2, 1]])).points == ((0, 0), (2, 1))
    assert Cuboid(np.zeros(3), np.ones(3)).scale == (1, 1, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box(math.nan, 0, 1, 1), "nan"),
        (lambda: Box(0, math.inf, 1, 1), "inf"),
        (lambda: Box(np.float64("nan"), 0, 1, 1), "nan"),
        (lambda: Box("1", 0, 1, 1), "'1' is not a number"),
        (lambda: Box(True, 0, 1, 1), "True is not a number"),
        (lambda: Box(None, 0, 1, 1), "None is not a number"),
        (lambda: Polygon([(1, 2, 3)]), r"pairs \(x, y\)"),
        (lambda: Polygon([(1, math.nan)]), "nan"),
        (lambda: Keypoint(1, 2, visibility=2), "visibility is 2: give one of 'missing'"),
        (lambda: Cuboid((1, 2), (1, 2, 3)), "three numbers"),
        (lambda: Polygon([1, 2, 3, 4, 5, 6]), r"zip\(values\[::2\], values\[1::2\]\)"),
        (lambda: Polygon(np.arange(6)), r"zip\(values"),
        (lambda: Box(1, 2, -3, 4), "Box.width is -3"),
        (lambda: Box(1, 2, 3, -4), "Box.height is -4"),
        (lambda: Box.from_xyxy(30, 30, 10, 10), "left before right"),
        (lambda: Box.from_cxcywh(5, 5, 2, -1), "can't be negative"),
        (lambda: Polygon(5), "are not points"),
        (lambda: Polygon(None), "are not points"),
        (lambda: Polygon([(1, 2), 3]), "not a list of numbers"),
        (lambda: Group("abc"), "not a list of ids"),
        (lambda: Group(5), "not a list of ids"),
        (lambda: Group([1]), "not a list of ids"),
    ],
)
def test_impossible_values_are_refused(make: Any, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        make()


def test_annotations_are_values() -> None:
    box = Box(1, 2, 3, 4, id="a", label="car", attributes={"far": True})
    assert box == Box(1, 2, 3, 4, id="a", label="car", attributes={"far": True})
    assert box != Box(1, 2, 3, 4, id="b", label="car", attributes={"far": True})
    assert len({box, attrs.evolve(box, x=2), BoxTrack({0: (1, 2, 3, 4)}, id="c")}) == 3
    assert pickle.loads(pickle.dumps(box)) == copy.deepcopy(box) == box
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        box.x = 5  # type: ignore[misc] # the mistake
    with pytest.raises(TypeError):
        Box(1, 2, 3)  # type: ignore[call-arg] # the mistake
