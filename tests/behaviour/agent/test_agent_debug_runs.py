"""Run code that isn't released: at the agent only, or as a job of the backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from agent_world import World, eventually

from synapse import errors
from synapse.clients.agent import AgentClient

CODE = "def say(context):\n    print('Hello', context.params['name'])\n"
CONFIG = {"actions": {"say": {"entrypoint": "greeter:say"}}}


def run(client: AgentClient, **options: Any) -> str:
    options = {"modules": {"greeter": CODE}, "config": CONFIG, **options}
    started = client.run_debug_plugin_release("say", {"name": "Ann"}, **options)
    assert started["debug"] is True
    return str(started["job_id"])


def wait(client: AgentClient, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = eventually(lambda: client.get_job(job_id), lambda job: job["completed"])
    return job


def test_modules(world: World) -> None:
    job_id = run(world.client)

    assert wait(world.client, job_id)["status"] == "SUCCEEDED"
    assert "Hello Ann\n" in world.client.get_job_logs(job_id)
    # The backend has no such job, and hears nothing of it.
    with pytest.raises(errors.NotFound):
        world.session.jobs.get(job_id)
    eventually(lambda: world.client.get_metrics("jobs")["values"], lambda it: not it["unreported"])
    assert not list((world.folder / "agent" / "debug").iterdir())


def test_folder_of_the_agents_machine(world: World, tmp_path: Path) -> None:
    (tmp_path / "greeter.py").write_text(CODE, encoding="utf-8")

    job_id = run(world.client, modules=None, plugin_path=str(tmp_path))

    assert wait(world.client, job_id)["status"] == "SUCCEEDED"


def test_twice_under_one_id(world: World) -> None:
    first = run(world.client, job_id="debug-1")
    second = run(world.client, job_id="debug-1")

    assert first == second == "debug-1"
    wait(world.client, first)
    assert world.client.get_job_logs(first).count("Hello Ann") == 1
    assert list((world.folder / "agent" / "debug").iterdir()) == []


def test_rights_of_the_user(world: World) -> None:
    code = "def say(context):\n    print('I am', context.session.me.username)\n"
    with AgentClient(
        world.agent.url, world.agent.token, user_token=world.tenant.api_token
    ) as client:
        job_id = run(client, modules={"greeter": code})

        wait(client, job_id)
        assert f"I am {world.session.me.username}" in client.get_job_logs(job_id)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"modules": None}, "modules"),
        ({"modules": {"greeter": CODE}, "config": {"actions": {}}}, "modules"),
        ({"config": {"actions": {"other": {"entrypoint": "greeter:say"}}}}, "action"),
        ({"modules": None, "plugin_path": "/nowhere/at/all"}, "plugin_path"),
        ({"job_id": "a/b"}, "job_id"),
    ],
)
def test_refused(world: World, options: dict[str, Any], field: str) -> None:
    before = len(world.client.list_jobs())

    with pytest.raises(errors.ValidationError) as caught:
        run(world.client, **options)

    assert field in caught.value.fields
    assert len(world.client.list_jobs()) == before
    assert list((world.folder / "agent" / "debug").iterdir()) == []


def test_a_release_has_its_own_requirements(world: World) -> None:
    with pytest.raises(errors.ValidationError, match="add yours to a release"):
        world.client.run_plugin_release("talker@1.0.0", "say", requirements=["attrs"])
