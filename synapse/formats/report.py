"""The report of an export or import: written, skipped, changed, with reasons."""

from __future__ import annotations

from collections import Counter

import attrs

from synapse._internal.described import Described, DescribedTable, Description, cut, summarize
from synapse.errors import DataLost

__all__ = ["FormatReport", "Loss"]

# Details that are kept; all losses are counted.
_MAX_DETAILS = 1000


@attrs.frozen
class Loss:
    """A part of the data that a format can't hold, or that can't be read.

    Attributes:
        sample: Name of the picture or file.
        code: Kind of the loss, the same in every version, such as `no-area`.
        reason: The loss in a sentence.
        annotation: Id of the annotation, or `None` for the whole picture.
    """

    sample: str
    code: str
    reason: str
    annotation: str | None = None

    def __str__(self) -> str:
        part = f", annotation {self.annotation!r}" if self.annotation else ""
        return f"{self.sample}{part}: {self.reason} ({self.code})"


@attrs.define(repr=False)
class FormatReport(Described):
    """Counts and losses of an export or import.

    Attributes:
        strict: Whether the first loss ends the work.
        samples: Number of pictures that were written or read.
        annotations: Number of annotations that were written or read.
        skipped: Number of skipped annotations and pictures, by code.
        lossy: Number of annotations of which a part was lost, by code.
        details: The first thousand losses, in order.
    """

    strict: bool = False
    samples: int = 0
    annotations: int = 0
    skipped: Counter[str] = attrs.field(factory=Counter)
    lossy: Counter[str] = attrs.field(factory=Counter)
    details: list[Loss] = attrs.field(factory=list)

    def skip(self, sample: str, code: str, reason: str, *, annotation: str | None = None) -> None:
        """Note that an annotation, or a whole picture, was left out.

        Raises:
            DataLost: The report is strict.
        """
        self._note(self.skipped, Loss(sample, code, reason, annotation))

    def lose(self, sample: str, code: str, reason: str, *, annotation: str | None = None) -> None:
        """Note that a part of an annotation was left out or changed.

        Raises:
            DataLost: The report is strict.
        """
        self._note(self.lossy, Loss(sample, code, reason, annotation))

    def note(self, sample: str, code: str, reason: str) -> None:
        """Note among the changes what isn't a loss of data; a strict report takes it, too."""
        self._count(self.lossy, Loss(sample, code, reason))

    def _note(self, counts: Counter[str], loss: Loss) -> None:
        if self.strict:
            raise DataLost(f"{loss}. Without strict=True, the report lists such losses instead.")
        self._count(counts, loss)

    def _count(self, counts: Counter[str], loss: Loss) -> None:
        counts[loss.code] += 1
        if len(self.details) < _MAX_DETAILS:
            self.details.append(loss)

    def __repr__(self) -> str:
        return summarize(
            self,
            [
                ("samples", self.samples),
                ("annotations", self.annotations),
                ("skipped", sum(self.skipped.values())),
                ("lossy", sum(self.lossy.values())),
            ],
        )

    def _describe(self) -> Description:
        fields = [("samples", f"{self.samples:,}"), ("annotations", f"{self.annotations:,}")]
        for name, counts in (("skipped", self.skipped), ("changed", self.lossy)):
            parts = ", ".join(f"{number:,} {code}" for code, number in counts.most_common(10))
            fields += [(name, parts)] if parts else []
        rows = [
            tuple(cut(part or "", 200) for part in (loss.sample, loss.annotation, loss.reason))
            for loss in self.details[:10]
        ]
        total = self.skipped.total() + self.lossy.total()
        columns = ("sample", "annotation", "reason")
        table = DescribedTable(columns, rows, total) if rows else None
        return Description(type(self).__name__, fields=fields, table=table)

    def __str__(self) -> str:
        lines = [f"{self.samples} pictures, {self.annotations} annotations"]
        for name, counts in (("skipped", self.skipped), ("changed", self.lossy)):
            if counts:
                parts = ", ".join(f"{number} {code}" for code, number in sorted(counts.items()))
                lines.append(f"{name}: {parts}")
        return "\n".join([*lines, *(f"- {loss}" for loss in self.details[:10])])
