"""Tenants and the rows that they see."""

import pytest

from .client import connect


def test_a_member_chooses_the_tenant_by_header(emulator):
    home = emulator.create_tenant()
    second = emulator.create_tenant(member=home.api_token)
    at_home = connect(emulator, home.api_token)
    away = connect(emulator, home.api_token, second.tenant)
    with at_home.http, away.http:
        project = away.project()
        assert away.ids("projects/") == [project["id"]]
        assert at_home.ids("projects/") == []
        assert away.get("users/me/").json()["tenant"] == second.tenant


@pytest.mark.parametrize("code", ["foreign", "no-such-tenant"])
def test_a_tenant_of_others_is_403(emulator, code):
    foreign = emulator.create_tenant().tenant if code == "foreign" else code
    client = connect(emulator, emulator.api_token, foreign)
    with client.http:
        response = client.get("projects/")
    assert response.status_code == 403
    assert response.json() == {"detail": "You are not a member of this tenant."}


def test_tenants_see_nothing_of_each_other(api, other):
    project = other.project()
    task = other.task(project["id"])
    assert api.ids("projects/") == []
    assert api.ids("sdk/tasks/") == []
    for path in (f"projects/{project['id']}/", f"tasks/{task['id']}/"):
        for method in ("GET", "PATCH", "DELETE"):
            assert api.request(method, path, json={}).status_code == 404
    assert api.request("PUT", f"tasks/{task['id']}/annotate_task_data/", json={}).status_code == 404
    assert other.get(f"tasks/{task['id']}/").json()["status"] == "pending"


def test_a_relation_to_another_tenants_object_does_not_exist(api, other):
    foreign = other.project()["id"]
    response = api.post("tasks/", {"project": foreign})
    assert response.status_code == 400
    assert response.json() == {"project": [f'Invalid pk "{foreign}" - object does not exist.']}


def test_a_user_of_another_tenant_cannot_be_assignee(api, other):
    stranger = other.get("users/me/").json()["id"]
    task = api.task(api.project()["id"])
    response = api.request("PATCH", f"tasks/{task['id']}/", json={"assignee": stranger})
    assert list(response.json()) == ["assignee"]
    own = api.get("users/me/").json()["id"]
    assert api.ok("PATCH", f"tasks/{task['id']}/", {"assignee": own})["assignee"] == own
