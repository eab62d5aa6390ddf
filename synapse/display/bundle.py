"""The representation of a described object for notebooks: HTML and text. Makes no request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from synapse._internal.described import Described, Description, cut
from synapse.annotations import Annotations, read_classes, read_document
from synapse.display import markup
from synapse.display.colors import assign_colors, order_classes
from synapse.display.drawing import DrawingArea, draw, find_size
from synapse.errors import UnknownDocument

__all__ = ["is_small", "make_bundle", "make_html"]

_WIDTH, _HEIGHT = 460, 300
# A drawing's largest part of the output, before base64.
_DRAWING_BYTES = 16_000
_MOST_PARTS = 1_500_000
_LONGEST_TEXT = 1_000


def make_bundle(
    shown: Described,
    include: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the representations of an object by type, as Jupyter's protocol asks for them."""
    makers: dict[str, Callable[[], str]] = {
        "text/plain": lambda: cut(repr(shown), _LONGEST_TEXT),
        "text/html": lambda: make_html(shown._describe()),
    }
    return {
        kind: make()
        for kind, make in makers.items()
        if (not include or kind in include) and kind not in (exclude or ())
    }


def make_html(described: Description) -> str:
    """Return a description as HTML."""
    status = markup.chip(described.status) if described.status else ""
    title = f"<b>{markup.escape(described.title, 200)}</b>"
    head = f'<div style="margin-bottom:2px;">{title} {status}</div>'
    parts = [head, markup.pairs(described.fields), markup.meters(described.meters)]
    if described.table is not None:
        parts.append(markup.table(described.table))
    if described.document is not None:
        parts.append(_draw_document(described.document, described.configuration))
    if described.output:
        parts.append(markup.output(described.output))
    parts += [markup.muted(note) for note in described.notes]
    return markup.page(*parts)


def _draw_document(document: Any, configuration: Any) -> str:
    """Return the annotations of an object on an empty canvas of the picture's size."""
    if not is_small(document):
        return markup.muted("There are too many annotations to draw.")
    try:
        found = read_document(document) if isinstance(document, dict) else document
    except UnknownDocument as error:
        return markup.muted(error)
    items = found if isinstance(found, Annotations) else Annotations(found)
    medium = items[0].medium if items else None
    own = [each for each in items if each.medium == medium]
    size = find_size(own, items.sizes.get(medium or ""))
    if size is None:
        return ""
    configured = (each.name for each in read_classes(configuration))
    colors = assign_colors(order_classes({each.label or "" for each in items}, configured))
    canvas = DrawingArea(size, _WIDTH, _HEIGHT)
    drawing = draw(own, canvas, colors, budget=_DRAWING_BYTES)
    if not drawing.drawn:
        return ""
    notes = []
    if drawing.omitted:
        notes.append(f"… and {drawing.omitted:,} more annotations, which are not drawn.")
    if len(own) < len(items):
        notes.append(f"Drawn is {medium}; other media have {len(items) - len(own):,} annotations.")
    picture = markup.image(
        markup.svg_uri(drawing.svg), drawing.width, drawing.height, "annotations"
    )
    return f'<div style="margin:4px 0;">{picture}</div>' + "".join(map(markup.muted, notes))


def is_small(document: Any) -> bool:
    """Return whether reading a document takes a fraction of a second at most."""
    if not isinstance(document, dict):
        return True
    count = 0
    waiting: list[Any] = [document]
    while waiting:
        part = waiting.pop()
        inside = part.values() if isinstance(part, dict) else part
        count += len(inside)
        if count > _MOST_PARTS:
            return False
        waiting += [each for each in inside if isinstance(each, (dict, list))]
    return True
