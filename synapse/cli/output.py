"""Print rows: a table on a terminal, JSON Lines in a pipe."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import attrs
import typer

from synapse._internal.described import brief
from synapse._internal.lazy_import import load
from synapse._internal.printable import clean
from synapse.cli.options import get_options, print_note
from synapse.errors import SynapseError

if TYPE_CHECKING:
    from synapse.orm.schema import Schema

__all__ = [
    "Format",
    "is_terminal",
    "normalize",
    "print_fields",
    "print_line",
    "print_rows",
    "print_text",
    "resolve_format",
]

# Rows that decide the widths of a table's columns.
_SAMPLE = 200
_NARROWEST = 6
_LONGEST_CELL = 60
_GAP = "  "
# Characters that JSON allows unescaped, although many readers end a line or obey at them.
_CONTROL = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Times as servers send them; a table needs no seconds.
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|\+00:00)")


class Format(str, Enum):
    """Formats of the output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    IDS = "ids"


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def resolve_format(output: Format | None) -> Format:
    """Return the format, by default a table on a terminal and JSON Lines in a pipe."""
    if output is not None:
        return output
    return Format.TABLE if is_terminal() else Format.JSONL


def normalize(schema: Schema, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the names and words of the declaration, also from an older server."""
    hooks, aliases = _spellings(schema)
    plain = {aliases.get(name, name): value for name, value in row.items()}
    for name, read in hooks.items():
        value = plain.get(name)
        if isinstance(value, str):
            with suppress(ValueError):
                plain[name] = str(read(value))
    return plain


@cache
def _spellings(schema: Schema) -> tuple[dict[str, Callable[[str], Any]], dict[str, str]]:
    """Return the readers of enumerations by field, and the fields by alias."""
    text_hook = load("synapse.orm.convert").text_hook
    hooks = {
        name: text_hook(field.kind)
        for name, field in schema.fields.items()
        if field.choice is not None
    }
    aliases = {
        alias: name for name, field in schema.fields.items() for alias in field.declared.aliases
    }
    return hooks, aliases


def _write(text: str) -> None:
    # Not by typer, which writes UTF-8 to a terminal that shows ASCII only.
    sys.stdout.write(f"{text}\n")


def print_line(text: str) -> None:
    """Print a line of data; on a terminal without characters that would steer it."""
    _write(clean(text) if is_terminal() else text)


def print_text(text: str) -> None:
    """Print the lines of a text."""
    for line in text.split("\n") if text else ():  # JSON may have other line separators in texts
        print_line(line)


def print_rows(
    rows: Iterable[dict[str, Any]],
    output: Format,
    *,
    key: str,
    columns: Sequence[str],
    is_chosen: bool = True,
) -> int:
    """Print rows as they come, and return their number.

    Args:
        rows: The rows; only a few are in memory at a time.
        output: The format.
        key: Name of the id.
        columns: Names of the columns of a table and of CSV.
        is_chosen: Whether the user chose the columns; others are left out where a terminal is
            narrow.
    """
    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    if output is Format.TABLE:
        _print_table(counted(), columns, is_chosen)
    elif output is Format.CSV:
        _print_csv(counted(), columns)
    elif output is Format.JSON:
        _print_array(counted())
    elif output is Format.IDS:
        for row in counted():
            print_line(_read_id(row, key))
    else:
        write = _line_writer()
        for row in counted():
            write(_to_json(row) + "\n")
    return count


def print_fields(row: dict[str, Any], output: Format, *, key: str) -> None:
    """Print one object: on a terminal a line for each field."""
    if output is not Format.TABLE:
        print_rows([row], output, key=key, columns=list(row))
        return
    names = [clean(name[:_LONGEST_CELL]) for name in row]  # also the server's own
    width = max(map(len, names), default=0)
    room = max(_NARROWEST, _width() - width - len(_GAP))
    for name, value in zip(names, row.values(), strict=True):
        text = _shorten(_cell(value), room)
        _write(f"{_bold(name.ljust(width))}{_GAP}{text}".rstrip())


def _read_id(row: dict[str, Any], key: str) -> str:
    """Return a row's id: one line, since the command behind a pipe acts on each line.

    Raises:
        SynapseError: The row has no such id.
    """
    value = row.get(key)
    text = str(value)
    is_id = isinstance(value, (str, int)) and not isinstance(value, bool) and text[:1] != "-"
    if not is_id or not text.isprintable():
        raise SynapseError(
            f"A row has no {key!r} that fits into a line: {brief(value)}. Look at the rows with "
            "-o json."
        )
    return text


def _line_writer() -> Callable[[str], Any]:
    if is_terminal():
        return lambda text: _write(clean(text.rstrip("\n")))
    return sys.stdout.write


def _to_json(value: Any) -> str:
    # Characters that can't or shouldn't be written get their escape, which is the same JSON.
    text = json.dumps(value, ensure_ascii=not _is_unicode(), default=str)
    if is_terminal() and not text.isprintable():
        return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    return _CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _print_array(rows: Iterator[dict[str, Any]]) -> None:
    write = _line_writer()
    first = next(rows, None)
    if first is None:
        write("[]\n")
        return
    previous = first
    write("[\n")
    for row in rows:
        write(_to_json(previous) + ",\n")
        previous = row
    write(_to_json(previous) + "\n")
    write("]\n")


@attrs.frozen
class _Lines:
    """The file that the CSV writer needs."""

    write: Callable[[str], Any]


def _print_csv(rows: Iterator[dict[str, Any]], columns: Sequence[str]) -> None:
    write = _line_writer()
    # Python quotes a carriage return only if the line's end has one.
    lines = _Lines(lambda line: write(f"{line[:-2]}\n"))
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            _to_json(value) if isinstance(value, (dict, list, bool)) else value
            for value in (row.get(name) for name in columns)
        )


# -- Tables --------------------------------------------------------------------------------------


def _print_table(rows: Iterator[dict[str, Any]], columns: Sequence[str], is_chosen: bool) -> None:
    sample = list(islice(rows, _SAMPLE))
    if not sample:
        print_note("None found.")
        return
    widths = _fit(columns, sample, is_chosen)
    _write(_bold(_line(widths, {name: name for name in widths})))
    for row in chain(sample, rows):
        _write(_line(widths, row))
    left_out = [name for name in columns if name not in widths]
    if left_out and is_chosen:
        print_note(f"The terminal has no room for: {', '.join(left_out)}.")


def _line(widths: dict[str, int], row: dict[str, Any]) -> str:
    from rich.cells import set_cell_size

    cells = [
        set_cell_size(_shorten(_cell(row.get(name)), width), width)
        for name, width in widths.items()
    ]
    return _GAP.join(cells).rstrip()


def _fit(
    columns: Sequence[str], sample: Sequence[dict[str, Any]], is_chosen: bool
) -> dict[str, int]:
    """Return the widths of the columns that fit into the terminal."""
    from rich.cells import cell_len

    wanted = {
        name: min(
            _LONGEST_CELL, max(len(name), *(cell_len(_cell(row.get(name))) for row in sample))
        )
        for name in columns
        # A column that is empty everywhere says nothing.
        if is_chosen or any(row.get(name) not in (None, "", [], {}) for row in sample)
    }
    room = _width()
    while True:
        excess = sum(wanted.values()) + len(_GAP) * (len(wanted) - 1) - room
        if excess <= 0 or not wanted:
            return wanted
        widest = max(wanted, key=lambda name: wanted[name])
        if wanted[widest] <= _NARROWEST or (not is_chosen and len(wanted) > 3):
            if len(wanted) == 1:
                return {widest: max(1, room)}
            wanted.popitem()  # the last column is the least important
        else:
            wanted[widest] -= 1


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if time := _TIME.fullmatch(value):
            return f"{time[1]}Z"
        return clean(value[: 4 * _LONGEST_CELL])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return clean(_to_json(value)[: 4 * _LONGEST_CELL])
    return clean(str(value))


def _shorten(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    mark = "…" if _is_unicode() else "..."
    return set_cell_size(text, max(0, width - len(mark))).rstrip() + mark[:width]


def _width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def _bold(text: str) -> str:
    is_plain = (
        not is_terminal()
        or get_options().no_color
        or os.environ.get("NO_COLOR")
        or os.environ.get("TERM") == "dumb"
    )
    return text if is_plain else typer.style(text, bold=True)
