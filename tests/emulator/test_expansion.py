"""Expansion and selection of fields."""

import pytest

from .client import IMAGE


@pytest.fixture
def annotated(api):
    collection = api.collection(IMAGE)
    unit = api.unit(collection["id"], image=b"pixels")
    project = api.project(data_collection=collection["id"])
    tag = api.ok("POST", "task_tags/", {"name": "night"})
    task = api.task(project["id"], data_unit=unit["id"], tags=[tag["id"]])
    return {"collection": collection, "unit": unit, "project": project, "tag": tag, "task": task}


def test_expand_replaces_ids_by_objects(api, annotated):
    row = api.get("sdk/tasks/", expand="project,data_unit,tags,assignee").json()["results"][0]
    assert row["project"] == {**annotated["project"], "task_count": 1}
    assert row["data_unit"] == annotated["unit"]
    assert row["tags"] == [annotated["tag"]]
    assert row["assignee"] is None
    assert row["files"] == annotated["unit"]["files"]


def test_expand_repeated_dotted_and_on_one_object(api, annotated):
    path = f"tasks/{annotated['task']['id']}/"
    task = api.get(path, expand=["project.data_collection", "data_unit"]).json()
    assert task["project"]["data_collection"] == annotated["collection"]
    assert task["data_unit"] == annotated["unit"]
    changed = api.ok("PATCH", path, {"priority": "low"}, params={"expand": "project"})
    assert changed["project"]["id"] == annotated["project"]["id"]


@pytest.mark.parametrize("wildcard", ["~all", "*"])
def test_expand_everything(api, annotated, wildcard):
    row = api.get("sdk/tasks/", expand=wildcard).json()["results"][0]
    assert row["project"]["title"] == "Streets"
    assert row["data_unit"]["files"] == annotated["unit"]["files"]
    assert row["tags"][0]["name"] == "night"


def test_an_unknown_expansion_is_ignored_and_a_deep_one_refused(api, annotated):
    row = api.get("sdk/tasks/", expand="nonsense").json()["results"][0]
    assert row["project"] == annotated["project"]["id"]
    response = api.get("sdk/tasks/", expand=".".join(["project"] * 2000))
    assert (response.status_code, response.json()) == (400, {"detail": "Expansion depth exceeded"})


def test_fields_and_omit(api, annotated):
    row = api.get("sdk/tasks/", fields="id,status").json()["results"][0]
    assert set(row) == {"id", "status"}
    row = api.get("sdk/tasks/", omit="data,files").json()["results"][0]
    assert {"data", "files"}.isdisjoint(row)
    assert "status" in row
    row = api.get("sdk/tasks/", expand="project", fields="id,project.title").json()["results"][0]
    assert row == {"id": annotated["task"]["id"], "project": {"title": "Streets"}}
    unit = api.get("data_units/", omit="files").json()["results"][0]
    assert "files" not in unit
