"""The benchmarks' own arithmetic: medians, their intervals, and goals."""

from __future__ import annotations

import random
import statistics

import pytest
from measured import CERTAINTY, Median, Report, count_outside, ratio, take_turns


@pytest.mark.parametrize(
    ("number", "outside"), [(1, 0), (5, 0), (6, 0), (8, 0), (9, 1), (11, 1), (12, 2), (15, 3)]
)
def test_the_interval_leaves_out_as_many_values_as_the_certainty_allows(
    number: int, outside: int
) -> None:
    assert count_outside(number) == outside


def test_the_interval_has_the_true_median_as_often_as_it_says() -> None:
    chance, inside, runs = random.Random(7), 0, 2_000
    for _ in range(runs):
        median = Median(chance.expovariate(1.0) for _ in range(9))
        inside += median.low <= 0.693147 <= median.high

    # Nine values give 96.1 %; the bound is far below what chance does to 2,000 runs.
    assert inside / runs > CERTAINTY - 0.01


def test_a_median_keeps_all_of_few_values() -> None:
    median = Median([3.0, 1.0, 2.0])

    assert (median, median.low, median.high) == (2.0, 1.0, 3.0)


def test_rounds_run_forwards_and_backwards_and_are_compared_in_pairs() -> None:
    order: list[str] = []
    seconds = iter([1.0, 2.0, 8.0, 2.0, 3.0, 9.0])

    def run(name: str) -> dict[str, float]:
        order.append(name)
        return {"wall": next(seconds)}

    figures = take_turns(3, {"a": lambda: run("a"), "b": lambda: run("b")})

    assert order == ["a", "b", "b", "a", "a", "b"]
    # Rounds: 1/2, 2/8, 3/9.
    assert ratio(figures, "a", "b") == pytest.approx(statistics.median([0.5, 0.25, 1 / 3]))


def test_a_row_compares_with_its_goal(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("topic")

    report.note("at most", Median([1.0, 2.0, 3.0]), 2.0)
    report.note("at least", 0.5, 0.6, least=True)

    assert [row.is_met for row in report.rows] == [True, False]
    lines = capsys.readouterr().out.splitlines()
    assert ["1.00 to 3.00" in lines[0], "MISSED" in lines[0], "MISSED" in lines[1]] == [
        True,
        False,
        True,
    ]
    document = report.rows[0].document()
    assert (document["value"], document["low"], document["high"]) == (2.0, 1.0, 3.0)
