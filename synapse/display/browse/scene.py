"""Annotations as shapes in JSON, which the widget draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synapse._internal.described import brief, cut
from synapse.annotations import Annotation, Keypoint, Mask, Polyline, Relation
from synapse.display import markup
from synapse.display.contents import choose_size
from synapse.display.drawing import DrawingArea, find_extent, find_size, place_mask
from synapse.display.geometry import make_path, read_bounds, read_corners, simplify
from synapse.display.previews import Preview

__all__ = ["make_area", "make_shapes"]

# The longer side of the drawing, in its own units.
_SIDE = 1_600
_MOST_SHAPES, _MOST_BYTES = 2_000, 1_000_000
_LONGEST_TITLE = 240


def make_area(
    preview: Preview, own: Sequence[Annotation], known: tuple[int, int] | None
) -> DrawingArea | None:
    """Return the place of a picture and the annotations; `None` if nothing has a place.

    Args:
        preview: The preview of the file.
        own: The annotations of the file.
        known: Width and height by the document.
    """
    if not preview.is_fixed and preview.size:
        return DrawingArea(preview.size, _SIDE, _SIDE, picture=preview.picture)
    size, orientation = choose_size(preview, known)
    size = size or find_size(own, known)
    if size is None:
        return None
    return DrawingArea(
        size,
        _SIDE,
        _SIDE,
        picture=preview.picture,
        orientation=orientation,
        origin=preview.origin or (0.0, 0.0),
        is_upward=preview.origin is not None,
    )


def make_shapes(
    refs: Mapping[int, Annotation],
    area: DrawingArea | None,
    find_class: Callable[[str | None], int],
) -> tuple[list[dict[str, Any]], int]:
    """Return the annotations as shapes, the largest first, and the number of those left out.

    Args:
        refs: The annotations by their numbers in the widget.
        area: The place of the picture; `None` if the annotations have no place.
        find_class: Returns the number of a class.
    """
    shapes: list[dict[str, Any]] = []
    room, omitted = _MOST_BYTES, 0
    partners = {(each.medium, each.id): each for each in refs.values()}
    for ref, each in sorted(refs.items(), key=lambda pair: -find_extent(pair[1])):
        shape = _draw(each, area, partners) if area is not None else {}
        size = sum(len(str(part)) for part in shape.values())
        if len(shapes) >= _MOST_SHAPES or size > room:
            omitted += 1
            continue
        room -= size
        label = None if each.label is None else markup.clean(each.label, 80)
        shapes.append(
            {
                "ref": ref,
                "class": find_class(each.label),
                "label": label,
                "title": _make_title(each),
                **shape,
            }
        )
    return shapes, omitted


def _make_title(each: Annotation) -> str:
    parts = [each.label or "(no class)", each.tool or type(each).__name__]
    bounds = read_bounds(each)
    if bounds is not None and (bounds[2] or bounds[3]):
        parts.append(f"{bounds[2]:,.0f} × {bounds[3]:,.0f}")  # noqa: RUF001 - a size's sign
    parts += [f"{cut(name, 40)}={brief(value, 60)}" for name, value in each.attributes.items()][:6]
    return markup.clean(" · ".join(parts), _LONGEST_TITLE)


def _draw(
    each: Annotation, area: DrawingArea, partners: Mapping[Any, Annotation]
) -> dict[str, Any]:
    """Return the geometry of an annotation in the drawing's units; empty for none."""
    size = (_SIDE, _SIDE)
    if isinstance(each, Mask):
        placed = place_mask(each, area)
        if placed is None:
            return {}
        return {
            "mask": placed.picture.uri,
            "matrix": [round(part, 6) for part in area.matrix],
            "size": list(area.stored_size),
            "box": _round(placed.bounds),
        }
    if isinstance(each, Keypoint):
        x, y = simplify([(each.x, each.y)], area.matrix, size)[0]
        look = each.visibility or "visible"
        return {"point": _round((x, y)), "look": look, "box": _round((x, y, x, y))}
    if isinstance(each, Relation):
        return _draw_relation(each, area, partners)
    points = simplify(read_corners(each) or (), area.matrix, size)
    if not points:
        return {}
    xs, ys = [x for x, _ in points], [y for _, y in points]
    box = _round((min(xs), min(ys), max(xs), max(ys)))
    if len(points) == 1:
        return {"point": _round(points[0]), "look": "visible", "box": box}
    is_closed = not isinstance(each, Polyline)
    return {"path": make_path(points, is_closed=is_closed), "closed": is_closed, "box": box}


def _draw_relation(
    each: Relation, area: DrawingArea, partners: Mapping[Any, Annotation]
) -> dict[str, Any]:
    centers = []
    for name in (each.start_id, each.end_id):
        end = partners.get((each.medium, name))
        bounds = None if end is None else read_bounds(end)
        if bounds is None:
            return {}
        centers.append((bounds[0] + bounds[2] / 2, bounds[1] + bounds[3] / 2))
    points = simplify(centers, area.matrix, (_SIDE, _SIDE))
    if len(points) < 2:
        return {}
    (x, y), (end_x, end_y) = points
    box = _round((min(x, end_x), min(y, end_y), max(x, end_x), max(y, end_y)))
    return {"path": make_path(points, is_closed=False), "closed": False, "dash": True, "box": box}


def _round(parts: Sequence[float]) -> list[float]:
    return [round(part, 1) for part in parts]
