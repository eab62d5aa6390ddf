"""Findings of checks, and the report that holds them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import attrs

from synapse._internal.described import Described, DescribedTable, Description, cut
from synapse._internal.printable import clean
from synapse._internal.redaction import redacted

__all__ = ["DoctorReport", "Finding", "Status", "failed", "ok", "skipped", "warning"]

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]

_WORST_FIRST: tuple[Status, ...] = ("failed", "warning", "ok", "skipped")
_LONGEST = 1000
_WIDTH = 88


def _clean(text: str) -> str:
    """Return a text in one line, bounded, without secrets and without terminal controls."""
    return cut(clean(redacted(" ".join(text[: 4 * _LONGEST].split()))), _LONGEST)


@attrs.frozen
class Finding:
    """One finding of a check.

    Attributes:
        check: Name of the check.
        status: `ok`, `warning`, `failed` or `skipped`.
        found: The observation.
        cure: The next step for the user; empty where none is needed.
    """

    check: str
    status: Status
    found: str = attrs.field(converter=_clean)
    cure: str = attrs.field(default="", converter=_clean)


def ok(found: str, *, check: str = "") -> Finding:
    """Return a finding of something in order; without a name, under the check's."""
    return Finding(check, "ok", found)


def warning(found: str, cure: str, *, check: str = "") -> Finding:
    """Return a finding that may cause trouble."""
    return Finding(check, "warning", found, cure)


def failed(found: str, cure: str, *, check: str = "") -> Finding:
    """Return a finding that prevents work."""
    return Finding(check, "failed", found, cure)


def skipped(found: str, cure: str = "", *, check: str = "") -> Finding:
    """Return a finding of something that wasn't examined, or isn't there."""
    return Finding(check, "skipped", found, cure)


@attrs.frozen(repr=False)
class DoctorReport(Described):
    """The report of an examination. `print(report)` shows every line; notebooks show a table.

    Attributes:
        findings: The findings, in the order of the checks.

    Example:
        >>> report = DoctorReport((Finding("DNS", "failed", "No address.", "Check the name."),))
        >>> report.status, report["DNS"][0].cure
        ('failed', 'Check the name.')
        >>> print(report)
        failed   DNS  No address.
                      -> Check the name.
    """

    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The worst status of all findings."""
        present = {finding.status for finding in self.findings}
        worst: list[Status] = [status for status in _WORST_FIRST if status in present]
        return worst[0] if worst else "ok"

    @property
    def has_failed(self) -> bool:
        """True if a check failed; warnings don't count."""
        return self.status == "failed"

    def __getitem__(self, check: str) -> list[Finding]:
        """Return the findings of a check.

        Args:
            check: Name of the check.

        Raises:
            KeyError: The report has no finding of that name.
        """
        findings = [finding for finding in self.findings if finding.check == check]
        if not findings:
            raise KeyError(check)
        return findings

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: `status`, and `findings` with their attributes."""
        return {
            "status": self.status,
            "findings": [attrs.asdict(finding) for finding in self.findings],
        }

    def to_lines(self, width: int = _WIDTH) -> Iterator[tuple[Finding, list[str]]]:
        """Yield each finding with the lines of its text.

        Args:
            width: Characters of a line.
        """
        names = max((len(finding.check) for finding in self.findings), default=0)
        indent = " " * (9 + names + 2)
        for finding in self.findings:
            start = f"{finding.status:<8} {finding.check:<{names}}  "
            lines = _wrap(start, indent, finding.found, width)
            if finding.cure:
                # A command, which has no full stop, is copied: it stays in one line.
                room = width if finding.cure.endswith(".") else 2 * _LONGEST
                lines += _wrap(f"{indent}-> ", f"{indent}   ", finding.cure, room)
            yield finding, lines

    def __str__(self) -> str:
        return "\n".join(line for _, lines in self.to_lines() for line in lines)

    def __repr__(self) -> str:
        counts = [
            f"{status}={number}"
            for status in _WORST_FIRST
            if (number := sum(finding.status == status for finding in self.findings))
        ]
        return f"<{' '.join(['DoctorReport', *counts])}>"

    def _describe(self) -> Description:
        rows = [(each.check, each.status, each.found, each.cure) for each in self.findings[:100]]
        columns = ("check", "status", "found", "cure")
        table = DescribedTable(columns, rows, len(self.findings))
        return Description("Doctor", self.status, table=table)


def _wrap(start: str, indent: str, text: str, width: int) -> list[str]:
    # Commands and paths are copied from the output, so nothing breaks inside of a word.
    return textwrap.wrap(
        text,
        max(width, len(start) + 20),
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [start.rstrip()]
