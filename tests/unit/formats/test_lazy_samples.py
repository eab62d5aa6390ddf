"""Samples that are read when needed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from synapse.annotations import Box, Group
from synapse.errors import DataLost
from synapse.formats import FormatReport, Sample
from synapse.formats.lazy_samples import LazySamples, Step


def iterate_steps() -> Iterator[Step]:
    boxes = [Box(0, 0, 1, 1, id="b"), Group(["b"])]
    for number in range(4):
        if number == 1:
            yield lambda report: report.skip("1", "no-size", "The size is unknown.")
        else:
            yield lambda report, number=number: Sample(f"{number}.jpg", boxes)


def test_each_sample_is_reported_once() -> None:
    report = FormatReport()
    samples = LazySamples(iterate_steps, report)
    assert report.samples == 0

    assert [each.name for each in islice(samples, 1)] == ["0.jpg"]
    assert (report.samples, report.annotations, dict(report.skipped)) == (1, 1, {})
    for _ in range(2):
        assert [each.name for each in samples] == ["0.jpg", "2.jpg", "3.jpg"]
        assert (report.samples, report.annotations) == (3, 3)
        assert report.skipped == {"no-size": 1}


def test_strict_reading_fails_each_time() -> None:
    samples = LazySamples(iterate_steps, FormatReport(strict=True))
    for _ in range(2):
        with pytest.raises(DataLost, match="size is unknown"):
            list(samples)


@pytest.mark.parametrize(
    ("action", "code", "is_labelled"),
    [
        ("lose", "no-label", False),
        ("lose", "no-labels", False),
        ("lose", "size-differs", True),
        ("skip", "bad-number", False),
        (None, "", True),
    ],
)
def test_pictures_without_labels_or_readable_ones(
    action: str | None, code: str, is_labelled: bool
) -> None:
    def read(report: FormatReport) -> Sample:
        if action:
            getattr(report, action)("a.jpg", code, "A reason.")
        return Sample("a.jpg")

    samples = LazySamples(lambda: [read], FormatReport())
    for _ in range(2):
        assert [sample.is_labelled for sample in samples] == [is_labelled]
    labelled = LazySamples(
        lambda: [lambda report: Sample("a.jpg", [Box(0, 0, 1, 1)])], FormatReport()
    )
    assert [sample.is_labelled for sample in labelled] == [True]


def test_second_sample_of_a_name_is_reported() -> None:
    named = [("a.jpg", "train"), ("a.jpg", "val"), ("a.jpg", "train"), ("b.jpg", "train")]
    report = FormatReport()
    steps: list[Step] = [
        lambda _, name=name, split=split: Sample(name, [Box(0, 0, 1, 1)], split=split)
        for name, split in named
    ]
    samples = LazySamples(lambda: steps, report)
    for _ in range(2):
        found = [(each.name, each.split) for each in samples]
        assert found == [*named[:2], named[3]]
        assert (report.samples, report.skipped) == (3, {"duplicate-picture": 1})
