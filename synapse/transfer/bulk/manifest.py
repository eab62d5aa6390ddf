"""Manifests: files that list the items of an upload, one per line.

In a table, columns named like specifications hold paths, and other columns become the unit's
`meta`. A line of JSON may have `files` and `meta` of its own. Relative paths start at the
manifest's folder.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from synapse.errors import InvalidQuery, MissingExtra

__all__ = ["is_manifest", "read_manifest"]

_ROWS_AT_ONCE = 1000


def is_manifest(path: Path) -> bool:
    """Return whether a file's name is a manifest's."""
    return path.suffix.lower() in _READERS


def read_manifest(path: Path, names: Collection[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows of a manifest one at a time, however many.

    Args:
        path: The manifest: `.csv`, `.jsonl`, `.ndjson` or `.parquet`.
        names: Names of the specifications.

    Returns:
        The row's position, for messages, and `{"files": {...}, "meta": {...}}`.

    Raises:
        UsageError: The manifest can't be read.
        MissingExtra: The manifest is Parquet, and `pyarrow` isn't installed.
    """
    try:
        for number, row in _READERS[path.suffix.lower()](path):
            yield f"{path.name}:{number}", _record(row, names)
    except OSError as error:
        raise InvalidQuery(f"{path} can't be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InvalidQuery(f"{path} can't be read: it isn't UTF-8 ({error}).") from None


def _record(row: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """Split a row into files and metadata, unless the row is split already."""
    if isinstance(row.get("files"), Mapping) and "files" not in names:
        return row
    return {
        "files": {name: row[name] for name in row if name in names and row[name] not in ("", None)},
        "meta": {name: value for name, value in row.items() if name not in names},
    }


def _read_csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            names = reader.fieldnames or []
            if twice := [name for place, name in enumerate(names) if name in names[:place]]:
                raise InvalidQuery(f"{path.name} has two columns named {twice[0]!r}.")
            for row in reader:
                if None in row or None in row.values():
                    raise InvalidQuery(
                        f"{path.name}:{reader.line_num} hasn't as many columns as the first line."
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise InvalidQuery(f"{path.name}:{reader.line_num} is no CSV: {error}.") from None


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidQuery(f"{path.name}:{number} is no JSON: {error}.") from None
            if not isinstance(row, dict):
                raise InvalidQuery(f"{path.name}:{number} is no object.")
            yield number, row


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra("Reading a Parquet manifest", "parquet") from error
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except ArrowException as error:
        raise InvalidQuery(f"{path} is no Parquet: {error}.") from None


_READERS: dict[str, Callable[[Path], Iterator[tuple[int, dict[str, Any]]]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".parquet": _read_parquet,
}
