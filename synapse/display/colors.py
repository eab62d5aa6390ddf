"""Colours of classes, the same in every drawing of one output."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping

import attrs

__all__ = ["NO_CLASS", "ClassColor", "assign_colors", "contrast_to_white", "order_classes"]

# Neighbours in the order of classes get hues far apart.
_GOLDEN = 0.618033988749895
_FIRST_HUE = 0.58
# WCAG's contrast of small text, with a margin for rounding.
_CONTRAST = 4.6


@attrs.frozen
class ClassColor:
    """The colours of one class, as `#rrggbb`.

    Attributes:
        line: Colour of outlines, bright enough for dark pictures.
        fill: Colour below white text, which has a contrast of 4.5 to 1 at least.
    """

    line: str
    fill: str


NO_CLASS = ClassColor("#9a9a9a", "#666666")
"""Colours of annotations without a class."""


def assign_colors(names: Iterable[str | None]) -> Mapping[str | None, ClassColor]:
    """Return the colours of classes; the order of the classes decides.

    Example:
        >>> assign_colors(["car", "bus"])["car"].line != assign_colors(["car", "bus"])["bus"].line
        True
    """
    return {name: _make_color(place) for place, name in enumerate(dict.fromkeys(names))}


def order_classes(seen: Iterable[str], configured: Iterable[str]) -> list[str]:
    """Return the classes in the order of their colours: configured ones first, others by name.

    Configured classes keep their places whether or not an output has them, so that a class has one
    colour in all outputs of a project.

    Example:
        >>> order_classes({"van", "bus"}, ["car", "bus"])
        ['car', 'bus', 'van']
    """
    return list(dict.fromkeys([*configured, *sorted(seen)]))


def _make_color(place: int) -> ClassColor:
    hue = (_FIRST_HUE + place * _GOLDEN) % 1
    lightness = 0.45
    while contrast_to_white(dark := colorsys.hls_to_rgb(hue, lightness, 0.65)) < _CONTRAST:
        lightness -= 0.01
    return ClassColor(_hex(colorsys.hls_to_rgb(hue, 0.58, 0.85)), _hex(dark))


def contrast_to_white(color: tuple[float, float, float]) -> float:
    """Return WCAG's contrast of a colour, with parts from 0 to 1, to white text."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)
