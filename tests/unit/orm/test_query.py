"""Queries: verbs that refine without a request, and refusals before one."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Project, Session
from synapse.errors import InvalidQuery, UsageError


def test_query_is_never_changed_by_its_verbs(offline: Session) -> None:
    query = offline.tasks.filter(status="pending")
    before = query._params(100)
    query.filter(priority="low").search("x").order_by("id").expand("project").only("id").all()

    assert query[2:] is not query
    assert query._params(100) == before


def test_empty_query_answers_without_a_request(offline: Session) -> None:
    query = offline.tasks.filter(id=[])

    assert (list(query), list(query.values()), query.count(), query.first()) == ([], [], 0, None)
    assert not query.exists()


def test_length_names_the_verb_that_counts(offline: Session) -> None:
    with pytest.raises(TypeError, match=r"use count\(\)"):
        len(offline.tasks)  # type: ignore[arg-type]


def test_the_id_cannot_be_omitted(offline: Session) -> None:
    with pytest.raises(InvalidQuery, match="id can't be omitted"):
        offline.tasks.omit("id")


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "10"])
def test_a_page_has_a_whole_number_of_rows(offline: Session, size: Any) -> None:
    with pytest.raises(InvalidQuery, match="whole number from 1"):
        offline.tasks.page_size(size)


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_a_whole_number_of_pages_is_in_flight(offline: Session, workers: Any) -> None:
    with pytest.raises(InvalidQuery, match="whole number from 1"):
        offline.tasks.iterate(workers=workers)


@pytest.mark.parametrize(
    "verb", [lambda q: q.filter(id=1), lambda q: q.search("x"), lambda q: q.order_by("id")]
)
def test_what_would_change_the_rows_cannot_follow_a_slice(offline: Session, verb: Any) -> None:
    with pytest.raises(InvalidQuery, match="slice last"):
        verb(offline.tasks[:5])


def test_get_needs_an_id_or_filters(offline: Session) -> None:
    with pytest.raises(InvalidQuery, match="give get\\(\\) an id or filters"):
        offline.tasks.get()


@pytest.mark.parametrize("key", ["", " ", "a/b", "..", True, 1.5, b"1"])
def test_what_cannot_be_an_id_is_refused_before_asking(offline: Session, key: Any) -> None:
    with pytest.raises(UsageError, match="id"):
        offline.tasks.get(key)


def test_an_id_is_not_looked_for_in_a_slice(offline: Session) -> None:
    with pytest.raises(InvalidQuery, match="slice"):
        offline.tasks[:5].get(3)


def test_a_query_shows_what_it_asks_for(offline: Session, make: Any) -> None:
    assert repr(offline.tasks) == "<TaskManager[Task]>"
    query = make(Project, id=5).tasks.filter(status="pending", params={"x": 1}).search("cat")
    query = query.order_by("-id").expand("project")[10:20]
    assert repr(query) == (
        "<TaskManager[Task] of Project 5 where status='pending', x=1, search='cat', "
        "ordering=-id, expand=project[10:20]>"
    )
    assert repr(offline.data_files) == "<DataFileManager[DataFile]>"
