"""Parts that several formats share: values in texts, sizes, places, boxes around objects."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from synapse.annotations import masks
from synapse.errors import MissingExtra, UsageError
from synapse.formats.objects import ImageObject
from synapse.formats.pictures import place_picture, read_size
from synapse.formats.report import FormatReport
from synapse.formats.samples import ImageMode, Sample

__all__ = [
    "Bounds",
    "Unfit",
    "check_box",
    "find_bounds",
    "find_picture_size",
    "find_size",
    "format_number",
    "format_value",
    "is_possible_size",
    "parse_number",
    "parse_value",
    "rasterize_object",
    "to_tidy",
    "write_picture",
]

Bounds: TypeAlias = tuple[float, float, float, float]

_MAX_SIDE = 2**20
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


class Unfit(Exception):
    """A part can't be used; has the code and the reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def parse_number(text: Any) -> float:
    """Return a finite number.

    Raises:
        Unfit: The text isn't one.
    """
    try:
        number = float(text)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise Unfit("bad-number", f"{text!r} is not a finite number.")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def to_tidy(value: float) -> float:
    """Return a number without the noise of a conversion."""
    tidy = round(value, 6)
    return int(tidy) if tidy == int(tidy) else tidy


def format_number(value: float) -> str:
    """Return a number as text, with at most six digits after the point."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_value(text: str) -> Any:
    """Return the value of an attribute that is stored as text.

    Example:
        >>> parse_value("true"), parse_value("7"), parse_value("red")
        (True, 7, 'red')
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text) and len(text) < 16:
        return float(text) if "." in text else int(text)
    return text


def format_value(value: Any) -> str:
    """Return an attribute's value as text, so that `parse_value` returns the value."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def find_picture_size(image: Path) -> tuple[int, int] | None:
    """Return a picture's size as stored, or `None` if the file or Pillow can't tell."""
    try:
        return read_size(image)[0]
    except (MissingExtra, UsageError):
        return None


def is_possible_size(size: tuple[int, int]) -> bool:
    """Return whether a picture can have a size: larger ones would fill the memory."""
    return min(size) > 0 and max(size) <= _MAX_SIDE and size[0] * size[1] <= masks.MAX_PIXELS


def find_size(sample: Sample) -> tuple[int, int] | None:
    """Return the size of a sample's picture, or `None` if it is unknown.

    Writers allocate the pixels, so the picture's own size replaces a stated size that is too large.
    """
    if sample.size is not None and is_possible_size(sample.size):
        return sample.size
    return None if sample.image is None else find_picture_size(sample.image)


def check_box(bounds: Bounds, size: tuple[int, int] | None) -> None:
    """Refuse a box without area or outside the picture.

    Raises:
        Unfit: The box covers no pixel.
    """
    x, y, width, height = bounds
    if not (width > 0 and height > 0):
        raise Unfit("no-area", "The shape has no area.")
    if size and not (x < size[0] and y < size[1] and x + width > 0 and y + height > 0):
        raise Unfit("outside", f"The shape is outside the picture of {size[0]} x {size[1]} pixels.")


def find_bounds(found: ImageObject) -> Bounds:
    """Return the upright box around an object's box, outlines and mask.

    Raises:
        Unfit: The object covers nothing.
    """
    shapes = [found.box] if found.box else [*found.polygons, found.mask]
    areas = [each.bounds for each in shapes if each is not None and each.bounds is not None]
    if not areas:
        raise Unfit("no-area", "The shape has no area, or its size is unknown.")
    left, top = min(area[0] for area in areas), min(area[1] for area in areas)
    right, bottom = (max(area[at] + area[at + 2] for area in areas) for at in (0, 1))
    return left, top, right - left, bottom - top


def rasterize_object(found: ImageObject, size: tuple[int, int]) -> masks.Runs:
    """Return the pixels of an object's mask and outlines.

    Raises:
        Unfit: There are none, or the mask is of another size.
    """
    parts: list[Iterable[Any]] = []
    if found.mask is not None:
        if found.mask.size not in (None, size):
            raise Unfit("mask-size", f"The mask is of {found.mask.size}, the picture of {size}.")
        parts.append(masks.normalize(found.mask.runs))
    rings = [each.points for each in found.polygons if len(each.points) > 2]
    parts += [masks.rasterize(ring, *size) for ring in rings]
    runs = masks.merge(*parts)
    if not runs:
        raise Unfit("no-area", "The shape covers no pixel.")
    if sum(runs[-1]) > size[0] * size[1]:
        raise Unfit("mask-size", f"The mask has pixels outside the picture of {size}.")
    return runs


def write_picture(sample: Sample, target: Path, mode: ImageMode, report: FormatReport) -> None:
    """Put a sample's picture to its place, and note a missing one."""
    is_there = mode == "none" or sample.image is None or sample.image.is_file()
    if not (is_there and place_picture(sample, target, mode)):
        report.skip(sample.name, "no-picture", "The file of the picture isn't there.")
