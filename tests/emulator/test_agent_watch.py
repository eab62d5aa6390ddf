"""Jobs whose agent is silent: they go on for a while, and then they have failed."""

import json
import subprocess
import sys
import textwrap
import time

import pytest

from synapse.emulator import Emulator

from .client import Api, connect
from .fake_agent import run
from .running import ended, lines, released

# Looks at jobs at chosen times; each look prints the states of the jobs.
LOOKS = textwrap.dedent("""
    import json, sys
    from datetime import timedelta
    from pathlib import Path
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    load_application(DataFolder(Path(sys.argv[1])))

    from django.utils import timezone
    from synapse.emulator.agent_watch import AgentWatch
    from synapse.emulator.dispatch import agents
    from synapse.emulator.models import Job, Plugin, Tenant, Token, User

    start = timezone.now()
    now = start
    tenant = Tenant.objects.get()
    agent = User.objects.get(is_agent=True)
    plugin = Plugin.objects.create(tenant=tenant, code="p", name="p")

    def add(status, runner="agent", agent=agent):
        job = Job.objects.create(
            tenant=tenant, plugin=plugin, agent=agent, runner=runner, status=status
        )
        Token.for_job(job, User.objects.get(is_agent=False))
        return job

    jobs = {
        "queued": add("queued"), "running": add("running"), "completed": add("completed"),
        "engine": add("running", "engine"), "script": add("running", ""),
        "agent removed": add("running", agent=None),
    }
    if "lost" in sys.argv:
        agents().has_lost = lambda job: True
    watch = AgentWatch(100, clock=lambda: now)
    looks = []
    for seconds, heartbeat in json.loads(sys.argv[2]):
        now = start + timedelta(seconds=seconds)
        if heartbeat is not None:
            agent.connected = start + timedelta(seconds=heartbeat)
            agent.save()
        watch.check()
        looks.append({
            name: [job.status, job.job_tokens.exists(),
                   *job.console_lines.values_list("message", flat=True)]
            for name, job in ((name, Job.objects.get(pk=job.pk)) for name, job in jobs.items())
        })
    print(json.dumps(looks))
""")
REASON = "The agent has sent no heartbeat for 100 s."
FAILED = ["failed", False, REASON]


@pytest.fixture
def look(tmp_path):
    def look(*times, options=()):
        done = subprocess.run(
            [sys.executable, "-c", LOOKS, str(tmp_path), json.dumps(times), *options],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return look


def test_silence_fails_the_jobs_of_the_agent_and_no_others(look):
    [before, after] = look((99, 0), (100, None))

    assert before["running"] == ["running", True]
    assert before["agent removed"] == ["running", True]
    assert after == {
        "queued": FAILED,
        "running": FAILED,
        "completed": ["completed", True],
        "engine": ["running", True],
        "script": ["running", True],
        "agent removed": FAILED,
    }


def test_agent_that_returns_before_goes_on(look):
    looks = look((99, 0), (101, 100), (199, None), (200, None))

    assert [row["running"][0] for row in looks] == ["running"] * 3 + ["failed"]
    assert [row["queued"][0] for row in looks] == ["queued"] * 3 + ["failed"]


def test_time_while_the_server_was_down_does_not_count(look):
    looks = look((0, -1000), (99, None), (100, None))

    assert [row["running"][0] for row in looks] == ["running", "running", "failed"]


def test_agent_that_returns_afterwards_finds_the_jobs_failed(look):
    looks = look((100, 0), (101, 101), (300, None))

    assert [row["running"] for row in looks] == [FAILED] * 3


def test_lost_job_that_waits_fails_once_the_agent_must_have_had_it(look):
    looks = look((0, 0), (90, 90), (179, 179), (181, 181), options=["lost"])

    reset = ["failed", False, "The agent was reset, and lost the job."]
    assert [row["running"] for row in looks] == [reset] * 4
    assert [row["queued"][0] for row in looks] == ["queued"] * 3 + ["failed"]
    assert looks[-1]["engine"] == ["running", True]


@pytest.fixture
def silent_soon():
    with Emulator(agent_timeout=6) as emulator:
        user = connect(emulator, emulator.api_token)
        robot = Api(emulator.url, {"SYNAPSE-Agent": f"Token {emulator.agent_token}"})
        with user.http, robot.http:
            released(user, "def run(): ...")
            yield emulator, user, robot


@pytest.mark.slow
def test_silence_ends_the_token_and_takes_no_more_jobs(silent_soon, agent):
    emulator, user, robot = silent_soon
    path = f"agents/{emulator.agent_token}/connect/"
    key = user.ok("POST", path, {"url": agent.url})["id"]
    job = run(user, key)
    own = connect(emulator, agent.wait_for(1)[1]["SYNAPSE-User"].removeprefix("Token "))
    robot.ok("PATCH", f"jobs/{job}/", {"status": "running"})

    assert ended(user, job)["status"] == "FAILED"

    assert lines(user, job) == [("The agent has sent no heartbeat for 6 s.", "error")]
    with own.http:
        assert own.get("jobs/").status_code == 401
    assert user.get(f"agents/{key}/").json()["status"] == "disconnected"
    assert user.post("plugins/tried/run/", {"agent": key}).status_code == 409
    late = robot.request("PATCH", f"jobs/{job}/", json={"status": "completed"})
    assert late.status_code == 409
    user.ok("POST", path, {"url": agent.url})
    assert user.get(f"agents/{key}/").json()["status"] == "connected"
    assert run(user, key) == agent.wait_for(2)[2]["job_id"]


@pytest.mark.parametrize("answer", ["no job", "another 404", "has it"])
@pytest.mark.slow
def test_agent_that_lost_its_jobs(silent_soon, agent, answer):
    emulator, user, robot = silent_soon
    path = f"agents/{emulator.agent_token}/connect/"
    job = run(user, user.ok("POST", path, {"url": agent.url})["id"])
    robot.ok("PATCH", f"jobs/{job}/", {"status": "running"})
    agent.of_jobs = answer
    looked = len(agent.looks)
    end = time.monotonic() + 60
    while len(agent.looks) < looked + 2 and time.monotonic() < end:
        user.ok("POST", path, {"url": agent.url})  # its heartbeats
        if user.get(f"jobs/{job}/").json()["status"] == "FAILED":
            break

    row = user.get(f"jobs/{job}/").json()
    if answer == "no job":
        assert row["status"] == "FAILED"
        assert lines(user, job) == [("The agent was reset, and lost the job.", "error")]
    else:
        assert row["status"] == "RUNNING"


@pytest.mark.parametrize("option", ["agent_timeout", "job_token_lifetime"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_seconds_have_to_be_above_0(option, value):
    from synapse.emulator.errors import EmulatorError

    with pytest.raises(EmulatorError, match=f"{option} is {value}: it must be a number"):
        Emulator(**{option: value}).start()
