"""All lists: parameters, pages, all rows at once, rewritten URLs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from synapse import DataUnit, Project
from synapse.clients.backend import BackendClient
from synapse.errors import NotFound
from synapse.testing import assert_num_requests

LISTS = sorted(
    name
    for name in dir(BackendClient)
    if name.startswith("list_")
    and "url_conversion" in inspect.signature(getattr(BackendClient, name)).parameters
)

every_list = pytest.mark.parametrize("name", LISTS)


def row(number: int) -> dict[str, Any]:
    """Make a row with files, as the server sends it."""
    file = {
        "url": f"http://inside/files/{number}.jpg",
        "checksum": "900150983cd24fb0d6963f7d28e17f72",
        "path": "photo.jpg",
        "size": 3,
    }
    return {
        "id": number,
        "url": "http://inside/rows/",
        "file": file["url"],
        "files": {"image": file, "mask": {**file, "url": None}, "note": file["url"], "n": 1},
    }


def moved(url: str) -> str:
    return url.replace("http://inside/", "https://outside/")


@pytest.fixture
def paged(recorder: Any) -> Any:
    """The recording server, with five rows in every list, at most two to a page."""

    def answer(asked: Any) -> Any:
        query = dict(asked.query)
        size = min(2, int(query.get("page_size", 100)))
        start = (int(query.get("page", 1)) - 1) * size
        more = start + size < 5
        return type(reply)(
            200,
            {
                "count": 5,
                "next": f"http://inside/x/?page={start // size + 2}" if more else None,
                "previous": None,
                "results": [row(number) for number in range(start, min(start + size, 5))],
            },
        )

    reply = recorder.answer
    recorder.answer = answer
    return recorder


class TestPage:
    @every_list
    def test_page(self, recorded: BackendClient, paged: Any, name: str) -> None:
        page = getattr(recorded, name)()

        assert isinstance(page, dict)
        assert list(page) == ["count", "next", "previous", "results"]
        assert page["count"] == page[1] == 5
        assert page["results"] is page[0]
        assert page[0] == [row(0), row(1)]
        assert len(paged.asked) == 1
        assert paged.asked[0].query == []

    @every_list
    def test_params(self, recorded: BackendClient, paged: Any, name: str) -> None:
        params = {"page": 2, "page_size": 1, "tags": [1, 2]}
        before = copy.deepcopy(params)

        page = getattr(recorded, name)(params=params)

        assert params == before
        assert paged.asked[0].query == [
            *(("page", "2"), ("page_size", "1"), ("tags", "1"), ("tags", "2"))
        ]
        assert page["results"] == [row(1)]


class TestAll:
    @every_list
    def test_each_once(self, recorded: BackendClient, paged: Any, name: str) -> None:
        rows = getattr(recorded, name)(url_conversion={}, list_all=True)

        assert rows == [row(number) for number in range(5)]
        assert [dict(asked.query).get("page") for asked in paged.asked] == [None, "2", "3"]

    def test_params(self, recorded: BackendClient, paged: Any) -> None:
        """From the first page on, whichever was asked for."""
        params = {"page": 3, "page_size": 1, "status": ["pending", "completed"]}
        before = copy.deepcopy(params)

        rows = recorded.list_tasks(params=params, list_all=True)

        assert len(rows) == len(list(rows)) == len(paged.asked) == 5
        assert params == before
        assert paged.asked[0].query == [
            *(("status", "pending"), ("status", "completed"), ("page_size", "1"))
        ]

    def test_against_the_emulator(
        self, client: BackendClient, project: Project, unit: DataUnit
    ) -> None:
        client.create_tasks([{"project": project.id, "data_unit": unit.id}] * 23)
        params = {"project": project.id, "page_size": 4, "ordering": "-id"}

        rows = client.list_tasks(params, list_all=True)

        keys = [one["id"] for one in rows]
        assert len(keys) == 25
        assert keys == sorted(set(keys), reverse=True)
        assert rows[:4] == client.list_tasks(params)["results"]

    def test_few_requests(self, client: BackendClient, project: Project, unit: DataUnit) -> None:
        client.create_tasks([{"project": project.id, "data_unit": unit.id}] * 100)

        with assert_num_requests(client.session, 2):
            assert len(list(client.list_tasks(list_all=True))) == 102

    def test_pair(self, client: BackendClient, project: Project) -> None:
        """Scripts unpack the rows and their number, also when the list has two rows."""
        with assert_num_requests(client.session, 1):
            rows, count = client.list_tasks({"project": project.id}, list_all=True)

        assert count == 2
        assert [row["project"] for row in rows] == [project.id] * 2

    def test_none(self, client: BackendClient) -> None:
        assert client.list_tasks(list_all=True) == []

    def test_page_beyond_the_last(self, client: BackendClient) -> None:
        with pytest.raises(NotFound, match="sdk/tasks: Invalid page"):
            client.list_tasks({"page": 2})

    def test_rows_without_ids_are_all_there(self, recorded: BackendClient, recorder: Any) -> None:
        page = {"count": 2, "next": None, "previous": None, "results": [{"n": 1}, {"n": 1}]}
        recorder.answer = type(recorder.answer)(200, page)

        assert recorded.list_tasks({"fields": "n"}, list_all=True) == page["results"]

    def test_links_lead_nowhere_else(self, recorded: BackendClient, paged: Any) -> None:
        """The link's host isn't asked; were it, this test would fail at its name."""
        assert len(list(recorded.list_projects(list_all=True))) == 5
        assert {asked.headers["host"] for asked in paged.asked} == {
            recorded.base_url.removeprefix("http://")
        }


def converted(number: int, *fields: str) -> dict[str, Any]:
    """Return what a row becomes when the URLs in some fields are rewritten."""
    made = row(number)
    for name in fields:
        if name == "files":
            made["files"]["image"]["url"] = moved(made["files"]["image"]["url"])
            made["files"]["note"] = moved(made["files"]["note"])
        else:
            made[name] = moved(made[name])
    return made


def own_field(name: str) -> str:
    return "file" if name == "list_models" else "files"


class TestUrlConversion:
    @every_list
    @pytest.mark.parametrize("list_all", [False, True])
    def test_long_form(
        self, recorded: BackendClient, paged: Any, name: str, list_all: bool
    ) -> None:
        given = {"files_fields": ["files", "url"], "coerce": moved, "is_list": True}
        before = dict(given)

        answer = getattr(recorded, name)(url_conversion=given, list_all=list_all)

        rows = answer if list_all else answer[0]
        assert rows == [converted(number, "files", "url") for number in range(len(rows))]
        assert given == before

    @every_list
    def test_fields_by_default(self, recorded: BackendClient, paged: Any, name: str) -> None:
        page = getattr(recorded, name)(url_conversion={"coerce": moved})

        assert page[0] == [converted(number, own_field(name)) for number in range(2)]

    @every_list
    @pytest.mark.parametrize("field", ["files", "file"])
    def test_short_form(self, recorded: BackendClient, paged: Any, name: str, field: str) -> None:
        page = getattr(recorded, name)(url_conversion={field: moved})

        assert page[0] == [converted(number, field) for number in range(2)]

    def test_against_the_emulator(
        self, client: BackendClient, project: Project, unit: DataUnit
    ) -> None:
        plain = client.list_tasks()["results"]

        rows = client.list_tasks(url_conversion={"files": lambda url: f"cache:{url}"})["results"]

        for before, after in zip(plain, rows, strict=True):
            url = before["files"]["text"]["url"]
            assert after["files"]["text"] == {**before["files"]["text"], "url": f"cache:{url}"}
            assert {**after, "files": before["files"]} == before


@every_list
def test_positions_of_the_arguments(name: str) -> None:
    function: Callable[..., Any] = getattr(BackendClient, name)

    assert list(inspect.signature(function).parameters) == [
        *("self", "params", "url_conversion", "list_all", "options")
    ]
