"""Parquet files whose writing goes on after a failure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from list_server import ListServer

import synapse
from synapse.annotations import Label, write_document
from synapse.errors import ClientError, FieldValueError, InvalidResponse, UsageError

parquet = pytest.importorskip("pyarrow.parquet")

KEYS = range(3, 7501, 3)


@pytest.fixture
def lists() -> Iterator[ListServer]:
    """A list of 2,500 tasks whose ids lie three apart."""
    server = ListServer([{"id": key, "status": "pending"} for key in KEYS])
    server.default_order, server.is_sorted = "id", True
    yield server
    server.close()


@pytest.fixture
def tasks(lists: ListServer) -> Iterator[Any]:
    with synapse.Session(lists.url, "some-token", retries=0) as session:
        yield session.tasks.page_size(250)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "tasks.parquet"


def stop(lists: ListServer, source: Any, target: Path, *, answers: int = 8) -> None:
    """Write until the server goes down."""
    lists.answers_left = answers
    with pytest.raises(ClientError):
        source.to_parquet(target)
    assert not target.exists()
    lists.answers_left = 10**9
    lists.forget_queries()


def read_keys(target: Path, column: str = "id") -> list[Any]:
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return parquet.read_table(target).column(column).to_pylist()


@pytest.mark.parametrize("default", ["id", "-id", "is_late"])
@pytest.mark.parametrize("ordering", [(), ("id",), ("-id",)])
@pytest.mark.parametrize("fields", [(), ("status", "id")])
def test_the_same_call_goes_on(
    lists: ListServer,
    tasks: Any,
    target: Path,
    caplog: pytest.LogCaptureFixture,
    default: str,
    ordering: tuple[str, ...],
    fields: tuple[str, ...],
) -> None:
    # The server's own order may begin like that of the ids.
    lists.rows = [{**row, "is_late": row["id"] in range(3000, 6000)} for row in lists.rows]
    lists.default_order = default
    query = tasks.order_by(*ordering).filter(id__gt=300)
    source = query.values(*fields) if fields else query
    stop(lists, source, target)
    caplog.set_level(logging.INFO)

    assert source.to_parquet(target) == target

    expected = list(KEYS[100:])
    assert read_keys(target) == expected[:: -1 if ordering == ("-id",) else 1]
    assert re.fullmatch(r"tasks\.parquet: goes on after 1?\d{3} rows", caplog.messages[-1])


def test_rows_that_come_and_go_meanwhile(lists: ListServer, tasks: Any, target: Path) -> None:
    stop(lists, tasks, target)
    lists.rows = [*lists.rows[10:-1], {"id": 9000}, {"id": 9001}]

    tasks.to_parquet(target)

    assert read_keys(target) == [*KEYS[:-1], 9000, 9001]


def test_another_page_size_is_the_same_query(lists: ListServer, tasks: Any, target: Path) -> None:
    stop(lists, tasks, target)
    tasks.page_size(100).to_parquet(target)
    assert read_keys(target) == list(KEYS)
    assert any("id__gt" in query for query in lists.queries)


def test_changed_calls_say_what_changed(lists: ListServer, tasks: Any, target: Path) -> None:
    stop(lists, tasks, target)
    for changed, message in (
        (tasks.filter(status="pending"), "another query"),
        (tasks.values("id"), "another fields"),
        (tasks.filter(params={"x": 1}).filter(params={"x": 2}), "another query"),
    ):
        with pytest.raises(UsageError, match=rf"tasks\.parquet is unfinished: .*{message}"):
            changed.to_parquet(target)
    assert all("id__gt" in query for query in lists.queries)  # in flight when the call stopped

    tasks.values("id").to_parquet(target, resume=False)
    assert parquet.read_schema(target).names == ["id"]
    assert read_keys(target) == list(KEYS)


def test_a_tenant_is_another_query(lists: ListServer, tasks: Any, target: Path) -> None:
    stop(lists, tasks, target)
    with (
        synapse.Session(lists.url, "some-token", tenant="other") as session,
        pytest.raises(UsageError, match="other arguments"),
    ):
        session.tasks.page_size(250).to_parquet(target)


@pytest.mark.parametrize("kind", ["ignores", "refuses"])
def test_servers_without_bounds_begin_anew(
    lists: ListServer, tasks: Any, target: Path, kind: str
) -> None:
    lists.has_bounds = kind != "ignores"
    lists.is_strict = kind == "refuses"
    stop(lists, tasks, target)

    tasks.to_parquet(target)

    assert read_keys(target) == list(KEYS)


def test_a_failure_when_beginning_anew_keeps_the_rows(
    lists: ListServer, tasks: Any, target: Path
) -> None:
    lists.has_bounds = False
    stop(lists, tasks, target)
    part = target.with_name(".tasks.parquet.part")
    content = part.read_bytes()
    stop(lists, tasks, target, answers=1)
    assert part.read_bytes() == content


@pytest.mark.parametrize("kind", ["another order", "a slice", "by chance"])
def test_other_orders_leave_nothing_to_go_on_with(
    lists: ListServer, tasks: Any, target: Path, kind: str
) -> None:
    source = tasks.order_by("status") if kind == "another order" else tasks
    if kind == "a slice":
        source = tasks[10:]
    if kind == "by chance":
        lists.has_bounds = lists.has_cursors = lists.has_ordering = lists.is_sorted = False
        lists.default_order = None
        lists.rows[10], lists.rows[1400] = lists.rows[1400], lists.rows[10]
    stop(lists, source, target, answers=4)
    assert list(target.parent.iterdir()) == []

    source.to_parquet(target)
    assert len(read_keys(target)) == len(KEYS) - (10 if kind == "a slice" else 0)


def test_rows_that_don_t_come_after_the_stored_ones(
    lists: ListServer, tasks: Any, target: Path
) -> None:
    stop(lists, tasks, target)

    def change(query: Any) -> None:
        if len(lists.queries) == 1:
            lists.has_bounds = lists.has_cursors = False

    lists.before = change
    with synapse.Session(lists.url, "some-token", retries=0, paging="numbers") as session:
        query = session.tasks.page_size(100)
        with pytest.raises(InvalidResponse, match="resume=False"):
            query.to_parquet(target)
        assert not target.exists()
        query.to_parquet(target, resume=False)
    assert read_keys(target) == list(KEYS)


def test_a_value_that_does_not_fit_leaves_nothing(
    lists: ListServer, tasks: Any, target: Path
) -> None:
    lists.rows[2000]["assignee"] = "x"
    with pytest.raises(FieldValueError):
        tasks.to_parquet(target)
    assert list(target.parent.iterdir()) == []


def test_the_first_failure_leaves_nothing(lists: ListServer, tasks: Any, target: Path) -> None:
    stop(lists, tasks, target, answers=0)
    assert list(target.parent.iterdir()) == []


def test_ctrl_c_says_how_to_go_on(lists: ListServer, tasks: Any, target: Path) -> None:
    class Interrupted(type(tasks)):  # type: ignore[misc]
        def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
            yield from (page for _, page in zip(range(3), super()._plain_pages(), strict=False))
            raise KeyboardInterrupt

    source = Interrupted(tasks._resource, tasks._session, None, tasks._state)
    with pytest.raises(KeyboardInterrupt, match=r"699 rows are stored\. The same call goes on"):
        source.to_parquet(target)


def test_annotations_go_on_after_the_last_object(
    lists: ListServer, tasks: Any, target: Path
) -> None:
    for number, row in enumerate(lists.rows):
        row["data"] = write_document([Label(label=name) for name in "ab"[: number % 3]])
    expected = [row["id"] for number, row in enumerate(lists.rows) for _ in range(number % 3)]
    source = tasks.annotations
    stop(lists, source, target)

    source.to_parquet(target)

    assert read_keys(target, "task") == expected
    assert any("id__gt" in query for query in lists.queries)
