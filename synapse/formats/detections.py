"""Annotations as `supervision.Detections`, to draw and evaluate them, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from synapse._internal.lazy_import import load
from synapse._internal.validate import is_number
from synapse.annotations import Annotation, Box, Group, Mask, masks
from synapse.errors import MissingExtra, UsageError
from synapse.formats.objects import ImageObject, find_objects, make_stable_id
from synapse.formats.parts import Unfit, find_bounds, rasterize_object

__all__ = ["from_supervision", "to_supervision"]

# Key of the corners of turned boxes in supervision's data.
_CORNERS = "xyxyxyxy"
_CONFIDENCE = "confidence"
# supervision takes a mask's last pixel for its edge, so the boxes of masks are a pixel smaller.
_PIXEL = 1.0


def to_supervision(
    annotations: Iterable[Annotation],
    classes: Sequence[str] | None = None,
    *,
    size: tuple[int, int] | None = None,
    with_masks: bool = True,
) -> Any:
    """Return the boxes, outlines and masks as `supervision.Detections`. Makes no request.

    A group of parts with one class, such as the outlines of one object, is one detection. Joints,
    lines, labels and relations aren't detections, and are left out.

    Args:
        annotations: Annotations of one picture.
        classes: Names of the classes, whose positions are the class ids; by default the names of
            the annotations, sorted.
        size: Width and height of the picture in pixels, which outlines need unless a mask has it.
        with_masks: Whether to draw masks if an object has an outline or a mask. Each takes as many
            bytes as the picture has pixels; an object that has only a box gets the box's pixels.

    Returns:
        Detections with `xyxy`, `class_id`, `mask`, `confidence` from the attribute of that name (1
        for objects without one; `None` if none has it), and in `data`: `class_name`, `id`,
        `attributes`, `tool`, and `xyxyxyxy` with the corners if a box is turned.

    Raises:
        MissingExtra: supervision isn't installed.
        UsageError: An object has no class, an unknown one, no area, or outlines and no size.
    """
    sv, np = _load()
    found = [
        _set_size(each, size)
        for each in find_objects(annotations)
        if isinstance(each, ImageObject) and (each.box or each.polygons or each.mask)
    ]
    names = _index_classes(found, classes)
    boxes = [_find_box(each) for each in found]
    attributes = [_join_attributes(each) for each in found]
    data: dict[str, Any] = {
        "class_name": np.array([each.label for each in found], dtype=str),
        "id": np.array([each.id for each in found], dtype=str),
        "tool": np.array([_choose_tool(each) for each in found], dtype=str),
        "attributes": np.empty(len(found), dtype=object),
    }
    data["attributes"][:] = attributes
    if any(each.box and each.box.rotation for each in found):
        shapes = [each.box or Box(*box) for each, box in zip(found, boxes, strict=True)]
        data[_CORNERS] = np.array([each.corners for each in shapes], dtype=float)
    scores = [each.get(_CONFIDENCE) for each in attributes]
    are_scored = any(map(is_number, scores))
    return sv.Detections(
        xyxy=np.array([Box(*each).xyxy for each in boxes], dtype=float).reshape(-1, 4),
        mask=_draw_masks(found, boxes, size, np) if with_masks else None,
        confidence=np.array([each if is_number(each) else 1.0 for each in scores], dtype=float)
        if are_scored
        else None,
        class_id=np.array([names[each.label] for each in found], dtype=int),
        data=data,
    )


def from_supervision(detections: Any, classes: Sequence[str] | None = None) -> list[Annotation]:
    """Return the boxes and masks of `supervision.Detections` as annotations. Makes no request.

    A detection with a mask becomes a `Mask`, with a `Box` in a `Group` if its box isn't the mask's.
    The confidence becomes an attribute. Detections of `to_supervision()` keep their ids, attributes
    and boxes; their outlines become masks.

    Args:
        detections: The detections of one picture.
        classes: Names of the classes by class id; by default the detections' `class_name`.

    Returns:
        The annotations, in the order of the detections.

    Raises:
        UsageError: A detection has no class name, or a class id without a name.
    """
    names = detections.data.get("class_name")
    ids, values = detections.data.get("id"), detections.data.get("attributes")
    tools = detections.data.get("tool")
    corners = detections.data.get(_CORNERS)
    found: list[Annotation] = []
    for at, edges in enumerate(detections.xyxy):
        attributes = dict(values[at]) if values is not None else {}
        if detections.confidence is not None and (values is None or _CONFIDENCE in attributes):
            attributes[_CONFIDENCE] = float(detections.confidence[at])
        new_id = str(ids[at]) if ids is not None else make_stable_id("detection", at)
        common: dict[str, Any] = {
            "label": _choose_name(detections, at, classes, names),
            "attributes": attributes,
        }
        box = _make_box(edges, None if corners is None else corners[at])
        is_box = tools is not None and str(tools[at]) == Box.TOOL
        pixels = None if is_box or detections.mask is None else detections.mask[at]
        mask = None if pixels is None else masks.from_array(pixels)
        if not mask or pixels is None:
            found.append(Box(*box.xywh, rotation=box.rotation, id=new_id, **common))
            continue
        height, width = pixels.shape
        drawn = Mask(mask, size=(width, height), id=new_id, **common)
        if _is_box_of(box, drawn):
            found.append(drawn)
        else:
            outer = Box(
                *box.xywh, rotation=box.rotation, id=make_stable_id(new_id, "box"), **common
            )
            group_id = make_stable_id(new_id, "group")
            found += [drawn, outer, Group([drawn.id, outer.id], label=drawn.label, id=group_id)]
    return found


def _load() -> tuple[Any, Any]:
    try:
        return load("supervision"), load("numpy")
    except ImportError as error:
        raise MissingExtra("to_supervision()", "supervision") from error


def _set_size(found: ImageObject, size: tuple[int, int] | None) -> ImageObject:
    if size is None or found.mask is None or found.mask.size is not None:
        return found
    return attrs.evolve(found, mask=attrs.evolve(found.mask, size=size))


def _choose_tool(found: ImageObject) -> str:
    shapes = [*found.polygons, found.mask]
    return next((each.tool for each in shapes if each is not None), Box.TOOL)


def _index_classes(
    found: Sequence[ImageObject], classes: Sequence[str] | None
) -> Mapping[str | None, int]:
    if isinstance(classes, str):
        raise UsageError(f"classes={classes!r} is not a list. Pass the names of the classes.")
    labels = {each.label for each in found} - {None}
    names = sorted(map(str, labels)) if classes is None else list(classes)
    indices: dict[str | None, int] = {name: at for at, name in enumerate(names)}
    for each in found:
        if each.label is None:
            raise UsageError(f"The annotation {each.id!r} has no class. Set its label.")
        if each.label not in indices:
            raise UsageError(
                f"The annotation {each.id!r} has the class {each.label!r}, which isn't one of "
                "classes=. Add the name."
            )
    return indices


def _find_box(found: ImageObject) -> tuple[float, float, float, float]:
    try:
        return find_bounds(found)
    except Unfit as error:
        raise UsageError(
            f"The annotation {found.id!r} can't be a detection: {error.reason} Leave it out."
        ) from None


def _join_attributes(found: ImageObject) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for each in reversed(found.annotations):
        joined |= each.attributes
    return joined


def _draw_masks(
    found: Sequence[ImageObject],
    boxes: Sequence[tuple[float, float, float, float]],
    size: tuple[int, int] | None,
    np: Any,
) -> Any:
    shaped = [each for each in found if each.polygons or each.mask]
    if not shaped:
        return None
    sizes = [each.mask.size for each in shaped if each.mask and each.mask.size]
    whole = size or (sizes[0] if sizes else None)
    if whole is None:
        raise UsageError(
            f"The size of the picture is unknown, and the annotation {shaped[0].id!r} has an "
            "outline. Pass size=(width, height), or with_masks=False."
        )
    width, height = whole
    drawn = np.zeros((len(found), height, width), dtype=bool)
    for at, (each, box) in enumerate(zip(found, boxes, strict=True)):
        if each.polygons or each.mask:
            try:
                runs = rasterize_object(each, whole)
            except Unfit as error:
                raise UsageError(
                    f"The annotation {each.id!r} has no mask: {error.reason} Pass size=, or "
                    "with_masks=False."
                ) from None
        else:
            runs = masks.rasterize((each.box or Box(*box)).corners, width, height)
        drawn[at] = masks.to_array(runs, width, height)
    return drawn


def _choose_name(detections: Any, at: int, classes: Sequence[str] | None, names: Any) -> str:
    if classes is None:
        if names is None:
            raise UsageError("The detections have no class names. Pass classes=['car', ...].")
        return str(names[at])
    index = None if detections.class_id is None else int(detections.class_id[at])
    if index is None or not 0 <= index < len(classes):
        raise UsageError(
            f"Detection {at} has the class id {index}, and classes= has {len(classes)} names, "
            "from 0. Add the names."
        )
    return classes[index]


def _make_box(edges: Any, corners: Any) -> Box:
    left, top, right, bottom = map(float, edges)
    if corners is None:
        return Box.from_xyxy(left, top, right, bottom)
    first, second, third, _ = [(float(x), float(y)) for x, y in corners]
    rotation = math.atan2(second[1] - first[1], second[0] - first[0])
    if not rotation:
        return Box.from_xyxy(left, top, right, bottom)
    return Box.from_cxcywh(
        (first[0] + third[0]) / 2,
        (first[1] + third[1]) / 2,
        math.dist(first, second),
        math.dist(second, third),
        rotation=rotation,
    )


def _is_box_of(box: Box, mask: Mask) -> bool:
    bounds = mask.bounds
    around = Box(*bounds).xyxy if bounds else ()
    return not box.rotation and all(
        abs(one - other) <= _PIXEL for one, other in zip(box.xyxy, around, strict=True)
    )
