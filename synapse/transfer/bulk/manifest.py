"""Manifests: files that list the items of an upload, one per line.

In a table, columns named like specifications have paths; the other columns become the unit's
`meta`. A line of JSON, or a row of Parquet, may have the objects `files` and `meta` instead; an
object `meta` may also stand beside columns with paths. Relative paths begin at the manifest's
folder. Rows without any value are skipped.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from synapse.errors import MissingExtra, UsageError
from synapse.transfer.filenames import compose, fold

__all__ = ["OnNote", "is_manifest", "read_manifest"]

OnNote = Callable[[str], object]
"""Function called with a remark on a manifest."""

_Candidates = tuple["str | None", "str | None"]
_Rows = Iterator[tuple[int, dict[str, Any]]]

_ROWS_PER_READ = 1000
# The largest limit that every system accepts.
_LARGEST_CELL = 2**31 - 1
_TIME = re.compile(r"(?:(\S+) )?(\d\d:\d\d:\d\d)\.(\d{9})(?:(Z)|([+-]\d\d)(\d\d))?")


def is_manifest(path: Path) -> bool:
    """Return whether a file has the extension of a manifest."""
    return path.suffix.lower() in _READERS


def read_manifest(
    path: Path,
    names: Collection[str],
    on_note: OnNote,
    renamed: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the items of a manifest, without loading all of them.

    Args:
        path: The manifest: `.csv`, `.jsonl`, `.ndjson` or `.parquet`.
        names: Names of the specifications.
        on_note: Called with remarks, possibly several times with the same one.
        renamed: Names of specifications by column.

    Returns:
        The place of each item, for messages, and `{"files": {...}, "meta": {...}}`.

    Raises:
        UsageError: The manifest can't be read, or no column is for a specification.
        MissingExtra: The manifest is Parquet, and `pyarrow` isn't installed.
    """
    columns: dict[str, _Candidates] = _check_renamed(renamed or {}, names)
    is_first = True
    try:
        for number, row in _READERS[path.suffix.lower()](path, on_note):
            label = f"{path.name}:{number}"
            if is_first:
                _check_columns(path, row, names, renamed or {})
                is_first = False
            if any(value not in ("", None) for value in row.values()):
                yield label, _split_row(row, _find_specifications(label, row, names, columns))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} can't be read, because it isn't UTF-8 ({error}). Save it as UTF-8."
        ) from None


def _check_renamed(renamed: Mapping[str, str], names: Collection[str]) -> dict[str, _Candidates]:
    for column, name in renamed.items():
        if name not in names:
            raise UsageError(
                f"columns= has {name!r} for {column!r}; the collection has "
                f"{', '.join(map(repr, names))}."
            )
    return {column: (name, None) for column, name in renamed.items()}


def _check_columns(
    path: Path, row: Mapping[str, Any], names: Collection[str], renamed: Mapping[str, str]
) -> None:
    """Check that a manifest's first row has columns for files.

    Raises:
        UsageError: The row has no such column, or lacks a column of the argument `columns`.
    """
    if isinstance(row.get("files"), Mapping):
        return
    listed = ", ".join(map(repr, row))
    missing = [column for column in renamed if column not in row]
    if missing and path.suffix.lower() in (".csv", ".parquet"):
        raise UsageError(f"{path.name} has no column {missing[0]!r} of columns=; it has {listed}.")
    if not any(_find_candidates(column, names) != (None, None) for column in row) and not renamed:
        able = [
            column
            for column, value in row.items()
            if isinstance(value, str) and re.search(r"\.\w{2,4}$", value.strip())
        ]
        example = {(able or [*row, "path"])[0]: next(iter(names))}
        raise UsageError(
            f"{path.name} has no column for a file of the collection "
            f"({', '.join(map(repr, names))}); it has {listed}. Pass columns={example!r}."
        )


def _find_specifications(
    label: str, row: Mapping[str, Any], names: Collection[str], known: dict[str, _Candidates]
) -> dict[str, str]:
    """Return the specifications of a row's columns.

    Args:
        label: Place of the row.
        row: The row.
        names: Names of the specifications.
        known: Candidates for the columns of earlier rows, which are extended.

    Raises:
        UsageError: Two columns are for one specification, or a column has nearly its name.
    """
    for column in row.keys() - known.keys():
        known[column] = _find_candidates(column, names)
    found: dict[str, str] = {}
    for column in row:
        if (same := known[column][0]) is not None:
            if same in found.values():
                raise UsageError(f"{label} has two columns named {same!r}. Rename one of them.")
            found[column] = same
    for column in row:
        near = known[column][1]
        if near is not None and near not in found.values():
            raise UsageError(
                f"{label} has a column {column!r}, and the collection a file {near!r}. "
                f"Rename the column to {near!r}, or to another name for meta."
            )
    return found


def _find_candidates(column: str, names: Collection[str]) -> _Candidates:
    """Return the specification that looks like the column, and one that nearly does."""
    seen_as, loose = compose(column).strip(), _loosen(column)
    same = next((name for name in names if compose(name).strip() == seen_as), None)
    near = next((name for name in names if _loosen(name) == loose), None)
    return same, near if same is None else None


def _loosen(name: str) -> str:
    return re.sub(r"[\s_.-]+", "", fold(name))


def _split_row(row: Mapping[str, Any], specifications: Mapping[str, str]) -> Mapping[str, Any]:
    """Split a row into files and `meta`, unless the row has them."""
    files, meta = row.get("files"), row.get("meta")
    if isinstance(files, Mapping):
        return {**row, "files": _drop_empty(files)}
    paths = _drop_empty({name: row[column] for column, name in specifications.items()})
    rest = {name: value for name, value in row.items() if name not in specifications}
    if isinstance(meta, Mapping):
        paths.pop("meta", None)
        return {**rest, "files": paths, "meta": meta}
    if meta is None:
        rest.pop("meta", None)
    return {"files": paths, "meta": rest}


def _drop_empty(files: Mapping[str, Any]) -> dict[str, Any]:
    def is_empty(path: Any) -> bool:
        return path is None or (isinstance(path, str) and not path.strip())

    return {name: path for name, path in files.items() if not is_empty(path)}


def _read_csv(path: Path, on_note: OnNote) -> _Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        names = [name if name.strip() else "" for name in _read_line(path, reader) or []]
        if doubled := [name for place, name in enumerate(names) if name in names[:place] and name]:
            raise UsageError(
                f"{path.name} has two columns named {doubled[0]!r}. Rename one of them."
            )
        while True:
            number = reader.line_num + 1
            cells = _read_line(path, reader)
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < len(names) or any(cells[len(names) :]):
                raise UsageError(
                    f"{path.name}:{number} has another number of columns than the first line. "
                    "Correct the line."
                )
            if any(cell and not name for name, cell in zip(names, cells, strict=False)):
                on_note(
                    f"{path.name}: values in a column without a name were left out. Name the "
                    "column to keep them in meta."
                )
            yield number, {name: cell for name, cell in zip(names, cells, strict=False) if name}


def _read_line(path: Path, reader: Any) -> list[str] | None:
    """Return the cells of the next row, of any size; `None` at the end."""
    number = reader.line_num + 1
    limit = csv.field_size_limit(_LARGEST_CELL)  # of the whole process
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        raise UsageError(f"{path.name}:{number} is not valid CSV: {error}.") from None
    finally:
        csv.field_size_limit(limit)
    return cells


def _read_json_lines(path: Path, _: OnNote) -> _Rows:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=_build_object)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path.name}:{number} is not valid JSON: {error}.") from None
            if not isinstance(row, dict):
                raise UsageError(
                    f"{path.name}:{number} is not a JSON object. "
                    'Write {"files": {...}, "meta": {...}}.'
                )
            yield number, row


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"two keys are {doubled!r}; rename one of them")
    return result


def _read_parquet(path: Path, _: OnNote) -> _Rows:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra("Reading a Parquet manifest", "parquet") from error
    number = 0
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            if doubled := [name for place, name in enumerate(names) if name in names[:place]]:
                raise UsageError(
                    f"{path.name} has two columns named {doubled[0]!r}. Rename one of them."
                )
            for batch in file.iter_batches(batch_size=_ROWS_PER_READ):
                columns = [_read_column(path, *pair) for pair in zip(names, batch, strict=True)]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(names, cells, strict=True))
    except ArrowException as error:
        raise UsageError(f"{path} is not valid Parquet: {error}.") from None


def _read_column(path: Path, name: str, column: Any) -> list[Any]:
    """Return a column's values. Times finer than microseconds, which Python lacks, are text."""
    coarse = _replace_nanoseconds(column.type)
    try:
        if coarse == column.type:
            return list(column.to_pylist())
        values = column.cast(coarse, safe=False).to_pylist()
        return [_format_times(value, column.type) for value in values]
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{path.name}: the column {name!r} can't be read: {error}. Write the values as text."
        ) from None


def _replace_nanoseconds(kind: Any) -> Any:
    """Return a type with text for times of nanoseconds, and coarser spans of time."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        return pa.string() if kind.unit == "ns" else kind
    if pa.types.is_duration(kind):
        return pa.duration("us") if kind.unit == "ns" else kind
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_replace_nanoseconds(field.type)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(kind.value_field.with_type(_replace_nanoseconds(kind.value_type)))
    return kind


def _format_times(value: Any, kind: Any) -> Any:
    """Return a value with Arrow's texts of times in the form of `isoformat()`."""
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _format_times(value[field.name], field.type) for field in kind}
    if isinstance(value, list):
        return [_format_times(part, kind.value_type) for part in value]
    if (parts := _TIME.fullmatch(value) if isinstance(value, str) else None) is None:
        return value
    if not (pa.types.is_timestamp(kind) or pa.types.is_time64(kind)):
        return value
    day, clock, fraction, zulu, hours, minutes = parts.groups()
    # As `isoformat()`: no fraction, microseconds, or nanoseconds.
    fraction = fraction if fraction[6:] != "000" else fraction[:6]
    zone = "+00:00" if zulu else f"{hours}:{minutes}" if hours else ""
    return (f"{day}T" if day else "") + clock + (f".{fraction}" if int(fraction) else "") + zone


_READERS: dict[str, Callable[[Path, OnNote], _Rows]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
