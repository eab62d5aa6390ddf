import uuid

import pytest

from .releasing import release


def test_plugin(api, plugin):
    assert plugin == {
        "id": plugin["id"],
        "code": "person-detector",
        "name": "Person detector",
        "description": "",
        "version": None,
        "author": "",
        "category": "neural_net",
        "configuration": {},
        "is_active": True,
        "created": plugin["created"],
        "updated": plugin["updated"],
    }
    assert api.get(f"plugins/{plugin['id']}/").json() == plugin
    assert api.get("plugins/person-detector/").json() == plugin


def test_a_plugin_is_changed_by_id_or_code(api, plugin):
    changed = api.ok("PATCH", "plugins/person-detector/", {"author": "me", "code": "people"})
    assert (changed["author"], changed["code"]) == ("me", "people")
    body = {"name": "People", "category": "export"}
    replaced = api.ok("PUT", f"plugins/{plugin['id']}/", body)
    assert (replaced["name"], replaced["category"]) == ("People", "export")
    assert replaced["code"] == "people"
    kept = api.ok("PUT", "plugins/people/", {"description": "new"})
    assert (kept["name"], kept["category"], kept["description"]) == ("People", "export", "new")
    assert api.request("DELETE", "plugins/people/").status_code == 405


def test_codes_are_made_from_names(api):
    codes = [api.plugin(name)["code"] for name in ("Größe 2", "A b", "a B", "A  b", "감지", "123")]
    assert codes == ["groe-2", "a-b", "a-b-2", "a-b-3", "plugin", "plugin-123"]


def test_a_code_is_one_plugins_in_its_tenant(api, other):
    api.plugin("a", code="same")
    assert other.plugin("a", code="same")["code"] == "same"
    second = api.plugin("b")
    error = {"code": ["A plugin with this code already exists."]}
    assert api.post("plugins/", {"name": "c", "code": "same"}).json() == error
    response = api.request("PATCH", f"plugins/{second['id']}/", json={"code": "same"})
    assert (response.status_code, response.json()) == (400, error)
    assert api.request("PATCH", "plugins/same/", json={"code": "same"}).status_code == 200


@pytest.mark.parametrize("code", ["", "12", "a b", "a/b", "ä", "a.b", None, "a" * 101])
def test_bad_codes(api, code):
    response = api.post("plugins/", {"name": "a", "code": code})
    assert (response.status_code, list(response.json())) == (400, ["code"])


@pytest.mark.parametrize("key", ["0", "nothing", "9" * 30, "9" * 5000, "a" * 500, "a.b", "%00"])
def test_an_unknown_plugin_is_404_in_json(api, key):
    assert "detail" in api.get(f"plugins/{key}/").json()
    for method, path in (("GET", ""), ("PATCH", ""), ("PUT", ""), ("POST", "run/")):
        assert api.request(method, f"plugins/{key}/{path}", json={}).status_code == 404


def test_run(api, plugin):
    released = release(api, plugin["id"]).json()
    body = {"action": "train", "params": {"epochs": 3}, "debug": True, "requirements": ["a"]}
    response = api.post(f"plugins/{plugin['code']}/run/", body)
    answer = response.json()
    assert (response.status_code, set(answer)) == (201, {"job_id", "id", "status"})
    job = api.get(f"jobs/{answer['job_id']}/").json()
    assert job == {
        "id": answer["job_id"],
        "plugin": plugin["id"],
        "plugin_release": released["id"],
        "agent": None,
        "action": "train",
        "status": "PENDING",
        "progress": None,
        "progress_record": None,
        "metrics_record": None,
        "params": {"epochs": 3},
        "options": {"requirements": ["a"]},
        "result": None,
        "meta": {},
        "debug": True,
        "is_active": True,
        "created": job["created"],
        "updated": job["updated"],
        "completed": None,
    }


def test_run_with_as_little_as_possible_and_by_older_names(api, plugin):
    path = f"plugins/{plugin['id']}/run/"
    job = api.get(f"jobs/{api.ok('POST', path, {})['id']}/").json()
    assert (job["action"], job["params"], job["plugin_release"]) == (None, {}, None)
    job = api.ok("POST", path, {"parameters": {"threshold": 0.8}, "debug": None})
    assert api.get(f"jobs/{job['id']}/").json()["params"] == {"threshold": 0.8}


def test_the_same_job_id_is_the_same_job(api, other, plugin):
    path, key = f"plugins/{plugin['id']}/run/", str(uuid.uuid4())
    first = api.post(path, {"job_id": key, "action": "train"})
    api.ok("PATCH", f"plugins/{plugin['id']}/", {"is_active": False})
    again = api.post(path, {"job_id": key})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"job_id": key, "id": key, "status": "PENDING"}
    assert api.ids("jobs/") == [key]
    foreign = api.post(f"plugins/{api.plugin('b')['id']}/run/", {"job_id": key})
    assert foreign.status_code == 409
    assert foreign.json() == {"detail": "Another job has this job_id."}


def test_another_tenants_job_id_is_a_new_id(api, other, plugin):
    key = api.job(plugin["id"], action="train")
    path = f"plugins/{other.plugin('Theirs')['id']}/run/"
    expected = {"job_id": key, "id": key, "status": "PENDING"}
    for status in (201, 200):
        response = other.post(path, {"job_id": key, "action": "test"})
        assert (response.status_code, response.json()) == (status, expected)
    for client, action in ((api, "train"), (other, "test")):
        assert client.ids("jobs/") == [key]
        assert client.ok("GET", f"jobs/{key}/")["action"] == action
        row = client.ok("PATCH", f"jobs/{key}/", {"progress": 5, "console_logs": action})
        assert (row["id"], row["progress"]) == (key, 5)
        logged = client.ok("GET", f"jobs/{key}/console_logs/")["results"]
        assert [line["message"] for line in logged] == [action]
        assert client.ok("POST", "logs/", {"job": key, "message": "m"})["id"]
        client.ok("PUT", f"trains/{key}/override_best_trial/", {"of": action})
        assert client.ok("GET", f"jobs/{key}/")["meta"] == {"best_trial": {"of": action}}
    foreign = other.post(f"plugins/{other.plugin('b')['id']}/run/", {"job_id": key})
    assert (foreign.status_code, foreign.json()["detail"]) == (409, "Another job has this job_id.")


def test_an_inactive_plugin_does_not_run(api, plugin):
    api.ok("PATCH", f"plugins/{plugin['id']}/", {"is_active": False})
    response = api.post(f"plugins/{plugin['id']}/run/", {})
    assert (response.status_code, response.json()) == (409, {"detail": "The plugin is not active."})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"agent": 0}, {"agent": ['Invalid pk "0" - object does not exist.']}),
        ({"agent": "x"}, {"agent": ["Incorrect type. Expected pk value, received str."]}),
        ({"params": [1]}, {"params": ['Expected an object, but got type "list".']}),
        ({"parameters": "x"}, {"parameters": ['Expected an object, but got type "str".']}),
        ({"job_id": "x"}, {"job_id": ["Must be a valid UUID."]}),
        ({"job_id": -1}, {"job_id": ["Must be a valid UUID."]}),
        ({"debug": "maybe"}, {"debug": ["Must be a valid boolean."]}),
        ({"action": [1]}, {"action": ["Not a valid string."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        (
            {"more": "\x00"},
            {
                "non_field_errors": [
                    "The document has a number, text or nesting that cannot be stored."
                ]
            },
        ),
    ],
)
def test_bad_runs(api, plugin, body, error):
    response = api.post(f"plugins/{plugin['id']}/run/", body)
    assert (response.status_code, response.json()) == (400, error)
    assert api.ids("jobs/") == []


def test_a_person_is_no_agent(api, plugin):
    response = api.post(f"plugins/{plugin['id']}/run/", {"agent": api.me()})
    assert list(response.json()) == ["agent"]


def test_filters_order_and_search(api):
    one = api.plugin("One", category="export", author="me")["id"]
    two = api.plugin("Two", description="one more")["id"]
    assert api.ids("plugins/", category=["export", "upload"]) == [one]
    assert api.ids("plugins/", code="two") == [two]
    assert api.ids("plugins/", author="me", is_active="true") == [one]
    assert api.ids("plugins/", search="one") == [one, two]
    assert api.ids("plugins/", ordering="-version,-name") == [two, one]
