"""Jobs that an agent has, or waits for, when the backend is started again or a worker dies."""

import contextlib
import os
import signal
import threading

import pytest
import requests
from worker_processes import count_connections, find_workers, has_proc, kill_workers, wait_until

from synapse.emulator import Emulator

from .client import Api, connect
from .fake_agent import run
from .running import connected, console, ended, released


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


def run_on_dying_worker(emulator, api):
    """Run a plugin by a worker that dies before the main process hears of the job."""
    [worker] = [pid for pid in find_workers(emulator) if count_connections(pid, emulator)]

    def post():
        with pytest.raises(requests.ConnectionError):
            api.post("plugins/tried/run/", {})

    asking = threading.Thread(target=post)
    os.kill(emulator.pid, signal.SIGSTOP)
    try:
        asking.start()
        with connected(emulator) as other:
            wait_until(lambda: other.ids("jobs/"))
            [job] = other.ids("jobs/")
    finally:
        os.kill(worker, signal.SIGKILL)
        asking.join()
        os.kill(emulator.pid, signal.SIGCONT)
    return job


@pytest.mark.slow
@pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")
def test_a_job_whose_worker_dies_before_it_submits_the_job():
    with Emulator(workers=2) as emulator, connected(emulator) as api:
        released(api, "def run(): print('once')")
        job = run_on_dying_worker(emulator, api)
        assert ended(api, job)["status"] == "SUCCEEDED"
        assert console(api, job) == ["once"]


@pytest.mark.slow
@pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")
def test_an_agent_is_given_its_waiting_jobs_again_when_a_worker_dies(agent):
    """The worker may have died before the agent had them; the agent runs each once."""
    with Emulator(workers=2) as emulator, connected(emulator) as api:
        released(api, "def run(): ...")
        path = f"agents/{emulator.agent_token}/connect/"
        job = run(api, api.ok("POST", path, {"url": agent.url})["id"])
        agent.wait_for(1)
        kill_workers(emulator, min(find_workers(emulator)))
        _, headers, body = agent.wait_for(2)
        assert body["job_id"] == job
        with connect(emulator, headers["SYNAPSE-User"].removeprefix("Token ")).http as own:
            assert own.get(f"{emulator.url}/users/me/", timeout=30).ok


@pytest.mark.slow
@pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")
def test_jobs_that_wait_are_not_run_twice_when_workers_die():
    with Emulator(workers=2) as emulator, connected(emulator) as api:
        released(api, "import time\ndef run():\n print('up')\n time.sleep(1)")
        jobs = [api.ok("POST", "plugins/tried/run/", {})["job_id"] for _ in range(5)]
        for _ in range(2):
            kill_workers(emulator)
        assert {ended(api, job)["status"] for job in jobs} == {"SUCCEEDED"}
        assert [console(api, job) for job in jobs] == [["up"]] * 5
