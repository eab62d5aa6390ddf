"""The agent's work apart from HTTP: take jobs, run them, report to the backend."""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import attrs

from synapse._internal.redaction import hide
from synapse.agent.delivery import Delivery, JobReporter
from synapse.agent.http_errors import Refusal, translate_error
from synapse.agent.release_store import ReleaseStore, split_key
from synapse.agent.store import KeptJob, KeptRelease, Store
from synapse.agent.tickets import Tickets
from synapse.errors import ClientError, ConfigurationError, UsageError
from synapse.jobs.protocols import Machines, Runner
from synapse.jobs.spec import JobSpec, Limits, Outcome
from synapse.plugins.config import PluginConfig
from synapse.plugins.parameters import find_problems
from synapse.session import Session

__all__ = ["Caller", "JobService"]

_LOG = logging.getLogger("synapse.agent")

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
# Seconds for which a run waits for the backend's request with the created job.
_CALLED_BACK = 5.0


@attrs.frozen
class Caller:
    """On whose behalf a request is made.

    Attributes:
        user_token: The token of the header `SYNAPSE-User`: a user's, or a job's own.
        tenant: The code of the header `SYNAPSE-Tenant`.
    """

    user_token: str | None = attrs.field(default=None, repr=False)
    tenant: str | None = None


class JobService:
    """The agent's work.

    Args:
        store: The agent's store.
        session: Session with the backend, with the agent's token.
        runner: The runner.
        cluster: The machines of the jobs.
        reports: The delivery to the backend.
        orders: The tickets for job specs.
        limits: Limits of one job.

    Attributes:
        agent_id: The agent's id at the backend, once known.
        connected: Time of the last contact with the backend, on `time.time`'s clock.
    """

    def __init__(
        self,
        *,
        store: Store,
        session: Session,
        runner: Runner,
        cluster: Machines,
        reports: Delivery,
        orders: Tickets,
        limits: Limits,
    ) -> None:
        self.store = store
        self.runner = runner
        self.cluster = cluster
        self.orders = orders
        self.releases = ReleaseStore(store, session)
        self.stopping = threading.Event()
        self.agent_id: int | None = None
        self.connected: float | None = None
        self._session = session
        self.reports = reports
        self._limits = limits
        # The run requests, by the id of the job that the backend creates for each.
        self._wanted: dict[str, str] = {}
        self._submitting = threading.Lock()

    def run(self, key: str, body: Mapping[str, Any], caller: Caller) -> KeptJob | str:
        """Run an action of a release.

        The backend's request names the job and its rights (`job_id` and the header `SYNAPSE-User`).
        Any other request creates the job at the backend, which then asks this agent to run the job.

        Returns:
            The job; only the id if the backend created the job, but hasn't asked for it yet.

        Raises:
            Refusal: The release, the action or a parameter is invalid, or the backend is away.
        """
        if self.stopping.is_set():
            raise Refusal(503, "The agent is being stopped.")
        code, version = split_key(key)
        job_id = _job_id(body)
        known = self.store.job(job_id) if job_id is not None else None
        if known is not None:
            return known  # asked twice: its first answer was lost
        wanted = self._wanted.pop(job_id, None) if job_id is not None else None
        if wanted is not None:
            code, version = split_key(wanted)
        release, _ = self.releases.fetch(code, version)
        action, params = _validate_request(release, body)
        if job_id is None or caller.user_token is None:
            return self._run_by_backend(release, job_id, action, params, body, caller)
        return self._submit(release, job_id, action, params, body, caller)

    def stop(self, job_id: str) -> KeptJob:
        """Request a job's end.

        Raises:
            Refusal: No such job exists.
        """
        job = self.job(job_id)
        if not job.is_final:
            self.runner.stop(job_id)
        return self.job(job_id)

    def job(self, job_id: str) -> KeptJob:
        """Return a job.

        Raises:
            Refusal: No such job exists.
        """
        found = self.store.job(job_id)
        if found is None:
            raise Refusal(404, f"The agent has no job {job_id}.")
        return found

    def fail_left_jobs(self) -> None:
        """Mark the jobs of an earlier agent process as failed: none of them runs any more."""
        for job in self.store.jobs():
            if not job.is_final:
                ran = "while the job ran" if job.status == "running" else "before the job ran"
                self.store.end(job.id, Outcome("failed", f"The agent was restarted {ran}."))
                self.cluster.end(job.id)

    def close(self) -> None:
        """Take no more jobs, and end those that run."""
        self.stopping.set()
        self.runner.close()
        self.fail_left_jobs()

    def _submit(
        self,
        release: KeptRelease,
        job_id: str,
        action: str,
        params: Mapping[str, Any],
        body: Mapping[str, Any],
        caller: Caller,
    ) -> KeptJob:
        token = caller.user_token or ""
        hide(token)
        credentials = {"api_token": token}
        if caller.tenant:
            credentials["tenant"] = caller.tenant
        order = JobSpec(
            job_id=job_id,
            release=self.releases.file_of(release),
            action=action,
            params=params,
            base_url=self._session.transport.base_url,
            credentials=credentials,
            limits=self._limits,
            debug=bool(body.get("debug")),
        )
        with self._submitting:
            is_new = self.store.add(
                job_id,
                code=release.code,
                version=release.version,
                action=action,
                params=params,
                debug=order.debug,
            )
            if is_new:
                self.runner.submit(order, JobReporter(self.store, self.reports, job_id))
        return self.job(job_id)

    def _run_by_backend(
        self,
        release: KeptRelease,
        job_id: str | None,
        action: str,
        params: Mapping[str, Any],
        body: Mapping[str, Any],
        caller: Caller,
    ) -> KeptJob | str:
        """Let the backend create the job, and wait a moment for the request to run the job."""
        if self.agent_id is None:
            raise Refusal(503, "The agent hasn't reached the backend yet; try again in a moment.")
        key = job_id or str(uuid.uuid4())
        wish = {
            "action": action,
            "params": dict(params),
            "agent": self.agent_id,
            "debug": bool(body.get("debug")),
            "job_id": key,
            "version": release.version,
        }
        self._wanted[key] = release.key
        try:
            with self._session_of(caller) as session:
                session.client.run_plugin(release.code, wish)
        except ClientError as error:
            self._wanted.pop(key, None)
            raise translate_error(error) from error
        until = time.monotonic() + _CALLED_BACK
        while (found := self.store.job(key)) is None and time.monotonic() < until:
            time.sleep(0.05)
        return found if found is not None else key

    def _session_of(self, caller: Caller) -> Session:
        """Return a session with the caller's rights; with the agent's own for an unnamed caller."""
        options: dict[str, Any] = {"timeout": self._session.transport.settings.timeout}
        url = self._session.transport.base_url
        if caller.user_token is not None:
            try:
                return Session(url, caller.user_token, tenant=caller.tenant, **options)
            except ConfigurationError as error:
                raise Refusal(400, {"detail": f"SYNAPSE-User or SYNAPSE-Tenant: {error}"}) from None
        own = self._session.transport.settings.credentials["agent_token"].reveal()
        return Session(url, agent_token=own, tenant=caller.tenant, **options)


def _job_id(body: Mapping[str, Any]) -> str | None:
    value = body.get("job_id")
    if value is None:
        return None
    if not isinstance(value, str) or not _JOB_ID.fullmatch(value):
        raise Refusal(400, {"job_id": ["Enter letters, digits, '-' and '_', at most 100."]})
    return value


def _validate_request(release: KeptRelease, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return action and parameters of a run request, checked against the release.

    Raises:
        Refusal: They are invalid; the response names valid ones.
    """
    name = body.get("action")
    if name is not None and not isinstance(name, str):
        raise Refusal(400, {"action": ["Not a valid string."]})
    try:
        action = PluginConfig.parse(release.config).action(name)
    except UsageError as error:
        raise Refusal(400, {"action": [str(error)]}) from None
    params = body.get("params", body.get("parameters"))
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise Refusal(400, {"params": ["Give an object."]})
    found = find_problems(action.parameters, params) if action.parameters is not None else {}
    if found:
        raise Refusal(400, {"params": found})
    return action.name, params
