"""Serve applications."""

import pytest

UNKNOWN = "7d444840-9dc0-11d1-b245-5ffdce74fad2"


def test_serve_application_from_creation_to_deletion(api):
    job = api.job()
    body = {"name": "detector", "job": job, "status": "RUNNING", "data": {"replicas": 2}}
    served = api.ok("POST", "serve_applications/", body)
    assert served == {
        **body,
        "id": served["id"],
        "plugin_release": None,
        "created": served["created"],
        "updated": served["updated"],
    }
    path = f"serve_applications/{served['id']}/"
    assert api.get(path).json() == served
    assert api.ids("serve_applications/", job=job, status="RUNNING") == [served["id"]]
    assert api.get(path, expand="job,plugin_release").json()["job"]["id"] == job
    assert api.request("PATCH", path, json={}).status_code == 405
    assert api.request("DELETE", path).status_code == 204
    assert api.ids("serve_applications/", ordering="-job") == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "name"),
        ({"name": "a", "job": UNKNOWN}, "job"),
        ({"name": "a", "job": 1}, "job"),
        ({"name": "a", "plugin_release": "x"}, "plugin_release"),
        ({"name": "a", "data": [1]}, "data"),
    ],
)
def test_bad_serve_applications(api, body, error):
    response = api.post("serve_applications/", body)
    assert (response.status_code, list(response.json())) == (400, [error])


def test_a_filter_by_an_unknown_job_is_refused(api):
    for key in (UNKNOWN, "x"):
        response = api.get("serve_applications/", job=key)
        assert (response.status_code, list(response.json())) == (400, ["job"])
