"""Queries against a backend, with the number of requests."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from typing import Any

import numpy as np
import pytest

import synapse
from synapse import DataUnit, Priority, Project, Session, TaskStatus
from synapse.errors import UsageError, ValidationError
from synapse.orm import lookups, registry
from synapse.testing import assert_num_requests

UTC = timezone.utc


@pytest.fixture
def mixed(session: Session, project: Project, unit: DataUnit) -> Project:
    """Five tasks more, told apart by their status and priority."""
    project.tasks.bulk_create(
        [
            {"data_unit": unit, "status": status, "priority": priority}
            for status, priority in [
                ("completed", "low"),
                ("completed", "high"),
                ("skipped", "low"),
                (TaskStatus.STAND_BY, Priority.HIGH),
                ("in_progress", "normal"),
            ]
        ]
    )
    return project


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 7),
        ({"status": "completed"}, 2),
        ({"status": TaskStatus.COMPLETED}, 2),
        ({"status": ["completed", "skipped"]}, 3),
        ({"status": {TaskStatus.SKIPPED}}, 1),
        ({"status": "completed", "priority": "low"}, 1),
        ({"is_discarded": False}, 7),
        ({"is_discarded": True}, 0),
        ({"created_after": datetime(2020, 1, 1, tzinfo=UTC)}, 7),
        ({"created_after": datetime.now(UTC) + timedelta(days=1)}, 0),
        ({"created_before": datetime(2020, 1, 1, tzinfo=UTC)}, 0),
    ],
)
def test_filters_choose(mixed: Project, wanted: dict[str, Any], count: int) -> None:
    query = mixed.tasks.filter(**wanted)
    assert len(list(query)) == query.count() == count
    assert query.exists() is bool(count)
    assert bool(query) is bool(count)
    assert (query.first() is not None) is bool(count)


def test_a_resource_is_a_filter(mixed: Project, unit: DataUnit, session: Session) -> None:
    assert session.tasks.filter(project=mixed, data_unit=[unit]).count() == 7


def test_a_query_is_a_filter(mixed: Project, session: Session) -> None:
    titled = session.projects.filter(title="Streets")
    with assert_num_requests(session, 1):
        query = session.tasks.filter(project=titled)
    assert query.count() == 7


def test_filters_narrow_each_other(mixed: Project) -> None:
    query = mixed.tasks.filter(status=["completed", "skipped"])
    assert query.filter(priority="low").count() == 2
    assert query.filter(status="skipped").count() == 1
    assert query.filter(status="pending").count() == 0


def test_a_scoped_manager_gives_what_belongs_to_its_owner_only(
    session: Session, mixed: Project, unit: DataUnit
) -> None:
    other = session.projects.create(title="Other", category="text")
    other.tasks.create(data_unit=unit)
    assert other.tasks.count() == 1
    assert other.tasks.filter(project=mixed).count() == 0
    assert other.tasks.filter(project=[mixed, other]).count() == 1
    assert session.tasks.count() == 8


def test_objects_come_in_the_order_that_was_asked_for(mixed: Project) -> None:
    ids = [task.id for task in mixed.tasks]
    assert ids == sorted(ids)
    assert [task.id for task in mixed.tasks.order_by("-id")] == ids[::-1]
    keys = [(task.priority, -task.id) for task in mixed.tasks.order_by("priority", "-id")]
    assert keys == sorted(keys)


def test_words_are_searched_for(session: Session, project: Project) -> None:
    session.projects.create(title="Faces", category="image", description="people in STREETS")
    session.projects.create(title="Faces", category="image")
    assert session.projects.search("streets").count() == 2
    assert session.projects.search("faces").filter(description="people in STREETS").count() == 1


def test_raw_parameters_reach_the_server(mixed: Project) -> None:
    assert mixed.tasks.filter(params={"status": ["completed", "skipped"]}).count() == 3


def test_values_are_plain_rows(session: Session, mixed: Project) -> None:
    with assert_num_requests(session, 1):
        rows = list(mixed.tasks.values("status", "project"))
    assert rows[0] == {"status": "pending", "project": mixed.id}
    assert next(iter(mixed.tasks.values("id"))).keys() == {"id"}
    assert "data_unit" in next(iter(mixed.tasks.values()))
    assert [row["status"] for row in mixed.tasks.filter(status="skipped").values("status")] == [
        "skipped"
    ]


def test_values_that_an_older_server_names_differently_have_the_fields_name(
    connected: Session, tables: Any
) -> None:
    tables.rows["projects"] = [{"id": 1, "name": "Streets"}]
    assert list(connected.projects.values("title", "description")) == [{"title": "Streets"}]


def test_pages_say_how_many_there_are(session: Session, mixed: Project) -> None:
    with assert_num_requests(session, 3):
        pages = list(mixed.tasks.page_size(3).pages())
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [page.total for page in pages] == [7] * 3
    assert [task for page in pages for task in page] == list(mixed.tasks)


def test_objects_by_their_ids(session: Session, mixed: Project) -> None:
    ids = [task.id for task in mixed.tasks]
    wanted = [ids[4], 10**9, ids[1], ids[4]]
    with assert_num_requests(session, 1):
        found = mixed.tasks.in_bulk(wanted)
    assert list(found) == [ids[4], ids[1]]
    assert all(found[key].id == key for key in found)


def test_ids_may_be_given_as_texts(session: Session, mixed: Project) -> None:
    task = mixed.tasks[0]
    assert mixed.tasks.in_bulk([str(task.id)]) == {task.id: task}
    assert mixed.tasks.get(str(task.id)) is task


@pytest.mark.parametrize("convert", [int, float, str, np.int64, np.float64])
def test_ids_of_any_type_find_the_same_objects(mixed: Project, convert: Any) -> None:
    tasks = list(mixed.tasks)[:2]
    given = [convert(task.id) for task in tasks]
    found = mixed.tasks.in_bulk(given)
    assert found == {task.id: task for task in tasks}
    assert {type(key) for key in found} == {int}
    assert list(mixed.tasks.filter(id=given)) == tasks
    assert mixed.tasks.get(given[0]) is tasks[0]
    assert mixed.tasks.filter(data_unit=convert(tasks[0].data_unit_id)).exists()


@pytest.mark.parametrize("value", [1.5, float("nan"), True, None, b"1"])
def test_what_is_no_id_finds_nothing_silently(mixed: Project, value: Any) -> None:
    with pytest.raises((UsageError, ValidationError)):
        mixed.tasks.in_bulk([value])


def test_many_ids_are_asked_for_at_once(connected: Session, tables: Any) -> None:
    tables.rows["tasks"] = [{"id": n} for n in range(300)]
    with assert_num_requests(connected, 1):
        found = connected.tasks.in_bulk(n for n in range(250))
    assert list(found) == list(range(250))
    with assert_num_requests(connected, 0):
        assert connected.tasks.in_bulk([]) == {}


def test_a_query_costs_what_is_said(session: Session, mixed: Project) -> None:
    query = mixed.tasks.filter(status=["completed", "skipped"]).page_size(2)
    costs: list[tuple[Any, int]] = [
        (lambda: repr(query), 0),
        (lambda: str(query), 0),
        (lambda: copy.copy(query), 0),
        (lambda: query.all(), 0),
        (lambda: query[1:2], 0),
        (lambda: iter(query), 0),
        (lambda: query.values("id"), 0),
        (lambda: query.pages(), 0),
        (lambda: mixed.tasks, 0),
        (lambda: bool(query), 1),
        (lambda: query.exists(), 1),
        (lambda: query.count(), 1),
        (lambda: query.first(), 1),
        (lambda: query[0], 1),
        (lambda: query[2], 1),
        (lambda: list(query), 2),
        (lambda: [*query], 2),
        (lambda: list(query[0:2]), 1),
        (lambda: list(query.values()), 2),
        (lambda: list(mixed.tasks.in_bulk([1])), 1),
    ]
    for position, (call, expected) in enumerate(costs):
        before = session.request_count
        call()
        assert session.request_count - before == expected, position


def test_truth_and_existence_ask_for_one_row_at_most(connected: Session, tables: Any) -> None:
    tables.rows["tasks"] = [{"id": n} for n in range(50)]
    for ask in (bool, lambda q: q.exists(), lambda q: q.count(), lambda q: q.first()):
        ask(connected.tasks)
        assert tables.asked[-1].one("page_size") == "1"


def test_a_query_has_no_length(session: Session) -> None:
    with assert_num_requests(session, 0), pytest.raises(TypeError, match="len"):
        len(session.tasks)  # type: ignore[arg-type]


def test_a_query_survives_copying_and_pickling(session: Session, mixed: Project) -> None:
    query = mixed.tasks.filter(status="completed").order_by("-id")
    expected = list(query)
    with assert_num_requests(session, 0):
        copies = [copy.copy(query), copy.deepcopy(query), pickle.loads(pickle.dumps(query))]
    for made in copies:
        assert list(made) == expected
        assert all(one is other for one, other in zip(made, expected, strict=True))


def test_only_what_was_asked_for_is_sent(emulator: Any, mixed: Project) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        assert set(session.tasks.only("status")[0]._raw) == {"id", "status"}
        assert "data" not in session.tasks.omit("data").filter(status="skipped")[0]._raw


def test_a_page_is_as_large_as_was_asked_for(emulator: Any, mixed: Project) -> None:
    with Session(emulator.url, emulator.api_token, page_size=2) as session:
        with assert_num_requests(session, 4):
            assert len(list(session.tasks)) == 7
        with assert_num_requests(session, 1):
            assert len(list(session.tasks.page_size(10))) == 7


def test_links_to_another_host_are_followed_to_the_own_one(connected: Session, tables: Any) -> None:
    tables.rows["tasks"] = [{"id": n} for n in range(250)]
    assert [task.id for task in connected.tasks] == list(range(250))
    assert len(tables.asked) == 3


def test_rows_that_come_in_between_pages_give_nothing_twice(
    connected: Session, tables: Any
) -> None:
    rows = [{"id": n} for n in range(1, 301)]
    tables.rows["tasks"] = rows

    def insert(asked: Any) -> None:
        if asked.one("page"):
            rows.insert(0, {"id": 1000 + len(rows)})

    tables.before = insert
    ids = [task.id for task in connected.tasks.iterate(workers=1)]
    assert len(ids) == len(set(ids))
    assert set(range(1, 301)) <= set(ids)


def test_rows_that_leave_the_filter_while_it_is_walked_through_are_all_reached(
    session: Session, units: Any
) -> None:
    units(25)
    for task in session.tasks.filter(status="pending").page_size(5):
        task.annotate({"done": True})
    assert session.tasks.filter(status="pending").count() == 0


@pytest.mark.parametrize("paging", ["auto", "keys", "cursor", "numbers"])
@pytest.mark.parametrize(
    "order", [(), ("id",), ("-id",), ("-created",), ("status",), ("status", "-id")]
)
def test_every_way_through_a_long_list_gives_each_row_once(
    emulator: Any, units: Any, paging: Any, order: tuple[str, ...]
) -> None:
    for task in units(40)[::3]:
        task.status = "completed"
        task.save()
    with Session(emulator.url, emulator.api_token, paging=paging, page_size=3) as session:
        rows = list(session.tasks.order_by(*order).values("id", "status", "created"))
    assert len({row["id"] for row in rows}) == len(rows) == 40
    expected = sorted(rows, key=itemgetter("id"))
    for name in reversed(order):
        expected.sort(key=itemgetter(name.lstrip("-")), reverse=name.startswith("-"))
    assert rows == expected


PAST, FUTURE = datetime(1999, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


def own_and_other(name: str, said: Any) -> tuple[Any, Any]:
    """A value of a filter that a row must match, if it is known, and one that it can't."""
    base, _, lookup = name.partition("__")
    if lookup == "in":
        own, other = own_and_other(base, said)
        return (None if own is None else [own]), [other]
    if lookup and base == "id":
        return (0, 10**9) if lookup.startswith("gt") else (10**9, 0)
    if name.endswith("_after") or lookup.startswith("gt"):
        return PAST, FUTURE
    if name.endswith("_before") or lookup.startswith("lt"):
        return FUTURE, PAST
    if name in {"created", "updated"}:
        return datetime.fromisoformat(said.replace("Z", "+00:00")), PAST
    if isinstance(said, bool):
        return said, not said
    other = "no such value" if isinstance(said, str) else 10**9
    return (None if said in ("", []) else said), other


@pytest.mark.parametrize(
    "plural",
    [c.__schema__.plural for c in (Project, synapse.Task, synapse.DataCollection, DataUnit)],
)
def test_every_declared_filter_is_one_of_the_server(
    session: Session, mixed: Project, plural: str
) -> None:
    manager = getattr(session, plural)
    schema = manager._resource.__schema__
    row = next(iter(manager.values()))
    for name in sorted(lookups.filter_names(schema)):
        base, _, lookup = name.partition("__")
        relation = schema.fields.get(base.removesuffix("_id"))
        own, other = own_and_other(name, row.get(base.removesuffix("_id")))
        if relation is not None and relation.choice is not None:
            other = next(one for one in relation.choice if one.value != row[base])
            other = [other] if lookup else other
        if own is not None:
            assert manager.filter(**{name: own}).filter(id=row["id"]).count() == 1, name
        if relation is not None and (relation.is_relation or base in ("assignee", "group")):
            # An id that the tenant doesn't have is refused, which shows that it was looked at.
            with pytest.raises(synapse.errors.ValidationError, match=relation.name):
                manager.filter(**{name: other}).count()
        else:
            assert not manager.filter(**{name: other}).filter(id=row["id"]).exists(), name


def test_every_declared_order_is_one_of_the_server(session: Session, mixed: Project) -> None:
    session.projects.create(title="A", category="image", is_archived=True, can_discard=True)
    session.projects.create(
        title="Z", category="video", description="z", access_level="public",
        count_max_assignments_per_task=3, data_collection=mixed.data_collection,
    )  # fmt: skip
    for manager in (session.projects, session.tasks):
        schema = manager._resource.__schema__
        names = [n for n, f in schema.fields.items() if f.is_filterable and not f.is_list]
        for name in names:
            distinct = {repr(row.get(name)) for row in manager.values(name)}
            up = [row["id"] for row in manager.order_by(name).values("id")]
            down = [row["id"] for row in manager.order_by(f"-{name}").values("id")]
            assert sorted(up) == sorted(down)
            # Ties are in the order of the ids in both; only one value gives one order.
            assert (up != down) == (len(distinct) > 1), (schema.name, name)


def test_a_class_that_is_not_listed_says_so(session: Session) -> None:
    class Unlisted(synapse.orm.query.Query[Any]):  # type: ignore[name-defined]
        __slots__ = ()

    query = Unlisted(registry.get("DataFile"), session)
    with pytest.raises(UsageError, match="doesn't list data_files"):
        list(query)
