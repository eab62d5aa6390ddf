"""Jobs that agents run: what they are sent, and what becomes of a job that they can't be given."""

import socket

import pytest

from .client import Api, connect
from .fake_agent import run
from .running import ended, lines, released, until


@pytest.fixture
def tenant(emulator):
    return emulator.create_tenant()


@pytest.fixture
def user(emulator, tenant):
    client = connect(emulator, tenant.api_token)
    with client.http:
        released(client, "def run(): ...")
        yield client


@pytest.fixture
def robot(emulator, tenant):
    """The agent's own view of the backend."""
    client = Api(emulator.url, {"SYNAPSE-Agent": f"Token {tenant.agent_token}"})
    with client.http:
        yield client


@pytest.fixture
def key(user, tenant, agent):
    """The id of the connected agent."""
    path = f"agents/{tenant.agent_token}/connect/"
    return user.ok("POST", path, {"url": f"{agent.url}/"})["id"]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_connected_agent_is_given_the_job(emulator, user, robot, tenant, agent, key):
    job = run(user, key, params={"n": 1}, debug=True)
    path, headers, body = agent.wait_for(1)

    assert path == "/plugin_releases/tried@1.0.0/run/"
    assert body == {"action": "train", "params": {"n": 1}, "job_id": job, "debug": True}
    assert headers["Authorization"] == tenant.agent_token
    assert headers["SYNAPSE-Tenant"] == f"Token {tenant.tenant}"
    assert user.get(f"jobs/{job}/").json()["status"] == "PENDING"
    token = headers["SYNAPSE-User"].removeprefix("Token ")
    own = connect(emulator, token)
    with own.http:
        assert own.me() == user.me()
        robot.ok("PATCH", f"jobs/{job}/", {"status": "running"})
        robot.ok("PATCH", f"jobs/{job}/", {"status": "completed", "result": 5})
        assert own.get("jobs/").status_code == 401
    assert user.get(f"jobs/{job}/").json()["result"] == 5


def test_who_started_the_job_finds_it_at_the_agent(user, agent, key):
    agent.delay = 0.3
    job = run(user, key)

    assert [body["job_id"] for _, _, body in agent.asked] == [job]


def test_an_agent_that_takes_long_is_not_waited_for(user, agent, key):
    agent.delay = 4
    job = run(user, key)

    assert agent.asked == []
    assert agent.wait_for(1)[2]["job_id"] == job


def test_an_agent_may_have_the_job_made(user, robot, agent, key):
    job = run(robot, key, job_id="5b1f0a52-8d0c-4c36-8c4a-1f6a30a3f5a0")
    _, headers, body = agent.wait_for(1)

    assert body["job_id"] == job
    assert user.ids("jobs/") == [job]
    assert headers["SYNAPSE-User"].startswith("Token ")


def test_an_agent_that_refuses(user, agent, key):
    agent.status = 404
    job = run(user, key)

    assert ended(user, job)["status"] == "FAILED"
    reason = (
        f"The agent could not be given the job: {agent.url} answered 404: "
        '{"detail": "Not here."}.'
    )
    assert lines(user, job) == [(reason, "error")]


def test_an_agent_that_has_gone(user, tenant):
    url = f"http://127.0.0.1:{free_port()}"
    key = user.ok("POST", f"agents/{tenant.agent_token}/connect/", {"url": url})["id"]
    job = run(user, key)

    assert ended(user, job)["status"] == "FAILED"
    reason = f"The agent could not be given the job: {url} cannot be reached (ConnectionError)."
    assert lines(user, job) == [(reason, "error")]


@pytest.mark.parametrize("said", [None, {}, {"url": None}])
def test_an_agent_that_is_not_connected(user, robot, tenant, said):
    if said is not None:
        user.ok("POST", f"agents/{tenant.agent_token}/connect/", said)
    response = user.post("plugins/tried/run/", {"agent": robot.me()})

    assert (response.status_code, response.json()) == (
        409,
        {"detail": "The agent is not connected. Start the agent, or wait until it connects."},
    )
    assert user.ids("jobs/") == []


def test_what_can_not_be_run_is_not_given_to_agents(user, agent, key):
    response = user.post("plugins/tried/run/", {"agent": key, "action": "trian"})

    assert (response.status_code, list(response.json())) == (400, ["action"])
    assert agent.asked == []


def test_stop_is_the_agents_to_do(user, robot, tenant, agent, key):
    job = run(user, key)
    agent.wait_for(1)
    robot.ok("PATCH", f"jobs/{job}/", {"status": "running"})
    answer = user.ok("PATCH", f"jobs/{job}/", {"status": "stopped"})
    path, headers, _ = agent.wait_for(2)

    assert answer["status"] == "RUNNING"
    assert path == f"/jobs/{job}/stop/"
    assert headers["Authorization"] == tenant.agent_token
    robot.ok("PATCH", f"jobs/{job}/", {"status": "stopped"})
    assert until(user, job, "STOPPED")


def test_a_job_whose_agent_can_not_be_asked_counts_as_stopped(user, robot, agent, key):
    job = run(user, key)
    agent.wait_for(1)
    agent.status = 500
    user.ok("PATCH", f"jobs/{job}/", {"status": "stopped"})

    assert until(user, job, "STOPPED")
    message, level = lines(user, job)[-1]
    assert message.startswith(f"It was stopped, but not by the agent: {agent.url} answered 500")
    assert level == "warning"


@pytest.mark.parametrize("status", ["running", "completed", "failed"])
def test_only_its_agent_says_how_a_job_is(user, agent, key, status):
    job = run(user, key)
    response = user.request("PATCH", f"jobs/{job}/", json={"status": status})

    assert (response.status_code, response.json()) == (
        409,
        {"detail": 'An agent runs the job. Others can only set the status to "stopped".'},
    )


def test_an_agent_whose_answer_is_lost_is_asked_again(user, agent, key):
    agent.lost = 2
    job = run(user, key)
    agent.wait_for(3)

    assert {body["job_id"] for _, _, body in agent.asked} == {job}
    assert user.get(f"jobs/{job}/").json()["status"] == "PENDING"
