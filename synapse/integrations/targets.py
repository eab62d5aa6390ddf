"""Targets for training: boxes, labels and masks, or the class of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import attrs

from synapse.annotations import Annotations, Label, masks
from synapse.errors import MissingExtra, SampleError, UsageError
from synapse.formats.coco_rows import CategoryRegistry, CocoRowWriter
from synapse.formats.objects import ImageObject, find_objects
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSetClass, Sample
from synapse.integrations.samples import PictureSample

__all__ = ["TargetBuilder", "TargetKind", "find_labels"]

TargetKind: TypeAlias = Literal["detection", "classification", "annotations"]
"""Form of the targets: boxes with labels, the class of the picture, or the annotations."""


def _check_kind(_: Any, __: Any, value: Any) -> None:
    """Refuse a form of targets that isn't known.

    Raises:
        UsageError: The form isn't known.
    """
    if value not in get_args(TargetKind):
        names = ", ".join(map(repr, get_args(TargetKind)))
        raise UsageError(f"target={value!r} is not valid. Pass one of {names}.")


@attrs.frozen
class TargetBuilder:
    """Builds the targets of samples.

    Attributes:
        kind: Form of the targets.
        classes: Names of the classes, in the order of their numbers.
        is_closed: Whether annotations of other classes are left out; otherwise they are an error.
        first_label: Number of the first class in detection: 1 leaves 0 to the background.
        masks: Whether targets have masks.
    """

    kind: TargetKind = attrs.field(default="detection", validator=_check_kind)
    classes: tuple[str, ...] = ()
    is_closed: bool = False
    first_label: int = 1
    masks: bool = False

    def build(self, sample: PictureSample) -> Any:
        """Return the target of a sample.

        Raises:
            SampleError: An annotation has an unknown class, or the picture has no class or several.
            MissingExtra: The targets have masks, and numpy isn't installed.
        """
        if self.kind == "annotations":
            return sample.annotations
        if self.kind == "classification":
            return self._find_class(sample)
        return self._build_boxes(sample)

    def _find_class(self, sample: PictureSample) -> int:
        labels = {each.label for each in sample.annotations.of(Label) if each.label}
        if self.is_closed:
            labels &= set(self.classes)
        if len(labels) != 1:
            count = f"has the classes {', '.join(sorted(labels))}" if labels else "has no class"
            raise SampleError(
                f"{sample.id}, {sample.name}: the picture {count}; classification needs one. Pass "
                "classes=, leave the picture out of the query, or pass on_error='skip'."
            )
        return self._find_number(labels.pop(), sample)

    def _find_number(self, label: str, sample: PictureSample) -> int:
        try:
            return self.classes.index(label)
        except ValueError:
            raise SampleError(
                f"{sample.id}, {sample.name}: the class {label!r} is not among the classes "
                f"{', '.join(self.classes) or '(none)'}. Pass classes= with all names."
            ) from None

    def _build_boxes(self, sample: PictureSample) -> dict[str, Any]:
        registry = CategoryRegistry(map(DataSetClass, self.classes), {})
        writer = CocoRowWriter(registry, as_polygon=True, report=FormatReport())
        rows = list(writer.write(Sample("picture", sample.annotations, size=sample.size)))
        known = len(self.classes)
        if not self.is_closed and any(row["category_id"] > known for row in rows):
            names = [row["name"] for row in registry.build_rows()]
            self._find_number(names[known], sample)
        rows = [row for row in rows if row["category_id"] <= known]
        target: dict[str, Any] = {
            "image_id": sample.id,
            "boxes": [_to_corners(row["bbox"]) for row in rows],
            "labels": [row["category_id"] - 1 + self.first_label for row in rows],
            "area": [float(row["area"]) for row in rows],
            "iscrowd": [row["iscrowd"] for row in rows],
        }
        if self.masks:
            target["masks"] = _draw_masks(rows, sample.size)
        return target


def _to_corners(box: Sequence[float]) -> list[float]:
    x, y, width, height = map(float, box)
    return [x, y, x + width, y + height]


def _draw_masks(rows: list[dict[str, Any]], size: tuple[int, int]) -> Any:
    """Return the objects' pixels as an array (objects, height, width) of 0 and 1."""
    try:
        import numpy as np
    except ImportError as error:
        raise MissingExtra("Masks", "torch") from error
    array = np.zeros((len(rows), size[1], size[0]), np.uint8)
    for layer, row in zip(array, rows, strict=True):
        for runs in _read_runs(row, size):
            layer |= masks.to_array(runs, *size).view(np.uint8)
    return array


def _read_runs(row: dict[str, Any], size: tuple[int, int]) -> Iterable[masks.Runs]:
    """Yield the pixels of an object's parts; those of the box where the object has no outline."""
    outline = row["segmentation"]
    if isinstance(outline, dict):
        height, width = outline["size"]
        if (width, height) == size:
            yield masks.decode_counts(outline["counts"], width, height)
        return
    x, y, right, bottom = _to_corners(row["bbox"])
    for part in outline or [[x, y, right, y, right, bottom, x, bottom]]:
        yield masks.rasterize(list(zip(part[::2], part[1::2], strict=True)), *size)


def find_labels(kind: TargetKind, annotations: Annotations) -> set[str]:
    """Return the classes that targets of a form have numbers for."""
    if kind == "classification":
        return {each.label for each in annotations.of(Label) if each.label}
    objects = (each for each in find_objects(annotations) if isinstance(each, ImageObject))
    return {
        each.label for each in objects if each.label and (each.box or each.polygons or each.mask)
    }
