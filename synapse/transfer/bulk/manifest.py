"""Manifests: files that list the items of an upload, one per line.

In a table, columns named like specifications have paths; the other columns become the unit's
`meta`. A line of JSON may have `files` and `meta` instead. Relative paths begin at the manifest's
folder.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from synapse.errors import MissingExtra, UsageError

__all__ = ["is_manifest", "read_manifest"]

_ROWS_PER_READ = 1000


def is_manifest(path: Path) -> bool:
    """Return whether a file has the extension of a manifest."""
    return path.suffix.lower() in _READERS


def read_manifest(path: Path, names: Collection[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the items of a manifest, without loading all of them.

    Args:
        path: The manifest: `.csv`, `.jsonl`, `.ndjson` or `.parquet`.
        names: Names of the specifications.

    Returns:
        The place of each item, for messages, and `{"files": {...}, "meta": {...}}`.

    Raises:
        UsageError: The manifest can't be read.
        MissingExtra: The manifest is Parquet, and `pyarrow` isn't installed.
    """
    try:
        for number, row in _READERS[path.suffix.lower()](path):
            yield f"{path.name}:{number}", _split_row(row, names)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} can't be read, because it isn't UTF-8 ({error}). Save it as UTF-8."
        ) from None


def _split_row(row: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """Split a row into files and `meta`, unless the row has them."""
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
            if doubled := [name for place, name in enumerate(names) if name in names[:place]]:
                raise UsageError(
                    f"{path.name} has two columns named {doubled[0]!r}. Rename one of them."
                )
            for row in reader:
                if None in row or None in row.values():
                    raise UsageError(
                        f"{path.name}:{reader.line_num} has another number of columns than the "
                        "first line. Correct the line."
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise UsageError(f"{path.name}:{reader.line_num} is not valid CSV: {error}.") from None


def _read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path.name}:{number} is not valid JSON: {error}.") from None
            if not isinstance(row, dict):
                raise UsageError(
                    f"{path.name}:{number} is not a JSON object. "
                    'Write {"files": {...}, "meta": {...}}.'
                )
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
            for batch in file.iter_batches(batch_size=_ROWS_PER_READ):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except ArrowException as error:
        raise UsageError(f"{path} is not valid Parquet: {error}.") from None


_READERS: dict[str, Callable[[Path], Iterator[tuple[int, dict[str, Any]]]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
