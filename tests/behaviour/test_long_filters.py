"""Filters with more values than fit into one request, and bounds as Django writes them."""

from __future__ import annotations

from typing import Any

import pytest

import synapse
from synapse import Project, Session
from synapse.errors import FilterIgnored, InvalidQuery


@pytest.fixture
def narrow(emulator: Any) -> Any:
    """A session whose queries may have 400 bytes."""
    with synapse.Session(emulator.url, emulator.api_token, max_query_length=400) as session:
        yield session


@pytest.fixture
def ids(narrow: Session) -> list[int]:
    """The ids of 200 tasks of a project."""
    project = narrow.projects.create(title="Long", category="image")
    made = project.tasks.bulk_create({"status": "pending"} for _ in range(200))
    return [task.id for task in made]


class TestLongLists:
    def test_reading(self, narrow: Session, ids: list[int]) -> None:
        query = narrow.tasks.filter(id__in=ids[::-2], status=["pending", "completed"])
        wanted = sorted(ids[::-2])
        assert [task.id for task in query] == wanted
        assert [row["id"] for row in query.values("id")] == wanted
        assert [page.total for page in query.pages()] == [100]
        assert query.count() == 100
        assert query.exists()
        first = query.first()
        assert first is not None
        assert first.id == wanted[0]
        assert [task.id for task in query[30:50]] == wanted[30:50]
        assert query[7].id == wanted[7]
        assert [task.id for task in query.order_by("-id")] == wanted[::-1]
        assert [task.id for task in query.order_by("-id")[:3]] == wanted[:-4:-1]

    def test_another_parameter(self, narrow: Session, ids: list[int]) -> None:
        projects = [narrow.projects.create(title=str(n), category="image") for n in range(60)]
        for project in projects[::-1]:
            project.tasks.create(status="pending")
        tasks = list(narrow.tasks.filter(project=projects))
        assert [task.project for task in tasks] == projects[::-1]
        assert tasks == sorted(tasks, key=lambda task: task.id)

    def test_in_bulk(self, narrow: Session, ids: list[int]) -> None:
        asked = [*ids[::-1], 10**9]
        assert list(narrow.tasks.in_bulk(asked)) == ids[::-1]

    def test_writing(self, narrow: Session, ids: list[int]) -> None:
        query = narrow.tasks.filter(id=ids)
        tag = narrow.tasks.get(ids[0]).project.task_tags.create(name="seen")
        assert query.set_tags([tag]) == 200
        assert narrow.tasks.filter(tags=tag).count() == 200
        assert query[:60].update(status="completed") == 60
        assert narrow.tasks.filter(id=ids, status="completed").count() == 60
        units = narrow.data_units.filter(id=list(range(10**6, 10**6 + 200)))
        assert units.delete() == 0

    def test_nothing_matches(self, narrow: Session) -> None:
        query = narrow.tasks.filter(id=list(range(10**6, 10**6 + 200)))
        assert (list(query), query.count(), query.exists(), query.first()) == ([], 0, False, None)

    @pytest.mark.parametrize(
        ("make", "complaint"),
        [
            (lambda s: s.tasks.filter(id=range(200)).order_by("status"), "can't be joined"),
            (lambda s: s.tasks.filter(tags=range(200)), "may have several of them"),
            (lambda s: s.tasks.search("word " * 200), "no list of values"),
        ],
    )
    def test_what_cannot_be_joined_is_said_before_sending(self, make: Any, complaint: str) -> None:
        with synapse.Session("http://127.0.0.1:9/", "token", max_query_length=400) as session:
            query = make(session)
            with pytest.raises(InvalidQuery, match=complaint):
                list(query)
            if "joined" not in complaint:
                with pytest.raises(InvalidQuery, match=complaint):
                    query.count()

    def test_ten_thousand_ids(self, session: Session, project: Project) -> None:
        tasks = project.tasks.bulk_create({"status": "pending"} for _ in range(400))
        wanted = [task.id for task in tasks]
        many = [*wanted, *range(10**7, 10**7 + 9_600)]
        query = session.tasks.filter(id=many)
        assert query.count() == 400
        assert [task.id for task in query] == wanted
        assert len(repr(query)) < 200


class TestBounds:
    def test_of_the_id(self, session: Session, project: Project) -> None:
        made = [task.id for task in project.tasks.bulk_create([{"status": "pending"}] * 5)]
        query = project.tasks.filter(id__gt=made[0])
        assert [task.id for task in query] == made[1:]
        assert [task.id for task in query.filter(id__lte=made[3])] == made[1:4]
        assert [task.id for task in query.filter(id__lte=made[3], id__gt=made[2])] == [made[3]]
        assert query.filter(id__lt=made[1]).count() == 0

    def test_of_a_time(self, session: Session, project: Project) -> None:
        made = list(project.tasks.bulk_create([{"status": "pending"}] * 3))
        last = project.tasks.get(made[-1].id)
        assert last in list(project.tasks.filter(created__gte=last.created))
        assert last not in list(project.tasks.filter(created__lt=last.created))

    def test_the_narrower_of_two_holds(self, session: Session) -> None:
        query = session.tasks.filter(id__lt=9, id__gte=1).filter(id__lt=5, id__gte=3)
        assert query._params(1)[:2] == [("id__lt", 5), ("id__gte", 3)]

    @pytest.mark.parametrize(
        ("filters", "complaint"),
        [
            ({"id__lt": "next"}, "whole number"),
            ({"id__lt": 1.5}, "whole number"),
            ({"id__lt": True}, "whole number"),
            ({"id__lt": None}, "can't be filtered by None"),
            ({"id__in": 5}, "Pass a list"),
            ({"created__gte": "yesterday"}, "time zone"),
            ({"created__gte": "2027-01-01T00:00:00"}, "time zone"),
            ({"created_after": "yesterday"}, "time zone"),
            ({"status__lt": "pending"}, "has no filter"),
            ({"id__foo": 1}, "has no filter"),
        ],
    )
    def test_bad_values(self, session: Session, filters: dict[str, Any], complaint: str) -> None:
        with pytest.raises(InvalidQuery, match=complaint):
            session.tasks.filter(**filters)

    @pytest.mark.parametrize(
        "filters",
        [{"id__lt": 3}, {"id__in": [2, 3]}, {"created__gte": "2027-01-02T00:00:00Z"}, {"id": 7}],
    )
    def test_a_server_that_ignores_them(
        self, connected: Session, tables: Any, filters: dict[str, Any]
    ) -> None:
        rows = [{"id": n, "created": f"2027-01-0{n}T00:00:00Z"} for n in range(1, 10)]
        tables.rows["tasks"] = rows
        tables.before = lambda asked: (200, {"count": 9, "next": None, "results": rows})
        query = connected.tasks.filter(**filters)
        for use in (list, lambda q: q.count(), lambda q: q.first(), lambda q: list(q.values())):
            with pytest.raises(
                FilterIgnored,
                match=f"doesn't know the filter '{next(iter(filters)).removesuffix('__in')}",
            ):
                use(query)


class TestEvents:
    def test_events_of_one_truth_are_different_objects(
        self, session: Session, emulator: Any, unit: Any
    ) -> None:
        versions = [
            emulator.emulator.add_ground_truths(
                emulator.tenant,
                [{"data_unit": unit.id, "data": {"n": n}, "category": "train"}],
                version=str(n),
            )
            for n in range(2)
        ]
        events = list(session.ground_truth_events.filter(ground_truth_dataset_versions=versions))
        assert len({event.id for event in events}) == 1
        assert len({event.pgh_id for event in events}) == len(set(events)) == 2
        assert [event.data for event in events] == [{"n": 0}, {"n": 1}]
        newest = session.ground_truth_events.get(events[1].pgh_id)
        assert newest is events[1]
        assert list(session.ground_truth_events.order_by("-pgh_id")) == events[::-1]
