"""Statistics of tasks, annotations and people, as tables.

Each function returns rows, which are read when they are used: by a loop, or by `to_pandas()`,
`to_polars()`, `to_arrow()` and `to_parquet()`. Memory doesn't grow with the number of objects.
`synapse.plots` draws them.

Example:
    >>> from synapse import stats
    >>> [row["tasks"] for row in stats.count_days(project)]
    [2]
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from itertools import combinations
from typing import Any

from synapse._internal.described import Described, Description
from synapse._internal.validate import is_int, validate_int
from synapse.annotations import Annotation, Annotations, Box, match_annotations, read_classes
from synapse.annotations.overlap import COMPARABLE
from synapse.errors import UnknownDocument, UsageError
from synapse.orm.convert import parse_time
from synapse.orm.fields import ids_of
from synapse.orm.frame_source import FrameSource
from synapse.orm.plain_column import PlainColumn
from synapse.orm.query import Query
from synapse.orm.resource import Resource
from synapse.resources.annotation_rows import AnnotationRows

__all__ = ["StatRows", "compare_assignments", "count_classes", "count_days", "sample_boxes"]

# Documents make rows large: a page of them is held in memory.
_DOCUMENT_PAGE, _PAGE = 500, 1000
# Assignments whose documents are held in memory to compare them.
_COMPARED = 100

Row = dict[str, Any]


class StatRows(Described, FrameSource):
    """Rows of a statistic as dicts, or as a table by `to_pandas()` and others.

    Each use reads the server again; `to_pandas()` keeps the result.

    Attributes:
        classes: Classes of the project's configuration, as far as the session knows them.
        unread: Number of documents of an unknown form that the last use left out.
        total: Number of annotations that the last use read.

    Args:
        title: Name of the statistic.
        columns: Names of the columns with their types in Arrow.
        read: Returns pages of rows; called for each use with these rows.
        classes: The classes.
    """

    def __init__(
        self,
        title: str,
        columns: Mapping[str, str],
        read: Callable[[StatRows], Iterator[list[Row]]],
        classes: Sequence[str] = (),
    ) -> None:
        self._title = title
        self._kinds = columns
        self._read = read
        self.classes = list(classes)
        self.unread = 0
        self.total = 0

    def __iter__(self) -> Iterator[Row]:
        for page in self._plain_pages():
            yield from page

    def _columns(self) -> list[PlainColumn]:
        return [PlainColumn(name, kind) for name, kind in self._kinds.items()]

    def _plain_pages(self) -> Iterator[list[Row]]:
        self.unread = self.total = 0
        return (page for page in self._read(self) if page)

    def __repr__(self) -> str:
        return f"<{self._title}: {', '.join(self._kinds)}>"

    def _describe(self) -> Description:
        fields = [("columns", ", ".join(self._kinds))]
        return Description(self._title, fields=fields, notes=["Not read yet. A loop reads them."])

    def _count(self, one: Any) -> Annotations:
        """Return an object's annotations, and count them; documents of unknown forms as well."""
        try:
            found: Annotations = one.annotations
        except UnknownDocument:
            self.unread += 1
            return Annotations()
        self.total += len(found)
        return found


# -- Statistics ----------------------------------------------------------------------------------


def count_classes(source: Any) -> StatRows:
    """Return the number of annotations by class, the most frequent first.

    Reading the rows makes one request for each 500 objects, and one for each document that the
    server stores in a file.

    Args:
        source: A project, or a query of tasks, assignments or ground truths.

    Returns:
        Rows with `class` (`None` for annotations without one), `annotations`, and `objects`, the
        number of objects that have such annotations.

    Raises:
        UsageError: The objects have no annotations.

    Example:
        >>> from synapse.annotations import Box
        >>> tasks = project.tasks
        >>> _ = tasks[0].annotate([Box(0, 0, 9, 9, label="car"), Box(9, 9, 9, 9, label="car")])
        >>> list(count_classes(tasks))
        [{'class': 'car', 'annotations': 2, 'objects': 1}]
    """
    query = _find_query(source, "tasks")

    def read(rows: StatRows) -> Iterator[list[Row]]:
        annotations: Counter[str | None] = Counter()
        objects: Counter[str | None] = Counter()
        for one in _read_documents(query):
            labels = [each.label or None for each in rows._count(one)]
            annotations.update(labels)
            objects.update(set(labels))
        order = sorted(annotations.items(), key=lambda pair: (-pair[1], pair[0] or ""))
        yield [
            {"class": label, "annotations": number, "objects": objects[label]}
            for label, number in order
        ]

    columns = {"class": "string", "annotations": "int64", "objects": "int64"}
    return StatRows("Annotations by class", columns, read, _find_classes(query))


def count_days(source: Any) -> StatRows:
    """Return the number of objects by status and day of their last change, the oldest first.

    Reading the rows makes one request for each thousand objects. The server has no history: an
    object counts on the day of its last change, with its present status.

    Args:
        source: A project, or a query of objects with a status, such as tasks or jobs.

    Returns:
        Rows with `day` (in UTC; `None` if the server sent none), `status`, and the number of
        objects under their name, such as `tasks`.

    Raises:
        UsageError: The objects have no status or no time of the last change.

    Example:
        >>> (row,) = count_days(project)
        >>> row["status"], row["tasks"]
        ('pending', 2)
    """
    query = _find_query(source, "tasks", annotated=False)
    schema = query._resource.__schema__
    if not {"status", "updated"} <= schema.fields.keys():
        raise UsageError(
            f"{schema.plural} have no status with a time. Pass a project, or a query of tasks, "
            "assignments or jobs."
        )

    def read(rows: StatRows) -> Iterator[list[Row]]:  # noqa: ARG001 - nothing is left out
        counts: Counter[tuple[date | None, str]] = Counter()
        for row in _page(query, _PAGE).values("status", "updated"):
            counts[_day_of(row.get("updated")), str(row.get("status"))] += 1
        order = sorted(counts.items(), key=lambda pair: (pair[0][0] or date.min, pair[0][1]))
        yield [
            {"day": day, "status": status, schema.plural: number} for (day, status), number in order
        ]

    columns = {"day": "date32", "status": "category", schema.plural: "int64"}
    return StatRows(f"{schema.plural} by day and status", columns, read)


def sample_boxes(source: Any, most: int = 10_000, *, seed: int = 0) -> StatRows:
    """Return the sizes of boxes: of all, or of a random sample if there are more.

    Reading the rows makes one request for each 500 objects, and one for each document that the
    server stores in a file. Each box has the same chance to be in the sample.

    Args:
        source: A project, or a query of tasks, assignments or ground truths.
        most: Largest number of boxes.
        seed: Seed of the sample; the same boxes in the same order give the same sample.

    Returns:
        Rows with the object's id (`object`), `class`, and `width` and `height` in pixels, of the
        box before turning. `total` of the rows is the number of all boxes.

    Raises:
        UsageError: The objects have no annotations, or `most` isn't a whole number from 1.

    Example:
        >>> from synapse.annotations import Box
        >>> tasks = project.tasks
        >>> _ = tasks[0].annotate([Box(0, 0, 30, 20, label="car")])
        >>> [(row["class"], row["width"], row["height"]) for row in sample_boxes(tasks)]
        [('car', 30.0, 20.0)]
    """
    validate_int("most", most)
    query = _find_query(source, "tasks")
    schema = query._resource.__schema__

    def read(rows: StatRows) -> Iterator[list[Row]]:
        choose = random.Random(seed)  # noqa: S311 - a sample, no secret
        sample: list[Row] = []
        boxes = 0
        for one in _read_documents(query):
            for each in rows._count(one):
                if not isinstance(each, Box):
                    continue
                # Vitter's algorithm R.
                place = boxes if boxes < most else choose.randrange(boxes + 1)
                boxes += 1
                if place < most:
                    sizes = {"width": float(each.width), "height": float(each.height)}
                    row = {"object": one._key, "class": each.label or None, **sizes}
                    sample[place : place + 1] = [row]
        rows.total = boxes
        yield sample

    key = "int64" if int in schema.fields[schema.key].id_types else "string"
    columns = {"object": key, "class": "category", "width": "float64", "height": "float64"}
    return StatRows("Sizes of boxes", columns, read, _find_classes(query))


def compare_assignments(source: Any) -> StatRows:
    """Return the agreement of people who annotated the same task, by class.

    Every two assignments of a task are compared. In each class, boxes, masks and polygons are
    paired by `match_annotations`: the pair with the highest IoU first, each annotation in one pair
    at most. The agreement is the mean IoU of the pairs, in which each annotation without a partner
    counts as one more with an IoU of 0. No threshold decides what a pair is.

    Reading the rows makes one request for each thousand assignments; then, for the tasks with two
    or more, one for each hundred assignments. The documents of a hundred are in memory.

    Args:
        source: A project, or a query of assignments.

    Returns:
        Rows with the ids of the `task` and of the two people (`first`, `second`; `None` for
        nobody), `class`, the number of pairs (`matched`) and of annotations without a partner
        (`unmatched`), and the agreement `iou`, from 0 to 1. A task in which a class has too many
        annotations to compare has `None` there, and no class.

    Raises:
        UsageError: The query isn't one of assignments, or is a slice.

    Example:
        >>> list(compare_assignments(project))
        []
    """
    query = _find_query(source, "assignments")
    if query._resource.__schema__.name != "Assignment" or query._state.window.suffix():
        raise UsageError(
            "compare_assignments() takes a project, or a query of assignments without a slice."
        )

    def read(rows: StatRows) -> Iterator[list[Row]]:
        numbers: Counter[Any] = Counter()
        for row in _page(query, _PAGE).values("task"):
            numbers[row.get("task")] += 1
        several = [(task, number) for task, number in numbers.items() if number > 1 and task]
        for batch in _batch(several):
            found: dict[Any, list[Any]] = {task: [] for task in batch}
            for one in _page(query.filter(task=batch), _COMPARED).only(*_COMPARED_FIELDS):
                found[one.task_id].append((_person_of(one), one._key, rows._count(one)))
            for task, assignments in found.items():
                yield list(_compare_task(task, assignments))

    columns = {
        **dict.fromkeys(("task", "first", "second"), "int64"),
        "class": "category",
        **dict.fromkeys(("matched", "unmatched"), "int64"),
        "iou": "float64",
    }
    return StatRows("Agreement of assignments", columns, read, _find_classes(query))


_COMPARED_FIELDS = ("task", "assignee", "data")


def _compare_task(task: Any, assignments: list[Any]) -> Iterator[Row]:
    """Yield the agreement of every two assignments of a task."""
    order = sorted(assignments, key=lambda each: (each[0] is None, each[0] or 0, each[1]))
    for (first, _, ones), (second, _, others) in combinations(order, 2):
        ends = {"task": task, "first": first, "second": second}
        try:
            matches = match_annotations(ones, others)
        except UsageError:
            nothing = dict.fromkeys(("class", "matched", "unmatched", "iou"))
            yield {**ends, **nothing}
            continue
        numbers = Counter(each.label for each in _comparable(ones))
        numbers.update(each.label for each in _comparable(others))
        matched = Counter(one.label for one, _, _ in matches)
        sums: Counter[Any] = Counter()
        for one, _, overlap in matches:
            sums[one.label] += overlap  # type: ignore[assignment] # a counter of numbers
        for label in sorted(numbers, key=lambda name: (name is None, name or "")):
            pairs = matched[label]
            alone = numbers[label] - 2 * pairs
            mean = sums[label] / (pairs + alone)
            yield {
                **ends,
                "class": label or None,
                "matched": pairs,
                "unmatched": alone,
                "iou": mean,
            }


def _comparable(annotations: Iterable[Annotation]) -> Iterator[Annotation]:
    return (each for each in annotations if isinstance(each, COMPARABLE))


# -- Reading -------------------------------------------------------------------------------------


def _find_query(source: Any, relation: str, *, annotated: bool = True) -> Query[Any]:
    """Return the query that a source stands for."""
    if isinstance(source, Resource) and isinstance(getattr(source, relation, None), Query):
        source = getattr(source, relation)
    if isinstance(source, AnnotationRows):
        source = source._query
    if not isinstance(source, Query):
        kind = type(source).__name__
        raise UsageError(f"A {kind} has no statistics. Pass a project, or a query of {relation}.")
    if annotated and not hasattr(source._resource, "annotations"):
        plural = source._resource.__schema__.plural
        raise UsageError(f"{plural} have no annotations. Pass a project, or a query of {relation}.")
    return source


def _find_classes(query: Query[Any]) -> list[str]:
    """Return the configured classes of a query's project, without a request."""
    owner: Any = query._scope[1] if query._scope else None
    raw: Mapping[str, Any] = {} if owner is None else owner._raw
    return [each.name for each in read_classes(raw.get("configuration"))]


def _page(query: Query[Any], rows: int) -> Query[Any]:
    return query if query._state.page_size is not None else query.page_size(rows)


def _read_documents(query: Query[Any]) -> Iterator[Any]:
    return _page(query, _DOCUMENT_PAGE).only("data").iterate()


def _batch(tasks: Iterable[tuple[Any, int]]) -> Iterator[list[Any]]:
    """Yield tasks together whose assignments fit into memory."""
    batch: list[Any] = []
    size = 0
    for task, number in tasks:
        if batch and size + number > _COMPARED:
            yield batch
            batch, size = [], 0
        batch.append(task)
        size += number
    if batch:
        yield batch


def _person_of(assignment: Any) -> int | None:
    person = ids_of(assignment._raw.get("assignee"))
    return person if is_int(person) else None


def _day_of(value: Any) -> date | None:
    try:
        moment: datetime = parse_time(value)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(timezone.utc)).date()
