"""What a job's token may do: change data and its own job, and nothing that outlives the job."""

import pytest

from synapse.emulator import Emulator

from .client import Api, connect
from .fake_agent import run
from .running import ended, released

CLOSED = (
    "A job's token can't start jobs, and can't change plugins, releases, agents and storages. Use "
    "a user's token."
)
OTHERS = "A job's token can change its own job only."


class Jobs:
    """A job on an agent, its token's client, and another job."""

    def __init__(self, emulator, credentials, agent, user, robot):
        self.user, self.robot = user, robot
        self.connect_path = f"agents/{credentials.agent_token}/connect/"
        released(user, "def run(): ...")
        self.agent = user.ok("POST", self.connect_path, {"url": agent.url})["id"]
        self.key = run(user, self.agent)
        token = agent.wait_for(1)[1]["SYNAPSE-User"].removeprefix("Token ")
        self.own = connect(emulator, token)
        self.other = run(user, self.agent)
        self.application = user.ok("POST", "serve_applications/", {"job": self.other})["id"]


@pytest.fixture
def jobs(emulator, agent):
    credentials = emulator.create_tenant()
    user = connect(emulator, credentials.api_token)
    robot = Api(emulator.url, {"SYNAPSE-Agent": f"Token {credentials.agent_token}"})
    with user.http, robot.http:
        built = Jobs(emulator, credentials, agent, user, robot)
        with built.own.http:
            yield built


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "plugins/tried/run/", {}),
        ("POST", "plugins/", {"name": "More"}),
        ("PATCH", "plugins/tried/", {"is_active": False}),
        ("PUT", "plugins/tried/", {"name": "Mine"}),
        ("POST", "plugin_releases/", {"plugin": "tried"}),
        ("POST", "storages/", {"name": "mine", "configuration": {}, "is_default": True}),
        ("POST", "{connect}", {"url": "http://127.0.0.1:9"}),
    ],
)
def test_what_would_outlive_the_job_is_refused(jobs, method, path, body):
    path = path.format(connect=jobs.connect_path)
    before = jobs.user.get("jobs/").json()["count"]

    response = jobs.own.request(method, path, json=body)

    assert (response.status_code, response.json()) == (403, {"detail": CLOSED})
    assert jobs.user.get("jobs/").json()["count"] == before
    assert jobs.user.get("plugins/tried/").json()["name"] == "Tried"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "jobs/{other}/", {"status": "stopped"}),
        ("PATCH", "jobs/{other}/", {"result": 1}),
        ("PUT", "trains/{other}/override_best_trial/", {"a": 1}),
        ("POST", "logs/", {"job": "{other}", "message": "said"}),
        ("POST", "logs/", [{"message": "mine"}, {"job": "{other}", "message": "said"}]),
        ("POST", "serve_applications/", {"job": "{other}"}),
        ("DELETE", "serve_applications/{application}/", None),
    ],
)
def test_other_jobs_are_not_its_own(jobs, method, path, body):
    def fill(value):
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        is_text = isinstance(value, str)
        return value.format(other=jobs.other, application=jobs.application) if is_text else value

    before = jobs.user.get(f"jobs/{jobs.other}/").json()

    response = jobs.own.request(method, fill(path), json=fill(body))

    assert (response.status_code, response.json()) == (403, {"detail": OTHERS})
    assert jobs.user.get(f"jobs/{jobs.other}/").json() == before
    assert jobs.user.get(f"serve_applications/{jobs.application}/").status_code == 200


def test_data_and_the_own_job_are_changed_as_by_the_user(jobs):
    own = jobs.own
    for spelling in (jobs.key, jobs.key.replace("-", ""), jobs.key.upper()):
        assert own.ok("PATCH", f"jobs/{spelling}/", {"progress": 5})["progress"] == 5
    own.ok("POST", "logs/", [{"job": jobs.key, "message": "said"}, {"message": "alone"}])
    application = own.ok("POST", "serve_applications/", {"job": jobs.key})["id"]
    assert own.request("DELETE", f"serve_applications/{application}/").status_code == 204
    project = own.project()["id"]
    assert own.ok("PATCH", f"projects/{project}/", {"title": "New"})["title"] == "New"
    own.task(project)
    for path in ("jobs/", f"jobs/{jobs.other}/", "plugins/tried/", "plugin_releases/", "agents/"):
        assert own.get(path).status_code == 200


def test_tokens_of_users_and_agents_keep_their_rights(jobs):
    assert jobs.user.ok("PATCH", "plugins/tried/", {"description": "x"})["description"] == "x"
    assert jobs.user.ok("PATCH", f"jobs/{jobs.other}/", {"progress": 1})["progress"] == 1
    assert jobs.robot.ok("POST", "plugins/tried/run/", {"agent": jobs.agent})["job_id"]


def test_job_that_runs_here_can_not_start_another(api):
    released(
        api,
        """
        import synapse
        def run(context):
            try:
                context.session.plugins.get("tried").run("train")
            except synapse.errors.PermissionDenied as error:
                return str(error)
        """,
    )
    job = api.ok("POST", "plugins/tried/run/", {})["job_id"]

    row = ended(api, job)

    assert row["status"] == "SUCCEEDED"
    assert "A job's token can't start jobs" in row["result"]
    assert api.ids("jobs/") == [job]


@pytest.mark.slow
def test_token_ends_after_its_lifetime(agent):
    with Emulator(job_token_lifetime=5) as emulator:
        user = connect(emulator, emulator.api_token)
        with user.http:
            released(user, "def run(): ...")
            path = f"agents/{emulator.agent_token}/connect/"
            key = user.ok("POST", path, {"url": agent.url})["id"]
            job = run(user, key)
            own = connect(emulator, agent.wait_for(1)[1]["SYNAPSE-User"].removeprefix("Token "))
            with own.http:
                assert own.get(f"jobs/{job}/").status_code == 200
                while (response := own.get(f"jobs/{job}/")).status_code == 200:
                    pass

                assert (response.status_code, response.json()) == (
                    401,
                    {"detail": "The job's token has expired."},
                )
            assert user.get(f"jobs/{job}/").json()["status"] == "PENDING"
            assert user.get("jobs/").status_code == 200
