"""The HTML of every representation: escaped, without scripts, ids and styles of its own page.

Hosts keep different parts of HTML: JupyterLab removes `<style>` and inline SVG of notebooks that it
doesn't trust, GitHub removes every style. So pictures are `<img>` with data, the layout is inline
styles, and colours are the host's own, with greys that suit light and dark themes.
"""

from __future__ import annotations

import base64
import html
import unicodedata
from collections.abc import Iterable, Sequence

from synapse._internal.described import DescribedTable, Meter, cut
from synapse._internal.redaction import redacted

__all__ = [
    "chip",
    "clean",
    "escape",
    "image",
    "link",
    "meters",
    "muted",
    "output",
    "page",
    "pairs",
    "svg_uri",
    "table",
    "text_width",
]

_LINE = "#8886"
_CELL = "text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:none;"
# The host's font and colour; its own rules for tables would right-align.
_PAGE = "font-size:13px;line-height:1.45;margin:2px 0 6px 0;"
_MUTED = "opacity:0.75;font-size:12px;"
_REPLACEMENT = "�"
_LONGEST_TEXT = 600
# Characters of a table's cell that stays on one line.
_SHORT = 30


def clean(text: object, length: int = _LONGEST_TEXT) -> str:
    """Return a text that XML can hold: control characters and lone surrogates are replaced."""
    shown = cut(redacted(str(text)[:4096]), length)
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else _REPLACEMENT
        for letter in shown
    )


def escape(text: object, length: int = _LONGEST_TEXT) -> str:
    """Return a text for HTML and SVG, also for attributes."""
    return html.escape(clean(text, length), quote=True)


def page(*parts: str) -> str:
    """Return the frame of a representation."""
    return f'<div style="{_PAGE}">{"".join(parts)}</div>'


def muted(text: object) -> str:
    """Return a remark."""
    return f'<div style="{_MUTED}">{escape(text)}</div>'


def output(lines: Iterable[str]) -> str:
    """Return printed lines in a box."""
    # Not `<pre>`, whose lines don't break where a host removes styles.
    text = "<br>".join(escape(line) for line in lines)
    return (
        f'<div style="margin:4px 0;padding:6px 8px;border:1px solid {_LINE};font-size:12px;'
        'line-height:1.4;font-family:monospace;white-space:pre-wrap;word-break:break-word;">'
        f"{text}</div>"
    )


def chip(text: object, color: str | None = None) -> str:
    """Return a word in a rounded box; with a colour, the text is white."""
    look = f"background-color:{color};color:#ffffff;" if color else f"border:1px solid {_LINE};"
    return (
        f'<span style="display:inline-block;padding:0 7px;margin:0 4px 3px 0;border-radius:9px;'
        f'font-size:11px;line-height:17px;max-width:100%;{look}">{escape(text, 40)}</span> '
    )


def pairs(items: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a table."""
    rows = "".join(
        f'<tr style="background:none;border:none;"><td style="{_CELL}opacity:0.75;'
        f'white-space:nowrap;">{escape(name, 60)}</td>'
        f'<td style="{_CELL}word-break:break-word;">{escape(value)}</td></tr>'
        for name, value in items
    )
    return f'<table style="border-collapse:collapse;margin:2px 0;">{rows}</table>' if rows else ""


def table(shown: DescribedTable, links: Sequence[str | None] = ()) -> str:
    """Return a table; the rest of the rows is counted below.

    Args:
        shown: The columns and rows.
        links: Address of each row, for the first column.
    """
    head = "".join(
        f'<th style="{_CELL}border-bottom:1px solid {_LINE};">{escape(name, 60)}</th>'
        for name in shown.columns
    )
    addresses = [*links, *[None] * (len(shown.rows) - len(links))]
    body = "".join(
        '<tr style="background:none;">'
        + "".join(
            f'<td style="{_CELL}border-bottom:1px solid #8883;{_wrap(cell)}">'
            f"{link(cell, address) if place == 0 else escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row, address in zip(shown.rows, addresses, strict=True)
    )
    rest = shown.total - len(shown.rows)
    more = muted(f"… and {rest:,} more") if rest > 0 else ""
    return (
        '<div style="max-width:100%;overflow-x:auto;"><table style="border-collapse:collapse;'
        f'margin:4px 0;"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'
    )


def _wrap(cell: str) -> str:
    """Return the style that keeps a short cell on one line, and breaks a long one anywhere."""
    if len(cell) <= _SHORT:
        return "white-space:nowrap;"
    return "min-width:180px;word-break:break-word;"


def meters(bars: Sequence[Meter], width: int = 220) -> str:
    """Return bars with their names and texts, below the headings of their groups."""
    rows, group = [], ""
    for bar in bars:
        if bar.group != group:
            group = bar.group
            rows.append(
                f'<tr style="background:none;border:none;"><td colspan="3" style="{_CELL}'
                f'padding-top:8px;"><b>{escape(group, 60)}</b></td></tr>'
            )
        rows.append(
            f'<tr style="background:none;border:none;"><td style="{_CELL}max-width:260px;'
            f'word-break:break-word;">{escape(bar.name, 60)}</td><td style="{_CELL}">'
            f'<div style="width:{width}px;height:10px;margin:4px 0;background-color:#8883;'
            f'border-radius:5px;overflow:hidden;"><div style="width:{_pixels(bar.share, width)}px;'
            f'height:10px;background-color:#4a86d8;border-radius:5px;"></div></div></td>'
            f'<td style="{_CELL}white-space:nowrap;">{escape(bar.text, 40)}</td></tr>'
        )
    body = "".join(rows)
    return f'<table style="border-collapse:collapse;margin:2px 0;">{body}</table>' if rows else ""


def _pixels(share: float, width: int) -> int:
    """Return the length of a bar in pixels; a share above 0 is always visible."""
    return max(2, round(min(share, 1.0) * width)) if share > 0 else 0


def link(text: object, address: str | None) -> str:
    """Return a text as a link, if there is an address of the web."""
    if not address or not address.startswith(("http://", "https://")):
        return escape(text)
    return (
        f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{escape(text)}</a>'
    )


def svg_uri(svg: str) -> str:
    """Return a drawing as the address of a picture."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def image(address: str, width: int, height: int, text: str) -> str:
    """Return a picture with data in its address, no larger than the page."""
    return (
        f'<img src="{address}" width="{width}" height="{height}" alt="{escape(text, 160)}" '
        f'style="display:block;width:{width}px;height:auto;max-width:100%;margin:0;">'
    )


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is in a sans-serif font, in pixels."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return wide * size + (len(text) - wide) * size * 0.58
