"""Jobs that an agent has, or waits for, when the backend is started again."""

import contextlib

from synapse.emulator import Emulator

from .client import Api, connect
from .fake_agent import run
from .running import released


def test_a_job_that_an_agent_has_when_the_backend_is_started_again(tmp_path, agent):
    emulator = Emulator(tmp_path / "data")
    job = None
    for _ in range(2):
        with emulator, contextlib.ExitStack() as stack:
            user = connect(emulator, emulator.api_token)
            robot = Api(emulator.url, {"SYNAPSE-Agent": f"Token {emulator.agent_token}"})
            for client in (user, robot):
                stack.enter_context(client.http)
            if job is None:
                released(user, "def run(): ...")
                path = f"agents/{emulator.agent_token}/connect/"
                job = run(user, user.ok("POST", path, {"url": agent.url})["id"])
                agent.wait_for(1)
            else:
                assert user.get(f"jobs/{job}/").json()["status"] == "PENDING"
                robot.ok("PATCH", f"jobs/{job}/", {"status": "completed"})


def test_a_job_that_waits_for_its_agent_when_the_backend_is_started_again(tmp_path, agent):
    """The backend may have died before the agent had it: it is given the job again."""
    emulator = Emulator(tmp_path / "data")
    jobs = []
    for count in (1, 2):
        with emulator, contextlib.ExitStack() as stack:
            path = f"agents/{emulator.agent_token}/connect/"
            user = connect(emulator, emulator.api_token)
            stack.enter_context(user.http)
            if not jobs:
                released(user, "def run(): ...")
                key = user.ok("POST", path, {"url": agent.url})["id"]
                jobs.append(run(user, key))
            else:
                user.ok("POST", path, {"name": "not yet there"})
                assert len(agent.asked) == 1
                for _ in range(3):
                    user.ok("POST", path, {"url": agent.url})
            _, headers, body = agent.wait_for(count)
            assert body["job_id"] == jobs[0]
            own = connect(emulator, headers["SYNAPSE-User"].removeprefix("Token "))
            with own.http:
                assert own.me() == user.me()
    assert len(agent.asked) == 2
