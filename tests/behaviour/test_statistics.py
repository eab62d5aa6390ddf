"""Statistics and plots: exact values, and requests that are counted at the server."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from list_server import ListServer
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from synapse import Session, plots, stats
from synapse.annotations import Annotation, Box, Label, Mask, Polygon, write_document
from synapse.display.colors import assign_colors
from synapse.errors import UsageError
from synapse.orm.query import Query


def document(*annotations: Annotation) -> dict[str, Any]:
    return write_document(annotations)


def serve(rows: list[dict[str, Any]], *filters: str) -> Iterator[tuple[ListServer, Session]]:
    server = ListServer([{"id": at, **row} for at, row in enumerate(rows, 1)])
    server.filters = set(filters)
    with Session(server.url, "no-token-0123456789") as session:
        yield server, session
    server.close()


CAR = Box(0, 0, 10, 10, label="car")
HALF = Box(5, 0, 10, 10, label="car")
FAR = Box(100, 0, 10, 10, label="car")
BUS = Box(0, 0, 20, 10, label="bus")


@pytest.fixture
def tasks() -> Iterator[tuple[ListServer, Session]]:
    """1,200 tasks; every hundredth has three annotations, one a document of an unknown form."""
    some = document(CAR, BUS, Label(label="night"))
    rows: list[dict[str, Any]] = []
    for at in range(1200):
        day = f"2026-01-{at // 400 + 1:02}T23:30:00+00:00"
        data = some if at % 100 == 0 else None
        status = "completed" if at % 2 else "pending"
        rows.append({"data": data, "status": status, "updated": day, "project": 1})
    rows[7]["data"] = {"shapes": "of another editor"}
    rows[8]["updated"] = None
    rows[9]["updated"] = "2026-01-01T23:30:00-02:00"
    yield from serve(rows)


def test_classes_are_counted_page_by_page(tasks: tuple[ListServer, Session]) -> None:
    server, session = tasks
    rows = stats.count_classes(session.tasks)
    assert server.queries == []

    assert list(rows) == [
        {"class": "bus", "annotations": 12, "objects": 12},
        {"class": "car", "annotations": 12, "objects": 12},
        {"class": "night", "annotations": 12, "objects": 12},
    ]
    assert len(server.queries) == 3
    assert {query["page_size"][0] for query in server.queries} == {"500"}
    assert {query["fields"][0] for query in server.queries} == {"id,data"}
    assert (rows.total, rows.unread) == (36, 1)


def test_days_are_counted_in_utc(tasks: tuple[ListServer, Session]) -> None:
    server, session = tasks

    rows = list(stats.count_days(session.tasks))

    assert len(server.queries) == 2
    assert rows == [
        {"day": None, "status": "pending", "tasks": 1},
        {"day": date(2026, 1, 1), "status": "completed", "tasks": 199},
        {"day": date(2026, 1, 1), "status": "pending", "tasks": 199},
        {"day": date(2026, 1, 2), "status": "completed", "tasks": 201},
        {"day": date(2026, 1, 2), "status": "pending", "tasks": 200},
        {"day": date(2026, 1, 3), "status": "completed", "tasks": 200},
        {"day": date(2026, 1, 3), "status": "pending", "tasks": 200},
    ]


def test_boxes_are_listed_or_sampled(tasks: tuple[ListServer, Session]) -> None:
    server, session = tasks
    every = list(stats.sample_boxes(session.tasks))
    assert len(server.queries) == 3
    assert len(every) == 24
    assert every[0] == {"object": 1, "class": "car", "width": 10.0, "height": 10.0}
    assert every[1] == {"object": 1, "class": "bus", "width": 20.0, "height": 10.0}

    few = stats.sample_boxes(session.tasks, 10, seed=3)
    sample = list(few)
    assert few.total == 24
    assert len(sample) == 10
    assert all(row in every for row in sample)
    assert list(few) == sample
    assert list(stats.sample_boxes(session.tasks, 10, seed=4)) != sample
    taken = [len(list(stats.sample_boxes(session.tasks[0:1], most))) for most in (1, 2, 3)]
    assert taken == [1, 2, 2]


def test_tables_have_types_without_rows(session: Session, project: Any) -> None:
    for rows in (
        stats.count_classes(project),
        stats.sample_boxes(project),
        stats.compare_assignments(project),
    ):
        assert list(rows.to_pandas().columns) == rows.to_arrow().column_names
        assert rows.to_arrow().num_rows == 0
    frame = stats.count_days(project).to_pandas()
    assert frame[["status", "tasks"]].to_dict("records") == [{"status": "pending", "tasks": 2}]


# -- Agreement -----------------------------------------------------------------------------------


@pytest.fixture
def assignments() -> Iterator[tuple[ListServer, Session]]:
    """Three tasks: one with three people, one with two, and one with one."""
    mask = Mask([(0, 4)], label="road")
    rows = [
        {"task": 1, "assignee": 8, "data": document(CAR, FAR, mask)},
        {"task": 2, "assignee": 8, "data": document(BUS)},
        {"task": 1, "assignee": 7, "data": document(HALF, Mask([(2, 4)], label="road"))},
        {"task": 3, "assignee": 7, "data": document(CAR)},
        {"task": 2, "assignee": None, "data": None},
        {"task": 1, "assignee": 9, "data": document(CAR, FAR, mask)},
    ]
    yield from serve(rows, "task")


def test_agreement_is_the_mean_of_the_best_pairs(
    assignments: tuple[ListServer, Session],
) -> None:
    server, session = assignments
    rows = list(stats.compare_assignments(session.assignments))

    assert [query.get("task") for query in server.queries] == [None, ["1", "2"]]
    found = [
        (row["task"], row["first"], row["second"], row["class"], row["matched"], row["unmatched"])
        for row in rows
    ]
    assert found == [
        (1, 7, 8, "car", 1, 1),
        (1, 7, 8, "road", 1, 0),
        (1, 7, 9, "car", 1, 1),
        (1, 7, 9, "road", 1, 0),
        (1, 8, 9, "car", 2, 0),
        (1, 8, 9, "road", 1, 0),
        (2, 8, None, "bus", 0, 1),
    ]
    third = pytest.approx(1 / 3)
    assert [row["iou"] for row in rows] == [pytest.approx(1 / 6), third] * 2 + [1.0, 1.0, 0.0]


def test_assignments_of_many_tasks_are_read_in_batches() -> None:
    data = document(CAR)
    rows = [{"task": at // 2, "assignee": at % 2, "data": data} for at in range(2, 302)]
    for server, session in serve(rows, "task"):
        agreement = stats.compare_assignments(session.assignments).to_arrow()

        assert agreement["iou"].to_pylist() == [1.0] * 150
        assert len(server.queries) == 1 + 3
        assert {len(query["task"]) for query in server.queries[1:]} == {50}


def test_crowded_assignments_are_said(
    assignments: tuple[ListServer, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synapse.annotations.overlap._MOST_PAIRS", 2)
    _, session = assignments

    rows = stats.compare_assignments(session.assignments.filter(task=1))

    assert [row["iou"] for row in rows].count(None) == 1
    axis = plots.plot_agreement(rows, Figure().subplots())
    assert "left out: 1 with too many annotations" in axis.get_title()


def test_agreement_is_drawn(assignments: tuple[ListServer, Session]) -> None:
    _, session = assignments
    rows = stats.compare_assignments(session.assignments)

    people = plots.plot_agreement(rows, Figure().subplots())
    names = [label.get_text() for label in people.get_xticklabels()]
    assert names == ["user 7", "user 8", "user 9", "nobody"]
    fields = {text.get_position(): text.get_text() for text in people.texts}
    # Cars: (1/3 + 0) / 2 with two in the mean; roads: 1/3 with one.
    assert fields[0, 1] == fields[1, 0] == "0.22"
    assert fields[1, 2] == "1.00"
    assert fields[1, 3] == "0.00"
    assert (0, 0) not in fields

    classes = plots.plot_agreement(rows, Figure().subplots(), by="class")
    assert [label.get_text() for label in classes.get_yticklabels()] == ["bus", "car", "road"]
    widths = [patch.get_width() for patch in classes.patches]
    assert widths == [0, pytest.approx((1 / 6 * 2 * 2 + 2) / 6), pytest.approx((2 / 3 + 1) / 3)]


# -- Sources -------------------------------------------------------------------------------------


def test_a_plot_makes_the_requests_of_its_statistic(tasks: tuple[ListServer, Session]) -> None:
    server, session = tasks
    axis = plots.plot_classes(session.tasks, Figure().subplots())
    assert len(server.queries) == 3
    assert [patch.get_width() for patch in axis.patches] == [12, 12, 12]
    assert "left out: 1 documents of an unknown form" in axis.get_title()

    plots.plot_progress(session.tasks, Figure().subplots())
    assert len(server.queries) == 5
    axis = plots.plot_box_sizes(stats.sample_boxes(session.tasks, 5), Figure().subplots())
    assert len(server.queries) == 8
    assert "a sample of 5 of 24 boxes" in axis.get_title()

    frame = stats.count_classes(session.tasks.annotations).to_pandas()
    requests = len(server.queries)
    axis = plots.plot_classes(frame, Figure().subplots())
    assert [label.get_text() for label in axis.get_yticklabels()] == ["bus", "car", "night"]
    assert len(server.queries) == requests


def test_colors_are_those_of_the_cards(project: Any) -> None:
    project.configuration = {"classification": {"bounding_box": ["bus", "van", "car"]}}
    project.save()
    task = project.tasks[0].annotate([CAR, Polygon([(0, 0), (9, 0), (9, 9)], label="bus")])

    axis = plots.plot_classes(project, Figure().subplots())

    drawn = {
        label.get_text(): to_hex(patch.get_facecolor())
        for label, patch in zip(axis.get_yticklabels(), axis.patches, strict=True)
    }
    colors = assign_colors(["bus", "van", "car"])
    assert drawn == {name: colors[name].line for name in ("bus", "car")}
    html = task._repr_mimebundle_()["text/html"]
    (picture,) = re.findall(r'base64,([^"]+)"', html)
    svg = base64.b64decode(picture).decode()
    assert all(color in svg for color in drawn.values())
    assert colors["van"].line not in svg


@pytest.mark.parametrize(
    ("make", "source", "message"),
    [
        (stats.count_classes, "projects", "projects have no annotations. Pass a project"),
        (stats.count_classes, None, "A NoneType has no statistics"),
        (stats.count_days, "task_tags", "task_tags have no status with a time"),
        (stats.compare_assignments, "tasks", "takes a project, or a query of assignments"),
        (plots.plot_classes, "projects", "have no annotations"),
    ],
)
def test_other_sources_are_refused_before_a_request(
    session: Session, make: Any, source: Any, message: str
) -> None:
    before = session.request_count
    given: Query[Any] | None = source and getattr(session, source)

    with pytest.raises(UsageError, match=message):
        make(given, *([Figure().subplots()] if make is plots.plot_classes else []))
    assert session.request_count == before


def test_slices_are_counted_but_not_compared(session: Session, project: Any) -> None:
    assert [row["tasks"] for row in stats.count_days(project.tasks[0:1])] == [1]
    with pytest.raises(UsageError, match="without a slice"):
        stats.compare_assignments(project.assignments[0:5])


def test_rows_show_themselves_without_a_request(tasks: tuple[ListServer, Session]) -> None:
    server, session = tasks
    rows = stats.count_classes(session.tasks)

    assert repr(rows) == "<Annotations by class: class, annotations, objects>"
    assert "Not read yet" in rows._repr_mimebundle_()["text/html"]
    assert server.queries == []
