import pytest

from .client import Api, connect


def test_health_needs_no_credentials_and_minds_no_bad_ones(anonymous):
    assert anonymous.get("health/").json()["status"] == "ok"
    bad = {"SYNAPSE-Access-Token": "Token nonsense"}
    assert anonymous.request("GET", "health/", headers=bad).status_code == 200


def test_no_credentials_are_401_with_the_scheme(anonymous):
    response = anonymous.get("projects/")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json() == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize("header", ["SYNAPSE-Access-Token", "Authorization", "SYNAPSE-Agent"])
def test_a_wrong_token_is_401(anonymous, header):
    response = anonymous.request("GET", "projects/", headers={header: "Token nonsense"})
    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid token."}
    assert response.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    ("header", "kind", "status"),
    [
        ("SYNAPSE-Access-Token", "api_token", 200),
        ("Authorization", "api_token", 200),
        ("SYNAPSE-Agent", "api_token", 401),
        ("SYNAPSE-Access-Token", "agent_token", 401),
        ("Authorization", "agent_token", 401),
        ("SYNAPSE-Agent", "agent_token", 200),
    ],
)
def test_each_token_is_good_in_its_own_headers(emulator, anonymous, header, kind, status):
    token = getattr(emulator, kind)
    response = anonymous.request("GET", "projects/", headers={header: f"Token {token}"})
    assert response.status_code == status


@pytest.mark.parametrize("value", ["", "Token", "Bearer abc", "Token a b", "Token \xe9\xe9"])
def test_a_malformed_header_is_401(anonymous, value):
    response = anonymous.request(
        "GET", "projects/", headers={"SYNAPSE-Access-Token": value.encode("latin-1")}
    )
    assert response.status_code == 401


def test_me_is_who_the_token_belongs_to(emulator, api, anonymous):
    me = api.get("users/me/").json()
    assert me["tenants"] == [me["tenant"]]
    assert me["is_agent"] is False
    agent = {"SYNAPSE-Agent": f"Token {emulator.agent_token}"}
    answer = anonymous.request("GET", "users/me/", headers=agent).json()
    assert (answer["is_agent"], answer["tenant"]) == (True, "default")


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


def test_tokens_are_not_in_the_database_in_clear(emulator):
    everything = b"".join(
        path.read_bytes() for path in emulator.data.glob("db.sqlite3*") if path.is_file()
    )
    assert b"default" in everything
    assert emulator.api_token.encode() not in everything
    assert emulator.agent_token.encode() not in everything


def test_making_tenants_needs_the_control_token(emulator, api: Api):
    response = api.post("_emulator/tenants/", {})
    assert response.status_code == 404
    wrong = {"Authorization": f"Token {emulator.api_token}"}
    assert api.request("POST", "_emulator/tenants/", json={}, headers=wrong).status_code == 404
