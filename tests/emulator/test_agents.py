import pytest

from .client import Api, connect


@pytest.fixture
def tenant(emulator):
    return emulator.create_tenant()


@pytest.fixture
def user(emulator, tenant):
    client = connect(emulator, tenant.api_token)
    with client.http:
        yield client


@pytest.fixture
def agent(emulator, tenant):
    client = Api(emulator.url, {"SYNAPSE-Agent": f"Token {tenant.agent_token}"})
    with client.http:
        yield client


def test_an_agent_is_connected_by_a_user_or_by_itself(user, agent, tenant):
    path = f"agents/{tenant.agent_token}/connect/"
    first = user.ok("POST", path, {"url": "http://agent:8001", "name": "Robot"})
    assert first == {
        "id": agent.me(),
        "name": "Robot",
        "url": "http://agent:8001",
        "status": "connected",
        "is_active": True,
        "connected": first["connected"],
        "created": first["created"],
    }
    second = agent.ok("POST", path)
    assert second["connected"] > first["connected"]
    assert second == {**first, "connected": second["connected"]}
    assert agent.ok("POST", path, {"url": None})["url"] is None


def test_a_job_for_the_agent(user, agent, tenant):
    robot = user.ok("POST", f"agents/{tenant.agent_token}/connect/", {})["id"]
    job = user.job(agent=robot)
    assert user.ids("jobs/", agent=robot) == [job]
    assert agent.ok("PATCH", f"jobs/{job}/", {"status": "RUNNING"})["status"] == "RUNNING"


@pytest.mark.parametrize("token", ["x", "{api}", "{foreign}", "0" * 40, "ä%00", "a" * 5000])
def test_an_unknown_token_is_404_and_not_repeated(emulator, user, tenant, token):
    foreign = emulator.create_tenant().agent_token
    token = token.format(api=tenant.api_token, foreign=foreign)
    response = user.post(f"agents/{token}/connect/", {})
    assert (response.status_code, response.json()) == (404, {"detail": "No agent has this token."})
    assert user.post(f"agents/{token}/connect", {}).json() == {"detail": "Not found."}
    assert token not in emulator.log


def test_an_agent_speaks_for_itself_only(emulator, user, agent):
    another = emulator.create_tenant(member=agent_token(agent))
    response = agent.request(
        "POST",
        f"agents/{another.agent_token}/connect/",
        headers={"SYNAPSE-Tenant": f"Token {another.tenant}"},
    )
    assert (response.status_code, response.json()) == (404, {"detail": "No agent has this token."})


def agent_token(agent):
    return agent.http.headers["SYNAPSE-Agent"].split()[1]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"url": 5.5, "name": ""}, ["name"]),
        ({"url": ["a"]}, ["url"]),
        ({"url": "a" * 1025}, ["url"]),
        ({"name": "\x00"}, ["name"]),
        ([], ["non_field_errors"]),
    ],
)
def test_bad_bodies(user, tenant, body, error):
    response = user.post(f"agents/{tenant.agent_token}/connect/", body)
    assert (response.status_code, list(response.json())) == (400, error)


def test_credentials_are_needed(anonymous, tenant):
    assert anonymous.post(f"agents/{tenant.agent_token}/connect/", {}).status_code == 401
