"""Colours of classes: apart from each other, and legible."""

from __future__ import annotations

from itertools import combinations

from synapse.display.colors import assign_colors, contrast_to_white


def rgb(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def test_white_text_is_legible_on_every_color() -> None:
    colors = assign_colors([str(number) for number in range(200)])

    assert min(contrast_to_white(rgb(each.fill)) for each in colors.values()) >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast_to_white((0, 0, 0)) == 21
    assert contrast_to_white((1, 1, 1)) == 1
    assert round(contrast_to_white((0, 0, 1)), 2) == 8.59


def test_first_classes_differ() -> None:
    colors = [rgb(each.line) for each in assign_colors("abcdefgh").values()]

    assert (
        min(sum(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in combinations(colors, 2))
        > 0.25
    )


def test_color_depends_on_the_place_only() -> None:
    assert assign_colors(["a", "b", "a"]) == assign_colors(["a", "b"])
    assert assign_colors(["x", "y"])["y"] == assign_colors(["a", "b"])["b"]
