"""The accounts of a bulk creation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synapse import Session, Task
from synapse.errors import BulkError, FieldValueError, InvalidQuery, UsageError
from synapse.orm.bulk_creation import BulkCreation, InvalidItem


@pytest.fixture
def scripted(server: Any) -> Iterator[Session]:
    """A session with the scripted server."""
    with Session(server.url, "no-token", retries=0) as session:
        yield session


def create(session: Session, bodies: Any, *, keeps: bool = True) -> Iterator[list[Task]]:
    return BulkCreation(session, Task, bodies, batch_size=2, workers=1, keeps=keeps).run()


def fail_after(count: int, error: BaseException) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"meta": {"n": number}}
    raise error


@pytest.mark.parametrize("kind", [InvalidQuery, UsageError, FieldValueError])
def test_an_invalid_item_before_the_first_request_keeps_its_kind(
    scripted: Session, kind: Any
) -> None:
    with pytest.raises(kind, match=r"^item 1: no$") as caught:
        list(create(scripted, fail_after(1, InvalidItem(1, kind("no")))))
    assert type(caught.value) is kind
    assert scripted.request_count == 0


@pytest.mark.parametrize(
    ("keeps", "created"), [(True, [1, 2, 3, 4]), (False, [])], ids=["kept", "yielded"]
)
def test_an_error_has_what_was_not_yielded(
    scripted: Session, server: Any, keeps: bool, created: list[int]
) -> None:
    server.reply(201, [{"id": 1}, {"id": 2}])
    server.reply(201, [{"id": 3}, {"id": 4}])
    batches = create(scripted, fail_after(4, OSError("gone")), keeps=keeps)
    with pytest.raises(BulkError, match=r"after 4 tasks were made.* Item 4 and later") as caught:
        list(batches)
    assert [task.id for task in caught.value.created] == created
    assert caught.value.positions == list(range(len(created)))
    assert caught.value.uncertain == []


def test_a_part_of_a_divided_batch_is_named(scripted: Session, server: Any) -> None:
    server.reply(413, {"detail": "Too large."})
    server.reply(201, [{"id": 1}])
    server.reply(400, [{"status": ["No."]}])
    with pytest.raises(BulkError, match=r"from 1 to 1 was not made.* 1 were made before") as caught:
        list(create(scripted, [{}, {}]))
    assert (caught.value.positions, caught.value.errors) == ([0], {1: {"status": ["No."]}})


def test_a_refusal_names_only_the_objects_that_the_error_has(
    scripted: Session, server: Any
) -> None:
    server.reply(201, [{"id": 1}, {"id": 2}])
    server.reply(403, {"detail": "No."})
    with pytest.raises(BulkError) as caught:
        list(create(scripted, [{}, {}, {}], keeps=False))
    assert str(caught.value).endswith("before it; err.created has those that were not yielded.")
    assert caught.value.created == []


def test_a_server_that_puts_off_has_created_nothing(scripted: Session, server: Any) -> None:
    server.reply(503, {"detail": "Later."}, headers={"Retry-After": "9"})
    with pytest.raises(BulkError, match="from 0 to 1 was not made: 2 new tasks: Later") as caught:
        list(create(scripted, [{}, {}]))
    assert caught.value.uncertain == []


def test_malformed_rows_are_uncertain(scripted: Session, server: Any) -> None:
    server.reply(201, [{"id": 1}, {"name": "no id"}])
    with pytest.raises(BulkError, match="from 0 to 1 may have been made or not") as caught:
        list(create(scripted, [{}, {}]))
    assert (caught.value.created, caught.value.uncertain) == ([], [0, 1])
