"""What type checkers must say of the public surface: checked by `make lint`, and never run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from typing_extensions import assert_type

import synapse
import synapse.clients
import synapse.emulator
import synapse.plugins
from synapse import Assignment, DataUnit, Job, JobStatus, Project, Task, TaskTag, User
from synapse.orm.pages import Rows
from synapse.resources.agent_values import AgentJob, Node
from synapse.resources.tasks import TaskManager

COLUMNS: Final = ("id", "status")
MISSPELLED: Final = ("id", "stauts")


def objects(session: synapse.Session) -> None:
    assert_type(session.projects.get(1), Project)
    assert_type(session.projects.get(1).tasks.first(), "Task | None")
    assert_type(session.tasks[0], Task)
    assert_type(session.tasks[0:10], TaskManager)
    assert_type(session.tasks.filter(status="pending").order_by("-id"), TaskManager)
    assert_type(iter(session.tasks), Iterator[Task])
    assert_type(session.tasks.in_bulk([1]), "dict[Any, Task]")
    assert_type(list(session.tasks.values("id")), "list[dict[str, Any]]")
    assert_type(session.me, User)


def relations(task: Task) -> None:
    assert_type(task.project, Project)
    assert_type(task.project_id, int)
    assert_type(task.data_unit, DataUnit)
    assert_type(task.tags, list[TaskTag])
    assert_type(task.assignments.first(), "Assignment | None")
    assert_type(task.created, datetime)
    assert_type(task.annotate({}), Task)


def on_the_class() -> None:
    assert_type(Project.objects.get(1), Project)
    assert_type(Project.tasks.all(), TaskManager)
    assert_type(Assignment.objects.first(), "Assignment | None")


def writing(session: synapse.Session, project: Project, plugin: synapse.Plugin) -> None:
    assert_type(session.projects.create(title="Streets", category="image"), Project)
    assert_type(project.tasks.bulk_create([{}]), list[Task])
    assert_type(next(project.tasks.create_batches([{}], workers=2)), list[Task])
    assert_type(project.tasks.save_all(project.tasks), int)
    assert_type(project.save(), Project)
    assert_type(project.changes, dict[str, Any])
    assert_type(plugin.run("train"), Job)


def keywords(session: synapse.Session, project: Project, task: Task, since: datetime) -> None:
    tasks = session.tasks
    assert_type(tasks.filter(status=["pending", synapse.TaskStatus.SKIPPED]), TaskManager)
    assert_type(tasks.filter(project=[project, 7], assignee=session.me), TaskManager)
    assert_type(tasks.filter(project=session.projects.filter(is_archived=False)), TaskManager)
    assert_type(tasks.filter(id__lt=9, created__gte=since, updated_before="2026-01"), TaskManager)
    assert_type(tasks.filter(params={"mine": "1"}, is_discarded=False), TaskManager)
    assert_type(tasks.get(project=project, data_unit=3), Task)
    assert_type(tasks.only("id", "status").expand("data_unit.data_collection"), TaskManager)
    assert_type(session.jobs.filter(status="SUCCEEDED").order_by("-created").first(), "Job | None")
    assert_type(tasks.create(project=project, data_unit=3, meta={"night": True}), Task)
    assert_type(session.data_units.create(files={}, groups=["site", "camera"]), DataUnit)
    assert_type(session.logs.create(message="Trained", file=Path("curve.csv")), synapse.Log)
    assert_type(session.task_tags.create(name="blurred", extra={"rank": 1}), TaskTag)
    assert_type(project.tasks.all().update(priority="high", assignee=None), int)
    assert_type(session.plugins.create(folder="detector"), synapse.Plugin)
    assert_type(tasks.values(*COLUMNS), Rows)
    tasks.values(*MISSPELLED)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert_type(tasks.bulk_create({"data_unit": n} for n in range(3)), list[Task])
    conditions: dict[str, Any] = {"status": "pending"}
    assert_type(tasks.filter(**conditions), TaskManager)
    rows: Any = [{"data_unit": 1}]  # rows and names that are made at run time
    names: Any = ["id", "status"]
    assert_type(project.tasks.bulk_create(rows), list[Task])
    assert_type(tasks.only(*names), TaskManager)


def verbs_that_are_not_there(session: synapse.Session, unit: DataUnit, job: Job) -> None:
    session.jobs.create()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    session.data_files.all()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    session.plugins.all().delete()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    unit.save()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    job.delete()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    session.tsks  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] # noqa: B018
    synapse.Projct  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] # noqa: B018
    synapse.emulator.Emulatr  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] # noqa: B018
    synapse.plugins.chek  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] # noqa: B018
    synapse.clients.BackendClint  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] # noqa: B018
    job.titel  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] # noqa: B018


def agents(session: synapse.Session) -> None:
    agent = session.agents.get("token")
    assert_type(agent, synapse.Agent)
    assert_type(agent.jobs.get("1"), AgentJob)
    assert_type(list(agent.jobs), list[AgentJob])
    assert_type(agent.jobs.get("1").status, JobStatus | str | None)
    assert_type(agent.nodes.all(), list[Node])
    assert_type(agent.plugin_releases.get("code@1").run("train"), AgentJob)
    assert_type(agent.health().is_ok, bool)


async def awaited(session: synapse.Session, task: Task, job: Job) -> None:
    aio = session.aio
    assert_type(await aio.tasks.get(1), Task)
    assert_type(await aio.tasks.first(), "Task | None")
    assert_type(await aio.tasks[0], Task)
    assert_type(await aio.projects.create(title="Streets", category="image"), Project)
    assert_type(await aio.tasks.filter(status="pending")[:5].count(), int)
    assert_type(await aio.me, User)
    async for each in aio.tasks.filter(status="pending").order_by("-id"):
        assert_type(each, Task)
    async for row in aio.tasks.values("id"):
        assert_type(row, "dict[str, Any]")
    async for page in aio.tasks.pages():
        assert_type(page.objects, list[Task])
    assert_type(await aio(task).project, Project)
    assert_type(await aio(task).project_id, int)
    assert_type(await aio(task).annotate({}), Task)
    assert_type(await aio(task).save(), Task)
    async for assignment in aio(task).assignments:
        assert_type(assignment, Assignment)
    assert_type(await aio(job).wait(), Job)
    async for line in aio(job).follow():
        assert_type(line, str)
    async with aio as entered:
        assert_type(await entered.projects.exists(), bool)
