"""Cases that take turns, ratios within a round, and what they say with which certainty."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, list[dict[str, float]]]
Cases = dict[str, Callable[[], dict[str, float]]]

CERTAINTY = 0.95


class Median(float):
    """A median, with the values between which the true one lies with 95 % certainty.

    The interval comes from the ranks of the values, so it needs no assumption about how they
    scatter. Fewer than six values can't give that certainty: the interval is then all of them.
    """

    low: float
    high: float

    def __new__(cls, values: Iterable[float]) -> Median:
        ordered = sorted(values)
        made = super().__new__(cls, statistics.median(ordered))
        cut = count_outside(len(ordered))
        made.low, made.high = ordered[cut], ordered[-1 - cut]
        return made


def count_outside(number: int) -> int:
    """Return how many values may be left out at each end: the median is inside the others."""
    cut, outside = 0, 2 * 0.5**number
    while outside + 2 * math.comb(number, cut + 1) * 0.5**number <= 1 - CERTAINTY:
        cut += 1
        outside += 2 * math.comb(number, cut) * 0.5**number
    return cut


def take_turns(number: int, cases: Cases) -> Figures:
    """Run the cases in turn, so many times; every second round backwards."""
    figures: Figures = {name: [] for name in cases}
    for turn in range(number):
        for name in list(cases)[:: 1 if turn % 2 == 0 else -1]:
            figures[name].append(cases[name]())
    return figures


def ratio(figures: Figures, one: str, other: str, what: str = "wall") -> Median:
    """Return the median of the ratios of two cases, round by round."""
    pairs = zip(figures[one], figures[other], strict=True)
    return Median(a[what] / b[what] for a, b in pairs)


def difference(figures: Figures, one: str, other: str, what: str) -> Median:
    """Return the median of the differences of two cases, round by round."""
    pairs = zip(figures[one], figures[other], strict=True)
    return Median(a[what] - b[what] for a, b in pairs)


def most(figures: Figures, one: str, what: str) -> float:
    """Return the largest figure of a case."""
    return max(figure[what] for figure in figures[one])


@dataclass(frozen=True)
class Row:
    """One measured value beside its goal."""

    topic: str
    label: str
    value: float
    goal: float
    is_least: bool

    @property
    def is_met(self) -> bool:
        """Whether the value reaches the goal."""
        return self.value >= self.goal if self.is_least else self.value <= self.goal

    def line(self) -> str:
        """Return the row of the printed table."""
        sign = "≥" if self.is_least else "≤"
        met = "met" if self.is_met else "MISSED"
        between = ""
        if isinstance(self.value, Median):
            between = f"{self.value.low:.2f} to {self.value.high:.2f}"
        return f"{self.label:<64} {self.value:9.2f}  {between:<18} {sign} {self.goal:8.2f}  {met}"

    def document(self) -> dict[str, Any]:
        """Return the row for the file of results."""
        value = self.value
        is_median = isinstance(value, Median)
        return {
            "topic": self.topic,
            "label": self.label,
            "value": round(float(value), 4),
            "low": round(value.low, 4) if is_median else None,
            "high": round(value.high, 4) if is_median else None,
            "goal": self.goal,
            "is_least": self.is_least,
            "is_met": self.is_met,
        }


@dataclass
class Report:
    """The rows so far, and the topics that failed."""

    topic: str = ""
    rows: list[Row] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def note(self, label: str, value: float, goal: float, *, least: bool = False) -> None:
        """Add a row and print it."""
        row = Row(self.topic, label, value, goal, least)
        self.rows.append(row)
        print(row.line(), flush=True)
