"""Rows of COCO files: annotations out of a row, and rows out of annotations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from synapse._internal.json_values import to_json
from synapse.annotations import Annotation, Box, Group, Keypoint, Label, Mask, Polygon, masks
from synapse.annotations.shapes import VISIBILITIES, bounds_of
from synapse.errors import FieldValueError, UsageError
from synapse.formats.objects import ImageObject, find_objects, make_stable_id
from synapse.formats.parts import Bounds, Unfit, is_possible_size
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSetClass, Sample

__all__ = ["CategoryRegistry", "CocoRowReader", "CocoRowWriter"]

_KEYS = frozenset(
    {
        *("id", "image_id", "category_id", "bbox", "area", "segmentation", "iscrowd"),
        *("keypoints", "num_keypoints", "attributes"),
    }
)
# Half a pixel: the outline's own bounds and the row's box may differ by rounding.
_HALF = 0.5

Notes = list[tuple[str, str]]


# -- Reading -------------------------------------------------------------------------------------


@attrs.frozen
class CocoRowReader:
    """Reads the rows of one picture.

    Attributes:
        labels: Names of the classes by category id.
        classes: The classes by name.
    """

    labels: Mapping[Any, str]
    classes: Mapping[str, DataSetClass]

    def read(
        self, rows: Iterable[Any], name: str, size: tuple[int, int] | None, report: FormatReport
    ) -> Iterator[Annotation]:
        """Yield the annotations of a picture.

        Args:
            rows: The rows of the picture's annotations.
            name: Name of the picture, for the report.
            size: Width and height that masks have, if known.
            report: Notes rows and parts that can't be used.
        """
        seen: set[str] = set()
        for number, row in enumerate(rows):
            given = row.get("id")
            new_id = make_stable_id(name, number) if given is None else str(given)
            notes: Notes = []
            if new_id in seen:
                notes.append(("duplicate-id", "another annotation of the picture has the same id."))
                new_id = make_stable_id(name, number)
            seen.add(new_id)
            try:
                found = self._read_row(row, new_id, size, notes)
            except Unfit as error:
                report.skip(name, error.code, error.reason, annotation=new_id)
                continue
            for code, reason in notes:
                report.lose(name, code, reason, annotation=new_id)
            yield from found

    def _read_row(
        self,
        row: Mapping[str, Any],
        new_id: str,
        size: tuple[int, int] | None,
        notes: Notes,
    ) -> list[Annotation]:
        label = self._read_label(row)
        attributes = _read_attributes(row)
        bbox = row.get("bbox")
        outline = row.get("segmentation")
        box = None
        if bbox:
            box, attributes = self._read_box(bbox, label, attributes, new_id)
            if not outline and not row.get("keypoints"):
                return [box]
        shapes: list[Annotation] = []
        if isinstance(outline, dict):
            shapes.append(_read_mask(outline, label, attributes, new_id, size))
        elif outline:
            shapes += self._read_polygons(outline, label, attributes, new_id, notes)
        joints = self._read_joints(row, label, new_id, notes)
        if box is not None and shapes and not joints and _is_around(box, shapes):
            box = None
        if box is not None:
            # The parts leave the row's id to the box.
            shapes = [attrs.evolve(each, id=f"{new_id}s{at}") for at, each in enumerate(shapes, 1)]
            shapes.insert(0, box)
        if not shapes and not joints:
            if bbox or outline:
                raise Unfit("no-area", "The annotation has no usable outline.")
            return [Label(label=label, attributes=attributes, id=new_id)]
        members = [*shapes, *joints]
        if len(members) == 1 and not joints:
            return members
        ids = [each.id for each in members]
        own = attributes if not shapes else {}
        return [*members, Group(ids, label=label, attributes=own, id=f"{new_id}g")]

    def _read_label(self, row: Mapping[str, Any]) -> str | None:
        category = row.get("category_id")
        if category is None and "caption" in row:
            return None
        try:
            return self.labels[category]
        except (KeyError, TypeError):
            raise Unfit("unknown-class", f"The file has no category {category!r}.") from None

    def _read_box(
        self,
        bbox: Any,
        label: str | None,
        attributes: dict[str, Any],
        new_id: str,
    ) -> tuple[Box, dict[str, Any]]:
        try:
            x, y, width, height = bbox
            if not math.isfinite(x + y + width + height):
                raise ValueError("not finite")
            has_area = width > 0 and height > 0
            rotation = 0.0
            if attributes and type(attributes.get("rotation")) in (int, float):
                rotation = math.radians(attributes["rotation"])
                attributes = {key: value for key, value in attributes.items() if key != "rotation"}
            box = Box(
                x,
                y,
                width if has_area else 0,
                height if has_area else 0,
                rotation=rotation,
                label=label,
                attributes=attributes,
                id=new_id,
            )
        except (FieldValueError, OverflowError, TypeError, ValueError):
            raise Unfit("bad-number", f"bbox {bbox!r} is not four finite numbers.") from None
        if not has_area:
            raise Unfit("no-area", f"bbox {bbox!r} covers nothing.")
        return box, attributes

    def _read_polygons(
        self,
        outline: Any,
        label: str | None,
        attributes: dict[str, Any],
        new_id: str,
        notes: Notes,
    ) -> Iterator[Polygon]:
        parts = outline if isinstance(outline, list) else [outline]
        if all(isinstance(each, (int, float)) for each in parts):
            parts = [parts]
        for number, part in enumerate(parts):
            try:
                points = list(zip(part[::2], part[1::2], strict=True))
                made = Polygon(
                    points,
                    label=label,
                    attributes=attributes,
                    id=f"{new_id}p{number + 1}" if number else new_id,
                )
            except (FieldValueError, KeyError, TypeError, ValueError):
                made = None
            if made is None or len(made.points) < 3:
                notes.append(("bad-polygon", f"part {number + 1} is not a list of three points."))
            else:
                yield made

    def _read_joints(
        self, row: Mapping[str, Any], label: str | None, new_id: str, notes: Notes
    ) -> list[Keypoint]:
        values = row.get("keypoints")
        if not values:
            return []
        known = self.classes[label].keypoints if label is not None else ()
        joints: list[Keypoint] = []
        try:
            triples = list(zip(values[::3], values[1::3], values[2::3], strict=True))
        except (KeyError, TypeError, ValueError):
            notes.append(("bad-joints", "the joints are not groups of three numbers."))
            return []
        for at, (x, y, seen) in enumerate(triples):
            try:
                made = Keypoint(
                    x,
                    y,
                    visibility=VISIBILITIES[int(seen)] if seen in (0, 1, 2) else None,
                    label=known[at] if at < len(known) else str(at),
                    id=f"{new_id}k{at + 1}",
                )
            except FieldValueError:
                notes.append(("bad-joints", f"joint {at + 1} is not three finite numbers."))
                continue
            if made.visibility is None:
                notes.append(("visibility", f"joint {at + 1}: visibility {seen!r} is not 0, 1, 2."))
            joints.append(made)
        # All joints at 0, 0, 0 is COCO's way to say that nobody drew them.
        return joints if any(each.visibility != "missing" or each.x for each in joints) else []


def _read_attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if not _KEYS.issuperset(row):
        attributes = {key: row[key] for key in sorted(row.keys() - _KEYS)}
    given = row.get("attributes")
    if isinstance(given, dict):
        attributes.update(given)
    elif given is not None:
        attributes["attributes"] = given
    if row.get("iscrowd") in (1, True):
        attributes["iscrowd"] = True
    return attributes


def _read_mask(
    outline: Mapping[str, Any],
    label: str | None,
    attributes: dict[str, Any],
    new_id: str,
    size: tuple[int, int] | None,
) -> Mask:
    try:
        height, width = outline["size"]
        if not is_possible_size((width, height)):
            raise UsageError(f"no picture has {width} x {height} pixels.")
        runs = masks.decode_counts(outline["counts"], width, height)
    except (KeyError, TypeError, ValueError, FieldValueError, UsageError) as error:
        raise Unfit("bad-mask", f"The mask can't be read: {error}") from None
    if size is not None and size != (width, height):
        raise Unfit("bad-mask", f"The mask is of {width} x {height} pixels, not of {size}.")
    if not runs:
        raise Unfit("no-area", "The mask has no pixel.")
    return Mask(runs, size=(width, height), label=label, attributes=attributes, id=new_id)


def _is_around(box: Box, shapes: Sequence[Annotation]) -> bool:
    """Return whether a box is nothing but the bounds of the shapes."""
    bounds = None if box.rotation else join_bounds(shapes)
    if bounds is None:
        return False
    x, y, width, height = bounds
    left, top, right, bottom = box.xyxy
    differences = (left - x, top - y, right - x - width, bottom - y - height)
    return max(map(abs, differences)) <= _HALF


def join_bounds(shapes: Iterable[Annotation]) -> Bounds | None:
    """Return the smallest upright box around shapes."""
    places = [each.bounds for each in shapes]
    corners = [point for x, y, w, h in filter(None, places) for point in ((x, y), (x + w, y + h))]
    return bounds_of(corners)


# -- Writing -------------------------------------------------------------------------------------


class CategoryRegistry:
    """Categories with their ids and joints; grows by what annotations have.

    Args:
        classes: The classes of the data set.
        ids: Ids of categories by name; the others get the next free ids from 1.
    """

    def __init__(self, classes: Iterable[DataSetClass], ids: Mapping[str, int]) -> None:
        self._wanted = dict(ids)
        self._taken = set(ids.values())
        self._next = 1
        self._classes: dict[str, DataSetClass] = {}
        self._ids: dict[str, int] = {}
        self.joints: dict[str, list[str]] = {}
        for each in classes:
            self._add(each)

    def _add(self, each: DataSetClass) -> int:
        number = self._wanted.get(each.name)
        if number is None:
            while self._next in self._taken:
                self._next += 1
            number = self._next
            self._taken.add(number)
        self._classes[each.name] = each
        self._ids[each.name] = number
        self.joints[each.name] = list(each.keypoints)
        return number

    def choose_id(self, label: str) -> int:
        """Return the id of a class, which is new if necessary."""
        number = self._ids.get(label)
        return self._add(DataSetClass(label)) if number is None else number

    def find_class(self, joints: Iterable[str | None]) -> str | None:
        """Return the one class that has these joints, or `None`."""
        wanted = set(joints)
        found = [name for name, known in self.joints.items() if known and wanted <= set(known)]
        return found[0] if len(found) == 1 else None

    def build_rows(self) -> list[dict[str, Any]]:
        """Return the rows of the categories."""
        rows: list[dict[str, Any]] = []
        for name, each in self._classes.items():
            row: dict[str, Any] = {"id": self._ids[name], "name": name}
            if each.supercategory is not None:
                row["supercategory"] = each.supercategory
            if self.joints[name]:
                row["keypoints"] = self.joints[name]
                row["skeleton"] = [[start + 1, end + 1] for start, end in each.skeleton]
            rows.append(row)
        return rows


@attrs.frozen
class CocoRowWriter:
    """Makes the rows of pictures.

    Attributes:
        categories: The categories, which grow.
        as_polygon: Whether a turned box gets its corners as outline.
        report: Notes what the rows can't hold.
    """

    categories: CategoryRegistry
    as_polygon: bool
    report: FormatReport

    def write(self, sample: Sample) -> Iterator[dict[str, Any]]:
        """Yield the rows of a picture, without ids."""
        for each in _find_parts(sample.annotations):
            if isinstance(each, Group):
                self.report.lose(
                    sample.name, "group", "The group has no place.", annotation=each.id
                )
                continue
            notes: Notes = []
            try:
                if isinstance(each, ImageObject):
                    row = self._write_object(each, sample, notes)
                    count = len(each.annotations)
                elif type(each) is Box:
                    row, count = self._write_box(each, notes), 1
                else:
                    kind = "class of the whole picture" if isinstance(each, Label) else each.tool
                    raise Unfit("no-place", f"COCO has no place for a {kind or 'thing'}.")
            except Unfit as error:
                self.report.skip(sample.name, error.code, error.reason, annotation=each.id)
                continue
            for code, reason in notes:
                self.report.lose(sample.name, code, reason, annotation=each.id)
            self.report.annotations += count
            yield row

    def _write_box(self, box: Box, notes: Notes) -> dict[str, Any]:
        if box.label is None:
            raise Unfit("no-class", "The annotation has no class.")
        if not (box.width > 0 and box.height > 0):
            raise Unfit("no-area", "The box covers nothing.")
        row: dict[str, Any] = {
            "category_id": self.categories.choose_id(box.label),
            "bbox": list(box.xywh),
            "area": box.area,
            "segmentation": [],
            "iscrowd": 0,
        }
        if box.attributes or box.rotation:
            _write_attributes(row, [box], box.rotation, notes)
        if box.rotation and self.as_polygon:
            row["segmentation"] = [[value for point in box.corners for value in point]]
            row["bbox"] = list(box.bounds)
        return row

    def _write_object(self, found: ImageObject, sample: Sample, notes: Notes) -> dict[str, Any]:
        if found.mask is not None:
            size = found.mask.size or sample.size
            if size is None:
                raise Unfit("no-size", "A mask needs the picture's size.")
            found = attrs.evolve(found, mask=attrs.evolve(found.mask, size=size))
        shapes = [each for each in (*found.polygons, found.mask) if each is not None]
        joints = found.keypoints
        if joints and found.box is None and not shapes and found.group is None:
            raise Unfit("no-place", "COCO has joints of an object, not a keypoint alone.")
        label = found.label
        if label is None:
            label = self.categories.find_class(joint.label for joint in joints) if joints else None
            if label is None:
                raise Unfit("no-class", "The annotation has no class.")
        if found.box is not None:
            row = self._write_box(attrs.evolve(found.box, label=label), notes)
        else:
            bounds = join_bounds(shapes) if shapes else _find_joint_bounds(joints)
            if bounds is None:
                raise Unfit("no-area", "The object covers nothing.")
            row = {
                "category_id": self.categories.choose_id(label),
                "bbox": list(bounds),
                "area": bounds[2] * bounds[3],
                "segmentation": [],
                "iscrowd": 0,
            }
        self._write_outline(row, found, notes)
        owners = [each for each in (found.group, found.box, *shapes) if each is not None]
        if any(each.attributes for each in owners):
            row.pop("attributes", None)
            _write_attributes(row, owners, found.box.rotation if found.box else 0.0, notes)
        if joints:
            self._write_joints(row, label, joints, notes)
        return row

    def _write_outline(self, row: dict[str, Any], found: ImageObject, notes: Notes) -> None:
        if found.mask is not None and found.mask.size is not None:
            size = found.mask.size
            try:
                counts = masks.encode_counts(found.mask.runs, *size)
            except (FieldValueError, UsageError) as error:
                raise Unfit("bad-mask", f"The mask can't be written: {error}") from None
            if not found.mask.runs:
                raise Unfit("no-area", "The mask has no pixel.")
            if found.polygons:
                notes.append(("two-outlines", "The outlines beside the mask are left out."))
            row["segmentation"] = {
                "size": [size[1], size[0]],
                "counts": masks.compress_counts(counts),
            }
            row["area"] = found.mask.area
            if found.box is None:
                row["bbox"] = list(masks.bounds(found.mask.runs, size[0]))
        elif found.polygons:
            parts = [each for each in found.polygons if len(each.points) >= 3]
            if len(parts) < len(found.polygons):
                notes.append(("bad-polygon", "A part has fewer than three points."))
            if not parts and found.box is None:
                raise Unfit("no-area", "The outline has fewer than three points.")
            row["segmentation"] = [
                [value for point in each.points for value in point] for each in parts
            ]
            row["area"] = sum(each.area for each in parts) or row["area"]

    def _write_joints(
        self, row: dict[str, Any], label: str, joints: Iterable[Keypoint], notes: Notes
    ) -> None:
        names = self.categories.joints[label]
        places: dict[str, list[float]] = {}
        for joint in joints:
            if joint.label is None or joint.label in places:
                notes.append(("bad-joints", f"Two joints are named {joint.label!r}."))
                continue
            if joint.label not in names:
                names.append(joint.label)
            if joint.attributes:
                notes.append(("joint-attributes", f"The joint {joint.label!r} has some."))
            if joint.visibility is None:
                notes.append(("visibility", f"The joint {joint.label!r} is written as visible."))
            seen = 2 if joint.visibility is None else VISIBILITIES.index(joint.visibility)
            places[joint.label] = [joint.x, joint.y, seen]
        row["keypoints"] = [value for name in names for value in places.get(name, (0, 0, 0))]
        row["num_keypoints"] = sum(place[2] > 0 for place in places.values())


def _find_parts(annotations: Sequence[Annotation]) -> Iterator[ImageObject | Annotation]:
    """Yield the objects of a picture; pictures with boxes only take the short way."""
    if all(type(each) is Box for each in annotations):
        yield from annotations
    else:
        yield from find_objects(annotations)


def _find_joint_bounds(joints: Iterable[Keypoint]) -> Bounds | None:
    return bounds_of((each.x, each.y) for each in joints if each.visibility != "missing")


def _write_attributes(
    row: dict[str, Any], owners: Sequence[Annotation], rotation: float, notes: Notes
) -> None:
    """Put the attributes of an object's parts into its row."""
    attributes: dict[str, Any] = {}
    for owner in owners:
        for name, value in owner.attributes.items():
            if name == "rotation" and any(isinstance(each, Box) for each in owners):
                notes.append(("attributes", "'rotation' is the box's angle."))
            elif attributes.setdefault(name, value) != value:
                notes.append(("attributes", f"The object's parts differ in {name!r}."))
    if attributes.get("iscrowd") in (True, 1, False, 0):
        row["iscrowd"] = int(attributes.pop("iscrowd"))
    if rotation:
        # Without the noise of the conversion, such as 29.999999999999996.
        attributes["rotation"] = round(math.degrees(rotation), 10)
    try:
        attributes = to_json(attributes)
    except (FieldValueError, TypeError, ValueError) as error:
        notes.append(("attributes", f"The attributes are not JSON: {error}"))
        attributes = {}
    if attributes:
        row["attributes"] = attributes
