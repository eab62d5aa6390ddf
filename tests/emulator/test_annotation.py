"""Projects, tasks and task tags."""

import pytest

from .client import IMAGE


def test_project_from_creation_to_deletion(api):
    project = api.project(description="of Berlin", configuration={"classes": ["car"]})
    assert project == {
        "id": project["id"],
        "title": "Streets",
        "description": "of Berlin",
        "category": "image",
        "configuration": {"classes": ["car"]},
        "settings": {},
        "data_collection": None,
        "tenant": project["tenant"],
        "access_level": "private",
        "count_max_assignments_per_task": 1,
        "can_discard": False,
        "is_archived": False,
        "task_count": 0,
        "created": project["created"],
        "updated": project["updated"],
    }
    path = f"projects/{project['id']}/"
    changed = api.ok("PATCH", path, {"title": "Roads", "is_archived": True})
    assert (changed["title"], changed["is_archived"]) == ("Roads", True)
    assert changed["description"] == "of Berlin"
    assert changed["updated"] > project["updated"]
    assert api.get(path).json() == changed
    assert api.request("DELETE", path).status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"title": ""}, {"title": ["This field may not be blank."]}),
        ({"title": None}, {"title": ["This field may not be null."]}),
        ({"title": "a" * 256}, {"title": ["Ensure this field has no more than 255 characters."]}),
        ({"title": "a\x00b"}, {"title": ["Null characters are not allowed."]}),
        ({"category": "pictures"}, {"category": ['"pictures" is not a valid choice.']}),
        ({"access_level": "x"}, {"access_level": ['"x" is not a valid choice.']}),
        ({"can_discard": "maybe"}, {"can_discard": ["Must be a valid boolean."]}),
        (
            {"data_collection": 2**70},
            {"data_collection": [f'Invalid pk "{2**70}" - object does not exist.']},
        ),
        (
            {"data_collection": "x"},
            {"data_collection": ["Incorrect type. Expected pk value, received str."]},
        ),
        (
            {"data_collection": [1]},
            {"data_collection": ["Incorrect type. Expected pk value, received list."]},
        ),
        (
            {"settings": {"a": "\x00"}},
            {"settings": ["The document has a number, text or nesting that cannot be stored."]},
        ),
    ],
)
def test_bad_project_fields(api, fields, error):
    body = {"title": "Streets", "category": "image", **fields}
    response = api.post("projects/", body)
    assert (response.status_code, response.json()) == (400, error)


def test_task_with_all_its_relations(api):
    collection = api.collection(IMAGE)
    unit = api.unit(collection["id"], image=b"pixels")
    project = api.project(data_collection=collection["id"])
    tag = api.ok("POST", "task_tags/", {"project": project["id"], "name": "night"})
    task = api.task(
        project["id"], data_unit=unit["id"], priority="high", tags=[tag["id"]], meta={"k": [1]}
    )
    assert task == {
        "id": task["id"],
        "project": project["id"],
        "data_unit": unit["id"],
        "status": "pending",
        "priority": "high",
        "assignee": None,
        "tags": [tag["id"]],
        "data": None,
        "meta": {"k": [1]},
        "files": unit["files"],
        "is_discarded": False,
        "created": task["created"],
        "updated": task["updated"],
    }
    listed = api.get("sdk/tasks/", project=project["id"]).json()["results"]
    assert listed == [task]
    assert api.get(f"tasks/{task['id']}/").json() == task
    assert api.get(f"projects/{project['id']}/").json()["task_count"] == 1


def test_annotate_keeps_the_document_and_completes_the_task(api):
    task = api.task(api.project()["id"])
    document = {"annotations": [{"label": "person", "coordinates": [10, 10.5]}], "ü": None}
    answer = api.ok("PUT", f"tasks/{task['id']}/annotate_task_data/", document)
    assert (answer["data"], answer["status"]) == (document, "completed")
    assert api.get(f"tasks/{task['id']}/").json() == answer


@pytest.mark.parametrize("document", [[], [1], "text", 5, None])
def test_annotations_that_are_no_object_are_refused(api, document):
    task = api.task(api.project()["id"])
    path = f"tasks/{task['id']}/annotate_task_data/"
    response = api.request("PUT", path, data=str({}) if document is None else None, json=document)
    if document is None:
        response = api.request(
            "PUT", path, data=b"null", headers={"Content-Type": "application/json"}
        )
    assert response.status_code == 400
    assert api.get(f"tasks/{task['id']}/").json()["data"] is None


def test_deleting_a_project_deletes_its_tasks(api):
    project = api.project()
    task = api.task(project["id"])
    api.ok("DELETE", f"projects/{project['id']}/")
    assert api.get(f"tasks/{task['id']}/").status_code == 404


def test_deleting_a_collection_deletes_its_units_and_keeps_annotations(api):
    collection = api.collection(IMAGE)
    unit = api.unit(collection["id"], image=b"pixels")
    project = api.project(data_collection=collection["id"])
    task = api.task(project["id"], data_unit=unit["id"])
    api.ok("DELETE", f"data_collections/{collection['id']}/")
    assert api.get(f"data_units/{unit['id']}/").status_code == 404
    assert api.get(f"tasks/{task['id']}/").json()["data_unit"] is None
    assert api.get(f"projects/{project['id']}/").json()["data_collection"] is None


def test_bulk_tasks_get_their_tags(api):
    project = api.project()["id"]
    tags = [api.ok("POST", "task_tags/", {"name": name})["id"] for name in ("a", "b")]
    created = api.ok(
        "POST",
        "tasks/",
        [
            {"project": project, "tags": tags},
            {"project": project},
            {"project": project, "tags": tags[:1] * 2},
        ],
    )
    assert [sorted(task["tags"]) for task in created] == [tags, [], tags[:1]]


def test_task_tag_from_creation_to_deletion(api):
    tag = api.ok("POST", "task_tags/", {"name": "night", "color": "#000"})
    path = f"task_tags/{tag['id']}/"
    assert api.ok("PATCH", path, {"description": "dark"})["description"] == "dark"
    assert api.ids("task_tags/", name="night") == [tag["id"]]
    assert api.request("DELETE", path).status_code == 204
    assert api.ids("task_tags/") == []


def test_created_tasks_are_answered_as_they_are_read(api):
    project = api.project()["id"]
    unit = api.unit(api.collection(IMAGE)["id"], image=b"created")["id"]
    tags = [api.ok("POST", "task_tags/", {"name": name})["id"] for name in "ab"]
    me = api.get("users/me/").json()["id"]
    document = {"ä": [1e300, -0.0, 2**70, 1.5e-7, True, None, {"b": []}], "": "\u2028"}
    bodies = [
        {"project": project},
        {"project": str(project), "data_unit": unit, "status": "completed", "data": document},
        {"project": project, "data_unit": unit, "tags": tags[::-1], "assignee": me, "meta": []},
        {"project": project, "data": "text", "meta": document, "is_discarded": "true"},
    ]
    created = [api.post("tasks/", body) for body in bodies]
    for response in created:
        assert response.status_code == 201
        key = response.json()["id"]
        assert response.text == api.get(f"tasks/{key}/").text
        some = api.post("tasks/?fields=id,status", bodies[0])
        assert list(some.json()) == ["id", "status"]
    rows = api.ok("POST", "tasks/", bodies)
    assert rows == [api.get(f"tasks/{row['id']}/").json() for row in rows]
    expanded = api.ok("POST", "tasks/?expand=data_unit", bodies[1])
    assert expanded["data_unit"]["id"] == unit
