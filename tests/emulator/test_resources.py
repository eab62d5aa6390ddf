import time

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


def test_missing_fields_are_named_together(api):
    assert api.post("projects/", {}).json() == {
        "title": ["This field is required."],
        "category": ["This field is required."],
    }


@pytest.mark.parametrize("value", [-1, 2**70])
def test_a_number_that_no_column_holds_is_refused(api, value):
    body = {"title": "a", "category": "image", "count_max_assignments_per_task": value}
    response = api.post("projects/", body)
    assert response.status_code == 400
    assert list(response.json()) == ["count_max_assignments_per_task"]


@pytest.mark.parametrize(
    "body",
    [
        b"{bad",
        b"[" * 100_000,
        b'{"title": "\xff"}',
        b'{"settings": NaN}',
        b'{"category": "\\uD800"}',
    ],
    ids=["syntax", "nesting", "encoding", "nan", "surrogate"],
)
def test_a_body_that_is_not_json_is_400(api, body):
    response = api.request(
        "POST", "projects/", data=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error")


def test_an_infinite_number_is_refused(api):
    response = api.request(
        "POST",
        "projects/",
        data=b'{"title": "a", "category": "image", "settings": {"n": 1e999}}',
        headers={"Content-Type": "application/json"},
    )
    assert (response.status_code, list(response.json())) == (400, ["settings"])


@pytest.mark.parametrize("path", ["projects/", "data_collections/"])
def test_a_list_where_one_object_is_expected(api, path):
    response = api.post(path, [1])
    assert response.json() == {
        "non_field_errors": ["Invalid data. Expected a dictionary, but got list."]
    }


@pytest.mark.parametrize("pk", ["0", "999999", "9" * 30, "9" * 5000, "abc", "-1", "1.5", "1_0"])
def test_an_unknown_id_is_404_in_json(api, pk):
    for method in ("GET", "PATCH", "DELETE"):
        response = api.request(method, f"projects/{pk}/", json={})
        assert response.status_code == 404
        assert "detail" in response.json()


def test_the_message_of_a_missing_object_names_its_kind(api):
    assert api.get("tasks/999999/").json() == {"detail": "No Task matches the given query."}


@pytest.mark.parametrize("path", ["nowhere/", "projects", "", "projects/1/nothing/"])
def test_an_unknown_path_is_404_in_json(api, path):
    response = api.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "tasks/"), ("POST", "sdk/tasks/"), ("PUT", "projects/")]
)
def test_a_verb_that_an_endpoint_has_not_is_405(api, method, path):
    response = api.request(method, path, json={})
    assert response.status_code == 405
    assert response.json() == {"detail": f'Method "{method}" not allowed.'}


def test_options_names_the_verbs(api):
    task = api.task(api.project()["id"])
    allowed = api.request("OPTIONS", f"tasks/{task['id']}/").headers["Allow"]
    assert allowed == "GET, PATCH, DELETE, HEAD, OPTIONS"
    allowed = api.request("OPTIONS", "sdk/tasks/").headers["Allow"]
    assert allowed == "GET, HEAD, OPTIONS"


def test_every_answer_carries_a_request_id(api, anonymous):
    own = api.request("GET", "projects/", headers={"X-Request-ID": "run-7"})
    assert own.headers["X-Request-ID"] == "run-7"
    for path in ("projects/", "nowhere/"):
        made = anonymous.get(path).headers["X-Request-ID"]
        assert len(made) == 32
    odd = anonymous.request("GET", "health/", headers={"X-Request-ID": "a b;<script>"})
    assert odd.headers["X-Request-ID"] != "a b;<script>"


def test_head_has_the_length_and_no_body(api):
    whole = api.get("projects/")
    head = api.request("HEAD", "projects/")
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert api.get("projects/").status_code == 200  # the connection is still in step


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


def test_bulk_tasks_come_back_in_order_and_fast(api):
    project = api.project()["id"]
    bodies = [{"project": project, "meta": {"n": n}} for n in range(500)]
    start = time.perf_counter()
    created = api.ok("POST", "tasks/", bodies)
    assert time.perf_counter() - start < 2  # about 0.1 s; row by row it would be several
    assert [task["meta"]["n"] for task in created] == list(range(500))
    assert [task["id"] for task in created] == api.ids("sdk/tasks/", page_size=1000)


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


def test_bulk_errors_are_told_for_each_item_and_nothing_is_created(api):
    project = api.project()["id"]
    response = api.post(
        "tasks/",
        [{"project": project}, {"project": 10**9}, {}, 5, {"project": project, "status": "x"}],
    )
    assert response.status_code == 400
    assert response.json() == [
        {},
        {"project": ['Invalid pk "1000000000" - object does not exist.']},
        {"project": ["This field is required."]},
        {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]},
        {"status": ['"x" is not a valid choice.']},
    ]
    assert api.ids("sdk/tasks/") == []


def test_an_empty_bulk_creates_nothing(api):
    response = api.post("tasks/", [])
    assert (response.status_code, response.json()) == (201, [])


def test_task_tag_from_creation_to_deletion(api):
    tag = api.ok("POST", "task_tags/", {"name": "night", "color": "#000"})
    path = f"task_tags/{tag['id']}/"
    assert api.ok("PATCH", path, {"description": "dark"})["description"] == "dark"
    assert api.ids("task_tags/", name="night") == [tag["id"]]
    assert api.request("DELETE", path).status_code == 204
    assert api.ids("task_tags/") == []
