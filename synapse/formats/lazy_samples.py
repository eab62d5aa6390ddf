"""Samples that are read when needed, as often as needed, and reported once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import attrs

from synapse.annotations import Group
from synapse.formats.report import FormatReport
from synapse.formats.samples import Sample

__all__ = ["LazySamples", "Step"]

# Codes of pictures about which a data set says nothing.
_WITHOUT_LABELS = ("no-label", "no-labels")

Step: TypeAlias = Callable[[FormatReport], "Sample | None"]
"""Reads one sample, and notes its losses; `None` for a skipped one."""


class LazySamples(Iterable[Sample]):
    """Samples that each loop reads anew; the report counts each sample once.

    A second sample of the same name and split is skipped as `duplicate-picture`: an import would
    keep the annotations of only one.

    Args:
        steps: Returns the steps, which are the same for each loop.
        report: The report of the reading.
    """

    def __init__(self, steps: Callable[[], Iterable[Step]], report: FormatReport) -> None:
        self._steps = steps
        self._report = report
        self._reported = 0

    def __iter__(self) -> Iterator[Sample]:
        names: set[int] = set()
        for position, step in enumerate(self._steps()):
            is_new = position >= self._reported
            report = self._report if is_new else FormatReport(strict=self._report.strict)
            before = _count_unknown(report)
            sample = step(report)
            if is_new:
                self._reported = position + 1
            if sample is not None:
                key = hash((sample.split, sample.name))
                if key in names:
                    count = sum(not isinstance(each, Group) for each in sample.annotations)
                    reason = f"The picture is there twice; {count} annotations are left out."
                    report.skip(sample.name, "duplicate-picture", reason)
                    continue
                names.add(key)
                if not sample.annotations and _count_unknown(report) > before:
                    sample = attrs.evolve(sample, is_labelled=False)
                report.samples += 1
                report.annotations += sum(
                    not isinstance(each, Group) for each in sample.annotations
                )
                yield sample


def _count_unknown(report: FormatReport) -> int:
    """Return the number of pictures without labels, and of skipped annotations."""
    missing = sum(report.lossy[code] for code in _WITHOUT_LABELS if code in report.lossy)
    return missing + sum(report.skipped.values())
