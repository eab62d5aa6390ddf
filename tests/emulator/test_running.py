"""Jobs that the backend runs, as a client sees them."""

import contextlib
import json
import time

import pytest

from .client import connect
from .running import (
    FINAL,
    SLEEP,
    console,
    ended,
    lines,
    printed,
    released,
    started,
    until,
    zipped,
)

# What a job does


def test_a_job_runs_and_reports(api):
    job = started(
        api,
        """
        import synapse
        def run(context):
            print("plain")
            context.log("careful", level="warning")
            context.progress(1, 4, category="train")
            context.metrics(loss=0.5)
            project = context.session.projects.create(title="Made", category="image")
            return {"project": project.id, "epochs": context.params["epochs"]}
        """,
        {"params": {"epochs": 3}, "action": "train"},
    )
    row = ended(api, job)

    assert (row["status"], row["action"]) == ("SUCCEEDED", "train")
    assert row["result"] == {"project": api.ids("projects/")[0], "epochs": 3}
    assert row["progress"] == 25
    assert row["progress_record"]["train"]["done"] == 1
    assert row["metrics_record"] == {"loss": 0.5}
    assert row["completed"] is not None
    assert lines(api, job) == [("plain", None), ("careful", "warning")]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def run(): raise RuntimeError('boom')", "The code raised RuntimeError: boom."),
        (
            "def run(): import no_such_package",
            (
                "The code raised ModuleNotFoundError: No module named 'no_such_package'. Name its "
                "package under `requirements` in config.yaml, with `install: true`."
            ),
        ),
        ("import sys\ndef run(): sys.exit(7)", "It ended with exit code 7."),
        ("import os\ndef run(): os._exit(9)", "It ended with exit code 9."),
        ("import os\ndef run(): os.kill(os.getpid(), 9)", "It was killed by signal 9 (SIGKILL)."),
    ],
)
def test_a_job_that_fails_says_why_in_its_last_line(api, source, reason):
    job = started(api, source)

    assert ended(api, job)["status"] == "FAILED"
    assert lines(api, job)[-1] == (reason, "error")


def test_a_reason_that_the_job_printed_is_not_said_again(api):
    job = started(api, "import no_such_package\ndef run(): ...")

    assert ended(api, job)["status"] == "FAILED"
    ((said, level),) = lines(api, job)
    assert (said[:30], level) == ("The action 'train' can't run: ", "error")


def test_lines_come_as_they_are_printed(api):
    job = started(
        api,
        """
        import time
        def run(context):
            print("first")
            while context.session.projects.count() == 0:
                time.sleep(0.05)
            print("second")
        """,
    )
    printed(api, job, "first")
    assert api.get(f"jobs/{job}/").json()["status"] == "RUNNING"
    api.project()

    assert ended(api, job)["status"] == "SUCCEEDED"
    assert console(api, job) == ["first", "second"]


@pytest.mark.slow
def test_a_hundred_thousand_lines_and_a_server_that_answers(api):
    job = started(api, "def run():\n for n in range(100_000): print('line', n)")
    while api.get(f"jobs/{job}/").json()["status"] not in FINAL:
        assert api.post("projects/", {"title": "a", "category": "image"}).status_code == 201
    found = console(api, job)

    assert found == [f"line {n}" for n in range(100_000)]


def test_more_jobs_than_workers_wait(api):
    released(api, SLEEP)
    first, second, third, fourth = (started(api) for _ in range(4))
    try:
        until(api, first, "RUNNING")
        until(api, second, "RUNNING")
        assert api.get(f"jobs/{third}/").json()["status"] == "PENDING"
        api.ok("PATCH", f"jobs/{first}/", {"status": "stopped"})
        until(api, third, "RUNNING")
        assert api.get(f"jobs/{fourth}/").json()["status"] == "PENDING"
    finally:
        for job in (fourth, third, second, first):
            api.request("PATCH", f"jobs/{job}/", json={"status": "stopped"})
        for job in (first, second, third, fourth):
            ended(api, job)


# Stopping


def test_stop_while_it_runs_and_again(api):
    job = started(api, SLEEP)
    printed(api, job, "up")
    for _ in range(2):
        assert api.request("PATCH", f"jobs/{job}/", json={"status": "STOPPED"}).status_code == 200

    assert ended(api, job)["status"] == "STOPPED"
    assert lines(api, job)[-1] == ("It was stopped.", "warning")
    assert api.request("PATCH", f"jobs/{job}/", json={"status": "stopped"}).status_code == 200
    assert console(api, job).count("It was stopped.") == 1


def test_stop_while_it_waits(api):
    released(api, SLEEP)
    jobs = [started(api) for _ in range(3)]
    api.ok("PATCH", f"jobs/{jobs[2]}/", {"status": "stopped"})
    try:
        assert until(api, jobs[2], "STOPPED")["status"] == "STOPPED"
        assert lines(api, jobs[2]) == [("It was stopped before it ran.", "warning")]
    finally:
        for job in jobs[:2]:
            api.ok("PATCH", f"jobs/{job}/", {"status": "stopped"})
            ended(api, job)


@pytest.mark.parametrize("status", ["completed", "FAILED", "queued"])
def test_the_backend_decides_how_its_jobs_are(api, status):
    job = started(api, SLEEP)
    until(api, job, "RUNNING")
    response = api.request("PATCH", f"jobs/{job}/", json={"status": status})

    assert (response.status_code, response.json()) == (
        409,
        {"detail": 'The backend runs the job. Clients can only set the status to "stopped".'},
    )
    api.ok("PATCH", f"jobs/{job}/", {"status": "stopped"})
    ended(api, job)


# What is refused


def test_unknown_actions_and_bad_parameters(api):
    schema = {
        "type": "object",
        "properties": {"epochs": {"type": "integer"}},
        "required": ["epochs"],
        "additionalProperties": False,
    }
    actions = {
        "train": {"entrypoint": "plugin:run", "parameters": schema},
        "test": {"entrypoint": "plugin:run"},
    }
    released(api, "def run(): ...", actions=actions)

    def refused(**body):
        response = api.post("plugins/tried/run/", body)
        assert response.status_code == 400
        return response.json()

    [message] = refused(action="trian")["action"]
    assert "'trian'" in message
    assert "'train'" in message
    assert "test" in message
    [message] = refused()["action"]
    assert "train, test" in message
    assert list(refused(action="train")["params"]) == ["epochs"]
    assert list(refused(action="train", params={"epochs": "x"})["params"]) == ["epochs"]
    assert refused(action="train", params={"epochs": 1, "more": 2})["params"]
    assert api.ids("jobs/") == []


def test_parameters_that_are_too_large(api):
    released(api, "def run(): ...")
    response = api.post("plugins/tried/run/", {"params": {"text": "x" * (3 << 20)}})

    assert response.status_code == 413
    assert response.json() == {"detail": "The body is larger than the limit of 2,621,440 bytes."}


def test_a_version_is_run_that_is_not_the_newest(api):
    released(api, "def run(): print('old')")
    released(api, "def run(): print('new')", version="2.0.0")
    jobs = [started(api, body=body) for body in ({"version": "1.0.0"}, {}, {"version": None})]
    for job in jobs:
        ended(api, job)

    assert [console(api, job) for job in jobs] == [["old"], ["new"], ["new"]]
    response = api.post("plugins/tried/run/", {"version": "3.0.0"})
    assert (response.status_code, response.json()) == (
        400,
        {"version": ["The plugin has no release with this version."]},
    )


# The job's token


TELL_TOKEN = """
    import time
    from pathlib import Path
    import synapse
    def run(context):
        make = synapse.Session.__init__
        def tell(self, base_url, **credentials):
            Path(context.params["into"]).write_text(credentials["api_token"])
            print("told")
            make(self, base_url, **credentials)
        synapse.Session.__init__ = tell
        context.session
        time.sleep(60)
"""


def test_the_token_of_a_job_is_good_in_its_tenant_until_it_ends(api, emulator, tmp_path):
    mine = api.http.headers["SYNAPSE-Access-Token"].split()[1]
    second = emulator.create_tenant(member=mine)  # the user may work there, the job may not
    job = started(api, TELL_TOKEN, {"params": {"into": str(tmp_path / "token")}})
    printed(api, job, "told")
    token = (tmp_path / "token").read_text()
    with contextlib.ExitStack() as stack:
        own, elsewhere, user = (
            connect(emulator, token),
            connect(emulator, token, second.tenant),
            connect(emulator, mine, second.tenant),
        )
        for client in (own, elsewhere, user):
            stack.enter_context(client.http)
        assert own.me() == api.me()
        assert user.get("jobs/").status_code == 200
        refused = elsewhere.get("jobs/")
        assert (refused.status_code, refused.json()) == (
            403,
            {"detail": "A job's token works only in the job's tenant."},
        )
        assert own.ok("PATCH", f"jobs/{job}/", {"progress": 5})["progress"] == 5
        for status in ("RUNNING", "SUCCEEDED", "failed"):
            row = own.ok("PATCH", f"jobs/{job}/", {"status": status, "result": [status]})
            assert (row["status"], row["result"]) == ("RUNNING", [status])
        api.ok("PATCH", f"jobs/{job}/", {"status": "stopped"})
        ended(api, job)

        assert own.get("jobs/").status_code == 401


def test_the_overall_progress_of_the_platforms_record(api):
    api.plugin("Tried", code="tried")
    job = api.ok("POST", "plugins/tried/run/", {})["job_id"]
    record = {"record": {"steps": {}}, "current_progress": {"overall": 40.0, "step": "train"}}

    assert api.ok("PATCH", f"jobs/{job}/", {"progress_record": record})["progress"] == 40
    both = {"progress_record": record, "progress": 7}
    assert api.ok("PATCH", f"jobs/{job}/", both)["progress"] == 7


def test_a_job_in_another_tenant_of_its_user_works_there(api, emulator):
    mine = api.http.headers["SYNAPSE-Access-Token"].split()[1]
    second = emulator.create_tenant(member=mine)
    client = connect(emulator, mine, second.tenant)
    with client.http:
        job = started(
            client,
            "def run(context): context.session.projects.create(title='There', category='image')",
        )
        assert ended(client, job)["status"] == "SUCCEEDED"
        assert len(client.ids("projects/")) == 1
    assert api.ids("projects/") == []


def test_a_job_has_none_of_the_servers_secrets(api, emulator):
    job = started(
        api,
        """
        import json, os
        def run():
            print(json.dumps(dict(os.environ)))
            print(open("/proc/self/cmdline").read())
        """,
    )
    ended(api, job)
    text = "\n".join(console(api, job))

    known = json.loads((emulator.data / "credentials.json").read_text())
    for secret in (known["secret_key"], known["api_token"], known["agent_token"]):
        assert secret not in text
    assert not [name for name in json.loads(console(api, job)[0]) if name.startswith("DJANGO")]


@pytest.mark.slow
def test_a_release_that_requires_something(api):
    about = "synapse_tried_part-1.0.dist-info"
    wheel = zipped(
        {
            "synapse_tried_part.py": "NAME = 'installed'",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-tried-part\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
    )
    name = "synapse_tried_part-1.0-py3-none-any.whl"
    job = started(
        api,
        "import synapse_tried_part\ndef run(): print(synapse_tried_part.NAME)",
        files={name: wheel},
        install=True,
        requirements=["--no-index", f"./{name}"],
    )

    assert ended(api, job)["status"] == "SUCCEEDED"
    assert console(api, job)[-1] == "installed"
    assert any("Successfully installed" in line for line in console(api, job))


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_a_jobs_own_code_reports_its_end(api, status):
    job = started(
        api,
        f"""
        from synapse.plugins import context
        def run():
            job = context().session.client
            job.update_job(context().job_id, {{"status": "RUNNING"}})
            job.update_job(context().job_id, {{"status": "{status}", "result": {{"n": 1}}}})
            job.update_job(context().job_id, {{"meta": {{"late": 1}}}})
        """,
    )
    row = ended(api, job)
    assert row["status"] == status
    end = time.monotonic() + 60
    while row["meta"] != {"late": 1} and time.monotonic() < end:
        row = api.ok("GET", f"jobs/{job}/")
    assert (row["status"], row["meta"], row["result"]) == (status, {"late": 1}, {"n": 1})
