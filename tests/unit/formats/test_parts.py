"""Values in texts, sizes, places, boxes around objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import Box, Mask, Polygon
from synapse.formats import FormatReport, Sample
from synapse.formats.objects import ImageObject
from synapse.formats.parts import (
    Unfit,
    check_box,
    find_bounds,
    find_size,
    format_number,
    format_value,
    parse_number,
    parse_value,
    rasterize_object,
    write_picture,
)

SIZE = (4, 3)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "1,5", None])
def test_other_numbers_are_refused(text: str | None) -> None:
    with pytest.raises(Unfit) as caught:
        parse_number(text)
    assert caught.value.code == "bad-number"


@given(st.floats(-1e9, 1e9))
def test_numbers_keep_six_digits(value: float) -> None:
    text = format_number(value)
    assert parse_number(text) == pytest.approx(value, abs=5.1e-7)
    assert "e" not in text
    assert text != "-0"


@pytest.mark.parametrize("value", [True, False, 7, -1, 0, 1.5, "red", "007", "1e3", "nan", ""])
def test_values_come_back(value: Any) -> None:
    found = parse_value(format_value(value))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ((0, 0, 0, 5), "no-area"),
        ((0, 0, 5, -1), "no-area"),
        ((4, 0, 5, 5), "outside"),
        ((-5, 0, 5, 5), "outside"),
        ((0, 3, 5, 5), "outside"),
    ],
)
def test_boxes_without_pixels_are_refused(bounds: Any, code: str) -> None:
    with pytest.raises(Unfit) as caught:
        check_box(bounds, SIZE)
    assert caught.value.code == code


def test_boxes_across_the_edge_are_valid() -> None:
    check_box((-1, -1, 9, 9), SIZE)
    check_box((100, 100, 1, 1), None)


def test_bounds_are_those_of_the_box_or_the_rest() -> None:
    parts = (Polygon([(1, 1), (3, 1), (3, 2)]), Polygon([(5, 4), (6, 4), (6, 8)]))
    assert find_bounds(ImageObject("a", polygons=parts)) == (1, 1, 5, 7)
    assert find_bounds(ImageObject("a", box=Box(0, 0, 1, 1), polygons=parts)) == (0, 0, 1, 1)
    with pytest.raises(Unfit):
        find_bounds(ImageObject("a", mask=Mask([(0, 1)])))


def test_outlines_and_masks_are_merged() -> None:
    square = Polygon([(0, 0), (2, 0), (2, 1), (0, 1)])
    found = ImageObject("a", polygons=(square,), mask=Mask([(3, 2)], size=SIZE))
    assert rasterize_object(found, SIZE) == ((0, 2), (3, 2))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (ImageObject("a", mask=Mask([(0, 1)], size=(3, 4))), "mask-size"),
        (ImageObject("a", mask=Mask([(11, 2)])), "mask-size"),
        (ImageObject("a", mask=Mask([])), "no-area"),
        (ImageObject("a", polygons=(Polygon([(0, 0), (1, 1)]),)), "no-area"),
    ],
)
def test_objects_without_pixels_are_refused(found: ImageObject, code: str) -> None:
    with pytest.raises(Unfit) as caught:
        rasterize_object(found, SIZE)
    assert caught.value.code == code


def test_the_picture_tells_the_size(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "a.png"
    image.new("RGB", SIZE).save(path)
    assert find_size(Sample("a.png", image=path)) == SIZE
    assert find_size(Sample("a.png", image=path, size=(2**30, 2**30))) == SIZE
    assert find_size(Sample("a.png", size=(2**30, 2**30))) is None
    assert find_size(Sample("a.png", image=tmp_path / "none.png")) is None


def test_a_missing_picture_is_noted(tmp_path: Path) -> None:
    report = FormatReport()
    for image in (None, tmp_path / "none.png"):
        write_picture(Sample("a.png", image=image), tmp_path / "b.png", "copy", report)
    write_picture(Sample("a.png"), tmp_path / "b.png", "none", report)
    assert report.skipped == {"no-picture": 2}


def test_an_integer_of_many_digits_is_no_number() -> None:
    with pytest.raises(Unfit) as caught:
        parse_number(10**400)
    assert caught.value.code == "bad-number"
