"""Documents in lists as pointers."""

import hashlib
import json

import pytest
import requests

from .client import connect

LARGE = {"text": "ä" * 60}


def fetch(url, **headers):
    return requests.get(url, headers=headers, timeout=30)


@pytest.fixture
def tenant(emulator):
    return emulator.create_tenant()


@pytest.fixture
def api(emulator, tenant):
    client = connect(emulator, tenant.api_token)
    with client.http:
        yield client


@pytest.fixture
def tasks(api):
    project = api.project()["id"]
    return [api.task(project, data=data)["id"] for data in ({"n": 1}, LARGE, None)]


def documents(api, **params):
    return [row["data"] for row in api.get("sdk/tasks/", ordering="id", **params).json()["results"]]


def test_pointers_to_documents(api, tasks):
    small, large, none = documents(api, response_mode="presigned")
    content = fetch(large["presigned_url"]).content
    assert large == {
        "mode": "presigned",
        "presigned_url": large["presigned_url"],
        "size": len(content),
        "data_digest": hashlib.sha256(content).hexdigest(),
    }
    assert json.loads(content) == LARGE
    assert fetch(small["presigned_url"]).json() == {"n": 1}
    assert none is None
    rows = api.get("sdk/tasks/data/", ordering="id", response_mode="presigned").json()["results"]
    assert [row["data"] and row["data"]["mode"] for row in rows] == ["presigned"] * 2 + [None]


def test_large_documents_alone_are_cut(emulator, tenant, api, tasks):
    assert documents(api, response_mode="inline") == [{"n": 1}, LARGE, None]
    with emulator.behave(tenant=tenant.tenant, inline_limit=50):
        small, large, none = documents(api, response_mode="inline")
    assert (small, none) == ({"n": 1}, None)
    assert large == {
        "mode": "inline",
        "truncated": True,
        "presigned_url": large["presigned_url"],
    }
    assert fetch(large["presigned_url"]).json() == LARGE


def test_pointers_that_no_longer_hold(emulator, tenant, api, tasks):
    one, two, _ = (
        row and row["presigned_url"] for row in documents(api, response_mode="presigned")
    )
    assert not one.startswith(emulator.url)
    assert fetch(one, Authorization="Token x").status_code == 400
    assert fetch(one.split("?")[0]).status_code == 403
    assert fetch(one.split("?")[0] + "?" + two.split("?")[1]).status_code == 403
    with emulator.behave(tenant=tenant.tenant, file_url_lifetime=0):
        expired = fetch(documents(api, response_mode="presigned")[0]["presigned_url"])
    assert (expired.status_code, "has expired" in expired.text) == (403, True)
    api.ok("PATCH", f"tasks/{tasks[0]}/", {"data": {"n": 2}})
    api.ok("DELETE", f"tasks/{tasks[1]}/")
    for url in (one, two):
        gone = fetch(url)
        assert (gone.status_code, "Request its row again" in gone.text) == (404, True)


def test_other_modes_are_refused(api):
    response = api.get("sdk/tasks/", response_mode="zip")
    assert (response.status_code, list(response.json())) == (400, ["response_mode"])
