"""Counts of a project's tasks: by status, class, assignee and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from synapse._internal.described import Described, Description, Meter, cut
from synapse._internal.lazy_import import load
from synapse.errors import SynapseError
from synapse.orm.payloads import find_pointer
from synapse.resources.enums import TaskStatus

if TYPE_CHECKING:
    from synapse.resources.projects import Project

__all__ = ["ProjectSummary", "summarize_project"]

# Documents make rows large: a page of them is held in memory.
_PAGE = 500
_MOST_BARS = 12
_BAR = 24
_DAY, _MONTH = len("2026-01-31"), len("2026-01")
# Days that are shown one by one.
_MOST_DAYS = 31


@attrs.frozen(repr=False)
class ProjectSummary(Described):
    """Counts of a project's tasks; a notebook shows them as bars.

    Attributes:
        title: The project's title.
        tasks: Number of tasks.
        by_status: Number of tasks by status.
        by_class: Number of annotations by class.
        by_assignee: Number of tasks by the id of the assignee; `None` for nobody.
        by_time: Number of tasks by day or month of the last change, oldest first.
        without_classes: Number of documents of an unknown form or stored elsewhere; their
            annotations aren't counted.
    """

    title: str
    tasks: int
    by_status: Mapping[str, int]
    by_class: Mapping[str, int]
    by_assignee: Mapping[Any, int]
    by_time: Mapping[str, int]
    without_classes: int = 0

    def __repr__(self) -> str:
        meters = self._describe().meters
        width = max((len(cut(meter.name, 30)) for meter in meters), default=0)
        lines, group = [f"{self.title}: {self.tasks:,} tasks"], ""
        for meter in meters:
            if meter.group != group:
                group = meter.group
                lines.append(group)
            bar = "█" * max(round(meter.share * _BAR), meter.share > 0)
            name = cut(meter.name.replace("\n", " "), 30)
            lines.append(f"  {name:<{width}}  {bar:<{_BAR}}  {meter.text}")
        return "\n".join([*lines, *self._describe().notes])

    def _describe(self) -> Description:
        people = {
            "nobody" if key is None else f"user {key}": number
            for key, number in self.by_assignee.items()
        }
        meters = [
            *_make_meters("Tasks by status", self.by_status),
            *_make_meters("Annotations by class", self.by_class),
            *_make_meters("Tasks by assignee", people),
            *_make_meters("Tasks by last change", dict(list(self.by_time.items())[-_MOST_BARS:])),
        ]
        notes = []
        if self.without_classes:
            notes.append(
                f"Documents that are stored elsewhere or have an unknown form: "
                f"{self.without_classes:,}. Their classes aren't counted."
            )
        title = f"{cut(self.title, 100)}: {self.tasks:,} tasks"
        return Description(title, meters=meters, notes=notes)


def _make_meters(group: str, counts: Mapping[str, int]) -> Iterable[Meter]:
    largest = max(counts.values(), default=0) or 1
    shown = list(counts.items())[:_MOST_BARS]
    for name, number in shown:
        yield Meter(cut(str(name), 60), number / largest, f"{number:,}", group)
    rest = list(counts.values())[_MOST_BARS:]
    if rest:
        yield Meter(f"{len(rest):,} more", min(1.0, sum(rest) / largest), f"{sum(rest):,}", group)


def summarize_project(project: Project, *, classes: bool) -> ProjectSummary:
    """Count a project's tasks, see `Project.summary`."""
    documents: tuple[Literal["data"], ...] = ("data",) if classes else ()
    read = load("synapse.annotations").read_document if classes else None
    statuses: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    people: Counter[Any] = Counter()
    days: Counter[str] = Counter()
    without_classes = 0
    for row in project.tasks.page_size(_PAGE).values("status", "assignee", "updated", *documents):
        statuses[str(row.get("status"))] += 1
        assignee = row.get("assignee")
        people[assignee if isinstance(assignee, (int, str)) else None] += 1
        days[str(row.get("updated") or "")[:_DAY]] += 1
        if read is None:
            continue
        try:
            if find_pointer(row.get("data")) is not None:
                without_classes += 1
            else:
                labels.update(each.label for each in read(row.get("data")) if each.label)
        except SynapseError:
            without_classes += 1
    known = [status.value for status in TaskStatus]
    order = [*(name for name in known if name in statuses), *sorted(set(statuses) - set(known))]
    return ProjectSummary(
        title=str(project.title),
        tasks=statuses.total(),
        by_status={name: statuses[name] for name in order},
        by_class=dict(sorted(labels.items(), key=lambda pair: (-pair[1], pair[0]))),
        by_assignee=dict(people.most_common()),
        by_time=_group_days(days),
        without_classes=without_classes,
    )


def _group_days(days: Counter[str]) -> dict[str, int]:
    """Return counts by day, or by month where the days are many."""
    days.pop("", None)
    if len(days) <= _MOST_DAYS:
        return dict(sorted(days.items()))
    months: Counter[str] = Counter()
    for day, number in days.items():
        months[day[:_MONTH]] += number
    return dict(sorted(months.items()))
