"""The common behaviour of all resources: errors, bulk bodies and methods."""

import pytest


def test_missing_fields_are_named_together(api):
    assert api.post("projects/", {}).json() == {
        "title": ["This field is required."],
        "category": ["This field is required."],
    }


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


def test_bulk_tasks_come_back_in_order(api):
    project = api.project()["id"]
    bodies = [{"project": project, "meta": {"n": n}} for n in range(500)]
    created = api.ok("POST", "tasks/", bodies)
    assert [task["meta"]["n"] for task in created] == list(range(500))
    assert [task["id"] for task in created] == api.ids("sdk/tasks/", page_size=1000)


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
