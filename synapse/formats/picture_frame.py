"""The frame of coordinates: pixels of a picture as stored, or as shown after its EXIF turn.

Samples have pixels as stored. Files state the sizes of pictures: if a file states the size of the
picture as shown, its coordinates are turned back. The size of a square picture is the same in both
cases, so its coordinates are read as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from synapse.annotations import Annotation, Box, Group, Keypoint, Mask, Polygon, Polyline, masks
from synapse.annotations.base import Point
from synapse.annotations.shapes import bounds_of
from synapse.errors import MissingExtra, UsageError
from synapse.formats.parts import Unfit, check_box, is_possible_size, parse_number, to_tidy
from synapse.formats.pictures import read_orientation
from synapse.formats.report import FormatReport

__all__ = [
    "FRAME_LOSSES",
    "TURNS",
    "TURNS_BACK",
    "PictureFrame",
    "choose_frame",
    "parse_size",
]

FRAME_LOSSES: dict[str, str] = {
    "clipped": "With `clip=True`, a shape is cut at the picture's edge.",
    "outside": "A shape outside the picture is left out; one partly outside stays as it is.",
    "size-differs": "The file states another size than the picture has.",
    "turned": "The file has the picture as shown (EXIF); its coordinates are turned back.",
}
"""Codes of the losses that the frame decides, the same in every format that states sizes."""

TURNS: dict[int, Callable[[float, float], Point]] = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}
"""Place in the picture as shown, from that as stored, both as shares, by EXIF orientation."""

TURNS_BACK = {**TURNS, 6: TURNS[8], 8: TURNS[6]}
"""Place in the picture as stored, from that as shown, both as shares, by EXIF orientation."""

_MAX_COORDINATE = 2**40
# EXIF orientations before this one keep width and height.
_FIRST_TURNED = 5
# Orientations that mirror the picture, those whose rows and those whose columns run backwards.
_MIRRORED, _FLIPPED_ROWS, _FLIPPED_COLUMNS = {5, 7}, {6, 7}, {7, 8}
_TOLERANCE = 1e-6


@attrs.frozen
class PictureFrame:
    """Size that the coordinates of a file refer to.

    Attributes:
        size: Width and height in pixels; `None` if unknown.
        orientation: EXIF orientation of the picture, 5 to 8, if the coordinates are those of the
            picture as shown; otherwise 1.
    """

    size: tuple[int, int] | None
    orientation: int = 1

    @property
    def stored_size(self) -> tuple[int, int] | None:
        """Width and height of the picture as stored."""
        if self.size is None or self.orientation == 1:
            return self.size
        return self.size[1], self.size[0]

    def place(
        self,
        annotations: Iterable[Annotation],
        name: str,
        report: FormatReport,
        *,
        clip: bool = False,
    ) -> list[Annotation]:
        """Return annotations in pixels of the picture as stored.

        Shapes outside the picture are skipped. Those partly outside stay as they are, or are cut.

        Args:
            annotations: The annotations, in pixels of this frame.
            name: Name of the picture, for the report.
            report: Notes skipped and cut shapes.
            clip: Whether shapes are cut at the picture's edge.

        Returns:
            The annotations that remain, some of them changed.
        """
        found: list[Annotation] = []
        gone: set[str] = set()
        for each in annotations:
            try:
                fitting = self._fit(each, clip=clip)
            except Unfit as error:
                report.skip(name, error.code, error.reason, annotation=each.id)
                gone.add(each.id)
                continue
            if fitting is not each:
                reason = "The shape is cut at the picture's edge."
                report.lose(name, "clipped", reason, annotation=each.id)
            found.append(fitting if self.orientation == 1 else self._turn_back(fitting))
        return list(_drop_members(found, gone)) if gone else found

    def _fit(self, each: Annotation, *, clip: bool) -> Annotation:
        """Return a shape within the picture, the same one if it need not change."""
        if self.size is not None and type(each) is Box and not each.rotation:
            # Most boxes fit. Differences, not sums: a sum of large numbers overflows.
            space_x, space_y = self.size[0] - each.width, self.size[1] - each.height
            if each.width > 0 < each.height and 0 <= each.x <= space_x and 0 <= each.y <= space_y:
                return each
        _check_numbers(each)
        if self.size is None:
            return each
        width, height = self.size
        if isinstance(each, Keypoint):
            x, y = min(max(each.x, 0), width), min(max(each.y, 0), height)
            return attrs.evolve(each, x=x, y=y) if clip and (x, y) != (each.x, each.y) else each
        if not isinstance(each, (Box, Polygon, Polyline)) or each.bounds is None:
            return each
        x, y, *sides = each.bounds
        thickness = _TOLERANCE if isinstance(each, Polyline) else 0
        check_box((x, y, max(sides[0], thickness), max(sides[1], thickness)), self.size)
        is_inside = min(x, y) >= -_TOLERANCE and (
            x + sides[0] <= width + _TOLERANCE and y + sides[1] <= height + _TOLERANCE
        )
        if is_inside or not clip or (isinstance(each, Box) and each.rotation):
            return each
        if isinstance(each, Box):
            left, top = max(x, 0), max(y, 0)
            right, bottom = min(x + sides[0], width), min(y + sides[1], height)
            box = Box.from_xyxy(left, top, right, bottom)
            return attrs.evolve(
                each, x=left, y=top, width=to_tidy(box.width), height=to_tidy(box.height)
            )
        points = [(min(max(x, 0), width), min(max(y, 0), height)) for x, y in each.points]
        return attrs.evolve(each, points=points)

    def _turn_back(self, each: Annotation) -> Annotation:
        if isinstance(each, Keypoint):
            if each.visibility == "missing" and not (each.x or each.y):
                return each
            x, y = self._turn_point((each.x, each.y))
            return attrs.evolve(each, x=x, y=y)
        if isinstance(each, (Polygon, Polyline)):
            return attrs.evolve(each, points=[self._turn_point(point) for point in each.points])
        if isinstance(each, Box):
            left, top, right, bottom = each.xyxy
            corners = map(self._turn_point, [(left, top), (right, bottom)])
            x, y, _, _ = bounds_of(corners) or (0, 0, 0, 0)
            rotation = -each.rotation if self.orientation in _MIRRORED else each.rotation
            return attrs.evolve(
                each, x=x, y=y, width=each.height, height=each.width, rotation=rotation
            )
        if isinstance(each, Mask) and each.size in (None, self.size):
            return attrs.evolve(each, runs=self._turn_runs(each.runs), size=self.stored_size)
        return each

    def _turn_point(self, point: Point) -> Point:
        width, height = self.size or (1, 1)
        x, y = TURNS_BACK[self.orientation](point[0] / width, point[1] / height)
        return to_tidy(x * height), to_tidy(y * width)

    def _turn_runs(self, runs: Any) -> masks.Runs:
        """Return the pixels of a mask as stored."""
        shown = self.size or (1, 1)
        height, width = shown
        turned: list[tuple[int, int]] = []
        rows = masks.split_rows(tuple(_transpose(runs, shown)), width)
        for y, ends in rows.items():
            row = height - y - 1 if self.orientation in _FLIPPED_ROWS else y
            for left, right in zip(ends[::2], ends[1::2], strict=True):
                x = width - right if self.orientation in _FLIPPED_COLUMNS else left
                turned.append((row * width + x, right - left))
        return masks.normalize(turned, width, height)


def _check_numbers(each: Annotation) -> None:
    """Refuse a shape so large that its area would overflow.

    Raises:
        Unfit: A coordinate is too large.
    """
    numbers: tuple[float, ...] = ()
    if isinstance(each, Box):
        numbers = each.xywh
    elif isinstance(each, Keypoint):
        numbers = (each.x, each.y)
    elif isinstance(each, (Polygon, Polyline)):
        numbers = tuple(chain.from_iterable(each.points))
    if any(abs(number) > _MAX_COORDINATE for number in numbers):
        raise Unfit("bad-number", f"A coordinate is beyond {_MAX_COORDINATE}.")


def _transpose(runs: Any, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the runs of a mask whose rows and columns are exchanged."""
    start = 0
    # Counts of COCO go down the columns, and begin with pixels outside.
    for position, count in enumerate(masks.encode_counts(runs, *size)):
        if position % 2 and count:
            yield start, count
        start += count


def _drop_members(annotations: Iterable[Annotation], gone: set[str]) -> Iterator[Annotation]:
    """Yield annotations; groups without the members that are gone, and none without members."""
    for each in annotations:
        if isinstance(each, Group) and not gone.isdisjoint(each.members):
            kept = [member for member in each.members if member not in gone]
            if len(kept) > 1:
                yield attrs.evolve(each, members=kept)
        else:
            yield each


def parse_size(width: Any, height: Any) -> tuple[int, int] | None:
    """Return the size that a file states, or `None` unless both numbers are positive."""
    try:
        size = int(parse_number(width)), int(parse_number(height))
    except Unfit:
        return None
    return size if min(size) > 0 else None


def choose_frame(
    image: Path | None,
    stated: tuple[int, int] | None,
    name: str,
    report: FormatReport,
    *,
    must_read: bool = False,
) -> PictureFrame:
    """Return the frame of the coordinates that a file has for a picture.

    Args:
        image: The picture's file, if there is one.
        stated: Width and height that the file states, if so.
        name: Name of the picture, for the report.
        report: Notes a size that differs, and a picture as shown.
        must_read: Whether a picture that can't be read is noted.
    """
    stored, orientation = None, 1
    if image is not None:
        try:
            stored, orientation = read_orientation(image)
        except (MissingExtra, UsageError) as error:
            if must_read:
                report.lose(name, "size-differs", str(error))
    if stated and not is_possible_size(stated):
        reason = f"The file states {stated[0]} x {stated[1]} pixels, more than a picture has."
        report.lose(name, "size-differs", reason)
        return PictureFrame(stored)
    if stored is None or stated is None or stored == stated:
        return PictureFrame(stored or stated)
    sizes = f"The file states {stated[0]} x {stated[1]} pixels, the picture has {stored[0]} x "
    if orientation >= _FIRST_TURNED and stated == stored[::-1]:
        reason = f"{sizes}{stored[1]} as stored: coordinates are turned back (EXIF)."
        report.lose(name, "turned", reason)
        return PictureFrame(stated, orientation)
    reason = f"{sizes}{stored[1]} as stored. Coordinates are read as they are."
    report.lose(name, "size-differs", reason)
    return PictureFrame(stored)
