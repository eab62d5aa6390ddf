"""Compare an imported data set with the tasks that earlier imports made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from synapse._internal.scratch_database import open_scratch_database
from synapse.annotations import Annotation, Group, Relation, read_document
from synapse.errors import UnknownDocument
from synapse.formats import FormatReport
from synapse.resources.enums import TaskStatus
from synapse.transfer.checksum import is_checksum_of

__all__ = ["ImportedSamples", "compare_tasks"]

# Drawn anew by some formats, or only set by a document that was read.
_UNSTABLE = frozenset({"id", "medium", "source"})


class ImportedSamples:
    """Pictures of a data set with their documents; on the disk, since there may be millions."""

    def __init__(self) -> None:
        # The upload reads records in a thread of its own.
        self._database = open_scratch_database(self)
        self._database.execute(
            "CREATE TABLE samples (name TEXT, split TEXT, kind TEXT, path TEXT, document TEXT, "
            "PRIMARY KEY (name, split)) WITHOUT ROWID"
        )

    def add(self, meta: Mapping[str, str], kind: str, path: Path, document: Any) -> None:
        """Add a picture, named by its unit's `meta`."""
        row = (*_get_key(meta), kind, str(path), json.dumps(document))
        self._database.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)", row)

    def pop(self, meta: Any, file: Any) -> tuple[str, Any] | None:
        """Take out the picture of a unit: the kind and the document, `None` for another picture."""
        key = _get_key(meta if isinstance(meta, Mapping) else {})
        row = self._database.execute(
            "SELECT kind, path, document FROM samples WHERE name = ? AND split = ?", key
        ).fetchone()
        if row is None or not _is_same(Path(row[1]), file):
            return None
        self._database.execute("DELETE FROM samples WHERE name = ? AND split = ?", key)
        return row[0], json.loads(row[2])

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()


def _get_key(meta: Mapping[str, Any]) -> tuple[str, str]:
    name, split = meta.get("name"), meta.get("split")
    return (name if isinstance(name, str) else "", split if isinstance(split, str) else "")


def _is_same(path: Path, file: Any) -> bool:
    """Return whether a picture is the server's: two data sets may use one name."""
    try:
        if file is None or not file.checksum or path.stat().st_size != file.size:
            return False
        with path.open("rb") as stream:
            return is_checksum_of(file.checksum, iter(lambda: stream.read(1 << 20), b""))
    except OSError:
        return False


def compare_tasks(
    project: Any,
    samples: ImportedSamples,
    specification: str,
    newest: int,
    workers: int,
    report: FormatReport,
) -> Counter[str]:
    """Fill tasks that wait for annotations which the data set has by now; note those that differ.

    One request for each page of tasks; for tasks to fill, one for each 500 and one for each.

    Args:
        project: The project.
        samples: The pictures of the data set.
        specification: Name of the pictures' specification.
        newest: Highest id of a task before the import.
        workers: Number of requests in flight.
        report: Notes the tasks that differ.

    Returns:
        Number of tasks by kind that this import made or filled, of `unchanged`, and of `differs`.
    """
    counts: Counter[str] = Counter()
    kinds: dict[Any, str] = {}

    def find_waiting() -> Iterator[tuple[Any, Any]]:
        for task in project.tasks.order_by("-id").expand("data_unit"):
            unit = task.data_unit
            found = unit and samples.pop(unit.meta, (task.files or {}).get(specification))
            if not found:
                continue
            kind, document = found
            if task.id > newest:
                counts[kind] += 1
            elif document is not None and not task.data and task.status == TaskStatus.PENDING:
                kinds[task.id] = kind
                yield task, document
            elif document is None or _describe(document) == _describe(task.data):
                counts["unchanged"] += 1
            else:
                counts["differs"] += 1
                reason = (
                    f"task {task.id} has other annotations than the data set, and keeps them. "
                    "To replace them, pass those of the data set to project.annotate()"
                )
                report.note(unit.meta["name"], "differs", reason)

    filled = project.tasks.bulk_annotate(find_waiting(), workers=workers)
    counts.update(kinds[key] for key in [*filled.done, *filled.unchanged])
    for key, error in filled.failed.items():
        report.note(f"task {key}", "not-filled", f"its annotations could not be sent: {error}")
    return counts


def _describe(document: Any) -> Any:
    """Return annotations without their ids, which some formats draw anew, in any order."""
    try:
        found = list(read_document(document or {}))
    except UnknownDocument:
        return document
    texts = {each.id: _cut_id(each) for each in found if not isinstance(each, (Group, Relation))}
    links = Counter(
        str(sorted(texts.get(key, "") for key in each.members))
        for each in found
        if isinstance(each, Group)
    )
    return Counter(texts.values()), links


def _cut_id(each: Annotation) -> str:
    values = attrs.asdict(each, recurse=False, filter=lambda field, _: field.name not in _UNSTABLE)
    return repr((type(each).__name__, sorted(values.items())))
