"""What a query may name, and what its filters become. None of it makes a request."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

import synapse
from synapse import JobStatus, Project, Session, Task, TaskStatus, User
from synapse.errors import InvalidQuery
from synapse.orm import lookups, registry

UTC = timezone.utc
TIMES = {"created", "updated", "completed", "connected", "expires_at"}


def sent(query: Any) -> dict[str, Any]:
    """What a query would ask for, by name; a repeated parameter as a list."""
    found: dict[str, Any] = {}
    for name, value in query._params(100):
        found[name] = value if name not in found else [*_list(found[name]), value]
    del found["page_size"]
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


MISSPELLED = [
    (lambda s: s.tasks.filter(statsu="pending"), "Task has no filter 'statsu'", "status"),
    (
        lambda s: s.tasks.filter(createdafter=1),
        "Task has no filter 'createdafter'",
        "created_after",
    ),
    (lambda s: s.projects.filter(titel="x"), "Project has no filter 'titel'", "title"),
    (lambda s: s.tasks.get(projct=1), "Task has no filter 'projct'", "project"),
    (lambda s: s.tasks.order_by("-statsu"), "Task can't be ordered by '-statsu'", "status"),
    (lambda s: s.tasks.expand("data_unti"), "no relation 'data_unti' to expand", "data_unit"),
    (
        lambda s: s.tasks.expand("data_unit.data_colection"),
        "DataUnit has no relation 'data_colection'",
        "data_collection",
    ),
    (lambda s: s.tasks.only("statsu"), "Task has no field 'statsu'", "status"),
    (lambda s: s.tasks.omit("dta"), "Task has no field 'dta'", "data"),
    (lambda s: s.tasks.values("statsu"), "Task has no field 'statsu'", "status"),
    (lambda s: s.projects.create(titel="x"), "Project has no field 'titel'", "title"),
    (lambda s: s.tasks.bulk_create([{"statsu": 1}]), "Task has no field 'statsu'", "status"),
    (lambda s: s.tasks.all().update(statsu="x"), "Task has no field 'statsu'", "status"),
]


@pytest.mark.parametrize(("call", "complaint", "meant"), MISSPELLED)
def test_a_misspelled_name_is_refused_with_what_was_meant(
    offline: Session, call: Any, complaint: str, meant: str
) -> None:
    with pytest.raises(InvalidQuery) as caught:
        call(offline)
    assert complaint in str(caught.value)
    assert f"did you mean '{meant}'?" in str(caught.value)


def test_a_name_like_nothing_is_refused_with_what_there_is(offline: Session) -> None:
    with pytest.raises(InvalidQuery, match=r"There are: .*priority.* params="):
        offline.tasks.filter(xyzzy=1)


def test_a_field_that_is_no_filter_is_told_from_an_unknown_name(offline: Session) -> None:
    with pytest.raises(InvalidQuery, match=r"Task\.meta can't be filtered by"):
        offline.tasks.filter(meta={})


@pytest.mark.parametrize(
    ("filters_", "expected"),
    [
        ({"status": "pending"}, {"status": "pending"}),
        ({"status": TaskStatus.PENDING}, {"status": "pending"}),
        ({"status": ["pending", TaskStatus.SKIPPED]}, {"status": ["pending", "skipped"]}),
        ({"is_discarded": True}, {"is_discarded": "true"}),
        ({"is_discarded": False}, {"is_discarded": "false"}),
        ({"id": {7}}, {"id": 7}),
        ({"id": (n for n in (1, 2))}, {"id__in": "1,2"}),
        ({"id__in": [1, 2]}, {"id__in": "1,2"}),
        ({"id__in": [1]}, {"id": 1}),
        ({"status__in": ["pending", "skipped"]}, {"status": ["pending", "skipped"]}),
        ({"id__lt": 7, "id__gte": 2}, {"id__lt": 7, "id__gte": 2}),
        ({"id__gt": "41"}, {"id__gt": 41}),
        (
            {"created__gte": datetime(2026, 1, 1, 12, tzinfo=UTC)},
            {"created__gte": "2026-01-01T12:00:00+00:00"},
        ),
        ({"created__lt": "2026-01-01"}, {"created__lt": "2026-01-01T00:00:00+00:00"}),
        ({"created_after": "2026-01-01"}, {"created_after": "2026-01-01T00:00:00+00:00"}),
        ({"created__lt": "2026-01-01T12:00:00Z"}, {"created__lt": "2026-01-01T12:00:00Z"}),
        ({"project": 5}, {"project": 5}),
        ({"project_id": 5}, {"project": 5}),
        (
            {"created_after": datetime(2026, 1, 1, 12, tzinfo=UTC)},
            {"created_after": "2026-01-01T12:00:00+00:00"},
        ),
        ({"created_before": date(2026, 1, 1)}, {"created_before": "2026-01-01T00:00:00+00:00"}),
    ],
)
def test_filters_become_parameters(
    offline: Session, filters_: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert sent(offline.tasks.filter(**filters_)) == expected


def test_a_resource_stands_for_its_id(offline: Session, make: Any) -> None:
    project = make(Project, id=5)
    assert sent(offline.tasks.filter(project=project)) == {"project": 5}
    assert sent(offline.tasks.filter(project=[project, 6])) == {"project": [5, 6]}
    assert sent(offline.projects.filter(id=project)) == {"id": 5}


@pytest.mark.parametrize(
    ("filters_", "complaint"),
    [
        ({"status": None}, "can't be filtered by None"),
        ({"status": [None]}, "can't be filtered by None"),
        ({"status": ""}, "empty text"),
        ({"status": ["pending", ""]}, "empty text"),
        ({"created_after": datetime(2026, 1, 1)}, "without a time zone"),  # noqa: DTZ001
        ({"created_after": np.datetime64("2027-01-01T00:00:00", "ns")}, "without a time zone"),
        ({"created_after": np.array(["2027-01-01"], "datetime64[ns]")}, "without a time zone"),
        ({"created_after": pd.Timestamp("2027-01-01")}, "without a time zone"),
        ({"created_after": pd.NaT}, "can't be filtered by NaT"),
        ({"created_after": np.datetime64("NaT", "s")}, "can't be filtered by NaT"),
        ({"project": pd.NA}, "can't be filtered by <NA>"),
        ({"id": [1, float("nan")]}, "can't be filtered by nan"),
        ({"id": np.timedelta64(1, "ns")}, "span of time"),
        ({"status": "\ud800"}, "not Unicode text"),
        ({"status": object()}, "can't be a filter's value"),
        ({"status": {"a": 1}}, "a dict can't be a filter's value"),
        ({"status": b"pending"}, "status can't be a filter's value: status is a bytes"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(
    offline: Session, filters_: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidQuery, match=complaint):
        offline.tasks.filter(**filters_)


@pytest.mark.parametrize("name", ["data_unit", "id"])
def test_an_object_of_the_wrong_class_is_no_filter(offline: Session, make: Any, name: str) -> None:
    with pytest.raises(InvalidQuery, match="not a Project"):
        offline.tasks.filter(**{name: make(Project)})


def test_an_object_is_an_id_only_where_one_of_its_kind_is_meant(
    offline: Session, make: Any
) -> None:
    assert "assignee=3" in repr(offline.tasks.filter(assignee=make(User, id=3)))
    with pytest.raises(
        InvalidQuery, match=r"^Task\.assignee takes a User or its id, not a Project"
    ):
        offline.tasks.filter(assignee=make(Project))
    with pytest.raises(InvalidQuery, match=r"^Project\.title takes a value, not an object"):
        offline.projects.filter(title=make(Task))
    with pytest.raises(InvalidQuery, match=r"^Project\.title takes a value, not an object"):
        offline.projects.create(title=make(Task), category="image")
    with pytest.raises(InvalidQuery, match=r"^item 0: Task\.assignee takes a User"):
        offline.tasks.bulk_create([{"assignee": make(Project)}])


def test_an_empty_list_matches_nothing_without_asking(offline: Session) -> None:
    query = offline.tasks.filter(status=[])
    assert list(query) == []
    assert list(query.values("id")) == []
    assert list(query.pages()) == []
    assert query.count() == 0
    assert query.first() is None
    assert not query.exists()
    assert query.in_bulk([1]) == {}
    assert query.filter(status="pending").count() == 0
    assert query.update(status="skipped") == 0
    assert query.delete() == 0
    with pytest.raises(synapse.errors.NotFound):
        query.get(5)
    with pytest.raises(synapse.errors.NotFound):
        query.get()
    with pytest.raises(IndexError):
        query[0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"status": "pending"}, {"priority": "low"}, {"status": "pending", "priority": "low"}),
        ({"status": ["pending", "skipped"]}, {"status": "pending"}, {"status": "pending"}),
        ({"status": "pending"}, {"status": "pending"}, {"status": "pending"}),
        ({"id": [1, 2]}, {"id": ["2", 3]}, {"id": 2}),
        ({"project": 5}, {"project_id": [4, 5]}, {"project": 5}),
        ({"tags": [1, 2]}, {"tags": [2, 1]}, {"tags": [1, 2]}),
    ],
)
def test_a_second_filter_narrows_the_first(
    offline: Session, one: dict[str, Any], other: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert sent(offline.tasks.filter(**one).filter(**other)) == expected


def test_filters_that_exclude_each_other_match_nothing(offline: Session) -> None:
    assert offline.tasks.filter(status="pending").filter(status="skipped").count() == 0


def test_the_narrower_of_two_spans_is_asked_for(offline: Session) -> None:
    early = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    late = datetime(2026, 1, 1, tzinfo=UTC)
    for one, other in ((early, late), (late, early)):
        after = offline.tasks.filter(created_after=one).filter(created_after=other)
        assert sent(after) == {"created_after": late.isoformat()}
        before = offline.tasks.filter(created_before=one).filter(created_before=other)
        assert sent(before) == {"created_before": early.isoformat()}


def test_what_has_one_tag_and_another_cannot_be_asked_for(offline: Session) -> None:
    with pytest.raises(InvalidQuery, match="filtered by 'tags' already"):
        offline.tasks.filter(tags=1).filter(tags=2)


def test_a_filter_does_not_lead_out_of_a_scope(offline: Session, make: Any) -> None:
    project = make(Project, id=5)
    assert project.tasks.filter(project=6).count() == 0
    assert sent(project.tasks.filter(project=[5, 6])) == {"project": 5}
    assert sent(project.tasks.filter(status="pending")) == {"status": "pending", "project": 5}


def test_raw_parameters_pass_unchecked(offline: Session) -> None:
    query = offline.tasks.filter(params={"xyzzy": ["a", "b"], "status__in": 1}, status="pending")
    assert sent(query) == {"status": "pending", "xyzzy": ["a", "b"], "status__in": 1}


@pytest.mark.parametrize("text", [None, 5, True, 1.5, b"cat", ["cat"], object])
def test_what_is_no_text_is_not_searched_for(offline: Session, text: Any) -> None:
    with pytest.raises(InvalidQuery, match=r"search\(.*\) isn't a text. Pass one"):
        offline.tasks.search(text)


def test_verbs_become_parameters(offline: Session) -> None:
    query = offline.tasks.search("cat").order_by("-created", "id").expand("project", "project")
    assert sent(query) == {"search": "cat", "ordering": "-created,id", "expand": "project"}
    assert sent(offline.tasks.only("status", "id")) == {"fields": "id,status"}
    assert sent(offline.tasks.omit("data", "meta")) == {"omit": "data,meta"}


def test_the_last_order_counts(offline: Session) -> None:
    assert sent(offline.tasks.order_by("id").order_by("-id")) == {"ordering": "-id"}


def test_a_dotted_path_is_a_tree() -> None:
    schema = Task.__schema__
    paths = ["data_unit.data_collection", "project", "project.data_collection"]
    assert lookups.expansion_tree(schema, paths) == {
        "data_unit": {"data_collection": {}},
        "project": {"data_collection": {}},
    }


def test_what_can_be_expanded_but_is_no_relation_ends_a_path() -> None:
    schema = synapse.DataUnit.__schema__
    assert lookups.expansion_tree(schema, ["data_collection.file_specifications"]) == {
        "data_collection": {"file_specifications": {}}
    }
    with pytest.raises(InvalidQuery, match="file_specifications"):
        lookups.expansion_tree(schema, ["data_collection.file_specifications.x"])


@pytest.mark.parametrize("field", ["tags", "meta", "data"])
def test_what_has_no_order_is_no_order(offline: Session, field: str) -> None:
    with pytest.raises(InvalidQuery, match="can't be ordered by"):
        offline.tasks.order_by(field)


def test_the_manager_of_what_is_not_listed_has_no_verbs_to_list(offline: Session) -> None:
    assert not hasattr(offline.data_files, "filter")
    assert not hasattr(offline.data_files, "get")


def test_every_name_that_can_be_filtered_by_is_accepted(offline: Session) -> None:
    for cls in registry.declared():
        schema = cls.__schema__
        manager = getattr(offline, schema.plural)
        if schema.list_path is None:
            continue
        for name in lookups.filter_names(schema):
            base, _, lookup = name.partition("__")
            time = name.endswith(("_after", "_before")) or base in TIMES
            field = schema.fields.get(base)
            value: Any = datetime(2026, 1, 1, tzinfo=UTC) if time else "5"
            if field is not None and field.choice is not None:
                value = next(iter(field.choice))
            elif field is not None and bool in (field.kind, *get_args(field.kind)):
                value = True
            manager.filter(**{name: [value] if lookup == "in" else value})


@pytest.mark.parametrize("value", ["yes", "no", "maybe", 1, 0, "True", [True, "no"]])
def test_a_truth_value_is_true_or_false(offline: Session, value: Any) -> None:
    with pytest.raises(InvalidQuery, match=r"Project\.is_archived is True or False"):
        offline.projects.filter(is_archived=value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [("pendign", "pending"), ("Pending", "pending"), (["pending", "compleetd"], "completed")],
)
def test_a_misspelt_choice_is_refused(offline: Session, value: Any, meant: str) -> None:
    with pytest.raises(InvalidQuery, match=f"is not a TaskStatus for .* did you mean {meant!r}"):
        offline.tasks.filter(status=value)


def test_a_jobs_status_is_asked_for_in_every_spelling(offline: Session) -> None:
    for value in ("succeeded", "completed", "SUCCEEDED", JobStatus.SUCCEEDED):
        query = offline.jobs.filter(status=value)
        assert query._state.filters == (("status", "completed"), ("status", "SUCCEEDED"))


def test_numpys_numbers_are_numbers(offline: Session) -> None:
    assert offline.tasks.filter(id=np.int64(5))._state.filters == (("id", 5),)
    assert offline.tasks.filter(id=np.array(5))._state.filters == (("id", 5),)
    assert offline.tasks.filter(id=np.array([5, 6]))._state.filters == (("id", 5), ("id", 6))
    assert offline.tasks.filter(id=pd.Series([5]))._state.filters == (("id", 5),)


@pytest.mark.parametrize(
    "day",
    [
        date(2027, 1, 1),
        datetime(2027, 1, 1, tzinfo=timezone.utc),
        np.datetime64("2027-01-01"),
        pd.Timestamp("2027-01-01", tz="UTC"),
    ],
)
def test_one_day_is_one_filter_whatever_its_type(offline: Session, day: Any) -> None:
    filters = offline.tasks.filter(created_after=day)._state.filters
    assert filters == (("created_after", "2027-01-01T00:00:00+00:00"),)


def test_an_unknown_lookup_names_all_filters_of_its_field(offline: Session) -> None:
    expected = "use id=... or id__gt=... or id__gte=... or id__in=... or id__lt=... or id__lte=..."
    with pytest.raises(InvalidQuery, match=re.escape(f"'id__gtt': {expected}.")):
        offline.tasks.filter(id__gtt=1)
    with pytest.raises(InvalidQuery, match=re.escape("use status=... or status__in=....")):
        offline.tasks.filter(status__lik="p")
