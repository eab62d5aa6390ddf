"""Drawings of annotations as SVG, by the standard library, with sizes for the displayed width."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from synapse.annotations import Annotation, Group, Keypoint, Mask, Polyline, Relation
from synapse.annotations.masks import to_png
from synapse.display import markup
from synapse.display.colors import NO_CLASS, ClassColor
from synapse.display.geometry import (
    Matrix,
    Pair,
    apply_matrix,
    find_turn,
    format_number,
    make_path,
    merge_runs,
    read_bounds,
    read_corners,
    scale_runs,
    simplify,
)

__all__ = [
    "Drawing",
    "DrawingArea",
    "Embedded",
    "PlacedMask",
    "draw",
    "find_extent",
    "find_size",
    "place_mask",
]

_FONT = 12.0
_LABEL_HEIGHT = 16.0
_LONGEST_LABEL = 24
_MOST_LABELS = 20


@attrs.frozen
class Embedded:
    """A picture below the annotations.

    Attributes:
        content: The file's bytes.
        media_type: The type of the bytes, such as `image/jpeg`.
    """

    content: bytes
    media_type: str

    @property
    def uri(self) -> str:
        """The address that holds the bytes."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


@attrs.frozen
class DrawingArea:
    """The place of a picture in a drawing.

    Attributes:
        size: Width and height of the picture, in the pixels of the annotations as shown.
        width: Width of the drawing in displayed pixels.
        height: Largest height of the drawing; the picture fits into both.
        picture: The picture below, or `None` for a grey area.
        orientation: EXIF orientation of the picture, if the annotations count its pixels as stored.
        is_fixed: Whether the drawing is as high as allowed, with the picture in its middle.
        origin: Coordinates of the left upper corner.
        is_upward: Whether y grows upwards, as in a map.
    """

    size: tuple[float, float]
    width: int
    height: int
    picture: Embedded | None = None
    orientation: int = 1
    is_fixed: bool = False
    origin: Pair = (0.0, 0.0)
    is_upward: bool = False

    @property
    def scale(self) -> float:
        """Displayed pixels for each pixel of the picture."""
        return min(self.width / self.size[0], self.height / self.size[1])

    @property
    def picture_box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the picture in the drawing."""
        width, height = self.size[0] * self.scale, self.size[1] * self.scale
        left = (self.width - width) / 2 if self.is_fixed else 0.0
        top = (self.height - height) / 2 if self.is_fixed else 0.0
        return left, top, width, height

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height of the drawing."""
        if self.is_fixed:
            return self.width, self.height
        _, _, width, height = self.picture_box
        return max(1, math.ceil(width)), max(1, math.ceil(height))

    @property
    def stored_size(self) -> tuple[float, float]:
        """Width and height of the picture as stored."""
        width, height = self.size
        return (height, width) if self.orientation > 4 else (width, height)

    @property
    def matrix(self) -> Matrix:
        """The transformation of the annotations' coordinates into those of the drawing."""
        a, b, c, d, e, f = find_turn(self.orientation, *self.stored_size)
        scale, (left, top, _, height) = self.scale, self.picture_box
        x, y = self.origin
        e, f = e - x, f - y
        if self.is_upward:
            return (
                a * scale,
                -b * scale,
                c * scale,
                -d * scale,
                left + e * scale,
                top + height - f * scale,
            )
        return (a * scale, b * scale, c * scale, d * scale, left + e * scale, top + f * scale)


@attrs.frozen
class Drawing:
    """A finished drawing.

    Attributes:
        svg: The drawing.
        width: Width in displayed pixels.
        height: Height in displayed pixels.
        drawn: Number of drawn annotations.
        omitted: Number of annotations with a place that the drawing has no room for.
    """

    svg: str
    width: int
    height: int
    drawn: int
    omitted: int


def find_size(
    annotations: Iterable[Annotation], known: tuple[int, int] | None
) -> tuple[float, float] | None:
    """Return the size of a picture, or of the area that the annotations cover if unknown."""
    if known:
        return known
    right = bottom = 0.0
    for each in annotations:
        if isinstance(each, Mask) and each.size:
            return each.size
        bounds = read_bounds(each)
        if bounds is not None:
            right = max(right, min(bounds[0] + bounds[2], 1e9))
            bottom = max(bottom, min(bounds[1] + bounds[3], 1e9))
    if right <= 0 or bottom <= 0:
        return None
    return right * 1.05, bottom * 1.05


# -- Drawing -------------------------------------------------------------------------------------


@attrs.frozen
class PlacedMask:
    """The pixels of a mask for a drawing.

    Attributes:
        picture: White inside of the mask, black outside; for the picture as stored.
        bounds: Left, top, right and bottom in the drawing.
    """

    picture: Embedded
    bounds: tuple[float, float, float, float]


def place_mask(each: Mask, canvas: DrawingArea) -> PlacedMask | None:
    """Return the pixels of a mask in at most the drawing's resolution; `None` for no pixel."""
    stored = canvas.stored_size
    size = each.size or (round(stored[0]), round(stored[1]))
    _, _, shown_width, shown_height = canvas.picture_box
    if canvas.orientation > 4:
        shown_width, shown_height = shown_height, shown_width
    target = (
        max(1, min(size[0], math.ceil(shown_width))),
        max(1, min(size[1], math.ceil(shown_height))),
    )
    runs: Any = scale_runs(each, size, target)
    if not runs:
        return None
    picture = Embedded(to_png(merge_runs(runs), *target, depth=1), "image/png")
    ratio_x, ratio_y = size[0] / target[0], size[1] / target[1]
    columns = [start % target[0] for start, _ in runs]
    rows = [start // target[0] for start, _ in runs]
    ends = [start % target[0] + length for start, length in runs]
    first = apply_matrix(canvas.matrix, min(columns) * ratio_x, min(rows) * ratio_y)
    last = apply_matrix(canvas.matrix, max(ends) * ratio_x, (max(rows) + 1) * ratio_y)
    xs, ys = sorted((first[0], last[0])), sorted((first[1], last[1]))
    return PlacedMask(picture, (xs[0], ys[0], xs[1], ys[1]))


class _Sheet:
    """Collects the parts of a drawing within a number of bytes."""

    def __init__(
        self, canvas: DrawingArea, colors: Mapping[str | None, ClassColor], budget: int
    ) -> None:
        self.canvas = canvas
        self.area = canvas.width, canvas.height
        self.colors = colors
        self.room = budget
        self.shapes: list[str] = []
        self.labels: list[tuple[float, str, tuple[float, float, float, float]]] = []
        self.drawn = 0
        self.omitted = 0
        self.matrix = canvas.matrix

    def color(self, label: str | None) -> ClassColor:
        return self.colors.get(label or "", NO_CLASS)

    def add(self, part: str) -> bool:
        size = len(part.encode())
        if size > self.room:
            self.omitted += 1
            return False
        self.room -= size
        self.shapes.append(part)
        self.drawn += 1
        return True

    def add_outline(self, each: Annotation, corners: Sequence[Pair]) -> None:
        points = simplify(corners, self.matrix, self.area)
        if not points:
            return
        color, is_closed = self.color(each.label), not isinstance(each, Polyline)
        if len(points) == 1:
            x, y = map(format_number, points[0])
            part = f'<circle cx="{x}" cy="{y}" r="2" fill="{color.line}"/>'
        else:
            fill = f'fill="{color.line}" fill-opacity=".14"' if is_closed else 'fill="none"'
            path = make_path(points, is_closed=is_closed)
            part = f'<path d="{path}" stroke="{color.line}" {fill}/>'
        if self.add(part):
            xs, ys = [x for x, _ in points], [y for _, y in points]
            self.note_label(each, (min(xs), min(ys), max(xs), max(ys)))

    def add_point(self, each: Keypoint) -> None:
        if each.visibility == "missing":
            return
        x, y = simplify([(each.x, each.y)], self.matrix, self.area)[0]
        color = self.color(each.label).line
        look = f'fill="{color}" stroke="#fff"'
        if each.visibility == "occluded":
            look = f'fill="#fff" fill-opacity=".6" stroke="{color}"'
        place = f'cx="{format_number(x)}" cy="{format_number(y)}"'
        part = f'<circle {place} r="4" stroke-width="1.5" {look}/>'
        if self.add(part):
            self.note_label(each, (x - 4, y - 4, x + 4, y + 4))

    def add_mask(self, each: Mask) -> None:
        placed = place_mask(each, self.canvas)
        if placed is None:
            return
        name = f"m{len(self.shapes)}"
        place = " ".join(f"{part:.5g}" for part in self.matrix)
        width, height = map(format_number, self.canvas.stored_size)
        part = (
            f'<g transform="matrix({place})"><mask id="{name}"><image width="{width}" '
            f'height="{height}" preserveAspectRatio="none" href="{placed.picture.uri}"/></mask>'
            f'<rect width="{width}" height="{height}" fill="{self.color(each.label).line}" '
            f'fill-opacity=".5" stroke="none" mask="url(#{name})"/></g>'
        )
        if self.add(part):
            self.note_label(each, placed.bounds)

    def add_relation(self, start: Annotation, end: Annotation) -> None:
        centers = []
        for each in (start, end):
            bounds = read_bounds(each)
            if bounds is None:
                return
            x, y, width, height = bounds
            centers.append((x + width / 2, y + height / 2))
        points = simplify(centers, self.matrix, self.area)
        if len(points) == 2:
            path = make_path(points, is_closed=False)
            self.add(f'<path d="{path}" stroke="#fff" stroke-dasharray="4 3" fill="none"/>')

    def note_label(self, each: Annotation, anchor: tuple[float, float, float, float]) -> None:
        if each.label:
            area = (anchor[2] - anchor[0]) * (anchor[3] - anchor[1])
            self.labels.append((area, each.label, anchor))

    def place_labels(self) -> Iterator[str]:
        """Yield the labels that have a place of their own, the largest annotations' first."""
        taken: list[tuple[float, float, float, float]] = []
        width, height = self.canvas.full_size
        for _, label, anchor in sorted(self.labels, key=lambda one: -one[0]):
            if len(taken) >= _MOST_LABELS:
                return
            text = markup.clean(label, _LONGEST_LABEL).replace("\n", " ")
            length = min(markup.text_width(text, _FONT) + 8, width)
            place = _find_place(anchor, length, (width, height), taken)
            if place is None:
                continue
            x, y = place
            box = f'x="{format_number(x)}" y="{format_number(y)}" width="{format_number(length)}"'
            start = f'x="{format_number(x + 4)}" y="{format_number(y + 12)}"'
            part = (
                f'<g><rect {box} height="{format_number(_LABEL_HEIGHT)}" rx="3" '
                f'fill="{self.color(label).fill}"/>'
                f"<text {start}>{markup.escape(text)}</text></g>"
            )
            size = len(part.encode())
            if size > self.room:
                return
            self.room -= size
            taken.append((x, y, x + length, y + _LABEL_HEIGHT))
            yield part


def _find_place(
    anchor: tuple[float, float, float, float],
    length: float,
    size: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> Pair | None:
    """Return a free place for a label near its annotation, inside of the drawing."""
    left, top, right, bottom = anchor
    if right < 0 or bottom < 0 or left > size[0] or top > size[1]:
        return None
    for x, y in (
        (left, top - _LABEL_HEIGHT),
        (left, top),
        (right - length, top - _LABEL_HEIGHT),
        (left, bottom),
        (right - length, bottom),
    ):
        place_x = min(max(x, 0.0), max(size[0] - length, 0.0))
        place_y = min(max(y, 0.0), max(size[1] - _LABEL_HEIGHT, 0.0))
        if all(
            place_x >= other[2]
            or place_x + length <= other[0]
            or place_y >= other[3]
            or place_y + _LABEL_HEIGHT <= other[1]
            for other in taken
        ):
            return place_x, place_y
    return None


def draw(
    annotations: Sequence[Annotation],
    canvas: DrawingArea,
    colors: Mapping[str | None, ClassColor],
    *,
    budget: int,
) -> Drawing:
    """Return a drawing of annotations.

    Args:
        annotations: The annotations of one medium.
        canvas: The place of the picture.
        colors: Colours by class.
        budget: Bytes for annotations and labels; the largest annotations come first.
    """
    sheet = _Sheet(canvas, colors, budget)
    by_id = {each.id: each for each in annotations}
    masks = [each for each in annotations if isinstance(each, Mask)]
    outlines = [(each, corners) for each in annotations if (corners := read_corners(each))]
    for mask in sorted(masks, key=lambda each: -each.area):
        sheet.add_mask(mask)
    for each, corners in sorted(outlines, key=lambda pair: -find_extent(pair[0])):
        sheet.add_outline(each, corners)
    for each in annotations:
        if isinstance(each, Keypoint):
            sheet.add_point(each)
        elif isinstance(each, Relation) and not isinstance(each, Group):
            ends = by_id.get(each.start_id), by_id.get(each.end_id)
            if ends[0] is not None and ends[1] is not None:
                sheet.add_relation(ends[0], ends[1])
    width, height = canvas.full_size
    left, top, shown_width, shown_height = map(format_number, canvas.picture_box)
    place = f'x="{left}" y="{top}" width="{shown_width}" height="{shown_height}"'
    if canvas.picture is None:
        below = f'<rect {place} fill="#8884"/>'
    else:
        below = f'<image {place} preserveAspectRatio="none" href="{canvas.picture.uri}"/>'
    backdrop = '<rect width="100%" height="100%" fill="#8882"/>' if canvas.is_fixed else ""
    labels = "".join(sheet.place_labels())
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{backdrop}{below}'
        f'<g stroke-width="2" stroke-linejoin="round">{"".join(sheet.shapes)}</g>'
        f'<g font-family="system-ui,sans-serif" font-size="{format_number(_FONT)}" fill="#fff">'
        f"{labels}</g></svg>"
    )
    return Drawing(svg, width, height, sheet.drawn, sheet.omitted)


def find_extent(each: Annotation) -> float:
    """Return the area of an annotation's bounds, by which the largest is drawn first."""
    bounds = read_bounds(each)
    return abs(bounds[2] * bounds[3]) if bounds else 0.0
