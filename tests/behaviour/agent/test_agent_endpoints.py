"""Every method of `AgentClient`, against a real agent."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from agent_world import World, eventually, make_release

from synapse import errors
from synapse.clients.agent import AgentClient
from synapse.resources.enums import JobStatus


class TestService:
    def test_health(self, world: World) -> None:
        answer = world.client.health_check()

        assert answer["status"] == "ok"
        assert answer["runner"] == "local"
        assert answer["connected"] is True

    @pytest.mark.parametrize(
        ("panel", "figure"),
        [
            ("cpu", "count"),
            ("memory", "total"),
            ("disk", "free"),
            ("network", "bytes_sent"),
            ("jobs", "running"),
            ("process", "pid"),
        ],
    )
    def test_metrics(self, world: World, panel: str, figure: str) -> None:
        answer = world.client.get_metrics(panel)

        assert answer["panel"] == panel
        assert answer["values"][figure] >= 0

    def test_unknown_panel(self, world: World) -> None:
        with pytest.raises(errors.NotFound, match="Use one of cpu, memory, disk"):
            world.client.get_metrics("gpus")

    def test_nodes(self, world: World) -> None:
        (node,) = world.client.list_nodes()

        assert node["state"] == "ALIVE"
        assert world.client.get_node(node["node_id"])["node_id"] == node["node_id"]
        with pytest.raises(errors.NotFound):
            world.client.get_node("nope")

    def test_serve_applications(self, world: World) -> None:
        assert world.client.list_serve_applications() == []
        with pytest.raises(errors.NotFound):
            world.client.get_serve_application("detect")
        with pytest.raises(errors.NotFound):
            world.client.delete_serve_application("detect")


class TestReleases:
    def test_fetch_get_and_drop(self, own_world: World) -> None:
        client = own_world.client

        made = client.create_plugin_release({"plugin": "talker", "version": "1.0.0"})

        assert made["key"] == "talker@1.0.0"
        assert client.get_plugin_release("talker@1.0.0") == made
        assert client.get_plugin_release(made["id"]) == made
        assert client.list_plugin_releases()["results"] == [made]
        assert client.delete_plugin_release("talker@1.0.0") is None
        assert client.list_plugin_releases()["results"] == []
        with pytest.raises(errors.NotFound):
            client.get_plugin_release("talker@1.0.0")
        with pytest.raises(errors.NotFound):
            client.delete_plugin_release("talker@1.0.0")

    def test_by_id(self, own_world: World) -> None:
        (release,) = own_world.plugin.releases

        made = own_world.client.create_plugin_release({"plugin_release": release.id})

        assert made["id"] == release.id

    def test_a_second_time_is_no_second_download(self, own_world: World) -> None:
        client = own_world.client
        made = client.create_plugin_release({"plugin": "talker", "version": "1.0.0"})
        # Nothing would come from there any more.
        with own_world.tenant.fault("500", count=100):
            assert client.create_plugin_release({"plugin": "talker", "version": "1.0.0"}) == made

    def test_a_damaged_one_is_fetched_again(self, own_world: World) -> None:
        client = own_world.client
        made = client.create_plugin_release({"plugin": "talker", "version": "1.0.0"})
        (kept,) = (own_world.folder / "agent" / "releases").glob("*.zip")
        kept.write_bytes(kept.read_bytes()[:-10])

        again = client.create_plugin_release({"plugin": "talker", "version": "1.0.0"})

        assert again["checksum"] == made["checksum"]
        assert kept.stat().st_size == made["size"]

    @pytest.mark.parametrize(
        ("body", "status", "says"),
        [
            ({"plugin": "talker", "version": "9"}, 404, "no release 9 of the plugin talker"),
            ({"plugin": "nobody", "version": "1"}, 404, "Plugin"),
            ({"plugin_release": 999_999}, 404, "PluginRelease"),
            ({"plugin": "talker"}, 400, "code and version"),
            ({}, 400, "code and version"),
            ({"plugin": "../x", "version": "1"}, 404, "code@version"),
            ({"plugin": "talker", "version": "../1"}, 404, "code@version"),
        ],
    )
    def test_what_cant_be_fetched(
        self, world: World, body: dict[str, Any], status: int, says: str
    ) -> None:
        with pytest.raises(errors.ClientError, match=says) as caught:
            world.client.create_plugin_release(body)

        assert caught.value.status_code == status


class TestRunning:
    def test_job(self, world: World) -> None:
        job_id = world.run("say", lines=2)

        seen = eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])
        assert seen["status"] == "SUCCEEDED"
        assert seen["plugin_release"] == "talker@1.0.0"
        assert seen["lines"] == 2
        assert world.client.get_job_logs(job_id) == "line 0\nline 1\n"
        assert job_id in [job["id"] for job in world.client.list_jobs()]
        told = world.job(job_id, until="succeeded")
        assert [line.message for line in told.logs()] == ["line 0", "line 1"]
        assert told.plugin is world.plugin

    def test_whose_rights(self, world: World) -> None:
        mine = world.plugin.run("report", agent=world.session.agents.get(world.agent.token))

        job = world.job(mine.id, until="succeeded")
        assert job.result == {"user": world.session.me.username, "version": "1.0.0"}
        assert job.progress == 50
        assert job.metrics_record == {"accuracy": 0.5}
        (line,) = job.logs()
        assert (line.message, str(line.level)) == ("careful", "warning")

    def test_failure(self, world: World) -> None:
        job_id = world.run("fail")

        job = world.job(job_id, until="failed")
        lines = job.logs()
        assert lines[0].message == "about to fail"
        assert "RuntimeError: boom" in [line.message for line in lines]
        assert lines[-1].message == "The code raised RuntimeError: boom."
        assert str(lines[-1].level) == "error"
        assert world.client.get_job(job_id)["message"] == lines[-1].message

    def test_stop_at_the_agent(self, world: World) -> None:
        job_id = world.run("wait")
        eventually(lambda: world.client.get_job(job_id), lambda job: job["lines"] == 1)
        tasks = [task for task in world.client.list_tasks() if task["job_id"] == job_id]

        assert len(tasks) == 2  # its process, and the one that that started
        assert world.client.get_task(tasks[0]["task_id"])["job_id"] == job_id
        assert world.client.stop_job(job_id)["stopped"] is True
        job = world.job(job_id, until="stopped")
        assert [line.message for line in job.logs()][:2] == ["waiting", "cleaned up"]
        assert world.client.stop_job(job_id)["stopped"] is False
        left = [task["job_id"] for task in world.client.list_tasks()]
        assert job_id not in left

    def test_stop_at_the_backend(self, world: World) -> None:
        agent = world.session.agents.get(world.agent.token)
        job = world.plugin.run("wait", agent=agent)
        eventually(lambda: world.seen(job.id), lambda seen: seen.get("lines") == 1)

        world.session.client.update_job(job.id, {"status": "stopped"})

        seen = eventually(lambda: agent.jobs.get(job.id), lambda seen: seen.is_final)
        assert seen.status is JobStatus.STOPPED
        world.job(job.id, until="stopped")

    def test_two_at_once(self, world: World) -> None:
        one, other = (world.run("say", lines=20, pause=0.1) for _ in range(2))

        eventually(
            lambda: [world.client.get_job(job_id)["status"] for job_id in (one, other)],
            lambda both: both == ["RUNNING", "RUNNING"],
        )
        expected = [f"line {number}" for number in range(20)]
        for job_id in (one, other):
            job = world.job(job_id, until="succeeded")
            assert [line.message for line in job.logs()] == expected

    def test_the_version_that_is_named(self, own_world: World) -> None:
        own_world.plugin.release("1.1.0", make_release(own_world.folder, "1.1.0"))

        job_id = own_world.client.run_plugin_release("talker@1.0.0", {"action": "report"})["job_id"]

        job = own_world.job(job_id, until="succeeded")
        assert job.result["version"] == "1.0.0"
        assert job.plugin_release is not None
        assert job.plugin_release.version == "1.0.0"

    def test_twice_under_one_id(self, world: World) -> None:
        body = {"action": "say", "job_id": str(uuid.uuid4())}

        first = world.client.run_plugin_release("talker@1.0.0", body)
        second = world.client.run_plugin_release("talker@1.0.0", body)

        assert first["job_id"] == second["job_id"] == body["job_id"]
        job = world.job(body["job_id"], until="succeeded")
        assert len(list(job.logs())) == 3

    def test_on_behalf_of_a_user(self, world: World) -> None:
        with AgentClient(
            world.agent.url, world.agent.token, user_token=world.tenant.api_token
        ) as client:
            job_id = client.run_plugin_release("talker@1.0.0", {"action": "report"})["job_id"]

        job = world.job(job_id, until="succeeded")
        assert job.result["user"] == world.session.me.username

    @pytest.mark.parametrize(
        ("body", "field", "says"),
        [
            ({"action": "sya"}, "action", "say"),
            ({}, "action", "say, wait, fail, report"),
            ({"action": 3}, "action", "string"),
            ({"action": "say", "params": {"lines": "many"}}, "params", "integer"),
            ({"action": "say", "params": {"line": 3}}, "params", "line"),
            ({"action": "say", "params": [1]}, "params", "object"),
            ({"action": "say", "job_id": "a/b"}, "job_id", "letters"),
        ],
    )
    def test_refused(self, world: World, body: dict[str, Any], field: str, says: str) -> None:
        before = len(world.client.list_jobs())

        with pytest.raises(errors.ValidationError, match=says) as caught:
            world.client.run_plugin_release("talker@1.0.0", body)

        assert field in caught.value.fields
        assert len(world.client.list_jobs()) == before

    def test_no_such_release(self, world: World) -> None:
        with pytest.raises(errors.NotFound, match="no release 7"):
            world.client.run_plugin_release("talker@7", {"action": "say"})

    @pytest.mark.parametrize("method", ["get_job", "get_job_logs", "stop_job"])
    def test_no_such_job(self, world: World, method: str) -> None:
        with pytest.raises(errors.NotFound, match="no job nope"):
            getattr(world.client, method)("nope")

    def test_pages_and_states(self, world: World) -> None:
        done = world.run("say", lines=1)
        world.job(done, until="succeeded")

        (row,) = world.client.list_jobs({"page_size": 1, "status": ["SUCCEEDED"]})

        assert row["status"] == "SUCCEEDED"
        assert world.client.list_jobs({"status": "PENDING"}) == []
        with pytest.raises(errors.NotFound, match="Invalid page"):
            world.client.list_jobs({"page": 99})
