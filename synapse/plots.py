"""Plots of a project's annotations and progress, by matplotlib (extra `plots`).

Each function draws into an axis of matplotlib and returns it; without one, into a new figure. The
source is a project, a query, or the statistic's rows: `synapse.stats` makes them, and a frame that
was read from them needs no further request.

Example:
    >>> from synapse import plots
    >>> axis = plots.plot_progress(project)
    >>> axis.get_title()
    'tasks by last change'
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from synapse import stats
from synapse._internal.lazy_import import load
from synapse._internal.validate import validate_int
from synapse.display.colors import assign_colors, order_classes
from synapse.display.markup import clean
from synapse.errors import MissingExtra, UsageError
from synapse.orm.frames import load_library
from synapse.orm.query import Query
from synapse.orm.resource import Resource
from synapse.resources.annotation_rows import AnnotationRows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_agreement", "plot_box_sizes", "plot_classes", "plot_progress"]

_LONGEST_NAME = 24
_NO_CLASS = "(no class)"
_REST = "#888888"
_MOST_PEOPLE = 20


def plot_classes(source: Any, ax: Axes | None = None, *, most: int = 20) -> Axes:
    """Draw the number of annotations by class as bars.

    As many requests as `stats.count_classes()`; none for a frame.

    Args:
        source: A project, a query with annotations, or rows or a frame of `count_classes()`.
        ax: Axis to draw into.
        most: Largest number of bars; the other classes are counted below.

    Returns:
        The axis.

    Raises:
        MissingExtra: matplotlib isn't installed; nothing was sent.
        UsageError: The source has no such statistic.

    Example:
        >>> from synapse.annotations import Box
        >>> tasks = project.tasks
        >>> _ = tasks[0].annotate([Box(0, 0, 9, 9, label="car")])
        >>> [text.get_text() for text in plot_classes(tasks).get_yticklabels()]
        ['car']
    """
    validate_int("most", most)
    axis = _prepare(ax, "annotations by class")
    data = _read(source, stats.count_classes, ("class", "annotations"))
    counts = {row["class"]: row["annotations"] for row in data.rows}
    colors = _color_classes(counts, data.classes)
    names = sorted(counts, key=lambda name: (-counts[name], name or ""))
    shown, rest = names[:most], names[most:]
    bars = [(_shorten(name), counts[name], colors[name]) for name in shown]
    if not bars:
        return _say_empty(axis, "No annotations", data.notes)
    places = range(len(bars))
    drawn = axis.barh(places, [bar[1] for bar in bars], color=[bar[2] for bar in bars])
    axis.bar_label(drawn, [f"{bar[1]:,}" for bar in bars], padding=3)
    _set_ticks(axis.yaxis, places, [bar[0] for bar in bars])
    axis.invert_yaxis()
    axis.margins(x=0.12)
    others = sum(counts[name] for name in rest)
    more = f", and {len(rest):,} more classes with {others:,}" if rest else ""
    axis.set_xlabel(f"annotations{more}")
    return _add_notes(axis, data.notes)


def plot_progress(source: Any, ax: Axes | None = None) -> Axes:
    """Draw the number of tasks by status over the days of their last change.

    Each day has the tasks whose last change is on that day or before, so that the last day has all.
    As many requests as `stats.count_days()`; none for a frame.

    Args:
        source: A project, a query of objects with a status, or rows or a frame of `count_days()`.
        ax: Axis to draw into.

    Returns:
        The axis.

    Raises:
        MissingExtra: matplotlib isn't installed; nothing was sent.
        UsageError: The source has no such statistic.

    Example:
        >>> axis = plot_progress(project)
        >>> [text.get_text() for text in axis.get_legend().get_texts()]
        ['pending (2)']
    """
    axis = _prepare(ax, "")
    data = _read(source, stats.count_days, ("day", "status"))
    rows = data.rows
    kind = next((name for row in rows for name in row if name not in ("day", "status")), "objects")
    axis.set_title(f"{kind} by last change")
    lost = sum(row[kind] for row in rows if row["day"] is None)
    if lost:
        data.notes.append(f"left out: {lost:,} without a time")
    dated = [row for row in rows if row["day"] is not None]
    if not dated:
        return _say_empty(axis, f"No {kind}", data.notes)
    days = sorted({row["day"] for row in dated})
    totals: Counter[str] = Counter()
    for row in dated:
        totals[row["status"]] += row[kind]
    statuses = [status for status, _ in totals.most_common()]
    by_day = {(row["day"], row["status"]): row[kind] for row in dated}
    lines = []
    for status in statuses:
        total, line = 0, []
        for day in days:
            total += by_day.get((day, status), 0)
            line.append(total)
        lines.append(line)
    colors = [each.line for each in assign_colors(sorted(statuses)).values()]
    colors = [colors[sorted(statuses).index(status)] for status in statuses]
    if len(days) == 1:
        bottom = 0
        handles = []
        for line, color in zip(lines, colors, strict=True):
            handles += list(axis.bar(days, line, bottom=bottom, color=color, width=0.5))
            bottom += line[0]
    else:
        handles = list(axis.stackplot(days, *lines, colors=colors))
    axis.set_ylim(bottom=0)
    axis.tick_params(axis="x", rotation=30)
    _add_legend(axis, handles, [f"{_shorten(each)} ({totals[each]:,})" for each in statuses])
    return _add_notes(axis, data.notes)


def plot_box_sizes(source: Any, ax: Axes | None = None, *, most: int = 10) -> Axes:
    """Draw widths and heights of boxes as dots, both on logarithmic scales.

    As many requests as `stats.sample_boxes()`; none for a frame.

    Args:
        source: A project, a query with annotations, or rows or a frame of `sample_boxes()`.
        ax: Axis to draw into.
        most: Largest number of classes with a colour; the other classes are grey.

    Returns:
        The axis.

    Raises:
        MissingExtra: matplotlib isn't installed; nothing was sent.
        UsageError: The source has no such statistic.

    Example:
        >>> from synapse.annotations import Box
        >>> tasks = project.tasks
        >>> _ = tasks[0].annotate([Box(0, 0, 30, 20, label="car")])
        >>> plot_box_sizes(tasks).collections[0].get_offsets().tolist()
        [[30.0, 20.0]]
    """
    validate_int("most", most)
    axis = _prepare(ax, "sizes of boxes")
    data = _read(source, stats.sample_boxes, ("class", "width", "height"))
    rows = data.rows
    dots: dict[str | None, list[tuple[float, float]]] = {}
    for row in rows:
        size = row["width"], row["height"]
        if all(each is not None and math.isfinite(each) and each > 0 for each in size):
            dots.setdefault(row["class"], []).append(size)
    lost = len(rows) - sum(map(len, dots.values()))
    if lost:
        data.notes.append(f"left out: {lost:,} without a size")
    if data.total > len(rows):
        data.notes.append(f"a sample of {len(rows):,} of {data.total:,} boxes")
    if not dots:
        return _say_empty(axis, "No boxes", data.notes)
    colors = _color_classes({row["class"] for row in rows}, data.classes)
    frequent = sorted(dots, key=lambda name: (-len(dots[name]), name or ""))
    shown = [name for name in colors if name in frequent[:most]]
    groups = [(_shorten(name), colors[name], dots[name]) for name in shown]
    others = [dot for name in frequent[most:] for dot in dots[name]]
    if others:
        groups.insert(0, (f"and {len(frequent) - most:,} more", _REST, others))
    handles = [
        axis.scatter(*zip(*places, strict=True), s=9, color=color, linewidths=0)
        for _, color, places in groups
    ]
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("width in pixels")
    axis.set_ylabel("height in pixels")
    if others:
        groups, handles = [*groups[1:], groups[0]], [*handles[1:], handles[0]]
    _add_legend(axis, handles, [group[0] for group in groups], is_outside=True)
    return _add_notes(axis, data.notes)


def plot_agreement(
    source: Any, ax: Axes | None = None, *, by: Literal["people", "class"] = "people"
) -> Axes:
    """Draw how far people agree who annotated the same tasks.

    The agreement is that of `stats.compare_assignments()`: the mean IoU of the best pairs, in which
    an annotation without a partner counts as 0. A field or bar is the mean over all tasks, each
    weighted by its pairs and annotations without a partner. As many requests as that function; none
    for a frame.

    Args:
        source: A project, a query of assignments, or rows or a frame of `compare_assignments()`.
        ax: Axis to draw into.
        by: `"people"` for a table of every two people, at most 20; `"class"` for a bar for each
            class, at most 20.

    Returns:
        The axis.

    Raises:
        MissingExtra: matplotlib isn't installed; nothing was sent.
        UsageError: The source has no such statistic, or `by` is another word.

    Example:
        >>> plot_agreement(project).texts[0].get_text()
        'No task with two assignments'
    """
    if by not in ("people", "class"):
        raise UsageError(f"by={by!r} is not valid. Pass 'people' or 'class'.")
    axis = _prepare(ax, "agreement (mean IoU of best pairs)")
    names = ("first", "second", "class", "matched", "unmatched", "iou")
    data = _read(source, stats.compare_assignments, names)
    rows = data.rows
    compared = [row for row in rows if row["iou"] is not None and math.isfinite(row["iou"])]
    lost = len(rows) - len(compared)
    if lost:
        data.notes.append(f"left out: {lost:,} with too many annotations")
    if not compared:
        return _say_empty(axis, "No task with two assignments", data.notes)
    draw = _draw_people if by == "people" else _draw_class_agreement
    return _add_notes(draw(axis, compared, data.classes), data.notes)


def _average(rows: Iterable[Mapping[str, Any]], key: Callable[[Any], Any]) -> dict[Any, float]:
    """Return the weighted mean of the agreement by a key of the rows."""
    sums: dict[Any, float] = {}
    weights: dict[Any, float] = {}
    for row in rows:
        weight = row["matched"] + row["unmatched"]
        sums[key(row)] = sums.get(key(row), 0.0) + row["iou"] * weight
        weights[key(row)] = weights.get(key(row), 0.0) + weight
    return {name: total / weights[name] for name, total in sums.items() if weights[name]}


def _draw_people(axis: Any, rows: Sequence[Mapping[str, Any]], _: Sequence[str]) -> Any:
    means = _average(rows, lambda row: (row["first"], row["second"]))
    seen = {person for pair in means for person in pair}
    people = sorted(seen, key=lambda person: (person is None, person or 0))
    shown = people[:_MOST_PEOPLE]
    places = {person: at for at, person in enumerate(shown)}
    table = [[math.nan] * len(shown) for _ in shown]
    for (first, second), mean in means.items():
        if first in places and second in places:
            table[places[first]][places[second]] = table[places[second]][places[first]] = mean
    axis.imshow(table, vmin=0, vmax=1, cmap="viridis")
    for y, line in enumerate(table):
        for x, mean in enumerate(line):
            if not math.isnan(mean):
                # The upper half of the colours is light.
                color = "black" if mean > 0.5 else "white"
                axis.text(x, y, f"{mean:.2f}", ha="center", va="center", color=color)
    names = ["nobody" if person is None else f"user {person}" for person in shown]
    _set_ticks(axis.xaxis, range(len(shown)), names)
    _set_ticks(axis.yaxis, range(len(shown)), names)
    axis.tick_params(axis="x", rotation=30)
    if len(people) > len(shown):
        axis.set_xlabel(f"and {len(people) - len(shown):,} more people")
    return axis


def _draw_class_agreement(
    axis: Any, rows: Sequence[Mapping[str, Any]], classes: Sequence[str]
) -> Any:
    means = _average(rows, lambda row: row["class"])
    colors = _color_classes(means, classes)
    order = [name for name in colors if name in means]
    shown = order[:_MOST_PEOPLE]
    drawn = axis.barh(
        range(len(shown)), [means[name] for name in shown], color=[colors[name] for name in shown]
    )
    axis.bar_label(drawn, [f"{means[name]:.2f}" for name in shown], padding=3)
    _set_ticks(axis.yaxis, range(len(shown)), [_shorten(name) for name in shown])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.1)
    rest = f", and {len(order) - len(shown):,} more classes" if len(order) > len(shown) else ""
    axis.set_xlabel(f"mean IoU{rest}")
    return axis


# -- Reading -------------------------------------------------------------------------------------


@attrs.define
class _Data:
    """The rows of a statistic."""

    rows: list[Any]
    classes: list[str]
    total: int
    notes: list[str]


def _read(source: Any, make: Callable[[Any], stats.StatRows], names: Sequence[str]) -> _Data:
    """Return the rows of a statistic, and remarks."""
    if isinstance(source, (Resource, Query, AnnotationRows)):
        source = make(source)
    if isinstance(source, stats.StatRows):
        rows = list(source)
    elif hasattr(source, "__arrow_c_stream__"):
        rows = load_library("pyarrow", "frames").table(source).to_pylist()
    else:
        raise UsageError(
            f"A {type(source).__name__} can't be drawn. Pass a project, a query, or what "
            f"stats.{make.__name__}() returns."
        )
    missing = [name for name in names if rows and name not in rows[0]]
    if missing:
        raise UsageError(
            f"The rows have no column {missing[0]!r}. Pass rows of stats.{make.__name__}()."
        )
    notes = []
    if unread := getattr(source, "unread", 0):
        notes.append(f"left out: {unread:,} documents of an unknown form")
    total = source.total if isinstance(source, stats.StatRows) else len(rows)
    return _Data(rows, list(getattr(source, "classes", [])), total, notes)


def _color_classes(seen: Iterable[str | None], configured: Sequence[str]) -> dict[str | None, str]:
    """Return the colours of classes, those of the cards, in the order of the classes."""
    present = set(seen)
    order = order_classes({name or "" for name in present}, configured)
    colors = {name or None: each.line for name, each in assign_colors(order).items()}
    return {name: color for name, color in colors.items() if name in present}


# -- Drawing -------------------------------------------------------------------------------------


def _prepare(ax: Axes | None, title: str) -> Any:
    """Return the axis to draw into; without one, the axis of a new figure."""
    try:
        axis = load("matplotlib.pyplot").subplots(layout="constrained")[1] if ax is None else ax
    except ImportError as error:
        raise MissingExtra("A plot", "plots") from error
    axis.set_title(title)
    return axis


def _shorten(name: str | None) -> str:
    return _NO_CLASS if name is None else clean(" ".join(name.split()), _LONGEST_NAME)


def _set_ticks(axis: Any, places: Sequence[int], names: Sequence[str]) -> None:
    axis.set_ticks(places, names)
    for label in axis.get_ticklabels():
        label.set_parse_math(False)  # a dollar sign is one


def _add_legend(
    axis: Any, handles: Sequence[Any], names: Sequence[str], *, is_outside: bool = False
) -> None:
    # The names are set later, because matplotlib leaves out those that begin with "_".
    place = {"bbox_to_anchor": (1.01, 1), "borderaxespad": 0} if is_outside else {}
    numbers = [str(at) for at in range(len(names))]
    legend = axis.legend(handles, numbers, loc="upper left", **place)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def _say_empty(axis: Any, text: str, notes: Sequence[str]) -> Axes:
    """Write the reason for an empty axis into it."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center")
    return _add_notes(axis, notes)


def _add_notes(axis: Any, notes: Sequence[str]) -> Axes:
    """Add remarks below the title."""
    if notes:
        axis.set_title("\n".join([axis.get_title(), "; ".join(notes)]))
    drawn: Axes = axis
    return drawn
