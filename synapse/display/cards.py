"""Cards of objects with their pictures and annotations, and tables of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from synapse._internal.described import DescribedTable, cut
from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.annotations import Group, Relation, read_classes
from synapse.display import markup
from synapse.display.bundle import make_html
from synapse.display.colors import assign_colors, order_classes
from synapse.display.contents import (
    Content,
    choose_size,
    find_files_path,
    find_known,
    find_link,
    find_own,
    load_content,
    load_files,
)
from synapse.display.drawing import DrawingArea, draw, find_size
from synapse.display.previews import Preview
from synapse.orm.description import describe_resource, find_related, tabulate
from synapse.orm.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from synapse.display.colors import ClassColor
    from synapse.orm.query import Query

__all__ = ["head", "show", "show_one"]

_WORKERS = 6
_MOST_CARDS, _MOST_ROWS = 60, 1_000
_MOST_FILES, _MOST_CHIPS = 4, 6
# Bytes of the output: of a card, of all cards, of one object shown large.
_CARD_BYTES, _ALL_BYTES, _LARGE_BYTES = 20 * 1024, 400 * 1024, 300 * 1024
# HTML of a card besides its picture.
_FRAME_BYTES = 1_800
_CARD = (288, 192)
_LARGE = (720, 540)
_BOX = "border:1px solid #8886;border-radius:8px;overflow:hidden;"


# -- Entry points --------------------------------------------------------------------------------


def show(query: Query[Any], n: int) -> Shown:
    """Return cards of a query's first objects, see `Query.show`."""
    validate_int("n", n, maximum=_MOST_CARDS)
    session, schema = query._session, query._resource.__schema__
    before = session.transport.request_count
    path = find_files_path(query._resource)
    if path is None:
        return head(query, n)
    objects = _read(query.expand(path) if path else query, n)
    card_bytes = min(_CARD_BYTES, _ALL_BYTES // max(1, n))
    svg_bytes = (card_bytes - _FRAME_BYTES) * 3 // 4
    room = max(1_000, svg_bytes * 9 // 20)
    load = partial(load_content, longest=_CARD[0] * 3 // 2, room=room, most=1)
    contents = run_each(load, objects, _WORKERS, "synapse-previews")
    colors = _choose_colors(objects, contents)
    cards = [
        _make_card(one, content, colors, card_bytes)
        for one, content in zip(objects, contents, strict=True)
    ]
    requests = session.transport.request_count - before
    return _finish(query, objects, "".join(cards), requests, f"No {schema.plural} match.")


def head(query: Query[Any], n: int) -> Shown:
    """Return a table of a query's first objects, see `Query.head`."""
    validate_int("n", n, maximum=_MOST_ROWS)
    session = query._session
    before = session.transport.request_count
    objects = _read(query, n)
    requests = session.transport.request_count - before
    columns, rows = tabulate(objects)
    table = DescribedTable(columns, rows, len(rows))
    body = markup.table(table, [find_link(one) for one in objects]) if rows else ""
    return _finish(query, objects, body, requests, f"No {query._resource.__schema__.plural} match.")


def show_one(one: Any) -> Shown:
    """Return one object large, see `ShowMixin.show`."""
    session = one._session
    before = session.transport.request_count
    load_files(one)
    content = load_content(
        one, longest=_LARGE[0] * 3 // 2, room=_LARGE_BYTES // 4, most=_MOST_FILES
    )
    colors = _choose_colors([one], [content])
    width, height = _LARGE
    room = (_LARGE_BYTES - 20_000) * 3 // 4 // max(1, len(content.previews))
    places = range(max(1, len(content.previews)))
    parts = [_make_picture(content, at, width, height, colors, room) for at in places]
    requests = session.transport.request_count - before
    described = describe_resource(one)._replace(document=None)
    fields = [(name, text) for name, text in described.fields if name != "data"]
    body = (
        f'<div style="{_BOX}display:inline-block;max-width:100%;">{"".join(parts)}</div>'
        f'<div style="margin:6px 0;">{_make_chips(content, colors, 40)}</div>'
        f"{_make_notes(content)}"
        f"{make_html(described._replace(fields=fields, notes=()))}"
    )
    html = markup.page(body, markup.muted(_count_requests(requests)))
    text = f"{one!r}\n{_describe_classes(content)}\n{_count_requests(requests)}"
    return Shown(text, html, requests)


# -- Reading -------------------------------------------------------------------------------------


def _read(query: Query[Any], n: int) -> list[Any]:
    """Return the first objects, in one request where the server gives as many rows at once."""
    if query._state.page_size is None:
        query = query.page_size(n)
    return list(query[0:n].iterate(workers=1))


def _choose_colors(
    objects: Sequence[Any], contents: Sequence[Content]
) -> Mapping[str | None, ClassColor]:
    """Return colours by class: the project's classes first, then others by name."""
    seen = {each.label or "" for content in contents for each in content.annotations}
    order: list[str] = []
    for project in {find_related(one, "project") for one in objects} - {None}:
        order += [each.name for each in read_classes(find_known(project, "configuration"))]
    return assign_colors(order_classes(seen, order))


# -- Parts of a card -----------------------------------------------------------------------------


def _make_picture(
    content: Content,
    at: int,
    width: int,
    height: int,
    colors: Mapping[str | None, ClassColor],
    room: int,
    *,
    is_fixed: bool = False,
) -> str:
    """Return the drawing of a file in at most some bytes of SVG, or the reason for none."""
    preview = content.previews[at][1] if at < len(content.previews) else Preview()
    if preview.text:
        return _make_text(preview.text, width, height)
    own = (
        find_own(content.annotations, [kind for kind, _ in content.previews], at)
        if preview.is_fixed
        else []
    )
    medium = own[0].medium if own else None
    known = content.annotations.sizes.get(medium or "")
    size, orientation = choose_size(preview, known)
    size = size or find_size(own, known)
    if size is None:
        return _make_empty(preview.note or _no_picture(content), width, height)
    area = DrawingArea(
        size,
        width,
        height,
        picture=preview.picture,
        orientation=orientation,
        is_fixed=is_fixed,
        origin=preview.origin or (0.0, 0.0),
        is_upward=preview.origin is not None,
    )
    used = len(preview.picture.content) * 4 // 3 if preview.picture else 0
    drawing = draw(own, area, colors, budget=max(0, room - used - 700))
    alt = f"{preview.name or 'picture'}, {len(own)} annotations"
    image = markup.image(markup.svg_uri(drawing.svg), drawing.width, drawing.height, alt)
    notes = []
    if preview.picture is None:
        notes.append(preview.note or _no_picture(content))
    if drawing.omitted:
        notes.append(f"… and {drawing.omitted:,} annotations more, not drawn.")
    return image + "".join(
        f'<div style="padding:2px 8px;">{markup.muted(note)}</div>' for note in notes
    )


def _no_picture(content: Content) -> str:
    return "" if content.previews else "No file that can be shown."


def _make_text(text: str, width: int, height: int) -> str:
    return (
        f'<div style="width:{width}px;height:{height}px;max-width:100%;overflow:hidden;'
        "box-sizing:border-box;padding:8px 10px;white-space:pre-wrap;word-break:break-word;"
        f'font-family:monospace;font-size:11px;line-height:1.4;background-color:#8881;">'
        f"{markup.escape(text, width * height // 60)}</div>"
    )


def _make_empty(note: str, width: int, height: int) -> str:
    return (
        f'<div style="width:{width}px;height:{min(height, 200)}px;max-width:100%;'
        "box-sizing:border-box;padding:36px 16px 0 16px;text-align:center;overflow:hidden;"
        f'background-color:#8882;">{markup.muted(note or "Nothing to draw.")}</div>'
    )


def _count_classes(content: Content) -> Counter[str]:
    return Counter(
        each.label or "(no class)"
        for each in content.annotations
        if not isinstance(each, (Group, Relation)) or each.label
    )


def _make_chips(content: Content, colors: Mapping[str | None, ClassColor], most: int) -> str:
    counts = _count_classes(content)
    most += len(counts) == most + 1  # "+1 classes" would take as much room
    chips = [
        markup.chip(f"{cut(name, 30)} {number:,}", colors[name].fill if name in colors else None)
        for name, number in counts.most_common(most)
    ]
    rest = [markup.chip(f"+{len(counts) - most:,} classes")] if len(counts) > most else []
    return "".join([*chips, *rest]) or markup.muted("no annotations")


def _make_notes(content: Content) -> str:
    notes = [preview.note for _, preview in content.previews if preview.picture and preview.note]
    if content.more_files:
        notes.append(f"{content.more_files:,} more files")
    notes += [content.note] if content.note else []
    return "".join(markup.muted(cut(note, 160)) for note in notes)


def _make_card(
    one: Any, content: Content, colors: Mapping[str | None, ClassColor], limit: int
) -> str:
    """Return the card of an object in at most some bytes."""
    width, height = _CARD
    status = find_known(one, "status")
    title = f"<b>{markup.link(one._label(), find_link(one))}</b>"
    name = content.previews[0][1].name if content.previews else ""
    chip = markup.chip(status) if isinstance(status, str) else ""
    for room in ((limit - _FRAME_BYTES) * 3 // 4, limit // 3, 0):
        picture = _make_picture(content, 0, width, height, colors, room, is_fixed=True)
        html = (
            f'<div style="{_BOX}display:inline-block;width:{width}px;max-width:100%;'
            f'vertical-align:top;margin:0 10px 10px 0;">{picture}'
            f'<div style="padding:6px 8px 5px 8px;"><div style="margin-bottom:3px;">{title} {chip}'
            f"{markup.muted(cut(name, 44)) if name else ''}</div>"
            f"{_make_chips(content, colors, _MOST_CHIPS)}{_make_notes(content)}</div></div>"
        )
        if len(html.encode()) <= limit:
            break
    return html


# -- Results -------------------------------------------------------------------------------------


def _finish(
    query: Query[Any], objects: Sequence[Any], body: str, requests: int, empty: str
) -> Shown:
    schema = query._resource.__schema__
    counted = _count_requests(requests)
    if not objects:
        return Shown(
            f"{empty} {counted}", markup.page(markup.muted(f"{empty} {counted}")), requests
        )
    columns, rows = tabulate(objects)
    footer = f"{len(objects):,} {schema.plural}. {counted}"
    html = markup.page(f"<div>{body}</div>", markup.muted(footer))
    return Shown(f"{_align([columns, *rows])}\n{footer}", html, requests)


def _count_requests(requests: int) -> str:
    return f"{requests:,} request{'' if requests == 1 else 's'}."


def _describe_classes(content: Content) -> str:
    counts = _count_classes(content).most_common(20)
    return ", ".join(f"{number:,} {cut(name, 40)}" for name, number in counts) or "no annotations"


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text in columns."""
    short = [[cut(cell.replace("\n", " "), 40) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in short)
    return "\n".join(line.rstrip() for line in lines)
