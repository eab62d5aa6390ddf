"""Choose the runner of a job in this process."""

from typing import Any

from django.apps import apps
from django.db import transaction

from synapse.emulator.agent_registry import ConnectedAgents
from synapse.emulator.files import blob_path
from synapse.emulator.job_runner import JobRunner
from synapse.emulator.models import Job, Token
from synapse.emulator.models.accounts import User


def agents() -> ConnectedAgents:
    """Return the connected agents."""
    config = _config()
    if config.agents is None:
        config.agents = ConnectedAgents()
    found: ConnectedAgents = config.agents
    return found


def engine() -> JobRunner | None:
    """Return this server's job runner, if any."""
    running: JobRunner | None = _config().running
    return running


def note_agent(agent: User, token: str) -> None:
    """Store an agent's address, and submit its waiting jobs to a new agent.

    Waiting jobs date from before this server's start, which may have died before submitting them. A
    job that the agent has isn't run twice.
    """
    if not agents().note(agent, token):
        return
    waiting = Job.objects.filter(agent=agent, runner=Job.Runner.AGENT, status=Job.Status.QUEUED)
    for job in waiting.exclude(plugin_release=None).select_related(
        "plugin", "plugin_release", "tenant"
    ):
        before = Token.objects.filter(job=job).select_related("user").first()
        if before is not None:
            agents().submit(job, Token.for_job(job, before.user), patience=0)


def hand_over(job: Job, user: User) -> None:
    """Submit a new job after the transaction, when others can see the job.

    Args:
        job: The job, with the runner.
        user: The requesting user, whose rights the job's token gets.
    """
    release = job.plugin_release
    if release is None:  # the caller checked
        raise ValueError("only a release can be run")
    token = Token.for_job(job, user)
    running = engine()
    if job.runner == Job.Runner.AGENT:
        transaction.on_commit(lambda: agents().submit(job, token))
    elif running is not None:
        archive = blob_path(release.blob)
        transaction.on_commit(lambda: running.submit(job, archive, token))


def ask_to_stop(job: Job) -> None:
    """Request a job's end at the runner, after the transaction."""
    running = engine()
    if job.runner == Job.Runner.AGENT:
        transaction.on_commit(lambda: agents().stop(job))
    elif running is not None:
        transaction.on_commit(lambda: running.stop(job))


def _config() -> Any:
    return apps.get_app_config("emulator")
