"""Samples of an export, on the disk, with unique names."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import PurePosixPath

import attrs

from synapse._internal.scratch_database import open_scratch_database
from synapse.errors import UsageError
from synapse.formats import Sample

__all__ = ["SampleSpool"]


class SampleSpool:
    """Samples in a temporary file, which each loop reads anew.

    If several pictures have the same name, in any case of letters, each gets the id of its unit in
    front, and the id of its task if the unit has several. So a name doesn't depend on the order of
    the tasks.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes the file
        # Names of millions of pictures.
        self._database = open_scratch_database(self)
        self._database.execute(
            "CREATE TABLE names (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID"
        )
        self._count = 0

    def add(self, sample: Sample, unit: str) -> None:
        """Add a sample of a unit.

        Raises:
            UsageError: The same picture of the same task was added before.
        """
        for name in (f"{unit}:{sample.name}", sample.name):
            self._add_name(sample, name)
        if self._add_name(sample, f"{unit}:{sample.id}:{sample.name}") > 1:
            raise UsageError(
                f"Task {sample.id} comes twice, with the picture {sample.name}. Pass distinct "
                "tasks=."
            )
        pickle.dump((sample, unit), self._file)
        self._count += 1

    def __iter__(self) -> Iterator[Sample]:
        self._file.seek(0)
        for _ in range(self._count):
            sample: Sample
            sample, unit = pickle.load(self._file)  # noqa: S301 - written by this process
            yield attrs.evolve(sample, name=self._choose_name(sample, unit))

    def close(self) -> None:
        """Remove the temporary files."""
        self._file.close()
        self._database.close()

    def _choose_name(self, sample: Sample, unit: str) -> str:
        if self._count_name(sample, sample.name) == 1:
            return sample.name
        is_alone = self._count_name(sample, f"{unit}:{sample.name}") == 1
        prefix = unit if is_alone else f"{unit}_{sample.id}"
        path = PurePosixPath(sample.name)
        name = f"{prefix}_{path.name}"
        while self._count_name(sample, str(path.with_name(name))):
            name = f"_{name}"
        return str(path.with_name(name))

    def _add_name(self, sample: Sample, name: str) -> int:
        self._database.execute(
            "INSERT INTO names VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1",
            (_make_key(sample, name),),
        )
        return self._count_name(sample, name)

    def _count_name(self, sample: Sample, name: str) -> int:
        query = "SELECT count FROM names WHERE name = ?"
        row = self._database.execute(query, (_make_key(sample, name),)).fetchone()
        return int(row[0]) if row else 0


def _make_key(sample: Sample, name: str) -> str:
    """Return the name within the sample's split, as file systems that ignore case see it."""
    return f"{sample.split or ''}/{name}".casefold()
