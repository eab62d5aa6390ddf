"""Trained models."""

import pytest

from .client import sha256

UNKNOWN = "7d444840-9dc0-11d1-b245-5ffdce74fad2"


def test_a_model_whose_file_was_uploaded_before(api):
    plugin, project = api.plugin("Detector"), api.project()["id"]
    body = {
        "name": "Night",
        "project": project,
        "plugin": plugin["id"],
        "version": "1",
        "model_type": "detector",
        "metrics": {"map": 0.5},
        "chunked_upload": api.uploaded(b"weights"),
    }
    model = api.ok("POST", "models/", body)
    assert model == {
        "id": model["id"],
        "name": "Night",
        "description": "",
        "model_type": "detector",
        "project": project,
        "plugin": plugin["id"],
        "version": "1",
        "checkpoint": None,
        "file": model["file"],
        "metrics": {"map": 0.5},
        "configuration": {},
        "is_active": True,
        "created": model["created"],
        "updated": model["updated"],
    }
    assert model["file"].startswith(f"{api.url}/files/{sha256(b'weights')}/big.bin?signature=")
    assert api.get(model["file"]).content == b"weights"
    assert api.get(f"models/{model['id']}/").json() == model
    assert api.get("models/", project=project).json()["results"] == [model]
    row = api.get(f"models/{model['id']}/", expand="project,plugin").json()
    assert (row["project"]["title"], row["plugin"]["code"]) == ("Streets", "detector")


def test_a_model_whose_file_comes_along(api):
    api.plugin("Detector")
    response = api.request(
        "POST",
        "models/",
        files={"file": ("night.pt", b"weights")},
        data={"name": "Night", "plugin": "detector", "metrics": '{"map": 0.5}'},
    )
    model = response.json()
    assert (response.status_code, model["metrics"]) == (201, {"map": 0.5})
    assert model["is_active"] is True
    assert model["file"].split("?")[0].endswith("/night.pt")


def test_a_model_without_a_file_gets_one_and_another(api):
    model = api.ok("POST", "models/", {"name": "Night"})
    assert (model["file"], model["project"], model["plugin"]) == (None, None, None)
    path = f"models/{model['id']}/"
    changed = api.ok("PATCH", path, {"chunked_upload": api.uploaded(b"one"), "metrics": {"a": 1}})
    assert api.get(changed["file"]).content == b"one"
    response = api.request("PATCH", path, files={"file": ("b.pt", b"two")})
    assert api.get(response.json()["file"]).content == b"two"
    kept = api.ok("PATCH", path, {"is_active": False})
    assert (kept["file"], kept["metrics"]) == (response.json()["file"], {"a": 1})
    assert api.request("DELETE", path).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert api.request(method, path, json={}).status_code == 404


def test_an_upload_that_is_unknown_unfinished_or_somebody_elses(api, other):
    unfinished = api.chunk(b"abc", 0, 6).json()["id"]
    for key in (unfinished, UNKNOWN, other.uploaded(b"theirs"), "x", 5, None):
        response = api.post("models/", {"name": "a", "chunked_upload": key})
        assert (response.status_code, list(response.json())) == (400, ["chunked_upload"])
    assert api.ids("models/") == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": None}, "name"),
        ({"project": 0}, "project"),
        ({"plugin": "nothing"}, "plugin"),
        ({"plugin": 10**30}, "plugin"),
        ({"metrics": None}, "metrics"),
        ({"file": "text"}, "file"),
        ({"is_active": None}, "is_active"),
    ],
)
def test_bad_models(api, fields, error):
    response = api.post("models/", {"name": "a", **fields})
    assert (response.status_code, list(response.json())) == (400, [error])


def test_filters_order_and_search(api, other):
    plugin = api.plugin("Detector")["id"]
    one = api.ok("POST", "models/", {"name": "One", "plugin": plugin, "version": "1"})["id"]
    two = api.ok("POST", "models/", {"name": "Two", "is_active": False, "model_type": "x"})["id"]
    assert api.ids("models/", plugin=plugin) == [one]
    assert api.ids("models/", is_active="false", model_type="x") == [two]
    assert api.ids("models/", version="1") == [one]
    assert api.ids("models/", ordering="-name") == [two, one]
    assert api.ids("models/", search="tw") == [two]
    assert other.get(f"models/{one}/").status_code == 404
    assert other.ids("models/") == []


def test_a_model_outlives_its_project(api):
    project = api.project()["id"]
    model = api.ok("POST", "models/", {"name": "a", "project": project})["id"]
    api.ok("DELETE", f"projects/{project}/")
    assert api.get(f"models/{model}/").json()["project"] is None
