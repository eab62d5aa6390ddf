"""A plugin in the form of the platform's scaffold, run by the platform's package itself."""

from __future__ import annotations

import pytest

import synapse
from synapse.errors import JobFailed, ValidationError
from synapse.testing.agents import RunningAgent
from synapse.testing.tenants import EmulatorTenant

pytestmark = pytest.mark.timeout(600)


@pytest.mark.usefixtures("release")
def test_the_local_backend_runs_the_plugin(
    session: synapse.Session, project: synapse.Project, client: synapse.BackendClient
) -> None:
    plugin = session.plugins.get("counter")
    ids = [task.id for task in project.tasks.all()]

    job = plugin.run("count", params={"project": project.id})
    lines = list(job.follow())

    assert job.wait() is job
    assert job.result == {"ids": ids}
    assert job.status == "succeeded"
    assert dict(job.metrics) == {"count": {"tasks": len(ids)}}
    assert job.progress is not None
    assert job.progress_record is not None
    assert job.progress_record["record"]["steps"]["count"]["percent"] == 100
    assert lines[0] == "config.yaml requires CUDA >=11.8. This runner doesn't check CUDA."
    assert any("counting" in line for line in lines)
    assert "done" in lines
    levels = {line.level for line in job.logs() if "counting" in line.message}
    assert levels == {"info"}
    row = client.get_job(job.id)
    assert (row["result"], row["metrics_record"]["record"]["steps"]) == (
        {"ids": ids},
        {"count": {"tasks": len(ids)}},
    )

    failed = plugin.run("count", params={"project": project.id, "fail": True})
    with pytest.raises(JobFailed, match="The code raised RuntimeError: no fingers left"):
        failed.wait()
    assert failed.result == {"error": "no fingers left"}

    with pytest.raises(ValidationError, match="project: Missing"):
        plugin.run("count", params={"projekt": 1})

    own = plugin.run("own", params={"project": 1}).wait()
    assert (own.result, own.progress) == ({"own": {"project": 1}}, 100)


@pytest.mark.usefixtures("release")
def test_an_agent_runs_the_plugin(
    session: synapse.Session,
    project: synapse.Project,
    emulator: EmulatorTenant,
    synapse_agent: RunningAgent,
) -> None:
    agent = session.agents.connect(emulator.agent_token, name="agent", url=synapse_agent.url)
    job = session.plugins.get("counter").run("count", params={"project": project.id}, agent=agent)

    job.wait()

    assert job.result == {"ids": [task.id for task in project.tasks.all()]}
    assert dict(job.metrics) == {"count": {"tasks": len(job.result["ids"])}}
    assert any("done" in line.message for line in job.logs())
