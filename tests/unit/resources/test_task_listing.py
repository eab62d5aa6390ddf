"""Exports that go on after a stop."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from list_server import ListServer
from picture_tasks import make_task

import synapse
from synapse._internal.part_files import find_part_path
from synapse.errors import ClientError, DataLost, UsageError

KEYS = range(3, 1501, 3)


@pytest.fixture
def lists() -> Iterator[ListServer]:
    """A list of 500 tasks whose ids lie three apart."""
    server = ListServer(list(map(make_task, KEYS)))
    server.default_order, server.is_sorted = "id", True
    yield server
    server.close()


@contextmanager
def open_project(lists: ListServer) -> Iterator[Any]:
    with synapse.Session(lists.url, "some-token", retries=0) as session:
        row = {"id": 1, "configuration": {}, "data_collection": None}
        yield session.identity.load(synapse.Project, [row])[0]


@pytest.fixture
def project(lists: ListServer) -> Iterator[Any]:
    with open_project(lists) as project:
        yield project


def export(project: Any, folder: Path, **options: Any) -> Any:
    return project.export(folder, "coco", images="none", **options)


def stop(lists: ListServer, project: Any, folder: Path, *, pages: int = 3, **options: Any) -> Path:
    """Export until the server goes down, and return the path of the stored tasks."""
    lists.answers_left = pages
    with pytest.raises(ClientError):
        export(project, folder, **options)
    lists.answers_left = 10**9
    lists.forget_queries()
    return find_part_path(folder / ".synapse-export-1" / folder.name)


def read_names(folder: Path) -> list[str]:
    """The pictures of the data set; nothing else is left in the folder."""
    assert {path.name for path in folder.iterdir()} == {"annotations", ".synapse-files.jsonl"}
    (file,) = (folder / "annotations").iterdir()
    document = json.loads(file.read_text())
    assert len(document["annotations"]) == len(document["images"])
    return [row["file_name"] for row in document["images"]]


def make_names(keys: Any) -> list[str]:
    return [f"photo {key}.png" for key in keys]


def list_pages(lists: ListServer) -> list[str | None]:
    """The bounds of the requests so far."""
    return [query.get("id__gt", [None])[0] for query in lists.queries]


def test_the_same_call_goes_on(
    lists: ListServer, project: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop(lists, project, tmp_path)
    caplog.set_level(logging.INFO)

    report = export(project, tmp_path)

    assert read_names(tmp_path) == make_names(KEYS)
    assert (report.samples, report.annotations, report.skipped) == (500, 500, {})
    # One task to find out whether the server has bounds, then the pages.
    assert (lists.queries[0]["id__gt"], lists.queries[0]["page_size"]) == (["900"], ["1"])
    assert None not in list_pages(lists)
    assert caplog.messages[-1] == "The export goes on after 300 tasks"


def test_losses_of_stored_tasks_are_reported_again(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    lists.rows[7]["files"] = {}
    lists.rows[450]["files"] = {}
    stop(lists, project, tmp_path)
    assert export(project, tmp_path).skipped == {"no-picture": 2}


@pytest.mark.parametrize("ordering", [(), ("id",), ("-id",)])
def test_a_query_of_tasks(
    lists: ListServer, project: Any, tmp_path: Path, ordering: tuple[str, ...]
) -> None:
    # The server's own order begins like that of the ids.
    lists.default_order = "priority"
    for row in lists.rows:
        row["priority"] = row["id"] > 1400
    lists.rows[450:] = lists.rows[:449:-1]
    lists.is_sorted = False
    tasks = project.tasks.filter(id__gt=300).order_by(*ordering)
    stop(lists, project, tmp_path, tasks=tasks)

    export(project, tmp_path, tasks=tasks.page_size(50))

    assert read_names(tmp_path) == make_names(KEYS[100:][:: -1 if ordering == ("-id",) else 1])


def test_stored_tasks_have_no_addresses_of_files(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    pointer = {"mode": "presigned", "presigned_url": "http://127.0.0.1/?X-Amz-Signature=5ecret"}
    lists.rows[1] |= {"files": {}, "data": pointer}
    path = stop(lists, project, tmp_path)
    with path.open("rb") as file:
        file.readline()
        size, *_ = json.loads(file.readline())
        rows = json.loads(zlib.decompress(file.read(size)))
    assert [row["id"] for row in rows] == list(KEYS[:100])
    assert b"5ecret" not in json.dumps(rows).encode()
    assert rows[0]["files"]["photo"]["path"] == "3.png"
    assert rows[0]["data"] == lists.rows[0]["data"]
    assert "data" not in rows[1]


def test_documents_that_were_not_read_are_unknown(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    pointer = {"mode": "presigned", "presigned_url": f"{lists.url}?X-Amz-Signature=5ecret"}
    lists.rows[1] |= {"files": {}, "data": pointer}
    stop(lists, project, tmp_path)
    kept: list[Any] = []
    with open_project(lists) as other:
        export(other, tmp_path, split=kept.append)
    assert kept[0].to_dict()["data"] == lists.rows[0]["data"]
    assert "data" not in kept[1].to_dict()


def test_tasks_that_change_meanwhile(lists: ListServer, project: Any, tmp_path: Path) -> None:
    stop(lists, project, tmp_path)
    lists.rows = [*lists.rows[10:-1], make_task(9000), make_task(9001)]
    export(project, tmp_path)
    # Stored tasks stay, as the documentation says.
    assert read_names(tmp_path) == make_names([*KEYS[:-1], 9000, 9001])


def test_tasks_of_which_the_program_holds_other_values_are_listed_again(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    old = list(project.tasks.expand("data_unit")[100:200])
    lists.rows[150]["data_unit"]["meta"]["name"] = "another.png"
    with open_project(lists) as other:
        stop(lists, other, tmp_path)

    export(project, tmp_path)

    names = make_names(KEYS)
    names[150] = "another.png"
    assert read_names(tmp_path) == names
    assert old[50].data_unit.meta == {"name": "another.png"}
    between = [query for query in lists.queries if "id__lte" in query]
    assert {(query["id__gt"][0], query["id__lte"][0]) for query in between} == {("300", "600")}


def test_objects_with_fewer_fields_are_listed_again(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    stop(lists, project, tmp_path)
    with open_project(lists) as other:
        refer = other._session.identity.get_or_stub
        held = [refer(synapse.Task, KEYS[150]), refer(synapse.DataUnit, KEYS[250] + 1)]
        export(other, tmp_path)

    assert read_names(tmp_path) == make_names(KEYS)
    between = [query for query in lists.queries if "id__lte" in query]
    bounds = {(query["id__gt"][0], query["id__lte"][0]) for query in between}
    assert bounds == {("300", "600"), ("600", "900")}
    assert len(held) == 2


def test_other_tasks_need_another_call(lists: ListServer, project: Any, tmp_path: Path) -> None:
    stop(lists, project, tmp_path)
    others = project.tasks.filter(is_discarded=False).order_by("id")
    with pytest.raises(
        UsageError, match=rf"{tmp_path.name} is unfinished: .*another query .*300 rows"
    ):
        export(project, tmp_path, tasks=others)

    export(project, tmp_path, tasks=others, resume=False)
    assert read_names(tmp_path) == make_names(KEYS)


def test_resume_false_lists_all(lists: ListServer, project: Any, tmp_path: Path) -> None:
    stop(lists, project, tmp_path)
    lists.rows[0]["data_unit"]["meta"]["name"] = "another.png"
    export(project, tmp_path, resume=False)
    assert read_names(tmp_path) == ["another.png", *make_names(KEYS[1:])]


@pytest.mark.parametrize("kind", ["ignores", "refuses"])
def test_servers_without_bounds_list_all_again(
    lists: ListServer, project: Any, tmp_path: Path, kind: str
) -> None:
    lists.has_cursors = False
    lists.has_bounds = kind != "ignores"
    lists.is_strict = kind == "refuses"
    stop(lists, project, tmp_path)
    export(project, tmp_path)
    assert read_names(tmp_path) == make_names(KEYS)


@pytest.mark.parametrize("kind", ["another order", "more expanded", "a slice", "a list"])
def test_other_tasks_are_not_stored(
    lists: ListServer, project: Any, tmp_path: Path, kind: str
) -> None:
    query = project.tasks.expand("data_unit")
    tasks = {
        "another order": query.order_by("status"),
        "more expanded": query.expand("tags"),
        "a slice": query[10:],
        "a list": (task for task in query),
    }[kind]
    assert not stop(lists, project, tmp_path, tasks=tasks).exists()


def test_errors_that_a_mended_task_ends_leave_nothing(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    lists.rows[3]["files"] = {}
    with pytest.raises(DataLost):
        export(project, tmp_path, strict=True)
    lists.rows[3] = make_task(KEYS[3])
    export(project, tmp_path, strict=True)
    assert read_names(tmp_path) == make_names(KEYS)


def test_errors_about_arguments_for_writing_keep_the_tasks(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="carr"):
        export(project, tmp_path, classes=["carr"])
    lists.forget_queries()
    export(project, tmp_path, classes=["car"])
    assert read_names(tmp_path) == make_names(KEYS)
    assert list_pages(lists) == ["1500", "1500"]


def test_errors_about_tasks_leave_nothing(lists: ListServer, project: Any, tmp_path: Path) -> None:
    lists.rows[350]["project"] = 2
    with pytest.raises(UsageError, match="project 2"):
        export(project, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tasks_listed_again_are_checked(lists: ListServer, project: Any, tmp_path: Path) -> None:
    stop(lists, project, tmp_path)
    lists.rows.insert(1, {**make_task(4), "project": 2})
    with open_project(lists) as other:
        held = other._session.identity.get_or_stub(synapse.Task, KEYS[0])
        with pytest.raises(UsageError, match="Task 4 is of project 2"):
            export(other, tmp_path)
        assert held.id == 3


def test_damaged_tasks_are_an_error(lists: ListServer, project: Any, tmp_path: Path) -> None:
    path = stop(lists, project, tmp_path)

    def damage(query: Any) -> None:
        path.write_bytes(path.read_bytes()[:-100])

    lists.before = damage
    with pytest.raises(OSError, match="damaged"):
        export(project, tmp_path)


def test_errors_of_the_program_keep_the_tasks(
    lists: ListServer, project: Any, tmp_path: Path
) -> None:
    def split(task: Any) -> str:
        if task.id > 700:
            raise KeyError(task.id)
        return "train"

    with pytest.raises(KeyError):
        export(project, tmp_path, split=split)
    lists.forget_queries()
    export(project, tmp_path, split=lambda task: None)
    assert read_names(tmp_path) == make_names(KEYS)
    assert list_pages(lists)[0] == "600"
