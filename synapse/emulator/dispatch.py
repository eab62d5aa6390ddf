"""Choose the runner of a job in this process."""

from typing import Any

from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet

from synapse._internal import log_events
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
    _submit_again(Job.objects.filter(agent=agent, runner=Job.Runner.AGENT))


def submit_left() -> None:
    """Submit waiting jobs again, after the death of a process that may have left some behind.

    A job that the runner or the agent has isn't run twice. An agent that isn't connected gets the
    jobs when it is.
    """
    try:
        reachable = [
            agent.pk for agent in User.objects.filter(is_agent=True) if agents().has(agent)
        ]
        own, given = Q(runner=Job.Runner.ENGINE), Q(runner=Job.Runner.AGENT, agent__in=reachable)
        _submit_again(Job.objects.filter(own | given))
    except DatabaseError as error:
        log_events.EMULATOR_FAILED.log(
            "Jobs of a process that died could not be submitted.", exc_info=True, reason=error
        )
    finally:
        connection.close()  # of this call's thread


def _submit_again(jobs: QuerySet[Job]) -> None:
    waiting = jobs.filter(status=Job.Status.QUEUED).exclude(plugin_release=None)
    for job in waiting.select_related("plugin", "plugin_release", "tenant"):
        before = Token.objects.filter(job=job).select_related("user").first()
        if before is not None:
            _submit(job, Token.for_job(job, before.user), patience=0)


def hand_over(job: Job, user: User) -> None:
    """Submit a new job after the transaction, when others can see the job.

    Args:
        job: The job, with the runner.
        user: The requesting user, whose rights the job's token gets.
    """
    if job.plugin_release is None:  # the caller checked
        raise ValueError("only a release can be run")
    token = Token.for_job(job, user)
    transaction.on_commit(lambda: _submit(job, token))


def _submit(job: Job, token: str, **options: float) -> None:
    running, release = engine(), job.plugin_release
    if job.runner == Job.Runner.AGENT:
        agents().submit(job, token, **options)
    elif running is not None and release is not None:
        running.submit(job, blob_path(release.blob), token)


def ask_to_stop(job: Job) -> None:
    """Request a job's end at the runner, after the transaction."""
    running = engine()
    if job.runner == Job.Runner.AGENT:
        transaction.on_commit(lambda: agents().stop(job))
    elif running is not None:
        transaction.on_commit(lambda: running.stop(job))


def _config() -> Any:
    return apps.get_app_config("emulator")
