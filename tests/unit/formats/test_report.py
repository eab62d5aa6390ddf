"""The report of an export or import."""

from __future__ import annotations

import pytest

from synapse.errors import DataLost
from synapse.formats import FormatReport


def test_losses_are_counted_and_the_first_thousand_kept() -> None:
    report = FormatReport()
    for number in range(1500):
        report.skip("a.jpg", "no-area", "the box has no area", annotation=str(number))
    report.lose("b.jpg", "attribute", "the format has no attributes")
    report.samples, report.annotations = 2, 7

    assert report.skipped == {"no-area": 1500}
    assert report.lossy == {"attribute": 1}
    assert len(report.details) == 1000
    assert str(report).splitlines()[:3] == [
        "2 pictures, 7 annotations",
        "skipped: 1500 no-area",
        "changed: 1 attribute",
    ]
    assert "- a.jpg, annotation '0': the box has no area (no-area)" in str(report)


def test_strict_report_ends_at_the_first_loss() -> None:
    report = FormatReport(strict=True)
    with pytest.raises(DataLost, match=r"a\.jpg: no picture \(no-picture\)"):
        report.skip("a.jpg", "no-picture", "no picture")
    with pytest.raises(DataLost):
        report.lose("a.jpg", "attribute", "lost")
