"""Projects, tasks and tags through the namespace, against the emulator."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import DataUnit, Project
from synapse.clients.backend import BackendClient
from synapse.errors import ValidationError


@pytest.fixture
def tasks(client: BackendClient, project: Project) -> list[dict[str, Any]]:
    """The project's two tasks, as rows."""
    return list(client.list_tasks({"project": project.id})["results"])


@pytest.fixture
def tags(client: BackendClient, project: Project) -> list[int]:
    """The ids of two tags of the project."""
    names = ("good", "blurred")
    body = [{"project": project.id, "name": name} for name in names]
    return [client._post("task_tags/", one)["id"] for one in body]


class TestProjects:
    def test_create_get_and_list(self, client: BackendClient) -> None:
        made = client.create_project({"title": "Streets", "category": "image", "meta": "unknown"})

        assert type(made) is dict
        assert (made["title"], made["category"]) == ("Streets", "image")
        assert client.get_project(made["id"]) == made
        assert client.get_project(str(made["id"])) == made
        assert client.list_projects()["results"] == [made]

    def test_field_errors(self, client: BackendClient) -> None:
        with pytest.raises(ValidationError) as caught:
            client.create_project({"category": "nonsense"})

        assert set(caught.value.fields) == {"title", "category"}
        assert caught.value.status_code == 400
        assert client.list_projects()["count"] == 0


class TestTasks:
    def test_list(self, client: BackendClient, project: Project, unit: DataUnit) -> None:
        page = client.list_tasks(params={"project": project.id})

        assert page["count"] == 2
        assert {row["data_unit"] for row in page["results"]} == {unit.id}
        assert page["results"][0]["files"]["text"]["path"] == "sample.txt"

    def test_list_filters(self, client: BackendClient, project: Project, tasks: Any) -> None:
        client.annotate_task_data(tasks[0]["id"], {"n": 1})

        done = client.list_tasks({"project": project.id, "status": ["completed", "skipped"]})

        assert [row["id"] for row in done["results"]] == [tasks[0]["id"]]

    def test_create_one(self, client: BackendClient, project: Project, unit: DataUnit) -> None:
        made = client.create_tasks({"project": project.id, "data_unit": unit.id})

        assert client.get_task(made["id"]) == made
        assert made["status"] == "pending"

    def test_create_several(self, client: BackendClient, project: Project, unit: DataUnit) -> None:
        body = [{"project": project.id, "data_unit": unit.id, "meta": {"n": n}} for n in range(3)]

        made = client.create_tasks(body)

        assert [row["meta"]["n"] for row in made] == [0, 1, 2]
        assert client.list_tasks({"project": project.id})["count"] == 5

    def test_create_all_or_none(
        self, client: BackendClient, project: Project, unit: DataUnit
    ) -> None:
        good = {"project": project.id, "data_unit": unit.id}

        with pytest.raises(ValidationError, match="item 1: project: Invalid pk") as caught:
            client.create_tasks([good, {**good, "project": 999}])

        assert caught.value.response[0] == {}
        assert client.list_tasks({"project": project.id})["count"] == 2

    def test_annotate(self, client: BackendClient, tasks: Any) -> None:
        document = {"annotations": [{"type": "bbox", "coordinates": [1, 2.5], "label": "ä"}]}

        row = client.annotate_task_data(tasks[0]["id"], document)

        assert (row["id"], row["data"], row["status"]) == (tasks[0]["id"], document, "completed")
        assert client.get_task(tasks[0]["id"])["data"] == document


class TestTags:
    @pytest.mark.parametrize("names", [("ids", "tags"), ("task_ids", "tag_ids")])
    def test_add(self, client: BackendClient, tasks: Any, tags: list[int], names: Any) -> None:
        ids, of_tags = names

        client.set_tags_tasks({ids: [tasks[0]["id"]], of_tags: tags})

        found = [client.get_task(task["id"])["tags"] for task in tasks]
        assert [sorted(each) for each in found] == [tags, []]

    def test_remove(self, client: BackendClient, tasks: Any, tags: list[int]) -> None:
        ids = [task["id"] for task in tasks]
        client.set_tags_tasks({"ids": ids, "tags": tags, "action": "add"})

        client.set_tags_tasks({"ids": ids, "tags": tags[:1], "action": "remove"})

        assert [client.get_task(key)["tags"] for key in ids] == [tags[1:], tags[1:]]

    def test_unknown_tag(self, client: BackendClient, tasks: Any) -> None:
        with pytest.raises(ValidationError) as caught:
            client.set_tags_tasks({"task_ids": [tasks[0]["id"]], "tag_ids": [999]})

        assert set(caught.value.fields) == {"tag_ids"}

    def test_get_and_list(self, client: BackendClient, project: Project, tags: list[int]) -> None:
        page = client.list_task_tags({"project": project.id, "ordering": "-id"})

        assert [row["id"] for row in page["results"]] == tags[::-1]
        assert client.get_task_tag(tags[0]) == page["results"][1]
        assert client.get_task_tag(tags[0], {"fields": "name"}) == {"name": "good"}
