"""Rows of YOLO's label files: one grammar for each task, relative to the picture as shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from synapse.annotations import Annotation, Box, Group, Keypoint, Label, Mask, Polygon
from synapse.annotations.base import Json, Point
from synapse.annotations.outlines import trace_outlines
from synapse.annotations.shapes import Visibility, bounds_of
from synapse.errors import FieldValueError, UsageError
from synapse.formats.objects import ImageObject, find_objects, make_stable_id
from synapse.formats.parts import Unfit
from synapse.formats.picture_frame import TURNS, TURNS_BACK
from synapse.formats.report import FormatReport

__all__ = ["TASKS", "Frame", "RowReader", "RowWriter", "YoloTask", "check_task", "parse_row"]

YoloTask: TypeAlias = Literal["detect", "segment", "pose", "obb"]
"""Rows of a label file: boxes, outlines, boxes with joints, or turned boxes."""

TASKS: tuple[YoloTask, ...] = ("detect", "segment", "pose", "obb")

# Rounding of eight digits, and of writers that are less exact.
_TOLERANCE = 1e-6
# Half a pixel: a turned box and its four corners in a file differ by less.
_HALF = 0.5
_VISIBILITIES: tuple[Visibility, ...] = ("missing", "occluded", "visible")


def check_task(task: str) -> None:
    """Refuse an unknown task.

    Raises:
        UsageError: The task is unknown.
    """
    if task not in TASKS:
        raise UsageError(f"task={task!r} is not valid. Use 'detect', 'segment', 'pose' or 'obb'.")


@attrs.frozen
class Frame:
    """Size of a picture as stored, and its EXIF orientation.

    Trainers turn a picture before they use its rows; annotations are in pixels as stored.
    """

    width: int
    height: int
    orientation: int = 1

    def to_shown(self, points: Iterable[Point]) -> list[Point]:
        """Return pixels of the picture as stored as shares of the picture as shown."""
        turn = TURNS[self.orientation]
        return [turn(x / self.width, y / self.height) for x, y in points]

    def to_stored(self, points: Iterable[Point]) -> list[Point]:
        """Return shares of the picture as shown as pixels of the picture as stored."""
        turn = TURNS_BACK[self.orientation]
        return [
            (_tidy(x * self.width), _tidy(y * self.height))
            for x, y in (turn(x, y) for x, y in points)
        ]


def parse_row(line: str) -> tuple[int, list[float]]:
    """Return the class index and the numbers of a row.

    Raises:
        ValueError: The row isn't a class index with finite numbers.
    """
    try:
        index, *values = map(float, line.split())
    except ValueError:
        index, values = math.nan, []
    if not index.is_integer() or index < 0 or not all(map(math.isfinite, values)):
        raise ValueError("not a class index with finite numbers")
    return int(index), values


@attrs.frozen
class RowReader:
    """Reads the rows of label files.

    Attributes:
        task: The grammar.
        names: Names of the classes.
        joints: Names of the joints, by class index.
        shape: Number of joints, and of numbers for each: 2, or 3 with the visibility.
        clip: Whether coordinates outside the picture move to its edge.
    """

    task: YoloTask
    names: Sequence[str]
    joints: Mapping[int, Sequence[str]] = attrs.field(factory=dict)
    shape: tuple[int, int] = (0, 3)
    clip: bool = False

    def read(
        self, lines: Iterable[str], frame: Frame, name: str, report: FormatReport
    ) -> Iterator[Annotation]:
        """Yield the annotations of a picture.

        Args:
            lines: Rows of the label file.
            frame: Size of the picture.
            name: Name of the picture, for the report.
            report: Notes rows that can't be used.
        """
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield from self._read_row(line, frame, (name, number), report)
                except Unfit as error:
                    report.skip(name, error.code, f"Row {number}: {error.reason}")

    def _read_row(
        self, line: str, frame: Frame, place: tuple[str, int], report: FormatReport
    ) -> list[Annotation]:
        try:
            index, values = parse_row(line)
        except ValueError as error:
            raise Unfit("bad-row", f"{error}.") from None
        if index >= len(self.names):
            raise Unfit("unknown-class", f"class {index} of {len(self.names)} classes from 0.")
        label, new_id = self.names[index], make_stable_id(*place)

        def note(code: str, reason: str) -> None:
            report.lose(place[0], code, f"Row {place[1]}: {reason}", annotation=new_id)

        if self.task == "pose":
            return self._read_pose(index, values, frame, place, note)
        if self.task == "obb":
            _check_length(values, len(values) == 8, "obb", "8 numbers, four corners")
            corners = _fit_points(_pair(values), self.clip, note)
            return [_make_turned_box(frame.to_stored(corners), label, new_id, note)]
        if self.task == "segment" and len(values) != 4:
            is_outline = len(values) >= 6 and len(values) % 2 == 0
            _check_length(values, is_outline, "segment", "pairs of three corners or more")
            points = frame.to_stored(_fit_points(_pair(values), self.clip, note))
            return [Polygon(points, label=label, id=new_id)]
        # Predictions have a sixth number, the confidence.
        is_box = len(values) == 4 or (len(values) == 5 and self.task == "detect")
        _check_length(values, is_box, self.task, "4 numbers, centre and size")
        box = _make_box(values[:4], frame, label, new_id, clip=self.clip, note=note)
        if len(values) == 5:
            score: Json = {"confidence": values[4]}
            box = attrs.evolve(box, attributes=score)
        return [box]

    def _read_pose(
        self,
        index: int,
        values: list[float],
        frame: Frame,
        place: tuple[str, int],
        note: Callable[[str, str], None],
    ) -> list[Annotation]:
        count, numbers = self.shape
        fits = len(values) == 4 + count * numbers
        expected = f"4 numbers of the box and {count} joints of {numbers} numbers"
        _check_length(values, fits, "pose", expected)
        box = _make_box(
            values[:4],
            frame,
            self.names[index],
            make_stable_id(*place),
            clip=self.clip,
            note=note,
        )
        names = self.joints.get(index) or ()
        joints: list[Keypoint] = []
        for at in range(count):
            x, y, *rest = values[4 + at * numbers : 4 + (at + 1) * numbers]
            label = names[at] if at < len(names) else str(at)
            if rest and rest[0] not in (0, 1, 2):
                note("visibility", f"joint {label!r} has the visibility {rest[0]:g}, not 0, 1, 2.")
                continue
            visibility = _VISIBILITIES[int(rest[0])] if rest else None
            new_id = make_stable_id(*place, at)
            if visibility == "missing" and not (x or y):
                joints.append(Keypoint(0, 0, visibility=visibility, label=label, id=new_id))
                continue
            try:
                ((stored_x, stored_y),) = frame.to_stored(
                    _fit_points([(x, y)], self.clip, note, has_area=False)
                )
            except Unfit as error:
                note(error.code, f"joint {label!r} is left out: {error.reason}")
                continue
            joints.append(
                Keypoint(stored_x, stored_y, visibility=visibility, label=label, id=new_id)
            )
        if all(joint.visibility == "missing" and not (joint.x or joint.y) for joint in joints):
            return [box]
        members = [box.id, *(joint.id for joint in joints)]
        group_id = make_stable_id(*place, "group")
        return [box, *joints, Group(members, label=box.label, id=group_id)]


@attrs.frozen
class RowWriter:
    """Writes the rows of label files.

    Attributes:
        task: The grammar.
        indices: Index of each class, by name.
        joints: Names of the joints, by class name.
        joint_count: Number of joints of each row.
        clip: Whether coordinates outside the picture move to its edge.
    """

    task: YoloTask
    indices: Mapping[str, int]
    joints: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    joint_count: int = 0
    clip: bool = False

    def write(
        self,
        annotations: Iterable[Annotation],
        frame: Frame,
        name: str,
        report: FormatReport,
    ) -> Iterator[str]:
        """Yield the rows of a picture.

        Args:
            annotations: The annotations of the picture.
            frame: Size of the picture.
            name: Name of the picture, for the report.
            report: Counts the annotations, and notes what the rows can't hold.
        """
        for each in find_objects(annotations):
            if isinstance(each, Group):
                report.lose(name, "group", "The group has no place.", annotation=each.id)
            elif not isinstance(each, ImageObject):
                kind = "label of the whole picture" if isinstance(each, Label) else each.tool
                reason = f"The task {self.task!r} has no rows for a {kind or 'shape'}."
                report.skip(name, "not-in-task", reason, annotation=each.id)
            else:
                try:
                    yield from self._write_object(each, frame, name, report)
                except Unfit as error:
                    report.skip(name, error.code, error.reason, annotation=each.id)

    def _write_object(
        self, found: ImageObject, frame: Frame, name: str, report: FormatReport
    ) -> list[str]:
        if found.mask is not None and found.mask.size is None:
            size = (frame.width, frame.height)
            found = attrs.evolve(found, mask=attrs.evolve(found.mask, size=size))
        if not found.box and not found.polygons and not found.mask and self.task != "pose":
            reason = f"The task {self.task!r} has no rows for a keypoint."
            raise Unfit("not-in-task", reason)
        if any(each.attributes.get("iscrowd") for each in found.annotations):
            raise Unfit("crowd", "A crowd isn't an object; trainers would take it for one.")
        if found.label is None:
            raise Unfit("no-class", "The annotation has no class.")
        if found.label not in self.indices:
            raise Unfit("unknown-class", f"The data set has no class {found.label!r}.")
        index = self.indices[found.label]

        def note(code: str, reason: str, annotation: str | None = None) -> None:
            notes.append((code, reason, annotation or found.id))

        notes: list[tuple[str, str, str]] = []
        if found.keypoints and self.task != "pose":
            note("joints", f"The task {self.task!r} has no place for the object's joints.")
        parts = [*found.annotations, found.group]
        if any(set(each.attributes) - {"iscrowd"} for each in parts if each is not None):
            note("attributes", "The object's attributes have no place.")
        if self.task == "segment":
            rows = self._write_outlines(found, frame, note)
        elif self.task == "obb":
            rows = [self._write_turned_box(found, frame, note)]
        else:
            box = self._choose_box(found, note)
            values = list(_fit_box(_to_shown_box(box, frame), self.clip, note))
            if self.task == "pose":
                values += self._write_joints(found, frame, note)
            rows = [values]
        for code, reason, annotation in notes:
            report.lose(name, code, reason, annotation=annotation)
        report.annotations += self._count(found)
        return [" ".join([str(index), *map(_format, values)]) for values in rows]

    def _count(self, found: ImageObject) -> int:
        known = self.joints.get(found.label or "", ())
        joints = sum(joint.label in known for joint in found.keypoints)
        shapes = len(found.annotations) - len(found.keypoints)
        return shapes + (joints if self.task == "pose" else 0)

    def _choose_box(self, found: ImageObject, note: _Note) -> Box:
        """Return the object's box, or the box around its parts."""
        if found.box is not None:
            if found.polygons or found.mask:
                note("shape", "Only the object's box is written, without its outline.")
            if found.box.rotation:
                note("rotation", "The upright box around the turned one is written.")
            return Box(*found.box.bounds)
        if not found.polygons and not found.mask:
            places = [(each.x, each.y) for each in found.keypoints if not _is_missing(each)]
            bounds = bounds_of(places)
            note("shape", "The object has no box; the box around its joints is written.")
        else:
            shapes = [each for each in (*found.polygons, found.mask) if each is not None]
            areas = [each.bounds for each in shapes]
            bounds = _join_bounds([each for each in areas if each is not None])
            note("shape", "Only the box around the outline is written.")
        if bounds is None:
            raise Unfit("no-area", "The object covers nothing.")
        return Box(*bounds)

    def _write_outlines(self, found: ImageObject, frame: Frame, note: _Note) -> list[list[float]]:
        outlines: list[tuple[Point, ...]]
        if found.polygons:
            outlines = [each.points for each in found.polygons]
            around = _join_bounds([each.bounds for each in found.polygons if each.bounds])
            if found.mask or (found.box and not _is_same(found.box.bounds, around)):
                note("shape", "Only the object's outline is written.")
        elif found.mask:
            outlines = _trace_mask(found.mask, frame, note)
        elif found.box is not None:
            note("shape", "The outline of the box's four corners is written.")
            outlines = [found.box.corners]
        else:
            raise Unfit("no-area", "The object covers nothing.")
        if len(outlines) > 1:
            note("parts", "Each part of the object becomes an object of its own.")
        rows: list[list[float]] = []
        for points in outlines:
            if len(set(points)) < 3:
                raise Unfit("no-area", "The outline has fewer than three corners.")
            rows.append(_flatten(_fit_points(frame.to_shown(points), self.clip, note)))
        return rows

    def _write_turned_box(self, found: ImageObject, frame: Frame, note: _Note) -> list[float]:
        if found.box is None:
            corners = self._choose_box(found, note).corners
        else:
            if found.polygons or found.mask:
                note("shape", "Only the object's box is written, without its outline.")
            corners = found.box.corners
            if found.box.width <= 0 or found.box.height <= 0:
                raise Unfit("no-area", "The box has no area.")
        return _flatten(_fit_points(frame.to_shown(corners), self.clip, note))

    def _write_joints(self, found: ImageObject, frame: Frame, note: _Note) -> list[float]:
        names = list(self.joints.get(found.label or "", ()))
        values = [0.0] * (3 * self.joint_count)
        taken: set[str | None] = set()
        for joint in found.keypoints:
            if joint.label not in names or joint.label in taken:
                reason = f"The class {found.label!r} has no place for a joint {joint.label!r}."
                note("unknown-joint", reason, joint.id)
                continue
            taken.add(joint.label)
            if joint.visibility is None:
                note("visibility", "The joint of unknown visibility is written as visible.")
            number = 2 if joint.visibility is None else _VISIBILITIES.index(joint.visibility)
            if _is_missing(joint):
                continue
            place = frame.to_shown([(joint.x, joint.y)])
            try:
                ((x, y),) = _fit_points(place, self.clip, note, has_area=False)
            except Unfit as error:
                note(error.code, f"The joint {joint.label!r} is left out: {error.reason}", joint.id)
                continue
            at = 3 * names.index(joint.label)
            values[at : at + 3] = x, y, number
        return values


_Note: TypeAlias = Callable[..., None]


def _trace_mask(mask: Mask, frame: Frame, note: _Note) -> list[tuple[Point, ...]]:
    """Return the outlines of a mask's parts, along the borders of the pixels."""
    size = (frame.width, frame.height)
    if mask.size not in (None, size):
        raise Unfit("mask-size", f"The mask is of {mask.size}, the picture of {size}.")
    try:
        outlines = trace_outlines(mask.runs, *size)
    except FieldValueError as error:
        raise Unfit("mask-size", str(error)) from None
    if not outlines:
        raise Unfit("no-area", "The mask covers no pixel.")
    holes = sum(len(each.holes) for each in outlines)
    if holes:
        note("holes", f"Holes of the mask are filled ({holes}): a row is one outline.")
    note("shape", "The outline along the mask's pixels is written.")
    return [each.points for each in outlines]


def _check_length(values: Sequence[float], fits: bool, task: str, expected: str) -> None:
    if not fits:
        raise Unfit(
            "row-length",
            f"{len(values)} numbers after the class; a row of the task {task!r} has {expected}.",
        )


def _is_missing(joint: Keypoint) -> bool:
    return joint.visibility == "missing" and not (joint.x or joint.y)


def _pair(values: Sequence[float]) -> list[Point]:
    return list(zip(values[::2], values[1::2], strict=True))


def _flatten(points: Iterable[Point]) -> list[float]:
    return [value for point in points for value in point]


def _format(value: float) -> str:
    return f"{value:.8f}".rstrip("0").rstrip(".") or "0"


def _tidy(value: float) -> float:
    """Return a pixel's place without the noise of the conversion."""
    return round(value, 6) + 0.0


def _is_inside(value: float) -> bool:
    return -_TOLERANCE <= value <= 1 + _TOLERANCE


def _clamp(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _is_same(
    first: tuple[float, float, float, float], second: tuple[float, float, float, float] | None
) -> bool:
    return second is not None and all(
        abs(one - other) <= _HALF for one, other in zip(first, second, strict=True)
    )


def _join_bounds(
    areas: Sequence[tuple[float, float, float, float]],
) -> tuple[float, float, float, float] | None:
    corners = [(x, y) for x, y, _, _ in areas]
    return bounds_of([*corners, *((x + width, y + height) for x, y, width, height in areas)])


def _to_shown_box(box: Box, frame: Frame) -> tuple[float, float, float, float]:
    left, top, right, bottom = box.xyxy
    if box.width <= 0 or box.height <= 0:
        raise Unfit("no-area", "The box has no area.")
    (first_x, first_y), (second_x, second_y) = frame.to_shown([(left, top), (right, bottom)])
    width, height = abs(second_x - first_x), abs(second_y - first_y)
    return (first_x + second_x) / 2, (first_y + second_y) / 2, width, height


def _fit_box(values: Sequence[float], clip: bool, note: _Note) -> tuple[float, float, float, float]:
    """Return centre and size within the picture."""
    x, y, width, height = values
    if width <= 0 or height <= 0:
        raise Unfit("no-area", "The box has no area.")
    left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if clip and not all(map(_is_inside, (left, top, right, bottom))):
        left, top, right, bottom = map(_clamp, (left, top, right, bottom))
        if left >= right or top >= bottom:
            raise Unfit("outside", "The box is outside the picture.")
        note("clipped", "The box is cut at the picture's edge.")
        return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    if right <= 0 or bottom <= 0 or left >= 1 or top >= 1:
        raise Unfit("outside", "The box is outside the picture.")
    if not all(map(_is_inside, (x, y, width, height))):
        raise Unfit(
            "outside",
            "Centre or size of the box is outside the picture. Pass clip=True to cut the box.",
        )
    return _clamp(x), _clamp(y), _clamp(width), _clamp(height)


def _fit_points(
    points: Sequence[Point], clip: bool, note: _Note, *, has_area: bool = True
) -> list[Point]:
    """Return points within the picture."""
    bounds = bounds_of(points) or (0, 0, 0, 0)
    if has_area and (bounds[2] <= 0 or bounds[3] <= 0):
        raise Unfit("no-area", "The outline has no area.")
    fitting = [(_clamp(x), _clamp(y)) for x, y in points]
    if not all(_is_inside(value) for point in points for value in point):
        _, _, width, height = bounds_of(fitting) or (0, 0, 0, 0)
        if not clip:
            raise Unfit("outside", "A point is outside the picture. Pass clip=True to move it.")
        if has_area and (width <= 0 or height <= 0):
            raise Unfit("outside", "The outline is outside the picture.")
        note("clipped", "Points outside the picture are moved to its edge.")
    return fitting


def _make_box(
    values: Sequence[float], frame: Frame, label: str, new_id: str, *, clip: bool, note: _Note
) -> Box:
    x, y, width, height = _fit_box(values, clip, note)
    corners = [(x - width / 2, y - height / 2), (x + width / 2, y + height / 2)]
    left, top, width, height = bounds_of(frame.to_stored(corners)) or (0, 0, 0, 0)
    return Box(left, top, _tidy(width), _tidy(height), label=label, id=new_id)


def _make_turned_box(corners: Sequence[Point], label: str, new_id: str, note: _Note) -> Box:
    """Return the box of four corners, given in order."""
    (x, y), (right_x, right_y), (far_x, far_y), _ = corners
    width = math.hypot(right_x - x, right_y - y)
    height = math.hypot(far_x - right_x, far_y - right_y)
    center_x = sum(point[0] for point in corners) / 4
    center_y = sum(point[1] for point in corners) / 4
    rotation = math.atan2(right_y - y, right_x - x)
    if width <= 0 or height <= 0:
        raise Unfit("no-area", "The box has no area.")
    box = Box(
        _tidy(center_x - width / 2),
        _tidy(center_y - height / 2),
        _tidy(width),
        _tidy(height),
        rotation=round(rotation, 9) + 0.0,
        label=label,
        id=new_id,
    )
    if any(min(math.dist(corner, other) for other in box.corners) > _HALF for corner in corners):
        note("not-a-rectangle", "The four corners are not a rectangle; the nearest one is read.")
    return box
