"""The verbs of managers that write: checks before a request, batches, refusals, whole queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from synapse import DataUnit, Project, Session, Task
from synapse.errors import BadRequest, BulkError, InvalidQuery, InvalidResponse, ValidationError


@pytest.fixture
def scripted(server: Any) -> Iterator[Session]:
    """A session with the scripted server."""
    with Session(server.url, "no-token", retries=0) as session:
        yield session


def read_body(server: Any) -> Any:
    return json.loads(server.last.body)


def reply_page(server: Any, *rows: dict[str, Any], next_page: str | None = None) -> None:
    server.reply(200, {"count": 2, "next": next_page, "previous": None, "results": list(rows)})


def load_tasks(session: Session, **row: Any) -> list[Task]:
    """Return the tasks 1 and 2, as if a server had sent them."""
    return session.identity.load(Task, [{"id": number, **row} for number in (1, 2)])


class TestCreate:
    def test_unknown_keys_go_along(self, scripted: Session, server: Any) -> None:
        server.reply(201, {"id": 1})

        project = scripted.projects.create(title="a", extra={"mood": "good"})

        assert project.id == 1
        assert read_body(server) == {"title": "a", "mood": "good"}

    def test_manager_fills_in_its_owner(self, scripted: Session, server: Any) -> None:
        project = scripted.identity.load(Project, [{"id": 5}])[0]
        server.reply(201, {"id": 1})

        project.tasks.create(data_unit_id=3)

        assert read_body(server) == {"project": 5, "data_unit": 3}

    def test_misspelled_field_names_the_right_one(self, offline: Session) -> None:
        with pytest.raises(InvalidQuery, match=r"did you mean 'title'\? .*extra="):
            offline.projects.create(titel="a")

    def test_field_that_the_server_sets(self, offline: Session) -> None:
        with pytest.raises(InvalidQuery, match=r"Project\.created is set by the server alone"):
            offline.projects.create(created="now")

    def test_other_owner_is_refused(self, offline: Session, make: Any) -> None:
        with pytest.raises(InvalidQuery, match="of Project 5, not of another project"):
            make(Project, id=5).tasks.create(project=6)

    def test_object_of_the_wrong_class(self, offline: Session, make: Any) -> None:
        with pytest.raises(InvalidQuery, match=r"Task\.project takes a Project or its id, not a"):
            offline.tasks.create(project=make(DataUnit))

    def test_response_without_an_object(self, scripted: Session, server: Any) -> None:
        server.reply(201, ["what?"])

        with pytest.raises(InvalidResponse):
            scripted.projects.create(title="a")


class TestBulkCreate:
    def test_generator_is_read_batch_by_batch(self, scripted: Session, server: Any) -> None:
        for batch in ([1, 2], [3, 4], [5]):
            server.reply(201, [{"id": number} for number in batch])
        sent = []

        def items() -> Iterator[dict[str, Any]]:
            for number in range(1, 6):
                sent.append(len(server.requests))
                yield {"meta": {"n": number}}

        tasks = scripted.tasks.bulk_create(items(), batch_size=2, workers=1)

        assert [task.id for task in tasks] == [1, 2, 3, 4, 5]
        assert sent == [0, 0, 1, 1, 2]
        assert read_body(server) == [{"meta": {"n": 5}}]

    def test_no_item_makes_no_request(self, offline: Session) -> None:
        assert offline.tasks.bulk_create([]) == []

    @pytest.mark.parametrize(
        ("item", "problem"),
        [
            ({"statsu": 1}, "did you mean 'status'"),
            (5, "5 is not a mapping"),
            ("ab", "'ab' is not a mapping"),
        ],
    )
    def test_malformed_item_is_refused_without_a_request(
        self, offline: Session, item: Any, problem: str
    ) -> None:
        with pytest.raises(InvalidQuery, match=f"^item 1: .*{problem}"):
            offline.tasks.bulk_create([{"data_unit": 3}, item])

    @pytest.mark.parametrize("size", [0, -1])
    def test_batch_size_is_positive(self, offline: Session, size: int) -> None:
        with pytest.raises(InvalidQuery, match=f"batch_size is {size}"):
            offline.tasks.bulk_create([], batch_size=size)

    def test_malformed_item_of_a_later_batch_has_the_created_ones(
        self, scripted: Session, server: Any
    ) -> None:
        server.reply(201, [{"id": 1}, {"id": 2}])

        with pytest.raises(BulkError, match=r"item 2: .*'status'.* 2 were made") as caught:
            scripted.tasks.bulk_create(iter([{}, {}, {"statsu": 1}]), batch_size=2)

        assert [task.id for task in caught.value.created] == [1, 2]
        assert list(caught.value.errors) == [2]

    def test_reasons_have_the_position_in_the_whole_list(
        self, scripted: Session, server: Any
    ) -> None:
        server.reply(201, [{"id": 1}, {"id": 2}])
        server.reply(400, {"1": {"status": ["wrong"]}, "detail": "x", "0": {}})

        with pytest.raises(BulkError, match=r"from 2 to 3 was not made.* refused 1 of") as caught:
            scripted.tasks.bulk_create([{}, {}, {}, {}], batch_size=2, workers=1)

        assert caught.value.errors == {3: {"status": ["wrong"]}}
        assert [task.id for task in caught.value.created] == [1, 2]
        assert isinstance(caught.value.cause, BadRequest)

    @pytest.mark.parametrize("response", ["no", None, 5])
    def test_refusal_without_reasons_is_of_the_whole_batch(
        self, scripted: Session, server: Any, response: Any
    ) -> None:
        server.reply(400, response)

        with pytest.raises(BulkError, match="from 0 to 1 was not made: the server refused them"):
            scripted.tasks.bulk_create([{}, {}])

    @pytest.mark.parametrize(
        ("status", "response"),
        [
            (500, {"detail": "broken"}),
            (408, {"0": {"status": ["late"]}}),
            (201, {"id": 1}),
            (201, [{"id": 1}]),
            (201, [5, 6]),
        ],
    )
    def test_batch_of_unknown_fate_is_not_called_refused(
        self, scripted: Session, server: Any, status: int, response: Any
    ) -> None:
        server.reply(status, response)

        with pytest.raises(BulkError, match="may have been made or not") as caught:
            scripted.tasks.bulk_create([{}, {}])

        assert caught.value.errors == {}


class TestUpdate:
    def test_objects_do_not_share_a_value(self, scripted: Session, server: Any) -> None:
        first, second = load_tasks(scripted, meta={})
        reply_page(server, {"id": 1, "meta": {}}, {"id": 2, "meta": {}})
        for number in (1, 2):
            server.reply(200, {"id": number})
        tags: dict[str, list[int]] = {"k": []}

        assert scripted.tasks.all().update(meta=tags) == 2

        first.meta["k"].append(1)
        assert (second.meta, tags) == ({"k": []}, {"k": []})

    def test_object_with_the_value_costs_no_request(self, scripted: Session, server: Any) -> None:
        reply_page(server, {"id": 1, "status": "skipped"}, {"id": 2, "status": "pending"})
        server.reply(200, {"id": 2, "status": "skipped"})

        assert scripted.tasks.all().update(status="skipped") == 2

        assert len(server.requests) == 2
        assert server.last.target == "/tasks/2/"

    def test_failure_restores_the_failing_object(self, scripted: Session, server: Any) -> None:
        tasks = load_tasks(scripted, status="pending")
        reply_page(server, {"id": 1, "status": "pending"}, {"id": 2, "status": "pending"})
        server.reply(200, {"id": 1, "status": "skipped"})
        server.reply(400, {"status": ["Not allowed."]})

        with pytest.raises(ValidationError):
            scripted.tasks.all().update(status="skipped")

        assert [task.status for task in tasks] == ["skipped", "pending"]
        assert not any(task.is_changed for task in tasks)

    @pytest.mark.parametrize("name", ["statsu", "created", "id", "files", "tasks"])
    def test_only_fields_that_can_be_set(self, offline: Session, name: str) -> None:
        with pytest.raises(InvalidQuery, match=f"no field '{name}' to set"):
            offline.tasks.all().update(**{name: 1})


def test_query_is_read_whole_before_the_first_deletion(scripted: Session, server: Any) -> None:
    reply_page(server, {"id": 1}, next_page=f"{server.url}tasks/?page=2")
    reply_page(server, {"id": 2})
    for _ in range(2):
        server.reply(204, b"")

    assert scripted.tasks.all().delete() == 2

    assert [request.method for request in server.requests] == ["GET", "GET", "DELETE", "DELETE"]


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_bare_manager_is_not_written_to(offline: Session, verb: str) -> None:
    values = {"status": "skipped"} if verb == "update" else {}
    with pytest.raises(InvalidQuery, match=rf"every Task: write \.all\(\)\.{verb}"):
        getattr(offline.tasks, verb)(**values)
    with pytest.raises(InvalidQuery, match="every Task"):
        getattr(offline.tasks.order_by("id").expand("project"), verb)(**values)
