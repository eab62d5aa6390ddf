"""Creation in batches: refusals, lost responses, and look-ups."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synapse.errors import SynapseError, ValidationError
from synapse.transfer.bulk import batch_create
from synapse.transfer.bulk.batch_create import TaskCreator, UnitCreator, fetch_ids, fetch_newest
from synapse.transfer.bulk.journal import Journal
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy


@pytest.fixture
def journal() -> Iterator[Journal]:
    journal = Journal(None, collection=("http://localhost/", "1"), created="today", project="9")
    yield journal
    journal.close()


class Run:
    """A creator with the items that were created and that failed."""

    def __init__(self, transport: Transport, journal: Journal) -> None:
        self.created: list[UploadItem] = []
        self.failed: list[tuple[UploadItem, SynapseError]] = []
        # Items that another program has created.
        self.existing: list[UploadItem] = []

        def fail(item: UploadItem, error: SynapseError) -> None:
            self.failed.append((item, error))

        common = (transport, Pipeline("test"), journal, 10, fail)
        self.units = UnitCreator(
            *common,
            path="data_units/",
            on_created=self.created.extend,
            collection=1,
            newest=40,
            drop_existing=lambda items: [item for item in items if item not in self.existing],
        )
        self.tasks = TaskCreator(
            *common, path="tasks/", on_created=self.created.extend, list_path="tasks/", project=9
        )


@pytest.fixture
def run(
    server: Any,
    connect: Callable[..., Transport],
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.setattr(batch_create, "_QUERY_INTERVAL", 0.001)
    transport = connect(server.url, options=Options(retry=RetryPolicy(attempts=1, base=0.001)))
    return Run(transport, journal)


def build_items(count: int) -> list[UploadItem]:
    return [
        UploadItem(f"{n}", [ItemFile("image", f"/x/{n}", f"{n}.png", 1, 1, f"{n}")], {}, number=n)
        for n in range(count)
    ]


def page(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": list(rows)}


def test_batch_is_one_request_in_the_order_of_the_source(server: Any, run: Run) -> None:
    server.reply(201, [{"id": 41}, {"id": 42}])
    items = build_items(2)

    run.units.create(items[::-1])

    paths = [row["files"]["image"]["path"] for row in json.loads(server.last.body)]
    assert paths == ["0.png", "1.png"]
    assert [item.unit for item in items] == [41, 42]
    assert run.created == items


def test_refused_item_fails_alone(server: Any, run: Run) -> None:
    server.reply(400, [{}, {"meta": ["Too large."]}])
    server.reply(201, [{"id": 41}])
    items = build_items(2)

    run.units.create(items)

    assert run.created == [items[0]]
    ((item, error),) = run.failed
    assert item is items[1]
    assert isinstance(error, ValidationError)
    assert error.fields == {"meta": ["Too large."]}


def test_batch_that_is_too_large_is_divided(server: Any, run: Run) -> None:
    server.reply(413, "too large")
    server.reply(201, [{"id": 41}])
    server.reply(201, [{"id": 42}])

    run.units.create(build_items(2))

    assert [item.unit for item in run.created] == [41, 42]


def test_lost_response_is_found_on_the_server(server: Any, run: Run) -> None:
    server.reply(502, "bad gateway")
    row = {"id": 43, "files": {"image": {"checksum": "0", "path": "0.png"}}, "meta": {}}
    server.reply(200, page(row, {**row, "id": 40}))

    run.units.create(build_items(1))
    run.units.resolve_pending()

    assert [item.unit for item in run.created] == [43]
    assert not run.failed


def test_lost_task_is_found_by_project_and_unit(server: Any, run: Run) -> None:
    (item,) = build_items(1)
    item.unit = 43
    server.reply(502, "bad gateway")
    server.reply(200, page({"id": 7, "data_unit": 43}))

    run.tasks.create([item])
    run.tasks.resolve_pending()

    assert item.task == 7
    assert "data_unit=43" in server.last.target


def test_missing_item_is_sent_again_after_the_wait(
    server: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply(502, "bad gateway")
    run.units.create(build_items(1))
    now = batch_create.time.time()
    monkeypatch.setattr(batch_create.time, "time", lambda: now + 10_000)
    server.reply(200, page())
    server.reply(201, [{"id": 44}])

    run.units.resolve_pending()

    assert [item.unit for item in run.created] == [44]


def test_fetch_newest_and_ids(server: Any, transport: Transport) -> None:
    server.reply(200, page({"id": 9}, {"id": 8}))
    assert fetch_newest(transport, "data_units/", ("data_collection", 1)) == (9, 2)
    server.reply(200, page({"id": 9}, {"id": 8}))
    assert list(fetch_ids(transport, "data_units/", ("data_collection", 1))) == [9, 8]
