"""Plots of frames: exact values, hostile names, nothing to draw."""

from __future__ import annotations

import io
import math
import sys
from datetime import date
from typing import Any

import matplotlib.style
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from synapse import plots
from synapse.display.colors import assign_colors
from synapse.errors import MissingExtra, UsageError


@pytest.fixture
def axis() -> Any:
    return Figure().subplots()


def names(labels: Any) -> list[str]:
    return [label.get_text() for label in labels]


def draw(axis: Any) -> bytes:
    """Draw a figure, which lays out every text."""
    target = io.BytesIO()
    axis.figure.savefig(target, format="png")
    return target.getvalue()


def classes(counts: dict[str | None, int]) -> pa.Table:
    return pa.table({"class": pa.array(counts, pa.string()), "annotations": list(counts.values())})


def test_bars_are_the_most_frequent_classes(axis: Any) -> None:
    counts = {"car": 3, "bus": 5, None: 1}

    assert plots.plot_classes(classes(counts), axis) is axis

    assert names(axis.get_yticklabels()) == ["bus", "car", "(no class)"]
    assert [patch.get_width() for patch in axis.patches] == [5, 3, 1]
    assert names(axis.texts) == ["5", "3", "1"]
    colors = assign_colors(["", "bus", "car"])
    drawn = [patch.get_facecolor() for patch in axis.patches]
    assert drawn == [to_rgba(colors[name].line) for name in ("bus", "car", "")]


def test_five_hundred_classes_are_bounded(axis: Any) -> None:
    plots.plot_classes(classes({f"class {at}": 1000 - at for at in range(500)}), axis)

    assert len(axis.patches) == 20
    rest = sum(1000 - at for at in range(20, 500))
    assert axis.get_xlabel() == f"annotations, and 480 more classes with {rest:,}"


HOSTILE = [
    "$x^{2}$ \\frac",
    "_hidden",
    "name " * 100,
    "<script>",
    "two\nlines",
    "%s {0}",
    "$\\frac{$",
]
SHOWN = [*HOSTILE[:2], "name name name name nam…", "<script>", "two lines", *HOSTILE[5:]]


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_hostile_names_are_drawn_as_text(style: str) -> None:
    with matplotlib.style.context(style):
        bars, dots = Figure().subplots(), Figure().subplots()
        plots.plot_classes(classes(dict.fromkeys(HOSTILE, 1)), bars)
        sizes = {"class": HOSTILE, "width": [3.0] * 7, "height": [4.0] * 7}
        plots.plot_box_sizes(pa.table(sizes), dots)

        assert draw(bars)[:4] == draw(dots)[:4] == b"\x89PNG"
        for shown in (names(bars.get_yticklabels()), names(dots.get_legend().get_texts())):
            assert sorted(shown) == sorted(SHOWN)


def test_progress_adds_up_to_the_last_day(axis: Any) -> None:
    first, second = date(2026, 1, 1), date(2026, 1, 4)
    table = {
        "day": [first, second, second, None],
        "status": ["pending", "completed", "pending", "pending"],
        "tasks": [2, 5, 1, 4],
    }

    plots.plot_progress(pa.table(table), axis)

    assert names(axis.get_legend().get_texts()) == ["completed (5)", "pending (3)"]
    assert axis.get_title() == "tasks by last change\nleft out: 4 without a time"
    tops = [max(y for _, y in part.get_paths()[0].vertices) for part in axis.collections]
    assert tops == [5, 8]


def test_progress_of_one_day_is_a_bar(axis: Any) -> None:
    table = {"day": [date(2026, 1, 1)] * 2, "status": ["b", "a"], "jobs": [2, 5]}

    plots.plot_progress(pl.DataFrame(table), axis)

    assert [(patch.get_y(), patch.get_height()) for patch in axis.patches] == [(0, 5), (5, 2)]
    assert axis.get_title() == "jobs by last change"


def test_boxes_without_a_size_are_left_out(axis: Any) -> None:
    table = {
        "class": ["car", "car", "bus", "bus", None],
        "width": [30.0, math.nan, 0.0, 8.0, math.inf],
        "height": [20.0, 5.0, 4.0, 6.0, 1.0],
    }

    plots.plot_box_sizes(pd.DataFrame(table), axis)

    dots = [each.get_offsets().tolist() for each in axis.collections]
    assert dots == [[[8.0, 6.0]], [[30.0, 20.0]]]
    assert names(axis.get_legend().get_texts()) == ["bus", "car"]
    assert axis.get_title() == "sizes of boxes\nleft out: 3 without a size"
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")


def test_rare_classes_of_boxes_are_grey(axis: Any) -> None:
    table = {"class": list("aabbc"), "width": [1.0] * 5, "height": [1.0, 2.0, 3.0, 4.0, 5.0]}

    plots.plot_box_sizes(pa.table(table), axis, most=2)

    assert names(axis.get_legend().get_texts()) == ["a", "b", "and 1 more"]
    grey, *others = axis.collections
    assert grey.get_offsets().tolist() == [[1.0, 5.0]]
    assert to_rgba("#888888") == tuple(grey.get_facecolor()[0])
    assert len(others) == 2


def agreement(people: int) -> pa.Table:
    rows = [
        {"first": 0, "second": at, "class": f"{at:02}", "matched": 1, "unmatched": 1, "iou": 0.25}
        for at in range(1, people)
    ]
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize("by", ["people", "class"])
def test_many_people_and_classes_are_bounded(axis: Any, by: Any) -> None:
    plots.plot_agreement(agreement(50), axis, by=by)

    assert len(axis.get_yticklabels()) == 20
    expected = {"people": "and 30 more people", "class": "mean IoU, and 29 more classes"}
    assert axis.get_xlabel() == expected[by]
    assert draw(axis)


@pytest.mark.parametrize(
    ("plot", "columns", "text"),
    [
        (plots.plot_classes, ["class", "annotations"], "No annotations"),
        (plots.plot_progress, ["day", "status", "tasks"], "No objects"),
        (plots.plot_box_sizes, ["class", "width", "height"], "No boxes"),
        (
            plots.plot_agreement,
            ["first", "second", "class", "matched", "unmatched", "iou"],
            "No task with two assignments",
        ),
    ],
)
def test_nothing_is_said(axis: Any, plot: Any, columns: list[str], text: str) -> None:
    plot(pa.table({name: pa.array([], pa.null()) for name in columns}), axis)

    assert names(axis.texts) == [text]
    assert draw(axis)


def test_other_frames_are_refused(axis: Any) -> None:
    with pytest.raises(UsageError, match=r"no column 'annotations'. Pass rows of stats.count_clas"):
        plots.plot_classes(pa.table({"class": ["car"]}), axis)
    with pytest.raises(UsageError, match="A list can't be drawn"):
        plots.plot_classes([1, 2], axis)
    with pytest.raises(UsageError, match="by='person' is not valid"):
        plots.plot_agreement(agreement(3), axis, by="person")  # type: ignore[arg-type] # refused
    with pytest.raises(UsageError, match="most"):
        plots.plot_classes(classes({"car": 1}), axis, most=0)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingExtra, match="A plot needs packages that aren't installed") as caught:
        plots.plot_classes(classes({"car": 1}))
    assert caught.value.extra == "plots"


def test_new_figure_without_an_axis() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()

    axis = plots.plot_classes(classes({"car": 1}))

    assert len(pyplot.get_fignums()) == len(before) + 1
    pyplot.close(axis.figure)
