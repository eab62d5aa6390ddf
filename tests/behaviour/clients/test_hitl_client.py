"""Assignments through the namespace, against the emulator."""

from __future__ import annotations

from typing import Any

import pytest

import synapse
from synapse import DataUnit, Project
from synapse.clients.backend import BackendClient
from synapse.errors import ValidationError


@pytest.fixture
def assignments(
    session: synapse.Session, client: BackendClient, project: Project, unit: DataUnit
) -> list[dict[str, Any]]:
    """Two assignments of the user, as the list gives them."""
    task = {"project": project.id, "data_unit": unit.id, "assignee": session.me.id}
    client.create_tasks([task, task])
    return list(client.list_assignments({"project": project.id})["results"])


@pytest.fixture
def tags(client: BackendClient, project: Project) -> list[int]:
    """The ids of two tags of the project."""
    names = ("good", "blurred")
    body = [{"project": project.id, "name": name} for name in names]
    return [client._post("task_tags/", one)["id"] for one in body]


def tags_of(client: BackendClient, assignments: list[dict[str, Any]]) -> list[list[int]]:
    return [sorted(client.get_assignment(row["id"])["tags"]) for row in assignments]


def test_list(client: BackendClient, project: Project, assignments: Any) -> None:
    assert [row["project"] for row in assignments] == [project.id] * 2
    assert [row["status"] for row in assignments] == ["pending"] * 2
    assert assignments[0]["files"]["text"]["path"] == "sample.txt"


def test_list_filters(client: BackendClient, assignments: Any) -> None:
    client.annotate_task_data(assignments[0]["task"], {"n": 1})

    done = client.list_assignments(params={"status": "completed"})

    assert [row["id"] for row in done["results"]] == [assignments[0]["id"]]
    assert done["results"][0]["data"] == {"n": 1}


def test_get(client: BackendClient, assignments: Any) -> None:
    assert client.get_assignment(assignments[0]["id"]) == assignments[0]


@pytest.mark.parametrize("names", [("ids", "tags"), ("assignment_ids", "tag_ids")])
def test_add_tags(client: BackendClient, assignments: Any, tags: Any, names: Any) -> None:
    ids, of_tags = names

    client.set_tags_assignments({ids: [assignments[0]["id"]], of_tags: tags})

    assert tags_of(client, assignments) == [tags, []]


def test_remove_tags(client: BackendClient, assignments: Any, tags: Any) -> None:
    ids = [row["id"] for row in assignments]
    client.set_tags_assignments({"ids": ids, "tags": tags})

    client.set_tags_assignments({"ids": ids[:1], "tags": tags[:1], "action": "remove"})

    assert tags_of(client, assignments) == [tags[1:], tags]


def test_refused_tags(client: BackendClient, assignments: Any, tags: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        client.set_tags_assignments({"assignment_ids": [999], "tag_ids": tags})

    assert set(caught.value.fields) == {"assignment_ids"}
    assert tags_of(client, assignments) == [[], []]
