"""Samples of an export, under names that are given once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import permutations

import pytest

from synapse.annotations import Box
from synapse.errors import UsageError
from synapse.formats import Sample
from synapse.resources.sample_spool import SampleSpool


@pytest.fixture
def spool() -> Iterator[SampleSpool]:
    with closing(SampleSpool()) as opened:
        yield opened


def name_all(*samples: tuple[str, str, int]) -> dict[int, str]:
    """Return the names by task, of samples with name, unit and task."""
    with closing(SampleSpool()) as spool:
        for name, unit, task in samples:
            spool.add(Sample(name, id=task), unit)
        return {int(str(sample.id)): sample.name for sample in spool}


def test_samples_are_read_anew_by_each_loop(spool: SampleSpool) -> None:
    samples = [
        Sample(f"{n}.jpg", [Box(n, 0, 1, 1, id=str(n))], size=(3, 2), id=n) for n in range(3)
    ]
    for sample in samples:
        spool.add(sample, "7")
    assert list(spool) == list(spool) == samples


def test_names_do_not_depend_on_the_order() -> None:
    samples = [
        ("a.jpg", "1", 1),
        ("A.jpg", "2", 2),
        ("2_a.jpg", "3", 3),
        ("day/a.jpg", "4", 4),
        ("day/a.jpg", "5", 5),
        ("b.jpg", "6", 6),
    ]
    for order in list(permutations(samples))[::60]:
        assert name_all(*order) == {
            1: "1_a.jpg",
            2: "_2_A.jpg",
            3: "2_a.jpg",
            4: "day/4_a.jpg",
            5: "day/5_a.jpg",
            6: "b.jpg",
        }


def test_tasks_of_one_unit_have_names_of_their_own() -> None:
    assert name_all(("a.jpg", "1", 8), ("a.jpg", "1", 9)) == {8: "1_8_a.jpg", 9: "1_9_a.jpg"}


def test_splits_have_names_of_their_own(spool: SampleSpool) -> None:
    for split, task in (("train", 1), ("val", 2), (None, 3)):
        spool.add(Sample("a.jpg", split=split, id=task), str(task))
    assert [sample.name for sample in spool] == ["a.jpg"] * 3


def test_task_that_comes_twice_is_refused(spool: SampleSpool) -> None:
    spool.add(Sample("a.jpg", id=1), "1")
    with pytest.raises(UsageError, match=r"Task 1 comes twice, with the picture a.jpg"):
        spool.add(Sample("a.jpg", id=1), "1")
