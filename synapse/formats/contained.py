"""Samples of a folder that name no file outside of the folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from synapse.errors import SynapseError, UsageError
from synapse.formats.report import FormatReport
from synapse.formats.samples import Sample

__all__ = ["ContainedSamples", "find_roots"]


def find_roots(folder: Path, options: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the folders whose files a reader may name: the data set's, and those of arguments."""
    named = [each for each in options.values() if isinstance(each, (str, os.PathLike))]
    # Names of folders, as an argument may give them, begin here or in the data set's folder.
    paths = [folder, *(Path(each) for each in named), *(folder / each for each in named)]
    return tuple(path.resolve() for path in paths if path.is_dir())


@attrs.frozen
class ContainedSamples:
    """Samples, without pictures that a link leads out of the folder to.

    A data set comes from somewhere else: such a link would upload any file of this machine.

    Attributes:
        samples: The samples of a reader.
        roots: The folders that may have the pictures.
        report: The report, which names each such picture once.
        noted: Names of the pictures that were reported.
    """

    samples: Iterable[Sample]
    roots: tuple[Path, ...]
    report: FormatReport
    noted: set[str] = attrs.field(factory=set)

    def __iter__(self) -> Iterator[Sample]:
        samples = iter(self.samples)
        while True:
            try:
                sample = next(samples, None)
            except SynapseError:
                raise
            except (OSError, ValueError, OverflowError, RecursionError) as error:
                raise UsageError(
                    f"The data set in {self.roots[0]} can't be read: {error}"
                ) from error
            if sample is None:
                return
            yield sample if self._is_inside(sample) else self._leave_out(sample)

    def _is_inside(self, sample: Sample) -> bool:
        if sample.image is None:
            return True
        path = sample.image.resolve()
        return any(path.is_relative_to(root) for root in self.roots)

    def _leave_out(self, sample: Sample) -> Sample:
        if sample.name not in self.noted:
            self.noted.add(sample.name)
            self.report.lose(
                sample.name,
                "outside",
                "the picture is a link out of the folder; allow such links by follow_links=True",
            )
        return attrs.evolve(sample, image=None)
